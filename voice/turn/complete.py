"""End-of-turn models: how likely the turn, as it stands, is complete.

The turn machine takes a probability and decides about time itself. A model is asked when the recogniser's text changes and when the
caller pauses; in a pause it is also given the sound. Models keep no state of a caller, so that one serves all; most are plain and quick,
and who is not says so.
"""

import math
from typing import Protocol

from . import dictation, prosody, wording
from .words import words_of

SOUND_MS = 8000
"""How much of the turn's sound a model is given at most, its end: what Smart Turn looks at."""


class EndOfTurnModel(Protocol):
    """Judges whether a turn is complete."""

    blocking: bool
    """Whether an answer takes so long (a neural network) that it must be waited for in a thread."""

    def probability(self, text: str, sound: bytes = b"") -> float:
        """From 0 (surely goes on) to 1 (surely complete), for the words of the turn so far and, where the caller pauses, its sound:
        PCM16 at 16 kHz, the last `SOUND_MS` at most, with the silence of the pause at its end. Without sound the words must do."""


class SilenceEndOfTurn:
    """Knows nothing but silence: no turn ever looks complete, and `timeout_ms` decides."""

    blocking = False

    def probability(self, text: str, sound: bytes = b"") -> float:
        return 0.0


class TextEndOfTurn:
    """Judges by how the words end (`wording.py`)."""

    blocking = False

    def probability(self, text: str, sound: bytes = b"") -> float:
        return wording.completeness(text)


TEXT_WEIGHT, PROSODY_WEIGHT, COMBINED_BIAS = 1.2, 1.0, 0.0
"""Of the log odds of words and of sound, chosen on the fixtures of `hubbub eval endpointing`, wide and by telephone together; see
docs/endpointing.md."""

MOST_OF_SOUND = 2.5
"""Log odds that sound counts for at most, either way. Prosody's spread three times as wide as those of words. With this, words that look
whole (0.8) are overruled where the sound says 0.16 or less, and open words (0.1) never."""


class CombinedEndOfTurn:
    """Words and prosody together, the default: the weighted sum of their log odds. Without sound it is the words' judgement, and so it
    is where digits are dictated: the voice falls after every group of them, and only counting tells the last."""

    blocking = False

    def probability(self, text: str, sound: bytes = b"") -> float:
        words = wording.completeness(text)
        ending = prosody.measure(sound) if words > 0 and not dictation.ends_in_digits(words_of(text)) else None
        if ending is None:
            return words
        sound_odds = min(MOST_OF_SOUND, max(-MOST_OF_SOUND, prosody.score(ending)))
        odds = TEXT_WEIGHT * math.log(words / (1 - words)) + PROSODY_WEIGHT * sound_odds + COMBINED_BIAS
        return 1 / (1 + math.exp(-odds))
