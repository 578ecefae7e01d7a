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

_RATIO = 10 ** (-BELOW_PEAK_DB / 10)
"""Of energies."""


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
        count = len(samples) // BLOCK_SAMPLES
        blocks = samples[: count * BLOCK_SAMPLES].reshape(count, 1, BLOCK_SAMPLES)
        energies: list[float] = (blocks @ blocks.transpose(0, 2, 1)).ravel().tolist()  # four numbers: quicker in plain Python
        self._peak = max(self._peak, *energies) if energies else self._peak
        floor = self._peak * _RATIO
        for block in range(count - 1, -1, -1):
            if energies[block] > floor:
                self._edge = end - len(samples) + (block + 1) * BLOCK_SAMPLES
                break
        return max(self._edge, end - TRUST_SAMPLES)
