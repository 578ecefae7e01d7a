"""What outlives the process: what the agents of each room remember, in a database (`server.store`).

A room that is opened again, after a restart or by a later process, finds its agents with the memory they had. The database is never in
the way of a conversation: messages are in the process, and a thread writes what changes (`agents/memory/sql.py`). While it fails the
conversation goes on in memory; so many changes wait for it (`QUEUE_CHANGES`), then no more are kept, and the whole memory is written
anew when it works again.
"""

import logging
from collections.abc import Callable, Iterable

from ..agents.memory.base import Marks
from ..agents.memory.in_process import InMemoryMemory
from ..agents.memory.sql import QUEUE_CHANGES, MemoryWriteError, SqlMemory, SqlStore
from ..agents.memory.sql_writer import Change
from ..agents.message import Msg

log = logging.getLogger("hubbub.store")


class KeptMemory(SqlMemory):
    """The memory of one agent in one room."""

    __slots__ = ("_behind",)

    def __init__(self, store: SqlStore, session_id: str, *, keep: int | None = None) -> None:
        super().__init__(store, session_id, keep=keep)
        self._behind = False
        """Changes were not handed on: the database has an older state than this."""

    def write(self, change: Change) -> None:
        """Hands a change on, as long as there is room for it."""
        if self.store.waiting >= QUEUE_CHANGES:
            self._behind = True
        elif self._behind:
            self._behind = False
            self.write_all()  # this change is in it
        else:
            super().write(change)

    async def add(self, memories: Msg | Iterable[Msg] | None, marks: Marks = None, allow_duplicates: bool = False) -> None:
        """Adds messages. Never waits for the database: a talk does not."""
        await InMemoryMemory.add(self, memories, marks, allow_duplicates)

    async def flush(self) -> None:
        """Returns when all that was written before is committed, or the database fails, which the log says."""
        try:
            await super().flush()
        except MemoryWriteError:
            log.debug("%s is not written yet", self.session_id)  # the writer has said so, once


class RoomStore:
    """The memories of a house's rooms."""

    def __init__(self, url: str) -> None:
        """`url`: as `SqlStore` takes it, a file or `postgresql://…`."""
        self._store = SqlStore(url)

    @property
    def shown(self) -> str:
        """Where it is, for people to read: without a password."""
        return self._store.shown

    async def open(self) -> None:
        """Opens the database. Raises MemoryWriteError, which says why it cannot be."""
        await self._store.open()

    async def memory(self, room: str, agent: str, *, keep: int) -> KeptMemory:
        """The memory of an agent in a room, with what it remembers of before: the last `keep` messages at most."""
        make: Callable[[SqlStore, str], KeptMemory] = lambda store, key: KeptMemory(store, key, keep=keep)  # noqa: E731
        return await self._store.memory(_key(room, agent), make)

    async def forget(self, room: str) -> None:
        """Forgets all that was said in a room: it was deleted."""
        try:
            for session in await self._store.sessions():
                if session.startswith(_key(room, "")):
                    await self._store.delete_session(session)
        except MemoryWriteError as error:
            log.error("what was said in room %s is still in the store: %s", room, error)

    async def close(self) -> None:
        """Writes what is left."""
        try:
            await self._store.close()
        except MemoryWriteError as error:
            log.error("what agents remember is not all kept: %s", error)


def _key(room: str, agent: str) -> str:
    return f"{room}/{agent}"  # no room's name has a slash
