"""From one sampling rate to another whose ratio is simple, such as 8 to 16, 24 to 8 or 16 to 24 kHz: one product of matrices a frame.

Sound is taken in *hops* of 16 samples of the lower rate. Each output sample is a sum over the sound from a hop before to a hop after it,
weighed by a sinc under a Kaiser window; all weights of a hop are a matrix, and a frame of sound is a few rows for it. So nothing but the
last hop is held back: 2 ms of telephone sound, 1 ms of 16 kHz.

The weights are whole numbers (times 2**-24) and sums stay below 2**53, so that float64 holds them exactly: the sound is the same, bit for
bit, in whatever order a library adds, and however the stream is cut. Pure.
"""

from dataclasses import dataclass
from functools import cache
from math import gcd

import numpy as np
import numpy.typing as npt

from .pcm import to_pcm

HOP = 16
"""Samples of the lower rate in a hop, and on each side of an output sample in the sum."""

CUTOFF = 0.97
"""Where the filter is at half, as a share of half the lower rate. That is 3.88 kHz for telephone sound, level to 0.2 dB up to 3.4 kHz,
where its lines end. FFmpeg's resampler has the same."""

KAISER_BETA = 9.0
"""Of the window: what the target rate cannot hold is 90 dB down (A. V. Oppenheim and R. W. Schafer, Discrete-Time Signal Processing,
7.6)."""

_SCALE = 2.0**24


@dataclass(frozen=True, slots=True)
class Plan:
    """How a hop is worked on."""

    hop_in: int
    hop_out: int
    weights: npt.NDArray[np.float64]
    """Shape (3 * hop_in, hop_out): from the sound of the hop before, the hop itself and the hop after to the samples of the hop."""


@cache
def plan_for(from_hz: int, to_hz: int) -> Plan | None:
    """The plan for two rates; None where a hop is not whole samples of both, as for 44.1 to 16 kHz."""
    low = min(from_hz, to_hz)
    if from_hz == to_hz or HOP * from_hz % low or HOP * to_hz % low or max(from_hz, to_hz) // gcd(from_hz, to_hz) > HOP:
        return None
    hop_in, hop_out = HOP * from_hz // low, HOP * to_hz // low
    at_in = (np.arange(3 * hop_in) - hop_in) / hop_in * HOP  # in samples of the lower rate
    at_out = np.arange(hop_out) / hop_out * HOP
    away = at_in[:, None] - at_out[None, :]
    window = np.i0(KAISER_BETA * np.sqrt(np.clip(1 - (away / HOP) ** 2, 0, None))) / np.i0(KAISER_BETA)
    weights = np.where(np.abs(away) < HOP, CUTOFF * np.sinc(CUTOFF * away) * window, 0.0)
    weights /= weights.sum(axis=0)  # a steady level stays the same
    return Plan(hop_in, hop_out, np.rint(weights * _SCALE))


class HopStream:
    """One stream on its way through a plan: `push` sound, get what is complete."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._held = np.zeros(plan.hop_in)
        """What further output still needs: the hop before the next one, and all that came since."""

    def push(self, samples: npt.NDArray[np.int16]) -> bytes:
        """PCM16 at the new rate that is complete once `samples` are added."""
        hop = self._plan.hop_in
        sound = np.concatenate([self._held, samples])
        hops = len(sound) // hop - 2
        if hops <= 0:
            self._held = sound
            return b""
        self._held = sound[hops * hop :]
        # Each row is a hop with its neighbours. A view: numpy's own functions for it take longer than the product.
        rows = np.ndarray((hops, 3 * hop), np.float64, sound, strides=(hop * sound.itemsize, sound.itemsize))
        return to_pcm(np.dot(rows, self._plan.weights) * (1 / _SCALE))

    def flush(self) -> bytes:
        """What is still inside, and up to two hops of what silence after it gives."""
        return self.push(np.zeros(2 * self._plan.hop_in, np.int16))
