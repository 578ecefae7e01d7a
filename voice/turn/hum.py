"""Whether an utterance is a hum: "mm", "hmm", "mm-hm", "嗯". Recognisers make words of them; people do not.

The mouth is closed, so nearly all energy lies in the first formant of the nasal murmur, around 250 Hz (Stevens, Acoustic Phonetics,
ch. 9), and little above 900 Hz. That alone is true of many a voice's "no" as well; but a tongue moves in every word, and in a hum
nothing does: the shape of the spectrum stands still. Pure.
"""

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ

BLOCK = 512
HOP = 160
LOWEST_HZ = 90
MOUTH_HZ = ((590, 1000), (1000, 2000))
"""Two bands in which it is seen that a tongue moves: the upper edge of the first formant, and the second."""

ABOVE_HZ = 900
MURMUR_DB = -20.0
"""How far the energy above 900 Hz lies below the whole, in half of the loud blocks. Vowels have -10 dB and more; a dark voice that says
"no" reaches -25."""

STILL_DB = 4.0
"""By how much the two upper bands' shares may vary (standard deviation over the loud blocks). In "no", "wait" and "hold" of seven voices
it is 5 to 14 dB, in a hum at most 3."""

LONGEST_MS = 1500


def is_hum(sound: bytes) -> bool:
    """Whether PCM16 at 16 kHz, about one utterance, is a hum."""
    samples = np.frombuffer(sound, np.int16).astype(np.float64)
    if len(samples) < 3 * BLOCK:
        return False
    blocks = np.lib.stride_tricks.sliding_window_view(samples, BLOCK)[::HOP] * np.hanning(BLOCK)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    total = power[:, _bin(LOWEST_HZ) :].sum(axis=1)
    loud = total > total.max(initial=0.0) * 0.03
    if total.max(initial=0.0) <= 0 or loud.sum() * HOP * 1000 / EAR_HZ > LONGEST_MS:
        return False
    power, total = power[loud], total[loud]
    above = _db(power[:, _bin(ABOVE_HZ) :].sum(axis=1) / total)
    if _median(above) > MURMUR_DB:
        return False
    bands = [power[:, _bin(low) : _bin(high)].sum(axis=1) for low, high in MOUTH_HZ]
    return max(float(_db(band / total).std()) for band in bands) <= STILL_DB


def _median(values: npt.NDArray[np.float64]) -> float:
    """As `np.median`, whose first call loads numpy.ma: a tenth of a second on the event loop, at somebody's first barge-in."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else float((ordered[middle - 1] + ordered[middle]) / 2)


def _bin(hz: float) -> int:
    return round(hz * BLOCK / EAR_HZ)


def _db(share: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(10 * np.log10(share + 1e-5))
