"""A peer: one client's WebRTC connection, from its offer to its end.

The session's sound passes here without a task: an RTP packet is decrypted, put in order, decoded and heard in the datagram's own call;
a frame of a reply is encoded, encrypted and sent in the media clock's own call. What only time can do, `tick` does, which the pacer of
the process calls for all peers.

A line that goes quiet for `ice.LOST_S` is detached: the seat waits, the reply with it. The peer itself is kept for `KEEP_LOST_S`
longer. Where packets come again by then (the network is back, or the client restarted ICE from another one), the session goes on
where it stopped, without a new offer.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from ...audio.frames import EAR_HZ, FRAME_MS, MOUTH_HZ
from ...config.webrtc import WebRTCConfig
from ...door import Door
from ...event import AudioFormat, Left
from ...rtc import sdp
from ...rtc.ice import IceConnection, IceSettings
from ...rtc.opus import Decoder
from ...rtc.receiver import TrackReceiver
from ...rtc.rtp import RTP_HZ, Bye, Report, RtpError, ntp_time, pack_report, parse_rtcp, parse_rtp, round_trip_s
from ...rtc.sender import TrackSender
from ...rtc.shared import EncoderPool, SharedEncoder
from ...rtc.transport import Transport, TransportError
from ...session import Session
from .channel import EventChannel
from .connection import LEAD_MS, WebRTCConnection

if TYPE_CHECKING:
    from aiortc import RTCCertificate

log = logging.getLogger("hubbub.gateway.webrtc")

CONNECT_S = 15.0
"""How long ICE and DTLS may take before the offer is forgotten."""
KEEP_LOST_S = 30.0
"""How long a peer whose line was lost is kept: as long as browsers try to bring it back."""
CHECK_S = 1.0
"""How often it is asked whether the client is still there."""
REPORT_S = 2.0
"""How often RTCP reports are sent."""
FLUSH_S = 1.0
"""How long a goodbye may take to reach the client."""
EAR_DELAY_MS = 100
"""What a browser adds after the network: its jitter buffer in good times and its sound card."""
MOST_DELAY_MS = 1000


@dataclass(slots=True)
class Call:
    """What a peer is made from: an accepted offer and the seat it is for."""

    session: Session
    fresh: bool
    """The seat was taken by this offer, not taken back."""
    offer: sdp.Description
    terms: sdp.Terms
    after: int | None = 0
    """The number of the last event that the client knows of; None where it asks for none of those that it missed."""


class Peer:
    """One client's connection."""

    def __init__(
        self, call: Call, *, door: Door, config: WebRTCConfig, settings: IceSettings, certificate: "RTCCertificate",
        encoders: EncoderPool, forget: Callable[["Peer"], None],
    ) -> None:
        loop = asyncio.get_running_loop()
        self.id = secrets.token_urlsafe(16)
        self.etag = secrets.token_hex(8)
        """Names the present ICE session (RFC 9725 §4.3)."""
        self.session = call.session
        self.transport = Transport(controlling=False, certificate=certificate, settings=settings)
        self._call = call
        self._door = door
        self._config = config
        self._forget = forget
        self._ssrc = secrets.randbits(31) + 1
        self._events = EventChannel(call.session)
        self._encoder: SharedEncoder | None = None
        self._sender: TrackSender | None = None
        self._receiver: TrackReceiver | None = None
        if call.terms.sends:
            self._encoder = SharedEncoder(encoders)
            self._sender = TrackSender(
                self._encoder, self._ssrc, call.terms.payload_type, self.transport.send_rtp, now=loop.time(), dtx=config.dtx
            )
        if call.terms.receives:
            self._receiver = TrackReceiver(Decoder(EAR_HZ), call.terms.payload_type, self._hear, self._lacks, self._rest)
            self.transport.wants_rtp = self._receiver.wants
        self.connection = WebRTCConnection(self._events, self._sender)
        self.transport.on_rtp = self._rtp
        self.transport.on_rtcp = self._rtcp
        self.transport.on_channel = self._events.offer
        self.transport.on_end = lambda: self._end("lost")
        self._over: asyncio.Future[str] = loop.create_future()
        self._task: asyncio.Task[None] | None = None
        self._restart: asyncio.Task[bool] | None = None
        self._candidates = 0
        self._connected = False
        self._lost_at: float | None = None
        self._trip_s: float | None = None
        self._lost_there = 0
        self._told = 0
        """Number of the last event before the line was lost."""
        self._check_at = self._report_at = 0.0

    # ── signalling's side ─────────────────────────────────────────────────────────────────────────────────────────────

    async def answer(self) -> str:
        """The answer to the offer; connecting begins. Raises NoPortError."""
        candidates = await self.transport.gather()
        text = sdp.write_answer(self._call.offer, self._call.terms, self._local(candidates, self.transport.ice))
        self._task = asyncio.create_task(self._run(), name=f"webrtc-{self.session.id}")
        return text

    async def trickle(self, fragment: sdp.Fragment) -> None:
        """Takes candidates that the client found later. Raises SdpError where there are too many."""
        self._candidates += len(fragment.candidates)
        if self._candidates > sdp.MAX_CANDIDATES:
            raise sdp.SdpError("bad", f"more than {sdp.MAX_CANDIDATES} candidates came for one connection")
        for candidate in fragment.candidates:
            await self.transport.add_candidate(candidate)

    async def restart(self, fragment: sdp.Fragment) -> str:
        """Restarts ICE (the client's network changed): answers the fragment with this end's new names and addresses.

        Raises SdpError where no restart is possible, NoPortError.
        """
        if not self._connected:
            raise sdp.SdpError("unacceptable", "ICE can be restarted once the connection stands: send a new offer instead")
        if not fragment.ufrag or not fragment.password:
            raise sdp.SdpError("bad", "an ICE restart needs the new 'a=ice-ufrag' and 'a=ice-pwd'")
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        fresh = await self.transport.prepare_restart()
        self._candidates = len(fragment.candidates)
        remote = sdp.Media("fragment", 9, "", [], ufrag=fragment.ufrag, password=fragment.password)
        remote.candidates = list(fragment.candidates)
        self._restart = asyncio.create_task(self.transport.finish_restart(fresh, remote, CONNECT_S), name=f"ice-{self.session.id}")
        self.etag = secrets.token_hex(8)
        mid = self._call.terms.transport.mid
        return sdp.write_fragment(self._local(fresh.offered(), fresh), mid)

    def hang_up(self) -> None:
        """The client ends it all: the seat is given up, unless another connection has taken it over."""
        mine = self.session.connection in (None, self.connection)
        self._end("leave" if mine else "replaced")

    async def closed(self) -> None:
        """Waits until nothing is left."""
        if self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)

    async def abandon(self) -> None:
        """Ends it without a goodbye."""
        if self._task is not None:
            self._task.cancel()
        await self.closed()

    async def drop(self) -> None:
        """Ends a peer that was never answered."""
        await self.transport.close()

    # ── the pacer's side ──────────────────────────────────────────────────────────────────────────────────────────────

    def tick(self, now: float) -> None:
        """Does what is due at `now`: silence, holes given up, reports, and whether the client is still there."""
        if not self._connected:
            return
        if self._sender is not None:
            self._sender.tick(now)
        if self._receiver is not None:
            self._receiver.tick(now)
        if now >= self._check_at:
            self._check_at = now + CHECK_S
            self._check_line(now)
        if now >= self._report_at:
            self._report_at = now + REPORT_S
            self._send_report(now)

    def _check_line(self, now: float) -> None:
        alive = self.transport.ice.keep(now)
        if self._lost_at is None:
            if not alive:
                self._lost_at = now
                log.info("session=%s nothing was heard of the client for a while: its seat waits", self.session.id)
                self._told = self.session.log.seq
                self.session.detach(self.connection, now)
        elif alive:
            log.info("session=%s the client is back after %.1f s", self.session.id, now - self._lost_at)
            self._lost_at = None
            if self.session.connection is None:
                self._attach(self._told)
            else:
                self._end("replaced")
        elif now - self._lost_at > KEEP_LOST_S:
            self._end("lost")
        else:
            self.transport.ice.ask(now)

    def _send_report(self, now: float) -> None:
        block = self._receiver.reception.block(now) if self._receiver is not None else None
        blocks = (block,) if block is not None else ()
        if self._sender is not None and self._sender.packets:
            sent = self._sender.report(now, time.time())
            report = Report(sent.ssrc, blocks, sent.ntp, sent.timestamp, sent.packets, sent.octets)
        elif blocks:
            report = Report(self._ssrc, blocks)
        else:
            return
        self.transport.send_rtcp(pack_report(report, "hubbub"))

    # ── the network's side ────────────────────────────────────────────────────────────────────────────────────────────

    def _rtp(self, data: bytes, now: float) -> None:
        if self._receiver is None:
            return
        try:
            self._receiver.receive(parse_rtp(data), now)
        except RtpError as error:
            log.debug("session=%s an RTP packet could not be read: %s", self.session.id, error)

    def _rtcp(self, data: bytes, now: float) -> None:
        try:
            packets = parse_rtcp(data)
        except RtpError as error:
            log.debug("session=%s an RTCP packet could not be read: %s", self.session.id, error)
            return
        for packet in packets:
            if isinstance(packet, Bye):
                continue
            if packet.ntp and self._receiver is not None:
                self._receiver.reception.reported(packet.ntp, now)
            for block in packet.blocks:
                if block.ssrc == self._ssrc and self._encoder is not None:
                    self._encoder.expect_loss(block.fraction_lost * 100 // 256)
                    trip = round_trip_s(block, ntp_time(time.time()))
                    self._lost_there = block.lost
                    if trip is not None and trip < 10:
                        self._trip_s = trip
                        delay = EAR_DELAY_MS + int(trip * 500 + 2000 * block.jitter / RTP_HZ)
                        self.session.far_end_delay(min(MOST_DELAY_MS, delay))

    def _hear(self, pcm: bytes) -> None:
        if self.session.connection is self.connection:
            self.session.hear(pcm)

    def _rest(self) -> None:
        if self.session.connection is self.connection:
            self.session.hear_nothing()

    def _lacks(self) -> int:
        return self.session.ear.late

    # ── its life ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self) -> None:
        how = "lost"
        try:
            how = await self._live()
        except TransportError as error:
            log.warning("session=%s no WebRTC connection came about: %s", self.session.id, error)
        finally:
            try:
                await self._close(how)
            finally:
                self._forget(self)

    async def _live(self) -> str:
        """Connects, and lives until something ends it; answers what did."""
        terms, loop = self._call.terms, asyncio.get_running_loop()
        role: Literal["server", "client"] = "client" if terms.transport.setup == "passive" else "server"
        connecting = asyncio.create_task(
            self.transport.start(terms.transport, dtls=role, data=terms.data, limit_s=CONNECT_S), name="webrtc-connect"
        )
        try:
            either: set[asyncio.Future[Any]] = {connecting, self._over}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not connecting.done():
                return self._over.result()
            connecting.result()
        finally:
            connecting.cancel()
            await asyncio.gather(connecting, return_exceptions=True)
        self._connected = True
        self._report_at = loop.time() + REPORT_S
        self._attach(self._call.after)
        ends: set[asyncio.Future[Any]] = {self._over, self._events.over, self.connection.over}
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return str(next(iter(done)).result())

    def _attach(self, after: int | None) -> None:
        """The client is there: its session hears and speaks through this peer, and tells it what came after event `after`."""
        audio = AudioFormat(input_rate_hz=EAR_HZ, output_rate_hz=MOUTH_HZ, frame_ms=FRAME_MS, lead_ms=LEAD_MS)
        previous = self.session.attach(self.connection, self._door.describe(self.session, audio), after=after)
        if previous is not None and previous is not self.connection:
            previous.end("replaced")

    async def _close(self, how: str) -> None:
        log.info("session=%s connection ended: %s%s", self.session.id, how, self._quality())
        if how == "leave":
            self.session.emit(Left(at_ms=self.session.now_ms, reason="left"))
            self._door.leave(self.session, "left")
        elif not self._connected and self._call.fresh and self.session.connection is None:
            self._door.leave(self.session, "the connection did not come about")
        if how not in ("lost", "replaced") and self._connected:
            await self._flush()
        if self._restart is not None:
            self._restart.cancel()
            await asyncio.gather(self._restart, return_exceptions=True)
        await self.transport.close()
        self.session.detach(self.connection, asyncio.get_running_loop().time())

    def _quality(self) -> str:
        """How the line was, for the log."""
        receiver, sender = self._receiver, self._sender
        text = f" trip_ms={self._trip_s * 1000:.0f}" if self._trip_s is not None else ""
        if receiver is not None and receiver.reception.packets:
            heard = receiver.reception
            text += f" received={heard.packets} lost={receiver.jitter.lost} late={receiver.jitter.late} rescued={receiver.rescued}"
            text += f" made_up_ms={receiver.concealed_ms:.0f} jitter_ms={heard.jitter * 1000 / RTP_HZ:.0f}"
        return text + (f" sent={sender.packets} lost_there={self._lost_there}" if sender is not None and sender.packets else "")

    async def _flush(self) -> None:
        """Gives the last events time to leave."""
        loop = asyncio.get_running_loop()
        until = loop.time() + FLUSH_S
        while loop.time() < until and self.transport.unsent(self._events.buffered):
            await asyncio.sleep(0.02)

    def _end(self, why: str) -> None:
        if not self._over.done():
            self._over.set_result(why)

    def _local(self, candidates: tuple[sdp.Candidate, ...], ice: IceConnection) -> sdp.Local:
        setup: Literal["active", "passive"] = "active" if self._call.terms.transport.setup == "passive" else "passive"
        return sdp.Local(
            ice.local_username, ice.local_password, self.transport.fingerprint, setup, candidates, self._ssrc, "hubbub",
            bitrate=self._config.bitrate, fec=self._config.fec, dtx=self._config.dtx,
        )
