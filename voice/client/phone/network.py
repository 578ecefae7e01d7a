"""What a bad line does to a caller's sound on its way to the server: frames lost in bursts, and frames that come late. Seeded.

Loss follows Gilbert and Elliott: a *good* state that loses nothing and a *bad* one that loses everything, so that losses come in bursts
as they do on the air (E. N. Gilbert, "Capacity of a burst-noise channel", 1960). A carrier puts silence where a frame is missing and
sends on in time, so a lost frame is silence, not a shorter sound. Late frames do not overtake each other: a carrier's messages come over
TCP, so jitter is frames that come late and then several at once.
"""

from dataclasses import dataclass
from random import Random

from ...audio.frames import FRAME_MS


@dataclass(frozen=True, slots=True)
class BadLine:
    """How bad a line is. The default is a perfect one."""

    loss: float = 0.0
    """Share of the frames that are lost, 0 to below 1."""
    burst_ms: int = 100
    """Mean length of a burst of loss, in ms; at least a frame."""
    jitter_ms: int = 0
    """Up to so much later than sent a frame comes, in ms."""
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.loss < 1:
            raise ValueError(f"loss is a share of the frames, from 0 to below 1, not {self.loss:g}")
        if self.burst_ms < FRAME_MS:
            raise ValueError(f"a burst is at least one frame of {FRAME_MS} ms, not {self.burst_ms} ms")
        if not 0 <= self.jitter_ms <= 10_000:
            raise ValueError(f"jitter must be from 0 to 10000 ms, not {self.jitter_ms}")


class LossyLine:
    """One direction of a bad line. Pure: it is told the time, in seconds, and never goes back in it."""

    def __init__(self, line: BadLine) -> None:
        self.line = line
        self.sent = 0
        self.lost = 0
        self._random = Random(line.seed)
        self._bad = False
        self._last = 0.0
        length = line.burst_ms / FRAME_MS
        self._heals = 1 / length
        self._breaks = min(1.0, line.loss * self._heals / (1 - line.loss)) if line.loss else 0.0

    def loses(self) -> bool:
        """Whether the next frame is lost."""
        self.sent += 1
        self._bad = self._random.random() >= self._heals if self._bad else self._random.random() < self._breaks
        self.lost += self._bad
        return self._bad

    def arrival(self, now: float) -> float:
        """When a frame that is sent at `now` arrives."""
        self._last = max(self._last, now + self._random.random() * self.line.jitter_ms / 1000)
        return self._last
