"""The jitter buffer of an incoming stream: what came, in order, and what is missing.

Theory of operation
===================

The ear that listens behind this buffer does not play anything: it wants every packet as soon as it can be used. So a packet that
comes in its turn goes through at once, and the buffer adds no delay at all. Only behind a hole are packets held, until the missing
one comes or the first of those held has waited `MAX_WAIT_S`; then the hole is given up and said to be lost. Nothing is ever waited
for twice, so a loss costs its own time and leaves no lag behind.

Holes are of two kinds. Where sequence numbers are missing, sound was lost (`Lost`), and the packet behind the hole may hold a spare
copy of its last frame (Opus in-band FEC). Where only the timestamp jumps, the sender was silent and sent nothing (DTX, `Gap`). The
lengths come from the timestamps, so that the parts always sum to the time that passed at the sender: what a decoder makes of them
has the right length whatever was lost, doubled or reordered.

Pure: the caller says what time it is, in seconds.
"""

from dataclasses import dataclass

from .rtp import RTP_HZ, distance

MAX_WAIT_S = 0.03
"""How long a packet is held behind a hole: one and a half packets, so that the next tick after it keeps within 40 ms."""

MAX_HELD = 64
"""Packets that may be held; a burst of more gives the hole up."""

RESTART = 1000
"""A sequence number this far (20 s) from the expected one means that the sender began anew."""

MAX_GAP_S = 30.0
"""A longer jump of the timestamp is a sender that began anew, not a silence."""


@dataclass(frozen=True, slots=True)
class Packet:
    """The next packet's payload, and its RTP timestamp."""

    payload: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Lost:
    """Sound that did not come: `samples` of the RTP clock. `after` is the payload behind the hole, which may hold a spare copy of the
    frame before it."""

    samples: int
    after: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Gap:
    """The sender was silent for `samples` of the RTP clock and sent nothing."""

    samples: int


@dataclass(slots=True)
class _Held:
    timestamp: int
    samples: int
    payload: bytes
    at: float


class JitterBuffer:
    """Puts one stream's packets in order."""

    def __init__(self, max_wait_s: float = MAX_WAIT_S) -> None:
        self.max_wait_s = max_wait_s
        self.late = 0
        """Packets that came after their hole was given up, or came double."""
        self.lost = 0
        """Packets that were given up."""
        self._next = -1
        """Sequence number that is waited for; -1 before the first packet."""
        self._timestamp = 0
        """Timestamp that the next packet has if the sender was not silent."""
        self._held: dict[int, _Held] = {}

    @property
    def waiting(self) -> bool:
        """Whether packets are held behind a hole."""
        return bool(self._held)

    def put(self, sequence: int, timestamp: int, samples: int, payload: bytes, now: float) -> None:
        """Takes a packet of `samples` (RTP clock) that came at `now`."""
        ahead = 0 if self._next < 0 else distance(sequence, self._next, 16)
        if self._next < 0 or abs(ahead) > RESTART:
            self._held.clear()
            self._next, self._timestamp, ahead = sequence, timestamp, 0
        if ahead < 0 or sequence in self._held:
            self.late += 1
            return
        self._held[sequence] = _Held(timestamp, samples, payload, now)

    def take(self, now: float) -> list[Packet | Lost | Gap]:
        """What can be heard at `now`, in order."""
        out: list[Packet | Lost | Gap] = []
        while self._held:
            held = self._held.pop(self._next, None)
            if held is None:
                if len(self._held) < MAX_HELD and now < min(each.at for each in self._held.values()) + self.max_wait_s:
                    break
                self._give_up(out)
                continue
            gap = distance(held.timestamp, self._timestamp, 32)
            if 0 < gap <= MAX_GAP_S * RTP_HZ:
                out.append(Gap(gap))
            out.append(Packet(held.payload, held.timestamp))
            self._timestamp = (held.timestamp + held.samples) & 0xFFFFFFFF
            self._next = (self._next + 1) & 0xFFFF
        return out

    def _give_up(self, out: list[Packet | Lost | Gap]) -> None:
        """Steps over the hole before the first packet that is held."""
        first = min(self._held, key=lambda sequence: distance(sequence, self._next, 16))
        held = self._held[first]
        self.lost += distance(first, self._next, 16)
        missing = distance(held.timestamp, self._timestamp, 32)
        if 0 < missing <= MAX_GAP_S * RTP_HZ:
            out.append(Lost(missing, held.payload, self._timestamp))
            self._timestamp = held.timestamp
        self._next = first
