"""Trying again: only what the provider calls transient, only before the first delta, and only within a deadline."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from .base import ChatDelta, ChatModelError


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and for how long, a failed call is made again.

    A caller on the line waits meanwhile, so the deadline is short. A provider that asks for a longer wait than is left is not
    asked again: the error goes out at once.
    """

    attempts: int = 3
    """Calls in all, the first included."""

    deadline_s: float = 4.0
    """No new call starts later than this after the first one began."""

    first_delay_s: float = 0.2
    max_delay_s: float = 2.0
    """The delay doubles from the first to the longest; the provider's Retry-After goes before both."""

    jitter: float = 0.25
    """Delays vary by this fraction, so that sessions which failed together do not come back together."""

    def delay_s(self, failures: int, error: ChatModelError) -> float:
        """How long to wait after the given number of failures (1 or more)."""
        if error.retry_after_s is not None:
            return max(0.0, error.retry_after_s)
        delay = min(self.max_delay_s, self.first_delay_s * 2.0 ** (failures - 1))
        return delay * random.uniform(1 - self.jitter, 1 + self.jitter)


NO_RETRY = RetryPolicy(attempts=1)
"""Every error goes out at once."""


async def retrying(
    policy: RetryPolicy,
    attempt: Callable[[], AsyncGenerator[ChatDelta, None]],
    *,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    now: Callable[[], float] = time.monotonic,
) -> AsyncGenerator[ChatDelta, None]:
    """Streams `attempt()`, and streams it anew if it failed for a passing reason before anything came out of it.

    Words that were already spoken cannot be taken back, so an error after the first delta is raised as it is. `sleep` and
    `now` (seconds) may be replaced, for tests.
    """
    began_s = now()
    failures = 0
    while True:
        started = False
        try:
            async with aclosing(attempt()) as deltas:
                async for delta in deltas:
                    started = True
                    yield delta
            return
        except ChatModelError as error:
            failures += 1
            if started or not error.transient or failures >= policy.attempts:
                raise
            delay_s = policy.delay_s(failures, error)
            if now() - began_s + delay_s > policy.deadline_s:
                raise
        await sleep(delay_s)
