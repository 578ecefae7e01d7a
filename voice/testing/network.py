"""A simulated network: delay, jitter and loss, the same in every run.

Messages arrive in the order they were sent, as over a socket or a jitter buffer; what is lost never arrives. Control messages are
never lost (every protocol of ours sends them reliably), only late.
"""

from collections.abc import Sequence
from itertools import cycle
from random import Random


class SimulatedNetwork:
    """One direction of a line.

    `delay_ms`: of every message. `jitter_ms`: up to so much more, drawn from `seed`. `loss`: a pattern that repeats, True for a frame that
    is lost; `(False,) * 19 + (True,)` loses every twentieth.
    """

    def __init__(self, delay_ms: float = 0.0, *, jitter_ms: float = 0.0, loss: Sequence[bool] = (False,), seed: int = 0) -> None:
        """Raises ValueError for a negative time or a pattern that loses everything."""
        if delay_ms < 0 or jitter_ms < 0:
            raise ValueError(f"a network delays by 0 ms or more, not {delay_ms} ± {jitter_ms}")
        if not loss or all(loss):
            raise ValueError("a pattern of loss needs at least one frame that arrives")
        self.lost = 0
        self._delay_s = delay_ms / 1000
        self._jitter_s = jitter_ms / 1000
        self._pattern = cycle(loss)
        self._random = Random(seed)
        self._last = 0.0

    def sound(self, now: float) -> float | None:
        """When a frame of sound that is sent at `now` (seconds) arrives; None where it is lost."""
        if next(self._pattern):
            self.lost += 1
            return None
        return self.control(now)

    def control(self, now: float) -> float:
        """When a message that must not be lost arrives."""
        arrival = now + self._delay_s + self._random.random() * self._jitter_s
        self._last = max(self._last, arrival)
        return self._last


def gilbert_loss(frames: int, share: float, *, length: float = 5.0, seed: int = 0) -> tuple[bool, ...]:
    """A pattern of `frames` frames from the Gilbert-Elliott model: a line that is good, in which nothing is lost, or bad, in which
    everything is, and in which a bad time lasts `length` frames on average, so that `share` of all are lost.

    Raises ValueError for a share that is not from 0 to below 1, or a length below one frame.
    """
    if not 0 <= share < 1 or length < 1:
        raise ValueError(f"a share of {share} cannot be lost in bursts of {length} frames")
    random, bad, pattern = Random(seed), False, []
    recovers = 1 / length
    fails = share * recovers / (1 - share)
    for _ in range(frames):
        bad = random.random() >= recovers if bad else random.random() < fails
        pattern.append(bad)
    return tuple(pattern)


def burst_loss(frames: int, lost: int, *, length: int = 5) -> tuple[bool, ...]:
    """A pattern of `frames` frames of which `lost` are lost, in bursts of `length`: networks lose in bursts (Gilbert, 1960).

    Raises ValueError when more would be lost than sent.
    """
    if not 0 <= lost < frames or length < 1:
        raise ValueError(f"of {frames} frames {lost} cannot be lost in bursts of {length}")
    bursts = -(-lost // length) if lost else 0
    pattern = [False] * frames
    for burst in range(bursts):
        start = burst * frames // bursts
        for place in range(start, min(frames, start + min(length, lost - burst * length))):
            pattern[place] = True
    return tuple(pattern)
