"""How loud this caller is, and whether what is heard over a reply is loud enough to be him.

The level that matters is relative: who has spoken loudly so far does not interrupt in a murmur, and people who talk elsewhere in the
room are farther away. So over a reply, sound that stays well below the caller's own level is not taken for the caller. Before a caller
has said anything every speech counts, and while no reply plays every speech counts always. Pure.
"""

import math
from collections import deque

import numpy as np

BELOW_DB = 10.0
"""How far below his own level a caller may fall and still interrupt. People raise their voice to break in (Lombard); background
talkers lie 10 dB and more below who speaks into the microphone."""

SMOOTH_WINDOWS, SMOOTH_SPEAKING = 4, 10
"""The loudest of so many windows counts (128 ms with Silero's): between its vowels a voice falls by 20 dB. In an utterance it is more of
them (320 ms): the consonants of "excuse me" last for 200 ms, and who spoke up just now has not gone."""

BEGIN_DB = 15.0
"""How far below his own level a caller may *begin*. A voice takes 50 to 100 ms to rise, and the "s" of "stop" lies 10 to 16 dB below its
vowel: who waits for the vowel holds 100 ms late. It counts for the first window alone, which holds the reply but is no evidence: where
the next ones stay faint it was a click, and the reply goes on."""

RISE_DB, RISE_WINDOWS = 20.0, 6
"""A beginning comes out of quiet: one of so many windows before (192 ms) was so much fainter. Talk in the room has no such holes."""

LEARN = 0.4
"""How much of each utterance's level goes into the caller's: a few turns follow who leans back."""


class CallerLevel:
    """Follows one caller's level, from window to window and from turn to turn. Levels are RMS in dBFS."""

    def __init__(self) -> None:
        self.usual: float | None = None
        """The caller's level, None before the first turn."""
        self._recent: deque[float] = deque(maxlen=max(RISE_WINDOWS, SMOOTH_SPEAKING))
        self._utterance: list[float] = []
        self._windows = 0
        """Of the utterance so far."""

    def judge(self, sound: bytes, speech: bool, *, begins: bool = False) -> bool:
        """Takes a window of PCM16; `speech`: the VAD's verdict; `begins`: whether it would be the first of an utterance. Answers whether it
        is too faint to be this caller."""
        samples = np.frombuffer(sound, np.int16).astype(np.float32)
        power = float(samples @ samples) / max(1, len(samples))
        level = 10 * math.log10(max(power, 1.0) / 32768**2)
        self._recent.append(level)
        if speech:
            self._utterance.append(level)
        if self.usual is None:
            return False
        self._windows += 1
        recent = list(self._recent)
        loudest = max(recent[-max(SMOOTH_WINDOWS, 0 if begins else min(SMOOTH_SPEAKING, self._windows)) :])
        rises = begins and min(recent[-RISE_WINDOWS:]) < loudest - RISE_DB
        return loudest < self.usual - (BEGIN_DB if rises else BELOW_DB)

    def begin(self) -> None:
        """An utterance begins."""
        self._utterance = self._utterance[-1:]
        self._windows = 1

    def learn(self) -> None:
        """The turn was the caller's: its level is his. The loudest quarter of its windows counts, as for the eye of a meter."""
        if len(self._utterance) < 4:
            return
        loud = sorted(self._utterance)[-max(1, len(self._utterance) // 4) :]
        level = sum(loud) / len(loud)
        self.usual = level if self.usual is None else self.usual + LEARN * (level - self.usual)
        self._utterance = []
