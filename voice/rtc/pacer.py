"""The one timer of all peers of a process: it ticks every 10 ms and moves what has something to do."""

import asyncio
import logging
from typing import Protocol

log = logging.getLogger("hubbub.rtc")

TICK_S = 0.01


class Paced(Protocol):
    """What the pacer moves: a peer."""

    def tick(self, now: float) -> None:
        """Do what is due at loop time `now`, in seconds."""


class Pacer:
    """Moves peers in time while there are any."""

    def __init__(self) -> None:
        self._peers: dict[Paced, None] = {}
        self._task: asyncio.Task[None] | None = None

    def add(self, peer: Paced) -> None:
        """Begins to move a peer."""
        self._peers[peer] = None
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="webrtc-pacer")

    def discard(self, peer: Paced) -> None:
        """Stops moving it."""
        self._peers.pop(peer, None)

    async def close(self) -> None:
        """Ends the task."""
        self._peers.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self._peers:
            now = loop.time()
            for peer in list(self._peers):
                try:
                    peer.tick(now)
                except Exception:
                    log.exception("a peer failed in its tick; the others go on")
            due = max(due + TICK_S, loop.time())
            await asyncio.sleep(due - loop.time())
