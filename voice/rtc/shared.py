"""One encoding for all who hear the same.

In a room, a reply goes to every listener, and every listener who does not speak hears the same mix of those who do. The frames are equal,
sample for sample; encoding them once is enough. But an Opus encoder goes on from what it encoded before, so two listeners share packets
only as long as they share the past.

Theory of operation
===================

A *strand* is one encoder and the frames that went into it, the newest few of them kept with their packets. A listener's `SharedEncoder`
stands at a place in a strand. Asked for a frame, it looks whether the strand has gone on from its place with the very same frame: then the
packet is there already. If the listener stands at the end, the strand's encoder encodes it, for itself and for whoever comes behind. If
the strand went on with another frame, the listener leaves it and gets a strand of its own.

After silence (`rest`) every listener's past is the same, nothing, so there a listener may enter any strand that begins with the frame he
is to hear: the strands that began within the last `FRESH_S` are looked through. So listeners who leave a strand for a while (they spoke,
and heard another mix) come together again with the next reply or the next speaker.

A strand begins with a new encoder, whose first frame rests on nothing that went before: a decoder that comes from another strand goes on
with it. A strand that nobody stands in any more is forgotten, and its encoder with it.
"""

from collections import deque
from collections.abc import Callable

from .opus import Encoder

FRESH_S = 0.3
"""How long after its first frame a strand may be entered: sessions are served within one tick of the clock, and a late one a few later."""

KEEP_FRAMES = 25
"""Packets of a strand that are kept for those behind: half a second."""

MAX_STRANDS = 200
"""Strands that may be entered at a time; the oldest are closed to newcomers first."""


class _Strand:
    """One encoder, and what it has made."""

    __slots__ = ("begun", "encoder", "first", "frames", "packets")

    def __init__(self, encoder: Encoder, begun: float) -> None:
        self.encoder = encoder
        self.begun = begun
        self.first = 0
        """Number of the oldest frame that is kept."""
        self.frames: deque[bytes] = deque()
        self.packets: deque[bytes] = deque()

    def need(self, loss: int) -> None:
        """Makes spare copies for this loss in percent, if it is more than the encoder makes them for."""
        if loss > self.encoder.loss:
            self.encoder.expect_loss(loss)

    @property
    def end(self) -> int:
        return self.first + len(self.frames)

    def extend(self, pcm: bytes) -> bytes:
        packet = self.encoder.encode(pcm)
        self.frames.append(pcm)
        self.packets.append(packet)
        if len(self.frames) > KEEP_FRAMES:
            self.frames.popleft()
            self.packets.popleft()
            self.first += 1
        return packet


class EncoderPool:
    """The strands of one process, for listeners with the same settings. `make` gives a new encoder."""

    def __init__(self, make: Callable[[], Encoder]) -> None:
        self._make = make
        self._fresh: deque[_Strand] = deque(maxlen=MAX_STRANDS)
        self.encoded = 0
        """Frames that were encoded."""
        self.shared = 0
        """Frames that were taken from another's encoding."""

    def enter(self, pcm: bytes, now: float) -> _Strand:
        """A strand that begins with this frame: a living one, or a new one (whose first frame is still to be encoded)."""
        while self._fresh and now - self._fresh[0].begun > FRESH_S:
            self._fresh.popleft()
        for strand in reversed(self._fresh):
            if strand.first == 0 and strand.frames and strand.frames[0] == pcm:
                return strand
        strand = _Strand(self._make(), now)
        self._fresh.append(strand)
        return strand


class SharedEncoder:
    """One listener's encoder, which is another's too where both hear the same."""

    def __init__(self, pool: EncoderPool) -> None:
        self._pool = pool
        self._strand: _Strand | None = None
        self._place = 0
        self._loss = 0

    def encode(self, pcm: bytes, now: float) -> bytes:
        """The packet of a frame."""
        pool, strand = self._pool, self._strand
        if strand is None:
            strand = self._strand = pool.enter(pcm, now)
            self._place = 0
        elif self._place < strand.end and (self._place < strand.first or strand.frames[self._place - strand.first] != pcm):
            strand = self._strand = pool.enter(pcm, now)  # it went on without him, or so far that what he needs is gone
            self._place = 0
        if self._place < strand.end:
            packet = strand.packets[self._place - strand.first]
            pool.shared += 1
        else:
            strand.need(self._loss)
            packet = strand.extend(pcm)
            pool.encoded += 1
        self._place += 1
        return packet

    def rest(self) -> None:
        """Silence: what comes after it may be shared anew."""
        self._strand = None

    def expect_loss(self, percent: int) -> None:
        """How many packets in a hundred this listener loses; a strand makes spare copies for the worst of its listeners."""
        self._loss = percent
