"""All peers of the process: who may become one, and that none is left behind."""

import asyncio
import importlib
import logging
import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from ... import protocol as wire
from ...audio.frames import MOUTH_HZ
from ...config.webrtc import WebRTCConfig
from ...door import Door, Grant, Refused
from ...rtc import sdp
from ...rtc.opus import Encoder
from ...rtc.pacer import Pacer
from ...rtc.shared import EncoderPool
from ...session import Session

if TYPE_CHECKING:
    from ...rtc.ice import IceSettings
    from .peer import Peer

log = logging.getLogger("hubbub.gateway.webrtc")

LEAST_LOSS = 10
"""Percent of loss that spare copies are made for even where none is reported: the first loss is not announced. At 5 libopus makes none at
the bit rate and complexity that are the defaults (rescued sound 3 dB over its error, as if concealed; 8.5 dB at 10)."""
CLOSE_S = 3.0
"""How long all peers together may take to say goodbye."""


class WebRTCGateway:
    """The peers of one process."""

    def __init__(self, door: Door, config: WebRTCConfig) -> None:
        self.config = config
        self.peers: dict[str, Peer] = {}
        self._door = door
        self._pacer = Pacer()
        self.encoders = EncoderPool(self._make_encoder)
        self._loading: asyncio.Task[Any] | None = None
        self._why_not = "" if config.enabled else "WebRTC is switched off here (webrtc.enabled)"

    async def start(self) -> None:
        """Begins to load what WebRTC needs, beside everything else."""
        if self.config.enabled:
            self._loading = asyncio.create_task(self._load(), name="load-webrtc")

    async def close(self) -> None:
        """Says goodbye to all peers and waits for them."""
        for peer in list(self.peers.values()):
            peer.connection.end("closing")
        ends = [asyncio.ensure_future(peer.closed()) for peer in list(self.peers.values())]
        if ends:
            _, late = await asyncio.wait(ends, timeout=CLOSE_S)
            for peer in list(self.peers.values()):
                await peer.abandon()
            await asyncio.gather(*late, return_exceptions=True)
        if self._loading is not None:
            await asyncio.gather(self._loading, return_exceptions=True)
        await self._pacer.close()

    async def call(self, offer: str, query: dict[str, str], grant: Grant, reached: str) -> "tuple[Peer, str]":
        """Seats a caller and answers his offer. `reached` is the local address that the request came to. Raises Refused."""
        certificate = await self._ready()
        try:
            description = sdp.parse(offer)
            terms = sdp.choose(description)
        except sdp.SdpError as error:
            raise Refused("bad_request" if error.code == "bad" else "not_acceptable", str(error)) from None
        if len(self.peers) >= self.config.max_sessions:
            most = self.config.max_sessions
            raise Refused("server_full", f"{most} WebRTC connections are open here, which is the most. Try again later.")
        from .peer import Call, Peer

        session, after = await self._seat(query, grant)
        fresh = not query.get("resume")
        call = Call(session, fresh, description, terms, after)
        peer = Peer(
            call, door=self._door, config=self.config, settings=self._settings(reached), certificate=certificate,
            encoders=self.encoders, forget=self._forget,
        )
        self.peers[peer.id] = peer
        try:
            answer = await peer.answer()
        except BaseException as error:
            self.peers.pop(peer.id, None)
            await peer.drop()
            if fresh:
                self._door.leave(session, "the connection did not come about")
            if isinstance(error, OSError):
                raise Refused("server_full", f"{error}: try again later, or widen webrtc.udp_ports") from None
            raise
        self._pacer.add(peer)
        return peer, answer

    def find(self, name: str) -> "Peer":
        """The peer with this id. Raises Refused."""
        peer = self.peers.get(name)
        if peer is None:
            raise Refused("unknown_session", "this WebRTC session has ended, or never was: send a new offer")
        return peer

    async def _seat(self, query: dict[str, str], grant: Grant) -> tuple[Session, int | None]:
        """The seat that is asked for, and the number of the last event that the client knows of; None where it does not say."""
        try:
            name = query.get("name") or grant.name or "guest"
            wanted = wire.Join.model_validate(
                {
                    "type": "join", "room": query.get("room") or "default", "name": name, "role": query.get("role") or None,
                    "resume": query.get("resume") or None, "after": query.get("after") or None,
                }
            )  # fmt: skip
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            raise Refused("bad_request", f"{first['loc'][0]}: {first['msg']}") from None
        if wanted.resume:
            return self._door.resume(wanted.resume), wanted.after
        return await self._door.join(wanted.room, wanted.name, grant=grant, role=wanted.role), 0

    def _settings(self, reached: str) -> "IceSettings":
        from ...rtc.ice import IceSettings, local_addresses

        config = self.config
        servers: dict[str, Any] = _own_servers(config) if config.use_ice_servers else {}
        return IceSettings(
            addresses=config.addresses or local_addresses(reached), public_address=config.public_address,
            ports=config.udp_ports or (0, 0), block=config.block_udp, **servers,
        )

    async def _ready(self) -> Any:
        """The certificate, once everything is loaded. Raises Refused."""
        if self._loading is None and not self._why_not:
            self._loading = asyncio.create_task(self._load(), name="load-webrtc")
        certificate = await asyncio.shield(self._loading) if self._loading is not None else None
        if self._why_not:
            raise Refused("not_available", f"{self._why_not}. Use the WebSocket instead.")
        return certificate

    async def _load(self) -> Any:
        try:
            return await (await asyncio.to_thread(_import)).try_packages()
        except Exception as error:  # an extra that is not installed, or is broken: the server serves without it
            self._why_not = f"WebRTC does not work here ({error}): pip install 'hubbub[webrtc]' may mend it"
            log.warning("%s", self._why_not)
            return None

    def _make_encoder(self) -> Encoder:
        config = self.config
        encoder = Encoder(MOUTH_HZ, bitrate=config.bitrate, fec=config.fec, complexity=config.complexity)
        encoder.expect_loss(LEAST_LOSS)
        return encoder

    def _forget(self, peer: "Peer") -> None:
        self._pacer.discard(peer)
        self.peers.pop(peer.id, None)


def _import() -> Any:
    """Loads what is heavy, and answers the module of the transport."""
    importlib.import_module(".peer", __package__)
    importlib.import_module("...rtc.opus", __package__).library()
    return importlib.import_module("...rtc.transport", __package__)


def _own_servers(config: WebRTCConfig) -> dict[str, Any]:
    """The first STUN and the first TURN server, as the server's own side uses them."""
    found: dict[str, Any] = {}
    for server in config.ice_servers:
        for url in server.urls:
            kind, host, port, _, transport = _split(url)
            address = (host, port)
            if kind == "stun" and "stun_server" not in found:
                found["stun_server"] = address
            elif kind in ("turn", "turns") and "turn_server" not in found:
                tls = kind == "turns"
                found |= {
                    "turn_server": address, "turn_username": server.username, "turn_tls": tls,
                    "turn_password": server.credential.get_secret_value(), "turn_transport": "tcp" if tls else transport or "udp",
                }
    return found


def _split(url: str) -> tuple[str, str, int, bool, str]:
    match = re.fullmatch(r"(stuns?|turns?):(\[[^]]+\]|[^:?]+)(?::(\d+))?(?:\?transport=(udp|tcp))?", url)
    if match is None:
        raise ValueError(f"this is no STUN or TURN address: {url}")
    tls = match[1].endswith("s")
    return match[1], match[2].strip("[]"), int(match[3] or (5349 if tls else 3478)), tls, match[4] or ""
