"""The floor: which agent answers a turn. Pure.

People come before agents by rule of the turn machine (a reply is held while a caller speaks); this file decides between agents: one
who is addressed by name, else the one who spoke last, else the first of the room.
"""

import re
from collections.abc import Sequence


def addressed(text: str, names: Sequence[str]) -> str | None:
    """The agent whose name stands where one calls a person: at the start (after a greeting or not) or at the end of the turn.

    A name in the middle ("ask Ben about it") is talk about somebody, unless it is set off by commas.
    """
    for name in names:
        called = re.escape(name)
        greeting = r"(?:(?:hey|hi|hello|okay|ok|so|and|dear|excuse me|嘿|你好|喂)[\s,，!]+)*"
        patterns = (rf"^\W*{greeting}{called}\b", rf"\b{called}\W*$", rf"[,，]\s*{called}\s*[,，]")
        if any(re.search(pattern, text, re.IGNORECASE) for pattern in patterns):
            return name
    return None


def choose(text: str, names: Sequence[str], last: str | None = None) -> str:
    """The agent that answers `text`. Raises ValueError when there is none."""
    if not names:
        raise ValueError("the room has no agent that could answer")
    called = addressed(text, names)
    if called:
        return called
    return last if last is not None and last in names else names[0]
