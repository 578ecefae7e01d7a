"""A working memory that lives and dies with the process."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..message import Msg, ToolResultBlock
from .base import Marks, MemoryBase, as_marks

SLACK = 16
"""A sixteenth of `keep` is forgotten at a time, so that not every message has to look for what it pushes out."""


class InMemoryMemory(MemoryBase):
    """Messages in a dictionary by id, which keeps their order and finds doubles without a search."""

    __slots__ = ("_marks", "_messages", "_summary", "keep")

    def __init__(self, *, keep: int | None = None) -> None:
        """`keep`: so many messages at most; of more the oldest are forgotten, a sixteenth at a time, and a tool's result with
        its call. None keeps all. Raises ValueError below 2.

        Compression that comes in time (`CompressionConfig.trigger_messages` below `keep`) sums up what will be forgotten.
        """
        if keep is not None and keep < 2:
            raise ValueError(f"a memory keeps at least 2 messages, got keep={keep}")
        self.keep = keep
        self._messages: dict[str, Msg] = {}
        self._marks: dict[str, tuple[str, ...]] = {}
        self._summary = ""

    @property
    def compressed_summary(self) -> str:
        """What stands for the messages marked `compressed`; "" where nothing does."""
        return self._summary

    def append(self, msg: Msg, marks: Marks = None) -> bool:
        """Adds one message at once; False where its id is there already."""
        if msg.id in self._messages:
            return False
        self._messages[msg.id] = msg
        if marks:
            self._marks[msg.id] = as_marks(marks)
        if self.keep is not None and len(self._messages) > self.keep:
            self._forget(len(self._messages) - self.keep + self.keep // SLACK)
        return True

    def replace(self, msg: Msg) -> bool:
        """Puts `msg` in the place of the message with its id, which keeps its marks; False where there is none."""
        if msg.id not in self._messages:
            return False
        self._messages[msg.id] = msg
        return True

    def remove(self, ids: Iterable[str]) -> int:
        """Removes messages by id; the number of those that were there."""
        removed = 0
        for one in ids:
            removed += self._messages.pop(one, None) is not None
            self._marks.pop(one, None)
        return removed

    def messages(self, mark: str | None = None, exclude_mark: str | None = None) -> Sequence[Msg]:
        """The messages in order: all, those with `mark`, or those without `exclude_mark`."""
        marks = self._marks
        if mark is None and (exclude_mark is None or not marks):
            return list(self._messages.values())
        return [
            msg for one, msg in self._messages.items()
            if (mark is None or mark in marks.get(one, ())) and (exclude_mark is None or exclude_mark not in marks.get(one, ()))
        ]  # fmt: skip

    def mark(self, ids: Iterable[str], new_mark: str | None, old_mark: str | None = None) -> int:
        """Gives messages `new_mark`, takes `old_mark` from them (either may be None); the number of messages changed."""
        changed = 0
        for one in ids:
            if one not in self._messages:
                continue
            before = self._marks.get(one, ())
            after = tuple(mark for mark in before if mark != old_mark)
            if new_mark is not None and new_mark not in after:
                after += (new_mark,)
            if after:
                self._marks[one] = after
            else:
                self._marks.pop(one, None)
            changed += after != before
        return changed

    def summarise(self, summary: str) -> None:
        """Sets the compressed summary."""
        self._summary = summary

    def state_dict(self) -> dict[str, Any]:
        """Everything in it as plain JSON values."""
        content = [[msg.to_dict(), list(self._marks.get(one, ()))] for one, msg in self._messages.items()]
        return {"content": content, "compressed_summary": self._summary}

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Replaces everything by what `state_dict` gave, here or in AgentScope 1.x. Raises MessageFormatError; with `strict`
        also KeyError where the messages are missing. Nothing is changed if it raises."""
        if strict and "content" not in state:
            raise KeyError("content")
        loaded: list[tuple[Msg, tuple[str, ...]]] = []
        for item in state.get("content", ()):
            data, marks = (item, ()) if isinstance(item, Mapping) else item
            loaded.append((Msg.from_dict(data), as_marks(marks)))
        self._messages = {msg.id: msg for msg, _ in loaded}
        self._marks = {msg.id: marks for msg, marks in loaded if marks}
        if self.keep is not None and len(self._messages) > self.keep:
            self._forget(len(self._messages) - self.keep)
        self._summary = str(state.get("compressed_summary") or state.get("_compressed_summary") or "")

    def _forget(self, count: int) -> None:
        """Forgets the oldest messages, and results of tools whose calls are among them with all before those."""
        messages = list(self._messages.values())
        while True:
            calls = {call.id for msg in messages[:count] for call in msg.tool_uses()}
            answers = [index for index in range(count, len(messages)) if calls and _answers(messages[index], calls)]
            if not answers:
                break
            count = answers[-1] + 1
        self.remove([msg.id for msg in messages[:count]])

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self._messages)} messages)"


def _answers(msg: Msg, calls: set[str]) -> bool:
    return any(isinstance(block, ToolResultBlock) and block.id in calls for block in msg.blocks())
