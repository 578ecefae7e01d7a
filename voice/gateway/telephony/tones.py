"""The tones of a telephone's keys (DTMF): making them, and telling them from speech, so that no recogniser hears them as words.

Carriers report keys beside the sound, but on some routes the tone is in the sound too, and a recogniser hears vowels in it. ITU-T Q.23
makes a key of two tones, one of a low and one of a high group; a frame is taken to be one where two such tones carry nearly all
of its power, with no more difference in level (*twist*) than Q.24 allows. Speech does not do that for 20 ms; figures are in the tests.
"""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from ...audio.fade import FADE_MS, fade_in, fade_out
from ...audio.pcm import to_pcm, to_samples

LOW_HZ = (697, 770, 852, 941)
HIGH_HZ = (1209, 1336, 1477, 1633)
KEYS = ("123A", "456B", "789C", "*0#D")

SHARE = 0.82
"""Of a frame's power, how much the two tones must carry: 0.95 and more in a clean tone, 0.85 with noise 8 dB below."""

TWIST_DB = 10.0
"""ITU-T Q.24 accepts up to 8 dB between the two tones; a telephone line adds a little."""

QUIET = 100.0
"""Root mean square below which a frame is nothing: -50 dBFS; Q.24 asks for tones down to about -40."""


TONE_MS, PAUSE_MS = 100, 100
"""Length of a tone that is played, and of the pause after it: ITU-T Q.24 asks receivers for 40 ms of each, old ones want more."""

TONE_LEVEL = 6000.0
"""Amplitude of each of the two tones: -12 dBFS together, what a telephone sends."""


def key_sound(digits: str, rate_hz: int) -> bytes:
    """The tones of keys, one after another, as PCM16. Raises ValueError for what is no key."""
    at = np.arange(rate_hz * TONE_MS // 1000) / rate_hz
    fade, pause = rate_hz * FADE_MS // 1000, bytes(rate_hz * PAUSE_MS // 1000 * 2)
    out = b""
    for digit in digits:
        row = next((number for number, keys in enumerate(KEYS) if digit in keys), None)
        if row is None:
            raise ValueError(f"keys are 0-9, *, #, A-D, not {digit!r}")
        low, high = LOW_HZ[row], HIGH_HZ[KEYS[row].index(digit)]
        tone = to_pcm((TONE_LEVEL * (np.sin(2 * np.pi * low * at) + np.sin(2 * np.pi * high * at))).astype(np.float32))
        out += fade_out(fade_in(tone, fade), fade) + pause
    return out


def key_tone(pcm: bytes, rate_hz: int) -> str:
    """The key whose tone fills a frame of PCM16 (at least 20 ms); empty where it is no tone."""
    samples = to_samples(pcm).astype(np.float32)
    if samples.size < rate_hz // 50:
        return ""
    power = float(samples @ samples) / samples.size
    if power < QUIET * QUIET:
        return ""
    parts = _waves(samples.size, rate_hz) @ samples
    strength = parts[:8] ** 2 + parts[8:] ** 2
    row, column = int(strength[:4].argmax()), 4 + int(strength[4:].argmax())
    tones = 2 * float(strength[row] + strength[column]) / samples.size**2
    twist = abs(10 * np.log10(max(float(strength[row]), 1.0) / max(float(strength[column]), 1.0)))
    if tones < SHARE * power or twist > TWIST_DB:
        return ""
    return KEYS[row][column - 4]


@lru_cache(maxsize=8)
def _waves(samples: int, rate_hz: int) -> npt.NDArray[np.float32]:
    """Cosine, then sine, of each of the eight tones, shape (16, samples)."""
    turns = 2 * np.pi * np.outer((*LOW_HZ, *HIGH_HZ), np.arange(samples) / rate_hz)
    return np.concatenate([np.cos(turns), np.sin(turns)]).astype(np.float32)
