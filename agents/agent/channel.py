"""A bounded way for values from one task to another, which knows what was taken."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Channel(Generic[T]):
    """One writer side, one reader. The writer waits when `limit` values lie untaken; nothing is ever dropped.

    Unlike `asyncio.Queue` it can be pushed over its bound (for the few closing events of a reply, which must not wait behind
    data), the writer can wait until all is taken, and the reader's leaving gives back what was not.
    """

    __slots__ = ("_closed", "_items", "_limit", "_reader", "_writers")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._items: deque[T] = deque()
        self._reader: asyncio.Future[None] | None = None
        self._writers: list[asyncio.Future[None]] = []
        self._closed = False

    def push(self, item: T) -> None:
        """Adds a value at once, also beyond the bound; ignored once the channel is closed."""
        if self._closed:
            return
        self._items.append(item)
        self._wake_reader()

    async def put(self, item: T) -> None:
        """Adds a value and waits while there are too many."""
        self.push(item)
        while len(self._items) >= self._limit:
            await self._room()

    async def drained(self) -> None:
        """Returns when every value has been taken, or the channel is closed."""
        while self._items:
            await self._room()

    async def get(self) -> T | None:
        """The next value; None when the channel is closed and empty."""
        while not self._items:
            if self._closed:
                return None
            self._reader = asyncio.get_running_loop().create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        item = self._items.popleft()
        if self._writers and (not self._items or len(self._items) < self._limit // 2):
            self._wake_writers()
        return item

    def close(self) -> None:
        """No more values come; those that lie there may still be taken."""
        self._closed = True
        self._wake_reader()

    def untaken(self) -> list[T]:
        """The values that lie there."""
        return list(self._items)

    def leave(self) -> list[T]:
        """The reader goes: the values that it did not take."""
        left = list(self._items)
        self._items.clear()
        self._closed = True
        self._wake_writers()
        return left

    async def _room(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._writers.append(waiter)
        await waiter

    def _wake_reader(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def _wake_writers(self) -> None:
        writers, self._writers = self._writers, []
        for writer in writers:
            if not writer.done():
                writer.set_result(None)
