"""Counting, in pieces short enough to be interrupted after any number."""

import re

from .conversation import Turn
from .numbers import exact_number, number_at, say

FURTHEST = 200
"""How many numbers are counted in one reply: about two minutes of speech."""

_JOINTS = frozenset({"to", "too", "until", "for", "through"})
_TOLD = r"\b(?:count|counts|counting|counted|county|account)\b"


def count(turn: Turn) -> str | None:
    """Counts up or down, from and to what was asked, by ones or in steps."""
    said = turn.plain
    if not re.search(_TOLD, said) or re.search(r"^(?:can you|do you|how|what|why)\b", said):
        return None
    rest = re.split(_TOLD, said, maxsplit=1)[1].strip()
    rest, step = _step(rest)
    down = bool(re.search(r"\b(?:down|backwards?|back)\b", said))
    rest = re.sub(r"\b(?:up|down|backwards?|back|on|me|again|loud|out|slowly|once more)\b", " ", rest).split()
    first, last = _bounds(rest)
    if last is None:
        if rest and not down and first is None:
            return None
        first, last = (first, 0 if down else (first or 1) + 9) if first is not None else ((10, 0) if down else (1, 10))
    if first is None:
        first, last = (last, 0) if down else (step, last)
    if down and first < last:
        first, last = last, first
    if abs(first) > 10**6 or abs(last) > 10**6:
        return "That is further than I count."
    return _counted(first, last, step)


def _step(rest: str) -> tuple[str, int]:
    found = re.search(r"\b(?:by|in steps of|in) (twos|threes|fives|tens|two|three|five|ten)\b", rest)
    if not found:
        return rest, 1
    size = {"two": 2, "thr": 3, "fiv": 5, "ten": 10}[found[1][:3]]
    return rest[: found.start()] + rest[found.end() :], size


def _bounds(words: list[str]) -> tuple[int | None, int | None]:
    """Where to begin and where to end. Recognisers mix up "to", "two", "too" and "for", so a lone one of them is a joint."""
    first = last = None
    if words[:1] == ["from"]:
        read = number_at(words, 1, loose=True)
        if read:
            first, words = int(read[0]), words[read[1] :]
        else:
            words = words[1:]
    while len(words) > 1 and (words[0] in _JOINTS or (words[0] == "two" and words[1] not in ("hundred", "thousand"))):
        words = words[1:]
    if words and words[0] == "from":  # "count to twenty from ten"
        return first, last
    for end in range(len(words), 0, -1):
        value = exact_number(words[:end])
        if value is not None:
            last = int(value)
            following = words[end:]
            if following[:1] == ["from"]:
                first = int(value) if (value := exact_number(following[1:])) is not None else first
            elif following[:1] in (["to"], ["two"], ["until"], ["through"]) and (value := exact_number(following[1:])) is not None:
                first, last = last, int(value)
            break
    return first, last


def _counted(first: int, last: int, step: int) -> str:
    direction = 1 if last >= first else -1
    numbers = range(first, last + direction, step * direction)
    told = numbers[:FURTHEST]
    spoken = ", ".join(say(number) for number in told)
    sentence = spoken[0].upper() + spoken[1:] + "."
    return sentence if len(told) == len(numbers) else f"{sentence} That is as far as I count in one go."
