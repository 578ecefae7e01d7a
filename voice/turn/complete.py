"""End-of-turn models: how likely the words so far are a whole turn.

The turn machine asks for a probability and decides about time itself. `TextEndOfTurn` knows what an open sentence ends in; it is
a set of rules, quick enough to be asked about every partial.
"""

import re
from typing import Protocol

from .words import is_filler, words_of


class EndOfTurnModel(Protocol):
    """Judges whether a turn is complete."""

    def probability(self, text: str) -> float:
        """From 0 (surely goes on) to 1 (surely complete), for the words of the turn so far."""


class SilenceEndOfTurn:
    """Knows nothing but silence: no turn ever looks complete, and `timeout_ms` decides."""

    def probability(self, text: str) -> float:
        return 0.0


_OPEN_ENDINGS = frozenset(
    """a an the this these those my your his her its our their some any every each another
    and or but because so if when while although though unless until since than that which who whose whom where as
    of to in on at by for from with without about into onto over under between through during before after against like
    is are was were am be been being do does did has have had will would can could shall should may might must
    i'm you're he's she's it's we're they're i'll you'll we'll i've you've we've i'd you'd
    i you he we they please um uh er erm well also then just very really too more most not no-one
    let's let want need going gonna wanna""".split()
)
"""English words that a finished sentence seldom ends in: determiners, conjunctions, prepositions, auxiliaries, fillers."""

_CLOSED_ANYWAY = (
    r"\b(?:how are you|who are you|where are you|what are you|are you there|thank you|see you|after you|i am|i do|i did|i have"
    r"|i will|i can|i would|yes please|please do|what for|where to|who with|what about you|and you|how about you|so do i|me too"
    r"|what is that|who is that|what's that|like that|think so|hope so|what is this|well|not really|some more|no more|once more"
    r"|go on|carry on|hold on|come in|log in|turn it on|turn it off|i want to|what you can do|what can you do|whatever you want)$"
)
_OPEN_PHRASES = (
    r"\b(?:my name is|i would like|i'd like|i want|i need|can you|could you|would you|tell me|give me|my number is|my email is"
    r"|my address is|the number is|it is|there is|there are|what is|who is|how much is|what about|how about|plus|minus|times"
    r"|divided by|multiplied by|count to|count from|spell|repeat after me|remember that|dot|at|double|underscore|dash)$"
)
_NUMBERS = frozenset("zero oh one two three four five six seven eight nine ten double triple".split())
_CHINESE_OPEN = ("和", "跟", "或", "或者", "但", "但是", "可是", "因为", "所以", "然后", "如果", "而且", "还有", "就是", "那个", "这个",
                 "的话", "我想", "我要", "请", "请问", "从", "到", "把", "给", "在", "是", "有", "比如", "我叫", "的", "呃", "嗯")


class TextEndOfTurn:
    """Judges by how the words end."""

    def probability(self, text: str) -> float:
        words = words_of(text)
        if not words or is_filler(text):
            return 0.0
        if text.rstrip().endswith(("?", "？", "!", "！", ".", "。")):
            return 0.9
        lowered = " ".join(words)
        if re.search(_CLOSED_ANYWAY, lowered):
            return 0.8
        if words[-1][-1] >= "一":
            return 0.2 if words[-1].endswith(_CHINESE_OPEN) else 0.8
        if re.search(_OPEN_PHRASES, lowered) or words[-1] in _OPEN_ENDINGS:
            return 0.1
        return 0.3 if _is_dictating(words) else 0.8


def _is_dictating(words: list[str]) -> bool:
    """Whether the words end in single digits that may go on: three to nine of them is half a telephone number."""
    run = 0
    for word in reversed(words):
        if word not in _NUMBERS and not word.isdigit():
            break
        run += len(word) if word.isdigit() else 1
    return 3 <= run < 10
