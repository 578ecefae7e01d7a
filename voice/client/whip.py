"""One WebRTC line to a Hubbub server, from the client's side: offer, answer, data channel, and raw RTP both ways.

What a program uses is `WebRTCClient`; this is the part below it, without sound: benchmarks put recorded packets straight into it.
"""

import asyncio
import json
import secrets
import socket
import ssl
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx

from ..rtc import sdp
from .errors import CannotConnectError, RefusedError

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

    from ..rtc.transport import Transport

PATH = "/api/webrtc"
LABEL = "hubbub"
PAYLOAD_TYPE = 111


class WhipLine:
    """One connection. Callbacks are set before `open`; after `close` it is done with."""

    def __init__(
        self, url: str, query: dict[str, str], *, token: str = "", direction: sdp.Direction = "sendrecv", addresses: tuple[str, ...] = (),
    ) -> None:
        """`url`: the server's, http or https. `addresses`: local ones to send from; found out where there are none."""
        self.ssrc = secrets.randbits(31) + 1
        self.location = ""
        self.etag = ""
        self.on_message: Callable[[str], None] = lambda text: None
        self.on_rtp: Callable[[bytes, float], None] = lambda data, now: None
        self.on_rtcp: Callable[[bytes, float], None] = lambda data, now: None
        self.wants_rtp: Callable[[int, int], bool] = lambda payload_type, ssrc: payload_type == PAYLOAD_TYPE
        self.on_end: Callable[[], None] = lambda: None
        self._url = url.rstrip("/")
        self._query = query
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._direction = direction
        self._addresses = addresses
        self._transport: Transport | None = None
        self._channel: RTCDataChannel | None = None
        self._open_channel: asyncio.Future[None] | None = None

    async def open(self, timeout_s: float, certificate: Any = None) -> None:
        """Posts an offer and connects. Raises RefusedError, CannotConnectError."""
        from ..rtc.ice import IceSettings
        from ..rtc.transport import Transport, TransportError, make_certificate

        addresses = self._addresses or (_address_towards(self._url),)
        settings = IceSettings(addresses=addresses)
        transport = Transport(controlling=True, certificate=certificate or make_certificate(), settings=settings)
        self._transport = transport
        transport.on_rtp, transport.on_rtcp, transport.wants_rtp = self.on_rtp, self.on_rtcp, self.wants_rtp
        transport.on_end = lambda: self.on_end()
        self._channel = transport.open_channel(LABEL)
        self._channel.on("message", self._message)
        self._open_channel = asyncio.get_running_loop().create_future()
        self._channel.on("open", self._opened)
        try:
            candidates = await transport.gather()
            local = sdp.Local(
                transport.ice.local_username, transport.ice.local_password, transport.fingerprint, "actpass", candidates, self.ssrc,
                "hubbub-client", playback_hz=24_000,
            )
            answer = sdp.parse(await self._post(sdp.write_offer(local, direction=self._direction, payload_type=PAYLOAD_TYPE)))
            remote = next((media for media in answer.media if media.port), None)
            if remote is None:
                raise CannotConnectError("the server's answer accepts nothing of what was offered")
            sdp.check_transport(remote)
            data = next((media for media in answer.media if media.kind == "application" and media.port), None)
            role = "client" if remote.setup == "passive" else "server"
            await transport.start(remote, dtls=role, data=data, limit_s=timeout_s)  # type: ignore[arg-type]
            if data is not None:
                async with asyncio.timeout(timeout_s):
                    await self._open_channel
        except (TransportError, TimeoutError, sdp.SdpError, OSError) as error:
            await self.close(hang_up=bool(self.location))
            raise CannotConnectError(f"no WebRTC connection to {self._url} came about: {error}") from None
        except BaseException:
            await self.close(hang_up=bool(self.location))
            raise

    def send_text(self, text: str) -> bool:
        """Sends a message; False where the channel is closed."""
        if self._channel is None or self._channel.readyState != "open":
            return False
        self._channel.send(text)
        return True

    def send_rtp(self, packet: bytes) -> bool:
        """Sends an RTP packet."""
        return self._transport is not None and self._transport.send_rtp(packet)

    def send_rtcp(self, packet: bytes) -> bool:
        """Sends an RTCP packet."""
        return self._transport is not None and self._transport.send_rtcp(packet)

    def alive(self, now: float) -> bool:
        """Whether the server has been heard of late; to be called about once a second."""
        return self._transport is not None and self._transport.ice.keep(now)

    @property
    def buffered(self) -> int:
        """Bytes of messages that wait to be sent."""
        return self._channel.bufferedAmount if self._channel is not None else 0

    async def close(self, *, hang_up: bool = False) -> None:
        """Closes the line. `hang_up`: gives the seat up as well."""
        if hang_up and self.location:
            try:
                async with httpx.AsyncClient(timeout=2, headers=self._headers, verify=_tls()) as http:
                    await http.delete(self._url + self.location)
            except httpx.HTTPError:
                pass  # the server finds out by itself
        transport, self._transport, self._channel = self._transport, None, None
        if transport is not None:
            await transport.close()

    async def restart_ice(self, timeout_s: float) -> bool:
        """Goes over to new sockets, as after a change of network; False where that failed and all is as before."""
        transport = self._transport
        if transport is None:
            return False
        fresh = await transport.prepare_restart()
        local = sdp.Local(
            fresh.local_username, fresh.local_password, transport.fingerprint, "actpass", fresh.offered(), self.ssrc, "hubbub-client"
        )
        headers = self._headers | {"content-type": "application/trickle-ice-sdpfrag", "if-match": "*"}
        async with httpx.AsyncClient(timeout=timeout_s, headers=headers, verify=_tls()) as http:
            answer = await http.patch(self._url + self.location, content=sdp.write_fragment(local, "0"))
        if answer.status_code != 200:
            await fresh.close()
            return False
        self.etag = answer.headers.get("etag", "").strip('"')
        fragment = sdp.parse_fragment(answer.text)
        remote = sdp.Media("audio", 9, "", [], ufrag=fragment.ufrag, password=fragment.password, candidates=list(fragment.candidates))
        return await transport.finish_restart(fresh, remote, timeout_s)

    async def _post(self, offer: str) -> str:
        """The answer to an offer. Raises RefusedError, CannotConnectError."""
        try:
            async with httpx.AsyncClient(timeout=10, headers=self._headers, verify=_tls()) as http:
                answer = await http.post(
                    self._url + PATH, params=self._query, content=offer, headers={"content-type": "application/sdp"}
                )
        except httpx.HTTPError as error:
            raise CannotConnectError(
                f"cannot connect to {self._url}: {error or type(error).__name__}. Is the server running? Start one with 'hubbub serve', "
                "or check the address"
            ) from None
        if answer.status_code != 201:
            raise _refusal(answer)
        self.location, self.etag = answer.headers.get("location", ""), answer.headers.get("etag", "").strip('"')
        return answer.text

    def _opened(self) -> None:
        if self._open_channel is not None and not self._open_channel.done():
            self._open_channel.set_result(None)

    def _message(self, message: Any) -> None:
        if isinstance(message, str):
            self.on_message(message)


def server_url(url: str) -> str:
    """The HTTP address of the server at `url`, as `VoiceClient` takes it. Raises ValueError."""
    from .address import socket_url

    return socket_url(url).removesuffix("/api/voice").replace("ws", "http", 1)


@cache
def _tls() -> ssl.SSLContext:
    """One for all requests: reading the certificates takes 50 ms."""
    return ssl.create_default_context()


def _refusal(answer: httpx.Response) -> RefusedError | CannotConnectError:
    try:
        error = json.loads(answer.text)["error"]
        return RefusedError(str(error["code"]), str(error["message"]))
    except (ValueError, KeyError, TypeError):
        return CannotConnectError(f"the server answers, but not as a Hubbub server: HTTP status {answer.status_code}")


def _address_towards(url: str) -> str:
    """The local address that datagrams to a server leave from."""
    parts = urlsplit(url)
    host, port = parts.hostname or "127.0.0.1", parts.port or (443 if parts.scheme == "https" else 80)
    for family, kind, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM):
        with socket.socket(family, kind) as probe:
            try:
                probe.connect(address)  # sends nothing
                return str(probe.getsockname()[0])
            except OSError:
                continue
    raise CannotConnectError(f"there is no way to {host} from here")
