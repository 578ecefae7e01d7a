"""Comfort noise: the soft hiss that tells who waits on a quiet line that it is not dead."""

import numpy as np

from .pcm import FULL_SCALE, to_pcm

COMFORT_DBFS = -58.0
"""Level of the noise: about what a quiet office leaves on a telephone line, well below any speech."""

_LOOP_S = 4.0
"""Length of the stretch that repeats: too long to be heard as a rhythm."""


class ComfortNoise:
    """An endless stream of noise, softer towards high tones like the hum of a room. The same at every run."""

    def __init__(self, rate_hz: int, *, dbfs: float = COMFORT_DBFS) -> None:
        """Raises ValueError for a level above full scale."""
        if dbfs > 0:
            raise ValueError(f"a level is at most 0 dBFS; {dbfs} came")
        count = int(rate_hz * _LOOP_S)
        spectrum = np.fft.rfft(np.random.default_rng(7).normal(size=count))
        at_hz = np.fft.rfftfreq(count, 1 / rate_hz)
        spectrum *= (at_hz > 80) / np.sqrt(1 + (at_hz / 500) ** 2)  # a room: nothing below 80 Hz, 3 to 6 dB an octave above 500
        noise = np.fft.irfft(spectrum, count)  # periodic: the loop has no seam
        noise *= FULL_SCALE * 10 ** (dbfs / 20) / np.sqrt((noise**2).mean())
        self._loop = to_pcm(noise.astype(np.float32))
        self._at = 0

    def take(self, samples: int) -> bytes:
        """The next `samples` samples, PCM16."""
        size = 2 * samples
        out = self._loop[self._at : self._at + size]
        while len(out) < size:
            out += self._loop[: size - len(out)]
        self._at = (self._at + size) % len(self._loop)
        return out
