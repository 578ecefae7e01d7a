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

BEGIN_DB = 20.0
"""How far below his own level a caller may *begin*. A voice takes 50 to 100 ms to rise, and the "s" of "stop" lies 10 to 16 dB below its
vowel: who waits for the vowel holds 100 ms late. It counts for the first window alone, which holds the reply but is no evidence: where
the next ones stay faint it was a click, and the reply goes on."""

RISE_DB, RISE_WINDOWS = 20.0, 6
"""A beginning comes out of quiet: one of so many windows before (192 ms) was so much fainter. Talk in the room has no such holes."""

STEADY_DB, STEADY_RISE_DB, STEADY_BEGIN_DB = 6.0, 10.0, 28.0
"""Or it comes out of a steady background: all of these windows were alike, and it is louder than each. Then it may be fainter still: over a
telephone an "s" lies up to 27 dB below its vowel, 17 above the line's hiss."""

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
        level = _level(sound)
        self._recent.append(level)
        if speech:
            self._utterance.append(level)
        if self.usual is None:
            return False
        self._windows += 1
        return self._is_faint([*self._recent], self.usual, begins)

    def begins_faint(self, sound: bytes) -> bool:
        """Whether PCM16 that is no whole window yet would be too faint as the first of an utterance. Changes nothing."""
        return self.usual is not None and self._is_faint([*self._recent, _level(sound)], self.usual, True)

    def leaves_steadiness(self, sound: bytes) -> bool:
        """Whether PCM16 that is no whole window yet comes out of a steady background. Changes nothing."""
        return _leaves_steadiness([*self._recent, _level(sound)])

    def _is_faint(self, recent: list[float], usual: float, begins: bool) -> bool:
        loudest = max(recent[-max(SMOOTH_WINDOWS, 0 if begins else min(SMOOTH_SPEAKING, self._windows)) :])
        below = BELOW_DB
        if begins and _leaves_steadiness(recent):
            below = STEADY_BEGIN_DB
        elif begins and min(recent[-RISE_WINDOWS:]) < loudest - RISE_DB:
            below = BEGIN_DB
        return loudest < usual - below

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


def _level(sound: bytes) -> float:
    """RMS of PCM16 in dBFS."""
    samples = np.frombuffer(sound, np.int16).astype(np.float32)
    power = float(samples @ samples) / max(1, len(samples))
    return 10 * math.log10(max(power, 1.0) / 32768**2)


def _leaves_steadiness(recent: list[float]) -> bool:
    """Whether the last of some levels, in dB, rises out of what was alike before. The one just before it may hold its beginning."""
    before = sorted(recent[-2 - RISE_WINDOWS : -2])
    if len(before) < RISE_WINDOWS:
        return False
    loudest, middle = before[-1], before[RISE_WINDOWS // 2]  # a line's lost frames are holes in it
    return loudest - middle <= STEADY_DB and recent[-1] >= loudest + STEADY_RISE_DB
