"""AudioSocket's frames, both ways: kind u8, length u16 big-endian, payload. Pure values, no I/O.

Asterisk connects, says the call's UUID in its first frame, and then both sides send sound: PCM16 little-endian, the kind telling
the rate. Source: Asterisk's documentation and the behaviour of its `app_audiosocket` and `chan_audiosocket`.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from ...audio.frames import FRAME_MS, SAMPLE_BYTES

HANG_UP, CALL_ID, KEY, FAULT = 0x00, 0x01, 0x03, 0xFF

RATE_OF_KIND = {
    0x10: 8_000, 0x11: 12_000, 0x12: 16_000, 0x13: 24_000, 0x14: 32_000, 0x15: 44_100, 0x16: 48_000, 0x17: 96_000, 0x18: 192_000,
}  # fmt: skip
"""Kinds of sound frames, and their sampling rates in Hz."""
KIND_OF_RATE = {rate_hz: kind for kind, rate_hz in RATE_OF_KIND.items()}

KEYS = frozenset("0123456789*#ABCD")

FAULTS = {0x01: "the called side hung up", 0x02: "a frame could not be forwarded", 0x04: "memory ran out"}
"""Codes of an error frame, as Asterisk's documentation names them."""

MAX_PAYLOAD = 0xFFFF
_HEADER = struct.Struct(">BH")
HEADER_BYTES = _HEADER.size


class FrameError(Exception):
    """A frame that AudioSocket does not allow. The text says what came and what was expected."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame as it is on the wire."""

    kind: int
    payload: bytes = b""

    def pack(self) -> bytes:
        """The frame's bytes. Raises ValueError for a payload that its length cannot count."""
        if len(self.payload) > MAX_PAYLOAD:
            raise ValueError(f"a frame holds at most {MAX_PAYLOAD} bytes, not {len(self.payload)}")
        return _HEADER.pack(self.kind, len(self.payload)) + self.payload


@dataclass(frozen=True, slots=True)
class HangUp:
    """The sender ends the call."""

    def frame(self) -> Frame:
        return Frame(HANG_UP)


@dataclass(frozen=True, slots=True)
class CallId:
    """The call's UUID: Asterisk's first frame."""

    uuid: UUID

    def frame(self) -> Frame:
        return Frame(CALL_ID, self.uuid.bytes)


@dataclass(frozen=True, slots=True)
class Key:
    """The caller pressed a key: one of 0-9, *, #, A-D."""

    digit: str

    def frame(self) -> Frame:
        return Frame(KEY, self.digit.encode("ascii"))


@dataclass(frozen=True, slots=True)
class Sound:
    """PCM16 mono at `rate_hz`, one of `KIND_OF_RATE`."""

    rate_hz: int
    pcm: bytes

    def frame(self) -> Frame:
        return Frame(KIND_OF_RATE[self.rate_hz], self.pcm)


@dataclass(frozen=True, slots=True)
class Fault:
    """The sender reports an error of its own."""

    code: int

    def frame(self) -> Frame:
        return Frame(FAULT, bytes([self.code]))

    @property
    def meaning(self) -> str:
        """The code in words."""
        return FAULTS.get(self.code, f"unknown error 0x{self.code:02x}")


Message = HangUp | CallId | Key | Sound | Fault


class Unpacker:
    """Cuts a stream of bytes into frames; any chunking gives the same frames. Holds at most one frame's bytes beside what was fed."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """The frames that are complete once `data` is added. Consume all of them before the next call."""
        self._buffer += data
        at = 0
        try:
            while len(self._buffer) - at >= HEADER_BYTES:
                kind, length = _HEADER.unpack_from(self._buffer, at)
                end = at + HEADER_BYTES + length
                if end > len(self._buffer):
                    break
                payload = bytes(self._buffer[at + HEADER_BYTES : end])
                at = end
                yield Frame(kind, payload)
        finally:
            del self._buffer[:at]

    @property
    def waiting(self) -> int:
        """Bytes of a frame that is not complete."""
        return len(self._buffer)


def parse(frame: Frame) -> Message:
    """What a frame says. Raises FrameError."""
    kind, payload = frame.kind, frame.payload
    if kind in RATE_OF_KIND:
        return _sound(RATE_OF_KIND[kind], payload)
    match kind:
        case 0x00:
            return HangUp()
        case 0x01:
            if len(payload) != 16:
                raise FrameError(f"the call's UUID comes as 16 bytes, not {len(payload)}")
            return CallId(UUID(bytes=payload))
        case 0x03:
            digit = payload.decode("latin-1").upper()
            if digit not in KEYS:
                raise FrameError(f"a key is one of 0-9, *, #, A-D in one byte; {payload[:8]!r} came")
            return Key(digit)
        case 0xFF:
            return Fault(payload[0] if payload else 0)
    raise FrameError(f"frames of kind 0x{kind:02x} ({len(payload)} bytes) are not known here")


def frame_bytes(rate_hz: int) -> int:
    """Bytes of 20 ms of sound: what is sent in one frame (320 at 8 kHz)."""
    return rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES


def _sound(rate_hz: int, pcm: bytes) -> Sound:
    if not pcm:
        raise FrameError("a frame of sound must not be empty")
    if len(pcm) % SAMPLE_BYTES:
        raise FrameError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
    return Sound(rate_hz, pcm)
