"""What an agent's part tells it to say, line by line: a part written for a language model, in a form that these rules can follow, too.

A part may hold lists, each under a heading that ends in a colon:

    Points:                 Questions:                    Phrases:
    - Tea wakes one gently.  - Where do you come from?     - good morning = guten Morgen
    - Tea has a culture.     - What do you do all day?     - thank you = danke

*Points* are brought forward one after another in a talk with other agents, *questions* are asked one after another of people, and
*phrases* are interpreted, in both directions. What has been said already is read from the conversation; nothing is kept.
"""

import re
from functools import lru_cache

from .conversation import Turn
from .words import is_chinese, plain

_HEADING = re.compile(r"^\s*(points|questions|phrases)\s*:\s*$", re.IGNORECASE)
_ITEM = re.compile(r"^\s*[-*•]\s+(.+?)\s*$")


@lru_cache(maxsize=256)
def cues(prompt: str) -> dict[str, tuple[str, ...]]:
    """The lists of a part by their heading, lower case."""
    found: dict[str, list[str]] = {}
    heading = None
    for line in prompt.splitlines():
        if named := _HEADING.match(line):
            heading = named[1].lower()
        elif heading and (item := _ITEM.match(line)):
            found.setdefault(heading, []).append(item[1])
        elif line.strip():
            heading = None
    return {name: tuple(items) for name, items in found.items()}


def next_point(turn: Turn) -> str | None:
    """Goes on with what it has to say, where an agent has spoken; for people this comes after all other rules (`any_point`)."""
    line = turn.talk.last
    return any_point(turn) if line is not None and line.agent else None


def any_point(turn: Turn) -> str | None:
    """The next point that was not brought forward yet."""
    points = cues(turn.talk.prompt).get("points")
    if not points:
        return None
    return _next(turn, points) or "I have said all that I have to say about it."


def next_question(turn: Turn) -> str | None:
    """Asks the next question that was not asked yet."""
    questions = cues(turn.talk.prompt).get("questions")
    if not questions:
        return None
    following = _next(turn, questions)
    if following is None:
        return "Thank you. I have no further questions."
    return following if turn.talk.last is None or not turn.talk.last_of_mine else f"I see. {following}"


def interpretation(turn: Turn) -> str | None:
    """Says in the other language what somebody said, as far as the table of phrases goes."""
    phrases = cues(turn.talk.prompt).get("phrases")
    if not phrases or (turn.talk.last is not None and turn.talk.last.agent):
        return None
    table = _table(phrases)
    said = _key(turn.text)
    if said in table:
        return table[said]
    parts = _parts(said, table)
    if parts:
        return " ".join(parts)
    return "I cannot interpret that: offline I know only the phrases that were written down for me."


def _next(turn: Turn, items: tuple[str, ...]) -> str | None:
    mine = " ".join(" ".join(line.whole for line in turn.talk.lines if line.mine).split())
    return next((item for item in items if " ".join(item.split()) not in mine), None)


@lru_cache(maxsize=64)
def _table(phrases: tuple[str, ...]) -> dict[str, str]:
    table: dict[str, str] = {}
    for phrase in phrases:
        one, equals, other = phrase.partition("=")
        if equals:
            table[_key(one)] = other.strip()
            table[_key(other)] = one.strip()
    return table


def _key(text: str) -> str:
    """What is compared: the words alone."""
    if is_chinese(text):
        return re.sub(r"[^\w]", "", text)
    return " ".join(re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.casefold())) or plain(text)


def _parts(said: str, table: dict[str, str]) -> list[str]:
    """Several known phrases one after another, longest first; nothing where a word between them is not known."""
    words = said.split()
    out: list[str] = []
    at = 0
    while at < len(words):
        end = next((end for end in range(len(words), at, -1) if " ".join(words[at:end]) in table), None)
        if end is None:
            return []
        out.append(table[" ".join(words[at:end])])
        at = end
    return out
