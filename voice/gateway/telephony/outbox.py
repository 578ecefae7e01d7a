"""What waits to be written to a carrier, in order and within bounds. A `clear` overtakes the sound that it would throw away."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

from ..direct import DirectLine
from .wire.base import Clear, FromServer, Mark, Media, ServerEnd

MAX_WAITING = 300
"""Messages that may wait for a carrier that does not read: 3 s of sound and marks. Then the call is given up as lost."""

Write = Callable[[str | bytes], Awaitable[None]]


class Outbox:
    """The messages of one call on their way out."""

    def __init__(self, end: ServerEnd) -> None:
        self.full = False
        """More waited than may: the carrier does not read."""
        self._end = end
        self._direct: DirectLine | None = None
        self._waiting: deque[FromServer] = deque()
        self._wake = asyncio.Event()

    def go_directly(self, line: DirectLine) -> None:
        """From now on messages are written as they are put, as long as the socket takes them."""
        self._direct = line
        line.when_writable(self._write_directly)
        self._write_directly()

    def put(self, messages: list[FromServer]) -> None:
        """Takes messages to be sent; never blocks."""
        direct = self._direct
        if direct is not None and not self._waiting and direct.writable:
            for message in messages:
                if (data := self._end.send(message)) is not None:
                    direct.send(data)
            return
        for message in messages:
            if isinstance(message, Clear):
                self._waiting = deque(kept for kept in self._waiting if not isinstance(kept, Media | Mark))
            if len(self._waiting) >= MAX_WAITING:
                self.full = True
                return
            self._waiting.append(message)
        if messages:
            self._wake.set()

    async def write(self, write: Write) -> None:
        """Writes what is put, until cancelled. Raises what `write` raises."""
        while True:
            await self.flush(write)
            self._wake.clear()
            await self._wake.wait()

    async def flush(self, write: Write) -> None:
        """Writes what waits now."""
        if self._direct is not None:
            self._write_directly()
            return
        while self._waiting:
            data = self._end.send(self._waiting.popleft())
            if data is not None:
                await write(data)

    def _write_directly(self) -> None:
        while self._direct is not None and self._waiting and self._direct.writable:
            data = self._end.send(self._waiting.popleft())
            if data is not None:
                self._direct.send(data)
