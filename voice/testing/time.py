"""Simulated time: an event loop whose clock jumps to the next thing that happens.

Hours of conversation run in seconds, and a test can assert an exact moment, because `loop.time()` is exact. Real sockets and
threads do not belong here: the loop does not wait for them.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

DEADLOCK_S = 2.0
"""Real time that a loop with nothing left to happen waits for a thread before it gives up."""


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of sleeping until a timer is due, lets the loop's clock jump there."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        events: list[tuple[selectors.SelectorKey, int]] = super().select(0)
        if events or timeout == 0:
            return events
        if timeout is None:
            events = super().select(DEADLOCK_S)
            if not events:
                raise RuntimeError("nothing is left to happen: the simulated world waits for itself")
            return events
        self.now += timeout
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """An asyncio event loop in simulated time, which begins at 0.0 seconds."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now


def run_simulated(main: Coroutine[Any, Any, T]) -> T:
    """Runs a coroutine in simulated time, as `asyncio.run` does in real time."""
    with asyncio.Runner(loop_factory=SimulatedLoop) as runner:
        return runner.run(main)
