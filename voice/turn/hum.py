"""Whether an utterance is a hum: "mm", "hmm", "mm-hm", "嗯". Recognisers make words of them; people do not.

The mouth is closed, so nearly all energy lies in the first formant of the nasal murmur, around 250 Hz (Stevens, Acoustic Phonetics,
ch. 9), and little above 900 Hz, for most of its time. Pure.
"""

import numpy as np

from ..audio.frames import EAR_HZ

BLOCK = 512
ABOVE_HZ = 900
MURMUR_SHARE = 0.03
"""Share of the energy above 900 Hz below which a block is a murmur: -15 dB. Vowels have -10 dB and more; /u/ and /o/ come close."""

MURMUR_BLOCKS = 0.8
"""Share of the loud blocks that must be murmur."""

LONGEST_MS = 1100


def is_hum(sound: bytes) -> bool:
    """Whether PCM16 at 16 kHz, about one utterance, is a hum."""
    samples = np.frombuffer(sound, np.int16).astype(np.float64)
    if len(samples) < BLOCK:
        return False
    blocks = samples[: len(samples) // BLOCK * BLOCK].reshape(-1, BLOCK) * np.hanning(BLOCK)
    power = np.abs(np.fft.rfft(blocks, axis=1)) ** 2
    first, split = 80 * BLOCK // EAR_HZ, ABOVE_HZ * BLOCK // EAR_HZ
    total = power[:, first:].sum(axis=1)
    loud = total > total.max(initial=0.0) * 0.03
    if not loud.any() or loud.sum() * BLOCK * 1000 / EAR_HZ > LONGEST_MS:
        return False
    high = power[:, split:].sum(axis=1) / np.maximum(total, 1e-9)
    return bool((high[loud] < MURMUR_SHARE).mean() >= MURMUR_BLOCKS)
