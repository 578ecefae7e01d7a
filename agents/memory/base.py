"""What a working memory can do.

The primitives are plain calls: what an interrupted agent has to remember is written while its task is being cancelled, when
nothing may be awaited. So a memory keeps its messages at hand, and one that outlives the process writes them behind the
caller's back; `flush` waits until that is done. The coroutines are AgentScope's names for the same things.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

from ..message import Msg, as_messages

COMPRESSED = "compressed"
"""The mark of messages that the compressed summary stands for; they are kept, but not shown to the model any more."""

Marks = str | Iterable[str] | None


def as_marks(marks: Marks) -> tuple[str, ...]:
    """One mark, several, or none, as a tuple."""
    if marks is None:
        return ()
    return (marks,) if isinstance(marks, str) else tuple(marks)


class MemoryBase(ABC):
    """An ordered list of messages, each with its marks, and a summary of those that are not shown any more.

    Messages are not copied: whoever adds one does not change it afterwards. A message whose id is already there is left out,
    so that what reaches an agent over two ways (a hub and its own reply) is there once.
    """

    __slots__ = ()

    @property
    @abstractmethod
    def compressed_summary(self) -> str:
        """What stands for the messages marked `compressed`; "" where nothing does."""

    @abstractmethod
    def append(self, msg: Msg, marks: Marks = None) -> bool:
        """Adds one message at once; False where its id is there already."""

    @abstractmethod
    def replace(self, msg: Msg) -> bool:
        """Puts `msg` in the place of the message with its id, which keeps its marks; False where there is none."""

    @abstractmethod
    def remove(self, ids: Iterable[str]) -> int:
        """Removes messages by id; the number of those that were there."""

    @abstractmethod
    def messages(self, mark: str | None = None, exclude_mark: str | None = None) -> Sequence[Msg]:
        """The messages in order: all, those with `mark`, or those without `exclude_mark`. The caller does not change it."""

    @abstractmethod
    def mark(self, ids: Iterable[str], new_mark: str | None, old_mark: str | None = None) -> int:
        """Gives messages `new_mark`, takes `old_mark` from them (either may be None); the number of messages changed."""

    @abstractmethod
    def summarise(self, summary: str) -> None:
        """Sets the compressed summary."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Everything in it as plain JSON values."""

    @abstractmethod
    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Replaces everything by what `state_dict` gave. Raises MessageFormatError; with `strict` also KeyError where the
        messages are missing."""

    def prompt(self) -> list[Msg]:
        """What the model sees: the summary, then what is not compressed."""
        shown = list(self.messages(exclude_mark=COMPRESSED))
        if self.compressed_summary:
            shown.insert(0, Msg("user", self.compressed_summary, "user", id="summary", timestamp=""))
        return shown

    async def flush(self) -> None:
        """Returns when all that was written before survives the end of the process, as far as this memory promises that."""
        return

    async def add(self, memories: Msg | Iterable[Msg] | None, marks: Marks = None, allow_duplicates: bool = False) -> None:
        """Adds messages, each with `marks`. With `allow_duplicates` a message whose id is there is added under a new id."""
        from ..message import new_id

        for msg in as_messages(memories):
            if not self.append(msg, marks) and allow_duplicates:
                self.append(msg.copy_with(id=new_id()), marks)

    async def get_memory(
        self, mark: str | None = None, exclude_mark: str | None = None, prepend_summary: bool = True
    ) -> list[Msg]:
        """The messages, as `messages`, after the compressed summary (as a user's message) where there is one."""
        found = list(self.messages(mark, exclude_mark))
        if prepend_summary and self.compressed_summary:
            found.insert(0, Msg("user", self.compressed_summary, "user", id="summary", timestamp=""))
        return found

    async def delete(self, msg_ids: Iterable[str]) -> int:
        """Removes messages by id; the number of those that were there."""
        return self.remove([msg_ids] if isinstance(msg_ids, str) else msg_ids)

    async def delete_by_mark(self, mark: Marks) -> int:
        """Removes all messages that have one of the marks; how many."""
        return self.remove([msg.id for one in as_marks(mark) for msg in self.messages(mark=one)])

    async def update_messages_mark(
        self, new_mark: str | None, old_mark: str | None = None, msg_ids: Iterable[str] | None = None
    ) -> int:
        """Gives messages `new_mark` instead of `old_mark`: those with `msg_ids` (all where None) that have `old_mark` (any
        where None). `new_mark` None takes the mark away. The number of messages changed."""
        chosen = [msg.id for msg in self.messages(mark=old_mark)]
        if msg_ids is not None:
            wanted = set(msg_ids)
            chosen = [one for one in chosen if one in wanted]
        return self.mark(chosen, new_mark, old_mark)

    async def update_compressed_summary(self, summary: str) -> None:
        """Sets the compressed summary."""
        self.summarise(summary)

    async def size(self) -> int:
        """How many messages there are."""
        return len(self.messages())

    async def clear(self) -> None:
        """Forgets everything: messages, marks and the summary."""
        self.remove([msg.id for msg in self.messages()])
        self.summarise("")
