"""Makes quiet callers as loud to a detector as loud ones: a gain in front of the network, one for each stream.

Without it Silero hears a voice that peaks at -33 dBFS one window later than the same voice at -3 (median; three windows at p90
where there is some noise), and misses the softest of its onsets. The gain follows the caller's own speech, never the noise
between it: in silence it stays where it is, so that a pause does not turn the neighbours' talk up. It never clips: a window
that would pass the target is turned up less, at once.

    gain = TARGET / the louder of (the caller's speech level, this window's peak), from 1 to MOST

The level rises with the first loud window of speech and falls slowly while quieter speech goes on. Before anything was heard
the caller is taken for a rather quiet one. Only the detector hears the result.
"""

import numpy as np
import numpy.typing as npt

TARGET = 0.35
"""Peak, relative to full scale, that speech is brought up to: -9 dBFS. Speech that is louder stays as it is.
"""

MOST = 16.0
"""The largest gain, 24 dB: more would lift a sound card's hiss to the level of speech."""

FIRST_LEVEL = TARGET / 4.0
"""Speech level assumed at the start, which gives 12 dB: a balance between quiet callers and talk in the background.

Starts of 0, 6, 12, 18 dB, measured on 20-odd human clips over noise at -70 dBFS: onsets at a peak of -33 dBFS come 40, 16, 9, 5 ms
(mean) later than at -3; babble of eight talkers at -46 dBFS RMS is taken for speech 0, 21, 78, 84 % of the time."""

FALL_DB_PER_S = 6.0
"""How fast the level falls while quieter speech goes on: a word's loud and soft syllables are one level, two
speakers are not.
"""

_SPEECH_PROBABILITY = 0.5


def peaks(windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float64]:
    """Largest magnitude in each window, shape (n,), relative to full scale. `windows`: (n, samples)."""
    # Not abs(): the magnitude of -32768 does not fit 16 bits.
    largest = np.maximum(windows.max(axis=1).astype(np.int32), -windows.min(axis=1).astype(np.int32))
    return np.asarray(largest / 32768.0, np.float64)


def gain_for(level: float, peak: float) -> float:
    """The gain for a window that peaks at `peak` in a stream whose speech level is `level`."""
    loudest = max(level, peak)
    return min(MOST, max(1.0, TARGET / loudest)) if loudest > 0.0 else MOST


def next_level(level: float, peak: float, probability: float, window_s: float) -> float:
    """The stream's speech level after a window of `window_s` seconds that was judged to be speech with
    `probability`.
    """
    if probability <= _SPEECH_PROBABILITY:
        return level
    return max(peak, level * float(10.0 ** (-FALL_DB_PER_S / 20.0 * window_s)))
