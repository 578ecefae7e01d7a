"""The beat of all lines that we pace: 20 ms, in one task for the whole process."""

import asyncio
import logging
from types import TracebackType
from typing import Protocol, Self

from ...audio.frames import FRAME_MS

log = logging.getLogger("hubbub.gateway.asterisk")

MAX_CATCH_UP_S = 0.1
"""After a longer stall a line goes on from now: what a jitter buffer has given up needs not be sent."""


class Paced(Protocol):
    """A call that sends 20 ms each 20 ms."""

    def beat(self, now: float) -> None:
        """Sends the next 20 ms, at loop time `now` in seconds."""

    def end(self, why: str) -> None: ...


class Pacer:
    """Beats for its calls, without drift. An async context manager; sleeps while there is no call."""

    def __init__(self) -> None:
        self._calls: dict[Paced, None] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="asterisk-pacer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def add(self, call: Paced) -> None:
        """Begins to beat for a call."""
        self._calls[call] = None
        self._wake.set()

    def discard(self, call: Paced) -> None:
        """Stops."""
        self._calls.pop(call, None)

    def end(self, why: str) -> None:
        """Ends every call."""
        for call in list(self._calls):
            call.end(why)

    def __len__(self) -> int:
        return len(self._calls)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            if not self._calls:
                self._wake.clear()
                await self._wake.wait()
                due = loop.time()
            now = loop.time()
            for call in list(self._calls):
                try:
                    call.beat(now)
                except Exception:
                    log.exception("a call failed in its beat; the others go on")
                    self.discard(call)
                    call.end("failed")
            due = max(due + FRAME_MS / 1000, loop.time() - MAX_CATCH_UP_S)
            await asyncio.sleep(max(0.0, due - loop.time()))
