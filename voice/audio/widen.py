"""From 8 kHz to the ear's 16 kHz, with something in the upper half: telephone sound for ears that were made for wideband.

An acoustic model of 16 kHz has never heard a spectrum that ends at 4 kHz, and takes the void for a property of the phones: it hears
short words wrongly. What was lost cannot be had back, but loudness above 4 kHz follows that just below it: an "s" is loud in both,
a vowel in neither. So soft noise from 4 to 7 kHz rises and falls with the band below 4 kHz.
"""

import numpy as np
import numpy.typing as npt

from .conceal import Concealer
from .frames import EAR_HZ
from .pcm import to_pcm, to_samples
from .resample import Resampler

NARROW_HZ = 8000
"""Rate of telephone sound: the only one with nothing above 4 kHz."""

NOISE_DB = -6.0
"""Level of the noise, as if it were white from 0 to 8 kHz, against the RMS of the band that it follows. Chosen on half of the fixtures'
short words; the other half and other voices gain as much. From -12 to -6 dB it hardly matters; a mirrored band is nearly as good, a
steady hiss helps the words less."""

SLOPE_DB = -6.0
"""How much softer the noise is at 7 kHz than at 4 kHz, by even steps of amplitude; from there it fades out to 8 kHz."""

_FOLLOWED = ((0, 0.0), (2300, 0.0), (2600, 1.0), (3600, 1.0), (3800, 0.0))
"""The band whose loudness the noise follows, as (Hz, gain): above the vowels' second formants, below where telephone lines end."""

_HISS = ((3700, 0.0), (4000, 1.0), (7000, 10 ** (SLOPE_DB / 20)), (8000, 0.0))

_TAPS = 47
_SMOOTH = 64
"""Samples (4 ms) that loudness is measured over: a plosive keeps its edge."""

_LOOP = 2 * EAR_HZ
"""Samples after which the noise repeats."""


def _gain(points: tuple[tuple[int, float], ...], count: int) -> npt.NDArray[np.float64]:
    """Gains at `count` frequencies from 0 Hz to half the ear's rate."""
    at_hz = np.linspace(0, EAR_HZ / 2, count)
    return np.asarray(np.interp(at_hz, [hz for hz, _ in points], [gain for _, gain in points]), np.float64)


def _band_filter() -> npt.NDArray[np.float64]:
    """Taps of the followed band, linear phase."""
    taps = np.roll(np.fft.irfft(_gain(_FOLLOWED, 513), 1024), _TAPS // 2)[:_TAPS]
    return np.asarray(taps * np.hamming(_TAPS), np.float64)


def _hiss() -> npt.NDArray[np.float64]:
    """A loop of the noise that is to be as loud as the band, without a seam. The same in every run."""
    spectrum = np.fft.rfft(np.random.default_rng(8).normal(size=_LOOP)) * _gain(_HISS, _LOOP // 2 + 1)
    return np.asarray(np.fft.irfft(spectrum, _LOOP) * 10 ** (NOISE_DB / 20), np.float64)


_BAND = _band_filter()
_NOISE = _hiss()
_MEAN = np.full(_SMOOTH, 1 / _SMOOTH)


class Widener:
    """Fills the band above 4 kHz of a stream of PCM16 at 16 kHz that came from 8 kHz.

    Gives as many samples as it takes, at once: the sound itself is not delayed; the noise follows it by some 3 ms, which no recogniser
    resolves. Silence stays silence. The outcome does not depend on how the stream is cut into chunks.
    """

    def __init__(self) -> None:
        self._past = np.zeros(_TAPS + _SMOOTH - 2)
        self._at = 0

    def push(self, pcm: bytes) -> bytes:
        """The sound, widened. Raises ValueError on an odd number of bytes."""
        samples = to_samples(pcm)
        if not len(samples):
            return b""
        sound = np.concatenate([self._past, samples])
        self._past = sound[-len(self._past) :]
        band = np.convolve(sound, _BAND, "valid")
        loudness = np.sqrt(np.convolve(band * band, _MEAN, "valid"))
        return to_pcm(samples + loudness * self._noise(len(samples)))

    def _noise(self, count: int) -> npt.NDArray[np.float64]:
        at, self._at = self._at, (self._at + count) % _LOOP
        return _NOISE[at : at + count] if at + count <= _LOOP else np.take(_NOISE, range(at, at + count), mode="wrap")


class EarResampler:
    """The way of a stream of PCM16 of any rate to the ear's 16 kHz: resampled, and where it comes at 8 kHz, its holes filled in first
    (`conceal.py`), and widened.

    Lengths are those of `Resampler.push`. Measured on a 2.5 GHz core: widening adds about 30 µs per 20 ms frame.
    """

    def __init__(self, from_hz: int, *, conceals: bool = True) -> None:
        """`conceals=False`: who gives the sound has filled its holes. Raises ValueError for a rate that `Resampler` does not take."""
        self._resampler = Resampler(from_hz, EAR_HZ)
        self._concealer = Concealer(from_hz) if conceals and from_hz == NARROW_HZ else None
        self._widener = Widener() if from_hz == NARROW_HZ else None

    def push(self, pcm: bytes) -> bytes:
        """The sound that is complete once `pcm` is added, at 16 kHz. Raises ValueError on an odd number of bytes."""
        sound = self._resampler.push(pcm if self._concealer is None else self._concealer.push(pcm))
        return sound if self._widener is None else self._widener.push(sound)
