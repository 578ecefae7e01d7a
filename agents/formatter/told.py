"""What was told before: the prompt of a conversation as far as it does not change from turn to turn.

A prompt tells the whole conversation again at each turn, and all of it but the end was told at the turn before. An agent keeps a
`Told` and hands it to its formatter, which then goes on from the last place up to which the messages are the same. Messages do
not change once a memory holds them: one that was replaced (by what was heard of it) is another object, and the prompt is told
anew from there.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..message import Msg

PLACES = 16
"""How many of the last places one can go back to. What changes is near the end: hints, a discarded draft, the words heard of the
last reply. For a change before them the prompt is told from the beginning."""

Names = frozenset[str]


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a conversation between two units."""

    msgs: int = 0
    """How many messages of the conversation are before it."""
    messages: int = 0
    """How many messages the prompt has there."""
    last: dict[str, Any] | None = None
    """The last of these, to which what follows may be added."""
    people: Names = frozenset()
    agents: Names = frozenset()
    """Who has spoken before it."""


START = Place()


class Told:
    """The prompt that one agent's formatter made last, without the system prompt at its head."""

    __slots__ = ("_places", "by", "messages", "msgs", "several")

    def __init__(self) -> None:
        self.by: Any = None
        """The formatter, and for whom."""
        self.several = False
        """Whether names are told."""
        self.msgs: Sequence[Msg] = ()
        self.messages: list[dict[str, Any]] = []
        self._places: deque[Place] = deque(maxlen=PLACES)

    def go_back(self, msgs: Sequence[Msg], by: Any) -> Place:
        """Goes back to the last place before which this conversation is the same, and forgets what was told after it."""
        if self.by == by:
            while self._places:
                place = self._places[-1]
                if self.msgs[: place.msgs] == msgs[: place.msgs]:  # by identity first, so this costs nothing
                    del self.messages[place.messages :]
                    if place.last is not None:
                        self.messages[-1] = place.last
                    return place
                self._places.pop()
        return self.begin(by)

    def begin(self, by: Any) -> Place:
        """Forgets everything."""
        self.by = by
        self.messages = []
        self._places.clear()
        return START

    def reach(self, msgs: int, people: Names, agents: Names) -> None:
        """Notes that one can go back to where the prompt is now."""
        last = self.messages[-1] if self.messages else None
        self._places.append(Place(msgs, len(self.messages), last, people, agents))

    def copies(self) -> list[dict[str, Any]]:
        """The prompt, for a reader who may change it."""
        return [
            message.copy() if len(message) == 2 and type(message["content"]) is not list else _copy(message)
            for message in self.messages
        ]


def _copy(message: dict[str, Any]) -> dict[str, Any]:
    message = message.copy()
    if isinstance(message["content"], list):
        message["content"] = [dict(part) for part in message["content"]]
    if "tool_calls" in message:
        message["tool_calls"] = [{**call, "function": dict(call["function"])} for call in message["tool_calls"]]
    return message
