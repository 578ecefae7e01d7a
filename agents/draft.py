"""Drafts: replies begun before their turn is certain.

A room that believes that a caller has finished may start the reply at once, while it waits for certainty. The reply gets a
draft: what it would write to memory is staged, and tools that change the world wait, until somebody commits the draft or
discards it. A draft is settled once; settling it the same way again changes nothing.
"""

import asyncio
from collections.abc import Callable
from typing import Literal

DraftState = Literal["open", "committed", "discarded"]


class DraftDiscarded(Exception):
    """The turn that a reply was begun for did not come: it must leave no trace."""


class DraftSettled(RuntimeError):
    """A committed draft was discarded, or a discarded one committed."""


class Draft:
    """Whether a reply counts. Used from one event loop; `commit` and `discard` are plain calls that take effect at once."""

    __slots__ = ("_callbacks", "_state", "_waiters")

    def __init__(self) -> None:
        self._state: DraftState = "open"
        self._callbacks: list[Callable[[DraftState], None]] = []
        self._waiters: list[asyncio.Future[None]] = []

    @property
    def state(self) -> DraftState:
        """`open` until it is settled, then `committed` or `discarded`."""
        return self._state

    def commit(self) -> None:
        """The turn came as expected: what was staged reaches memory before this returns. Raises DraftSettled if it was
        discarded before."""
        self._settle("committed")

    def discard(self) -> None:
        """The turn did not come: what was staged is forgotten. Raises DraftSettled if it was committed before."""
        self._settle("discarded")

    async def wait(self) -> None:
        """Returns when the draft is committed; raises DraftDiscarded when it is discarded."""
        if self._state == "open":
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            finally:
                if waiter in self._waiters:
                    self._waiters.remove(waiter)
        if self._state == "discarded":
            raise DraftDiscarded("the turn that this reply was begun for did not come")

    def when_settled(self, callback: Callable[[DraftState], None]) -> None:
        """Calls `callback` with the state when the draft is settled (at once if it is), in the order of registration.

        All callbacks are called even if one raises; the first error is raised afterwards.
        """
        if self._state == "open":
            self._callbacks.append(callback)
        else:
            callback(self._state)

    def _settle(self, state: DraftState) -> None:
        if self._state == state:
            return
        if self._state != "open":
            raise DraftSettled(f"a {self._state} draft cannot be {state}")
        self._state = state
        callbacks, self._callbacks = self._callbacks, []
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
        failure: BaseException | None = None
        for callback in callbacks:
            try:
                callback(state)
            except Exception as error:
                failure = failure or error
        if failure is not None:
            raise failure

    def __repr__(self) -> str:
        return f"Draft({self._state})"
