"""RTP and RTCP (RFC 3550): packets, sequence numbers, reports. Pure values, no I/O.

Only what one audio stream each way needs. What cannot be a packet raises `RtpError`; what is not understood is skipped.
"""

import struct
from dataclasses import dataclass, field

RTP_HZ = 48_000
"""The RTP clock of Opus, whatever rate it was encoded from (RFC 7587 §4.1)."""

_HEADER = struct.Struct("!BBHII")
_SENDER_REPORT, _RECEIVER_REPORT, _SOURCE_DESCRIPTION, _BYE = 200, 201, 202, 203
_SENDER_INFO = struct.Struct("!IIIII")
_BLOCK = struct.Struct("!IIIIII")
_NTP_EPOCH_S = 2_208_988_800
"""Seconds from 1900, where NTP counts from, to 1970."""


class RtpError(ValueError):
    """Bytes that are no RTP or RTCP packet."""


@dataclass(slots=True)
class RtpPacket:
    """One RTP packet, without its contributing sources and header extensions."""

    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    marker: bool = False


def is_rtcp(data: bytes) -> bool:
    """Whether a packet that shares its port with RTP is RTCP (RFC 5761 §4)."""
    return len(data) > 1 and 192 <= data[1] <= 223


def parse_rtp(data: bytes) -> RtpPacket:
    """Reads an RTP packet. Raises RtpError."""
    if len(data) < 12:
        raise RtpError(f"an RTP packet has 12 bytes at least, not {len(data)}")
    first, second, sequence, timestamp, ssrc = _HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise RtpError(f"RTP version 2 is spoken here, not {first >> 6}")
    start, end = 12 + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        if end < start + 4:
            raise RtpError("the header extension is cut off")
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if first & 0x20:
        padding = data[-1]
        if not padding:
            raise RtpError("padding has one byte at least")
        end -= padding
    if start > end:
        raise RtpError("the header is longer than the packet")
    return RtpPacket(second & 0x7F, sequence, timestamp, ssrc, data[start:end], second > 127)


def pack_rtp(packet: RtpPacket) -> bytes:
    """The bytes of an RTP packet."""
    second = packet.payload_type | 0x80 if packet.marker else packet.payload_type
    return _HEADER.pack(0x80, second, packet.sequence & 0xFFFF, packet.timestamp & 0xFFFFFFFF, packet.ssrc) + packet.payload


def distance(number: int, other: int, bits: int) -> int:
    """How far `number` lies behind `other` on a circle of 2**bits, negative where it lies before: -2**(bits-1) to 2**(bits-1)-1."""
    half = 1 << (bits - 1)
    return ((number - other + half) & ((1 << bits) - 1)) - half


# ── RTCP ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """What one end received of the other's stream."""

    ssrc: int
    fraction_lost: int
    """Of the packets since the report before, in 1/256."""
    lost: int
    highest_sequence: int
    jitter: int
    """In RTP clock ticks."""
    last_report: int = 0
    """The middle 32 bits of the NTP time in the last sender report; 0 for none."""
    delay: int = 0
    """Since that report came, in 1/65536 s."""


@dataclass(frozen=True, slots=True)
class Report:
    """A sender report (`ntp` is not 0) or a receiver report."""

    ssrc: int
    blocks: tuple[ReportBlock, ...] = ()
    ntp: int = 0
    timestamp: int = 0
    packets: int = 0
    octets: int = 0


@dataclass(frozen=True, slots=True)
class Bye:
    """Streams that end."""

    ssrcs: tuple[int, ...]


def parse_rtcp(data: bytes) -> list[Report | Bye]:
    """Reads a compound packet; other kinds in it are skipped. Raises RtpError."""
    found: list[Report | Bye] = []
    start = 0
    while start < len(data):
        if len(data) - start < 4:
            raise RtpError("an RTCP packet has 4 bytes at least")
        first, kind = data[start], data[start + 1]
        end = start + 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
        if first >> 6 != 2 or end > len(data):
            raise RtpError("an RTCP packet is longer than what came, or not of version 2")
        body, count = data[start + 4 : end], first & 0x1F
        if kind in (_SENDER_REPORT, _RECEIVER_REPORT):
            found.append(_parse_report(body, count, sender=kind == _SENDER_REPORT))
        elif kind == _BYE:
            if len(body) < 4 * count:
                raise RtpError("a BYE is shorter than it says")
            found.append(Bye(struct.unpack_from(f"!{count}I", body)))
        start = end
    return found


def _parse_report(body: bytes, count: int, *, sender: bool) -> Report:
    head = 24 if sender else 4
    if len(body) < head + 24 * count:
        raise RtpError("a report is shorter than it says")
    ssrc = int.from_bytes(body[:4])
    blocks = []
    for place in range(count):
        source, loss, highest, jitter, last, delay = _BLOCK.unpack_from(body, head + 24 * place)
        lost = (loss & 0xFFFFFF) - (0x1000000 if loss & 0x800000 else 0)
        blocks.append(ReportBlock(source, loss >> 24, lost, highest, jitter, last, delay))
    if not sender:
        return Report(ssrc, tuple(blocks))
    seconds, fraction, timestamp, packets, octets = _SENDER_INFO.unpack_from(body, 4)
    return Report(ssrc, tuple(blocks), (seconds << 32 | fraction) or 1, timestamp, packets, octets)


def pack_report(report: Report, cname: str) -> bytes:
    """A compound packet: the report, and the source description that has to go with it."""
    body = struct.pack("!I", report.ssrc)
    if report.ntp:
        body += _SENDER_INFO.pack(
            report.ntp >> 32, report.ntp & 0xFFFFFFFF, report.timestamp & 0xFFFFFFFF,
            report.packets & 0xFFFFFFFF, report.octets & 0xFFFFFFFF,
        )
    for block in report.blocks:
        loss = (block.fraction_lost & 0xFF) << 24 | (max(-0x800000, min(block.lost, 0x7FFFFF)) & 0xFFFFFF)
        highest, jitter = block.highest_sequence & 0xFFFFFFFF, block.jitter & 0xFFFFFFFF
        body += _BLOCK.pack(block.ssrc, loss, highest, jitter, block.last_report, block.delay)
    name = cname.encode()[:255]
    item = struct.pack("!IBB", report.ssrc, 1, len(name)) + name + b"\0"
    item += bytes(-len(item) % 4)
    kind = _SENDER_REPORT if report.ntp else _RECEIVER_REPORT
    return _rtcp(kind, len(report.blocks), body) + _rtcp(_SOURCE_DESCRIPTION, 1, item)


def _rtcp(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body


def ntp_time(unix_s: float) -> int:
    """The 64-bit NTP time of a moment in seconds since 1970."""
    return int((unix_s + _NTP_EPOCH_S) * (1 << 32))


def round_trip_s(block: ReportBlock, ntp: int) -> float | None:
    """The round trip that a report block shows when it comes at NTP time `ntp`; None where it answers no sender report."""
    if not block.last_report:
        return None
    ticks = distance((ntp >> 16) & 0xFFFFFFFF, (block.last_report + block.delay) & 0xFFFFFFFF, 32)
    return max(0.0, ticks / 65536)


@dataclass(slots=True)
class Reception:
    """What has been received of one stream, as RFC 3550 A.3 and A.8 count it."""

    ssrc: int = 0
    packets: int = 0
    jitter: float = 0.0
    """In RTP clock ticks."""
    _first: int = -1
    _highest: int = -1
    _transit: float | None = None
    _expected_before: int = 0
    _packets_before: int = 0
    _report: tuple[int, float] = field(default=(0, 0.0))

    @property
    def expected(self) -> int:
        """Packets that were sent, as far as is known."""
        return self._highest - self._first + 1 if self._first >= 0 else 0

    @property
    def lost(self) -> int:
        """Packets that did not come; negative where more came double."""
        return self.expected - self.packets

    def take(self, packet: RtpPacket, now: float) -> None:
        """Counts a packet that came at `now` (seconds). A new source begins from nothing."""
        if packet.ssrc != self.ssrc or self._first < 0:
            self.ssrc, self.packets, self._transit, self.jitter = packet.ssrc, 0, None, 0.0
            self._first = self._highest = packet.sequence
            self._expected_before = self._packets_before = 0
        else:
            step = distance(packet.sequence, self._highest & 0xFFFF, 16)
            if step > 0:
                self._highest += step
        self.packets += 1
        transit = now * RTP_HZ - packet.timestamp
        if self._transit is not None:
            change = abs(transit - self._transit)
            if change < RTP_HZ:  # more is a jump of the sender's clock, not jitter
                self.jitter += (change - self.jitter) / 16
        self._transit = transit

    def reported(self, ntp: int, now: float) -> None:
        """A sender report with this NTP time came at `now`."""
        self._report = ((ntp >> 16) & 0xFFFFFFFF, now)

    def block(self, now: float) -> ReportBlock | None:
        """The report block that is due at `now`; None before anything was received."""
        if self._first < 0:
            return None
        expected = self.expected - self._expected_before
        lost = expected - (self.packets - self._packets_before)
        self._expected_before, self._packets_before = self.expected, self.packets
        fraction = min(255, lost * 256 // expected) if expected > 0 and lost > 0 else 0
        last, at = self._report
        delay = min(0xFFFFFFFF, int((now - at) * 65536)) if last else 0
        return ReportBlock(self.ssrc, fraction, self.lost, self._highest & 0xFFFFFFFF, int(self.jitter), last, delay)
