"""Where speech really ended: a neural VAD goes on saying "speech" for 20 to 220 ms after the last sound (median 65 ms, Silero v6 on
the fixtures), and every millisecond of that would be added to the caller's wait.

The edge is the last stretch of sound within `BELOW_PEAK_DB` of the utterance's own peak. In steady noise nothing is that far below
the peak, and the VAD's verdict stands.
"""

import numpy as np

from ..audio.frames import EAR_HZ

BLOCK_SAMPLES = 128
"""8 ms: shorter than a pitch period of no voice above 125 Hz, and one in 64 of a second of silence."""

BELOW_PEAK_DB = 30.0
"""The decay of a final vowel or fricative stays within this; a room's echo falls by it in a fraction of its reverberation time."""

TRUST_SAMPLES = EAR_HZ * 220 // 1000
"""How far behind the VAD the edge may lie: who trails off softly for longer is still speaking."""

_RATIO = 10 ** (-BELOW_PEAK_DB / 20)


class LoudEdge:
    """Follows one utterance's loudness, window by window."""

    def __init__(self) -> None:
        self._peak = 0.0
        self._edge = 0

    def begin(self) -> None:
        """A new utterance: its peak is its own."""
        self._peak = 0.0
        self._edge = 0

    def judge(self, sound: bytes, end: int) -> int:
        """Takes a window of PCM16 that ends at position `end`; answers where the utterance was last loud, at the earliest
        `TRUST_SAMPLES` before `end`."""
        samples = np.frombuffer(sound, np.int16).astype(np.float32)
        blocks = samples[: len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES].reshape(-1, BLOCK_SAMPLES)
        levels = np.sqrt(np.einsum("ij,ij->i", blocks, blocks) / BLOCK_SAMPLES)
        self._peak = max(self._peak, float(levels.max(initial=0.0)))
        loud = np.flatnonzero(levels > self._peak * _RATIO)
        if len(loud):
            self._edge = end - len(samples) + (int(loud[-1]) + 1) * BLOCK_SAMPLES
        return max(self._edge, end - TRUST_SAMPLES)
