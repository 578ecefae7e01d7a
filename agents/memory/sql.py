"""Memory that outlives the process: SQLite by default, PostgreSQL by URL.

    async with SqlStore("conversations.db") as store:
        memory = await store.memory("session-1")
        agent = ReActAgent("Ada", "…", model, memory=memory)

The messages of a session that is in use are in the process, as in `InMemoryMemory`, so that reading costs nothing; every
change also goes into a queue, from which one thread writes for all sessions of the store, many changes in one transaction.
`flush`, which agents await at the end of each turn and at each interruption, returns when the writer has committed.

Committed means: it survives the end of this process, however sudden. SQLite runs in WAL mode with `synchronous=NORMAL`, so a
loss of power may cost the last moments, but never the database; `durable=True` syncs each commit to the disk.

The queue is bounded (`QUEUE_CHANGES`). Whoever awaits (`add`, `flush`) waits for room; the plain calls (`append`, …) do not
wait, and so may put the changes of one turn on top of a full queue. If the database fails, the writer keeps the changes and
tries again, and `flush` raises MemoryWriteError meanwhile.
"""

import json
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self, TypeVar, overload

from ..message import Msg
from .base import Marks
from .in_process import InMemoryMemory
from .sql_writer import Change, MemoryWriteError, Writer

__all__ = ["MemoryWriteError", "SqlMemory", "SqlStore"]

QUEUE_CHANGES = 4096
"""Changes that may wait for the writer before who awaits has to wait."""


M = TypeVar("M", bound="SqlMemory")


class SqlStore:
    """A database of conversations, and the one thread that writes it.

    `url` is a path (`conversations.db`, `sqlite:///…`, `:memory:` for tests) or `postgresql://…`, for which psycopg is needed.
    The database is opened, and its tables made or brought up to date, by `open` or on the first use.
    """

    def __init__(self, url: str = "hubbub.db", *, durable: bool = False, queue_changes: int = QUEUE_CHANGES) -> None:
        self.url = url
        self._writer = Writer(url, durable, queue_changes)

    async def open(self) -> Self:
        """Opens the database. Raises MemoryWriteError where that fails, or where a newer version of hubbub has written it."""
        await self._writer.start()
        return self

    async def close(self) -> None:
        """Writes what is left, and closes the database. Raises MemoryWriteError if that fails."""
        await self._writer.stop()

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @overload
    async def memory(self, session_id: str) -> "SqlMemory": ...

    @overload
    async def memory(self, session_id: str, make: "Callable[[SqlStore, str], M]") -> "M": ...

    async def memory(self, session_id: str, make: "Callable[[SqlStore, str], SqlMemory] | None" = None) -> "SqlMemory":
        """The memory of a session, with what the database has of it. One session belongs to one memory at a time.

        `make`: a memory of another class, or one that keeps so many messages. Raises ValueError for an id that is empty or that a
        database cannot hold.
        """
        if not session_id or "\0" in session_id or not session_id.isprintable():
            raise ValueError(f"a session id is printable text, got {session_id!r}")
        await self.open()
        memory = (make or SqlMemory)(self, session_id)
        memory.fill(*await self._writer.read(session_id))
        return memory

    async def sessions(self) -> list[str]:
        """The ids of all sessions that have messages, the one that was written last first."""
        await self.open()
        return await self._writer.sessions()

    async def delete_session(self, session_id: str) -> None:
        """Forgets a session."""
        await self.open()
        self.write(Change("clear", session_id))
        await self.flush()

    def write(self, change: Change) -> None:
        """Hands a change to the writer; used by `SqlMemory`."""
        self._writer.push(change)

    async def room(self) -> None:
        """Returns when the queue has room."""
        await self._writer.room()

    async def flush(self) -> None:
        """Returns when all changes so far are committed. Raises MemoryWriteError while the database fails."""
        await self._writer.flush()

    @property
    def shown(self) -> str:
        """The URL as it may be logged: without a password."""
        return self._writer.shown

    @property
    def waiting(self) -> int:
        """How many changes wait for the writer."""
        return self._writer.waiting


class SqlMemory(InMemoryMemory):
    """The working memory of one session of an `SqlStore`. Made by `SqlStore.memory`, or by `SqlMemory.open`."""

    __slots__ = ("_next", "_owns_store", "session_id", "store")

    def __init__(self, store: SqlStore, session_id: str, *, keep: int | None = None) -> None:
        """`keep`: so many messages at most, here and in the database (see `InMemoryMemory`)."""
        super().__init__(keep=keep)
        self.store = store
        self.session_id = session_id
        self._next = 0
        self._owns_store = False

    @classmethod
    async def open(cls, url: str, session_id: str) -> "SqlMemory":
        """Opens a store for one memory alone, which `close` closes."""
        memory = await SqlStore(url).memory(session_id)
        memory._owns_store = True
        return memory

    async def close(self) -> None:
        """Writes what is left; closes the store where it was opened for this memory alone."""
        await (self.store.close() if self._owns_store else self.flush())

    def fill(self, rows: Iterable[tuple[int, str, str]], summary: str) -> None:
        """Takes over what the database has, as (place, message, marks) in order; used by the store."""
        for place, message, marks in rows:
            self._next = place + 1
            super().append(Msg.from_dict(json.loads(message)), json.loads(marks))
        super().summarise(summary)

    def write(self, change: Change) -> None:
        """Hands a change to the store's writer."""
        self.store.write(change)

    def write_all(self) -> None:
        """Puts everything in the place of what the database has of this session."""
        self.store.write(Change("clear", self.session_id))
        for place, (one, msg) in enumerate(self._messages.items()):
            self.store.write(Change("put", self.session_id, one, place, msg, self._marks.get(one, ())))
        self._next = len(self._messages)
        self.store.write(Change("summary", self.session_id, self._summary))

    def append(self, msg: Msg, marks: Marks = None) -> bool:
        """Adds one message at once; False where its id is there already."""
        if not super().append(msg, marks):
            return False
        self.write(Change("put", self.session_id, msg.id, self._next, msg, self._marks.get(msg.id, ())))
        self._next += 1
        return True

    def replace(self, msg: Msg) -> bool:
        """Puts `msg` in the place of the message with its id; False where there is none."""
        if not super().replace(msg):
            return False
        self.write(Change("message", self.session_id, msg.id, message=msg))
        return True

    def remove(self, ids: Iterable[str]) -> int:
        """Removes messages by id; the number of those that were there."""
        there = [one for one in ids if one in self._messages]
        for one in there:
            self.write(Change("delete", self.session_id, one))
        return super().remove(there)

    def mark(self, ids: Iterable[str], new_mark: str | None, old_mark: str | None = None) -> int:
        """Gives messages `new_mark`, takes `old_mark` from them (either may be None); the number of messages changed."""
        there = [one for one in ids if one in self._messages]
        changed = super().mark(there, new_mark, old_mark)
        for one in there:
            self.write(Change("marks", self.session_id, one, marks=self._marks.get(one, ())))
        return changed

    def summarise(self, summary: str) -> None:
        """Sets the compressed summary."""
        super().summarise(summary)
        self.write(Change("summary", self.session_id, summary))

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Replaces everything by what `state_dict` gave, in the database, too."""
        super().load_state_dict(state, strict)
        self.write_all()

    async def add(self, memories: Msg | Iterable[Msg] | None, marks: Marks = None, allow_duplicates: bool = False) -> None:
        """Adds messages; waits while the writer is far behind."""
        await self.store.room()
        await super().add(memories, marks, allow_duplicates)

    async def flush(self) -> None:
        """Returns when all that was written before is committed. Raises MemoryWriteError while the database fails."""
        await self.store.flush()
