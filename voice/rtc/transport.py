"""One encrypted transport between two ends: ICE, DTLS, SRTP and SCTP, bundled.

aiortc's DTLS and SCTP do the handshakes and the data channels. Media does not pass through them: a datagram that is RTP goes from the
socket straight to the decrypter and to whoever listens, in one call, without a queue or a task switch.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any, Literal

import pylibsrtp
from aiortc import (
    RTCCertificate,
    RTCDataChannel,
    RTCDataChannelParameters,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
    RTCSctpCapabilities,
    RTCSctpTransport,
)

from ..leaning import lean_on
from .ice import IceConnection, IceSettings
from .rtp import is_rtcp
from .sdp import Candidate, Media

log = logging.getLogger("hubbub.rtc")

MAX_CHANNELS = 4
"""Data channels that a far end may open."""
MAX_STREAMS = 64
"""SCTP streams on which a far end may send; a channel needs one."""
MAX_QUEUED = 256
"""DTLS datagrams that may wait; what comes on top is lost, as on any line, and sent again."""
MAX_PACKETS_A_SECOND = 500
"""RTP and RTCP packets that are looked at in a second: ten times what a microphone sends."""
FIRST_RTO_S, LEAST_RTO_S, MOST_RTO_S = 0.5, 0.25, 2.0
"""After how long a message is sent again. RFC 9260 §16 says 1 s at the least, for bulk data; browsers take 0.4 s and less, since what
is late here is a caption."""
MAX_BAD_RECORDS = 50
"""SCTP packets that break the parser before the far end is given up."""

_OF_SCTP = ("_update_rto", "_send_chunk", "_get_inbound_stream", "_handle_data")
_OF_ONE_SCTP = (
    "_inbound_streams", "_inbound_streams_max", "_rto", "_srtt", "_rttvar", "_advertised_rwnd", "_outbound_queue", "_sent_queue",
    "_data_channels",
)  # fmt: skip
_OF_ONE_DTLS = ("_set_role", "_rx_srtp", "_tx_srtp", "_task")
"""What we override, and what we look at, of aiortc's own. Its DTLS takes any `transport` with `_recv` and `_send` (`_Link`)."""
lean_on("aiortc", RTCSctpTransport, _OF_SCTP, "hubbub[webrtc]")

make_certificate: Callable[[], RTCCertificate] = RTCCertificate.generateCertificate
"""A new self-signed certificate; one serves a whole process."""


class TransportError(Exception):
    """The connection could not be made. The text says which step failed."""


class _Link:
    """The ICE session as aiortc's DTLS sees it. It stays the same when an ICE restart changes what lies below."""

    def __init__(self) -> None:
        self.role = "controlled"
        self.state = "completed"
        self.ice: IceConnection | None = None
        self._queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_QUEUED)

    def put(self, data: bytes | None) -> None:
        if data is None and self._queue.full():
            self._queue.get_nowait()
        with contextlib.suppress(asyncio.QueueFull):
            self._queue.put_nowait(data)

    async def _recv(self) -> bytes:
        data = await self._queue.get()
        if data is None:
            raise ConnectionError("the transport was closed")
        return data

    async def _send(self, data: bytes) -> None:
        if self.ice is not None:
            self.ice.send_now(data)


class _Sctp(RTCSctpTransport):  # type: ignore[misc]
    """aiortc's SCTP, with bounds on what a far end may do to it."""

    def __init__(self, transport: RTCDtlsTransport) -> None:
        super().__init__(transport)
        lean_on("aiortc", self, _OF_ONE_SCTP, "hubbub[webrtc]")
        self._inbound_streams_max = 1024  # browsers number their channels from 0 or 1 on
        self._rto = FIRST_RTO_S
        self._bad = 0

    def _update_rto(self, R: float) -> None:
        super()._update_rto(R)
        self._rto = min(MOST_RTO_S, max(LEAST_RTO_S, self._srtt + 4 * self._rttvar))

    async def _send_chunk(self, chunk: Any) -> None:
        with contextlib.suppress(ConnectionError):  # DTLS has ended: whoever reads hears of it, and timers need not
            await super()._send_chunk(chunk)

    def _get_inbound_stream(self, stream_id: int) -> Any:
        if stream_id not in self._inbound_streams and len(self._inbound_streams) >= MAX_STREAMS:
            raise ValueError("too many streams")
        return super()._get_inbound_stream(stream_id)

    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except ConnectionError:
            raise
        except Exception as error:  # aiortc asserts what a well-behaved far end does
            self._bad += 1
            log.debug("an SCTP packet could not be handled: %r", error)
            if self._bad > MAX_BAD_RECORDS:
                raise ConnectionError("too many SCTP packets that cannot be handled") from None
        if self._advertised_rwnd < 0:
            raise ConnectionError("the far end sends more than it was told there is room for")


async def try_packages() -> RTCCertificate:
    """Makes all parts of a connection that goes nowhere: what the packages lack is found before anybody calls. Answers a certificate.
    Raises leaning.Gone."""
    certificate = await asyncio.to_thread(make_certificate)
    Transport(controlling=False, certificate=certificate, settings=IceSettings()).open_channel("trial")
    return certificate


class Transport:
    """One end of a connection. Callbacks are set before `start`."""

    def __init__(self, *, controlling: bool, certificate: RTCCertificate, settings: IceSettings) -> None:
        self._loop = asyncio.get_running_loop()
        self._settings = settings
        self._certificate = certificate
        self._link = _Link()
        self._link.role = "controlling" if controlling else "controlled"
        self._controlling = controlling
        self.ice = self._new_ice()
        self._link.ice = self.ice
        self.dtls = RTCDtlsTransport(self._link, [certificate])
        lean_on("aiortc", self.dtls, _OF_ONE_DTLS, "hubbub[webrtc]")
        self.sctp: _Sctp | None = None
        self.on_rtp: Callable[[bytes, float], None] = _ignore
        """Takes a decrypted RTP packet and the loop's time."""
        self.on_rtcp: Callable[[bytes, float], None] = _ignore
        self.wants_rtp: Callable[[int, int], bool] = lambda payload_type, ssrc: True
        """Whether a packet of this payload type and source is worth decrypting."""
        self.on_channel: Callable[[RTCDataChannel], None] = lambda channel: None
        """Takes a data channel that the far end opened."""
        self.on_end: Callable[[], None] = lambda: None
        """DTLS has ended: the far end closed, or an SCTP fault."""
        self.undecrypted = 0
        self._unprotect: Callable[[bytes], bytes] | None = None
        self._protect: Callable[[bytes], bytes] | None = None
        self._second, self._count = 0, 0
        self._closed = False

    @property
    def fingerprint(self) -> str:
        """SHA-256 of this end's certificate."""
        return str(next(each.value for each in self._certificate.getFingerprints() if each.algorithm == "sha-256"))

    def open_channel(self, label: str) -> RTCDataChannel:
        """A data channel from this end; to be called before `start`."""
        if self.sctp is None:
            self.sctp = self._new_sctp()
        return RTCDataChannel(self.sctp, RTCDataChannelParameters(label=label))

    async def gather(self) -> tuple[Candidate, ...]:
        """Opens the sockets. Raises NoPortError."""
        await self.ice.gather_candidates()
        return self.ice.offered()

    async def start(self, remote: Media, *, dtls: Literal["server", "client"], data: Media | None, limit_s: float) -> None:
        """Connects. Raises TransportError."""
        step = "ICE (no UDP path to the far end was found)"
        try:
            async with asyncio.timeout(limit_s):
                await self._connect_ice(self.ice, remote)
                step = "DTLS"
                self.dtls._set_role(dtls)
                fingerprints = [RTCDtlsFingerprint(algorithm, value) for algorithm, value in remote.fingerprints]
                await self.dtls.start(RTCDtlsParameters(fingerprints=fingerprints))
                if self.dtls.state != "connected":
                    raise ConnectionError("the handshake failed, or the certificate is not the one that was announced")
                self._unprotect, self._protect = self.dtls._rx_srtp.unprotect, self.dtls._tx_srtp.protect
                self.dtls.on("statechange", self._dtls_changed)
                if data is not None:
                    step = "SCTP"
                    self.sctp = self.sctp or self._new_sctp()
                    await self.sctp.start(RTCSctpCapabilities(maxMessageSize=data.max_message_size), data.sctp_port)
        except TimeoutError:
            raise TransportError(f"{step} did not succeed within {limit_s:g} s") from None
        except (ConnectionError, AssertionError, ValueError, OSError) as error:
            raise TransportError(f"{step} failed: {error}") from None

    async def add_candidate(self, candidate: Candidate) -> None:
        """A candidate of the far end came later."""
        await self.ice.try_candidate(candidate)

    async def prepare_restart(self) -> "IceConnection":
        """A second ICE session beside the present one, gathered: what an ICE restart goes on with. Raises NoPortError."""
        fresh = self._new_ice()
        try:
            await fresh.gather_candidates()
        except OSError:
            await fresh.close()
            raise
        return fresh

    async def finish_restart(self, fresh: "IceConnection", remote: Media, limit_s: float) -> bool:
        """Connects the second ICE session and goes over to it; False, and all as before, where that fails."""
        try:
            async with asyncio.timeout(limit_s):
                await self._connect_ice(fresh, remote)
        except (ConnectionError, TimeoutError, OSError):
            await fresh.close()
            return False
        if self._closed:
            await fresh.close()
            return False
        old, self.ice = self.ice, fresh
        self._link.ice = fresh
        await old.close()
        return True

    def unsent(self, buffered: int) -> bool:
        """Whether messages are still on their way: `buffered` bytes in a channel, or what SCTP has not seen acknowledged."""
        sctp = self.sctp
        return sctp is not None and sctp.state == "connected" and bool(buffered or sctp._outbound_queue or sctp._sent_queue)

    # ── sending ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def send_rtp(self, packet: bytes) -> bool:
        """Encrypts and sends an RTP packet; False where it did not leave."""
        if self._protect is None:
            return False
        return self.ice.send_now(self._protect(packet))

    def send_rtcp(self, packet: bytes) -> bool:
        """Encrypts and sends an RTCP packet."""
        if self._protect is None:
            return False
        return self.ice.send_now(self.dtls._tx_srtp.protect_rtcp(packet))

    # ── receiving ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _datagram(self, data: bytes, now: float) -> None:
        """Takes a datagram of the far end that is no STUN."""
        if not 127 < data[0] < 192:
            self._link.put(data)
            return
        if self._unprotect is None or len(data) < 8:
            return
        if int(now) != self._second:
            self._second, self._count = int(now), 0
        self._count += 1
        if self._count > MAX_PACKETS_A_SECOND:
            return
        try:
            if is_rtcp(data):
                self.on_rtcp(self.dtls._rx_srtp.unprotect_rtcp(data), now)
            elif len(data) >= 12 and self.wants_rtp(data[1] & 0x7F, int.from_bytes(data[8:12])):
                self.on_rtp(self._unprotect(data), now)
        except (pylibsrtp.Error, ValueError):
            self.undecrypted += 1

    # ── the end ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def close(self) -> None:
        """Tells the far end, and closes the sockets."""
        if self._closed:
            return
        self._closed = True
        with contextlib.suppress(Exception):
            if self.sctp is not None:
                await self.sctp.stop()
        pump = self.dtls._task
        with contextlib.suppress(Exception):
            await self.dtls.stop()
        self._link.put(None)
        if pump is not None:
            await asyncio.gather(pump, return_exceptions=True)
        self._unprotect = self._protect = None
        await self.ice.close()
        self.dtls.remove_all_listeners()

    async def _connect_ice(self, ice: IceConnection, remote: Media) -> None:
        ice.remote_username, ice.remote_password = remote.ufrag, remote.password
        for candidate in remote.candidates:
            await ice.try_candidate(candidate)
        await ice.connect()

    def _new_ice(self) -> IceConnection:
        return IceConnection(controlling=self._controlling, settings=self._settings, on_data=self._datagram)

    def _new_sctp(self) -> _Sctp:
        sctp = _Sctp(self.dtls)
        sctp.on("datachannel", self._channel)
        return sctp

    def _channel(self, channel: RTCDataChannel) -> None:
        if self.sctp is not None and len(self.sctp._data_channels) > MAX_CHANNELS:
            channel.close()
            return
        self.on_channel(channel)

    def _dtls_changed(self) -> None:
        if self.dtls.state in ("closed", "failed") and not self._closed:
            self.on_end()


def _ignore(data: Any, now: float) -> None:
    """Nobody listens."""
