"""The conversation so far, read from the messages: the embedded model keeps no state of its own."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from random import Random
from typing import Any

from . import words

_NOT_NAMES = frozenset({"user", "caller", "guest", "system", "assistant", "human", "me", "you", "anonymous", "unknown", "friend"})
_ANSWERS_THAT_ARE_NO_NAMES = frozenset(
    "yes no stop wait hello hi nothing why what who go continue okay fine good thanks sorry never help sure none nobody tired "
    "happy sad sick bored hungry ready here back done busy cold lost glad well not very going afraid late".split()
)
_NAME_SAID = (
    r"\bmy name is (?:called )?(?P<name>[\w'-]+)",
    r"\b(?:you can |please )?call me (?P<name>[\w'-]+)",
    r"\bthis is (?P<name>[\w'-]+) (?:speaking|here)\b",
)
_NAME_PERHAPS = r"^(?:(?:hello|hi|hey)[,.!]?\s+)?(?:i'?m|i am)\s+(?P<name>[\w'-]+)[.!]?$"
_CHINESE_NAME = r"(?:我叫|我的名字是|我的名字叫|叫我)(?P<name>[\u4e00-\u9fff]{1,4}|[A-Za-z]+)(?:$|[。，！,.!\s])"


@dataclass(frozen=True, slots=True)
class Line:
    """What one participant said, as it was heard."""

    mine: bool
    """Whether this agent said it."""

    name: str
    text: str
    unheard: str | None = None
    """What an interruption cut off; None where nothing was cut."""

    agent: bool = False
    """Whether an agent said it, this one or another."""

    resumed: bool = False
    """Whether the agent has gone on since with what was unheard."""

    @property
    def whole(self) -> str:
        """The text with what was not heard of it."""
        return f"{self.text} {self.unheard}".strip() if self.unheard else self.text


class Conversation:
    """The lines of a conversation, oldest first, and what can be learnt from them."""

    def __init__(self, messages: Sequence[dict[str, Any]], me: str | None = None) -> None:
        self.me = me or _own_name(messages)
        """This agent's name, where it is known."""
        self.prompt = "\n".join(_text_of(message.get("content")) for message in messages if message.get("role") == "system")
        """What the agent was told about its part."""
        self.lines = [line for message in messages if (line := self._line(message)) is not None]
        self._place = self._to_answer()

    def _line(self, message: dict[str, Any]) -> Line | None:
        role, name = message.get("role"), str(message.get("name") or "")
        if role not in ("user", "assistant"):
            return None
        cut = message.get("interrupted")
        text = _text_of(message.get("content"))
        if not text and not cut:
            return None
        mine = role == "assistant" and (self.me is None or not name or name == self.me)
        agent = role == "assistant"
        if not isinstance(cut, dict):
            return Line(mine, name, text, agent=agent)
        return Line(mine, name, text, str(cut.get("unheard") or ""), agent, resumed=bool(cut.get("resumed_by")))

    def _to_answer(self) -> int:
        """The place of the line to answer: of what was said since this agent last spoke, the newest that calls it by name, else the
        newest of a person, else the newest of all. -1 where nobody else has said anything."""
        others = [place for place, line in enumerate(self.lines) if not line.mine]
        spoken = max((place for place, line in enumerate(self.lines) if line.mine and line.text), default=-1)
        new = [place for place in others if place > spoken] or others[-1:]
        called = [place for place in new if self.calls_me(self.lines[place])]
        people = [place for place in new if not self.lines[place].agent]
        return next((places[-1] for places in (called, people, new) if places), -1)

    @property
    def last(self) -> Line | None:
        """The line to answer."""
        return self.lines[self._place] if self._place >= 0 else None

    @property
    def earlier(self) -> list[Line]:
        """The lines before `last`."""
        return self.lines[: self._place] if self._place >= 0 else self.lines

    def calls_me(self, line: Line) -> bool:
        """Whether a line holds this agent's name."""
        return bool(self.me) and re.search(rf"\b{re.escape(self.me or '')}\b", line.text, re.IGNORECASE) is not None

    @property
    def together(self) -> list[Line]:
        """The newest line of each person who spoke since anybody answered, oldest first, where several did and called nobody."""
        tail: list[Line] = []
        for line in reversed(self.lines):
            if line.agent and line.text:
                break
            if not line.agent and line.name not in {one.name for one in tail}:
                tail.append(line)
        return tail[::-1] if len(tail) > 1 else []

    @property
    def last_of_mine(self) -> Line | None:
        """This agent's newest line before the one to answer."""
        return next((line for line in reversed(self.earlier) if line.mine), None)

    def interrupted(self) -> Line | None:
        """This agent's newest line that was cut off, unless it was taken up again later and then came to its end."""
        mine = [line for line in self.earlier if line.mine]
        for place in range(len(mine) - 1, -1, -1):
            cut = mine[place]
            if cut.unheard is None:
                continue
            taken_up = cut.unheard.strip() and any(
                later.text and cut.unheard.strip().startswith(later.text.strip()[:40]) for later in mine[place + 1 :]
            )
            return None if taken_up or cut.resumed else cut
        return None

    def said_by(self, name: str) -> list[Line]:
        """What a participant said, oldest first, the newest line included."""
        return [line for line in self.lines if not line.mine and line.name == name]

    def others(self, speaker: str) -> list[str]:
        """The names of the other participants who were heard, this agent left out, in order of appearance."""
        names = dict.fromkeys(line.name for line in self.lines if line.name and not line.mine)
        return [name for name in names if name not in (speaker, self.me) and is_name(name)]

    def caller_name(self, speaker: str) -> str | None:
        """What the speaker wants to be called: the newest name given, or the name of the seat where that is a name."""
        asked = False
        given: str | None = None
        for line in self.lines:
            if line.mine:
                asked = "your name?" in line.text or "名字？" in line.text
            elif line.name == speaker:
                given = name_in(line.text, asked) or given
                asked = False
        return given or (speaker if is_name(speaker) else None)


@dataclass(frozen=True, slots=True)
class Turn:
    """One line to be answered, with all that a rule may look at."""

    text: str
    """As it came, without this agent's name at either end."""
    plain: str
    """Lower case, without punctuation, fillers, openers and articles."""
    talk: Conversation
    speaker: str
    now: datetime
    chance: Random
    """Varies answers; the same conversation gives the same answers."""

    @property
    def words(self) -> list[str]:
        """The words of `plain`."""
        return self.plain.split()

    @property
    def caller(self) -> str | None:
        """The speaker's name, where it is known."""
        return self.talk.caller_name(self.speaker)

    @property
    def addressed(self) -> str:
        """A comma and the speaker's name, or nothing: to be put before the end of a sentence."""
        return f", {self.caller}" if self.caller else ""

    def count_of_mine(self) -> int:
        """How many lines this agent has said: what to vary answers by."""
        return sum(line.mine for line in self.talk.lines)


def is_name(name: str) -> bool:
    """Whether the name of a seat is a person's name and not a word such as `user` or `caller 2`."""
    first = name.lower().replace("-", " ").replace("_", " ").split(" ")[0].rstrip("0123456789")
    return bool(first) and first not in _NOT_NAMES


@lru_cache(maxsize=4096)  # as for `words.plain`
def name_in(text: str, asked: bool) -> str | None:
    """The name that somebody gave in this line. `asked`: whether they were just asked for it, so that one word is enough."""
    chinese = re.search(_CHINESE_NAME, text)
    if chinese and chinese["name"] not in ("什么", "啥", "什麼"):
        return chinese["name"]
    for pattern in _NAME_SAID:
        found = re.search(pattern, text, re.IGNORECASE)
        if found and found["name"].lower() not in (*_ANSWERS_THAT_ARE_NO_NAMES, "the", "a", "is"):
            return _capitalised(found["name"])
    found = re.match(_NAME_PERHAPS, text.strip(), re.IGNORECASE)
    if found and _may_be_name(found["name"], asked):
        return _capitalised(found["name"])
    said = re.findall(r"[\w'-]+", re.sub(r"^(?:it is|it's|its|um+|uh+)\s+", "", text.strip(), flags=re.IGNORECASE))
    if asked and len(said) == 1 and not words.is_chinese(text) and _may_be_name(said[0], asked):
        return _capitalised(said[0])
    return None


def _may_be_name(word: str, asked: bool) -> bool:
    if word.lower() in _ANSWERS_THAT_ARE_NO_NAMES or word[0].isdigit():
        return False
    return asked or word[0].isupper() or word.capitalize() in NAMES


def _capitalised(name: str) -> str:
    return name if name[0].isupper() else name[0].upper() + name[1:]


def _own_name(messages: Sequence[dict[str, Any]]) -> str | None:
    for message in messages:
        if message.get("role") == "system":
            found = re.search(r"\b(?:[Yy]ou are|[Yy]our name is)\s+(?!an?\b|the\b)([A-Z][\w-]*)", _text_of(message.get("content")))
            if found:
                return found[1]
            found = re.search(r"你(?:是|叫|的名字是)([\u4e00-\u9fff]{1,4}|[A-Z]\w*)[，。,.]", _text_of(message.get("content")))
            if found and not found[1].startswith("一"):
                return found[1]
    names = {str(message.get("name") or "") for message in messages if message.get("role") == "assistant"} - {""}
    return names.pop() if len(names) == 1 else None


def _text_of(content: object) -> str:
    if isinstance(content, str):
        return content.strip()
    if isinstance(content, list):
        parts = [part.get("text") for part in content if isinstance(part, dict)]
        return " ".join(part for part in parts if isinstance(part, str)).strip()
    return ""


NAMES = tuple(
    "Adam Alex Alice Amy Andrew Anna Ben Bob Carol Charlie Chris Claire Daniel David Emily Emma Eric Frank George Grace "
    "Hannah Helen Henry Ivan Jack James Jane Jenny John Julia Kate Kevin Laura Leo Linda Lisa Lucy Maria Mark Martin Mary "
    "Michael Mike Nick Nina Oliver Paul Peter Rachel Robert Ruth Sam Sarah Simon Sophie Steve Susan Thomas Tim Tom".split()
)
"""Common first names: expected by the recogniser, and understood after a bare "I am"."""
