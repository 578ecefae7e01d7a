"""Runs what blocks in threads of its own, so that the event loop never waits for it.

A thread cannot be stopped from outside. When a call is cancelled its caller goes on at once; the function
runs to its end in the background and its result is dropped. A long function can notice by asking
`tool_cancelled()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import inspect
import logging
import queue
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import Any, TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)

DEFAULT_THREADS = 16
"""Threads that the sync tools of one toolkit may occupy at a time, abandoned ones included. Further calls
wait."""

IDLE_S = 10.0
"""How long a thread waits for its next job."""

_END = object()
_Flag = threading.Event | None
_cancelled: contextvars.ContextVar[_Flag] = contextvars.ContextVar("tool_cancelled", default=None)
_UNFIT_ERRORS = StopIteration | KeyboardInterrupt | SystemExit | GeneratorExit | asyncio.CancelledError


def tool_cancelled() -> bool:
    """Whether nobody waits any more for the sync tool that asks: it was interrupted or ran out of time."""
    flag = _cancelled.get()
    return flag is not None and flag.is_set()


class Threads:
    """A bounded number of daemon threads, one for each running call; several toolkits may share one.

    A thread that has nothing to do for a while ends.
    """

    __slots__ = ("_free", "_idle", "_limit", "_lock", "_loop")

    def __init__(self, limit: int = DEFAULT_THREADS) -> None:
        if limit < 1:
            raise ValueError(f"at least one thread is needed, not {limit}")
        self._limit = limit
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._free: asyncio.Semaphore | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, func: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        """Calls the function in a thread, in a copy of the caller's context, and returns or raises what it
        does.

        Waits while all threads are busy. On cancellation it returns at once, and the thread keeps its
        place until the function ends.
        """
        flag = threading.Event()
        context = contextvars.copy_context()
        context.run(_cancelled.set, flag)
        try:
            return await self._run(context, lambda: func(*args, **kwargs))
        except asyncio.CancelledError:
            flag.set()
            raise

    async def iterate(self, generator: Generator[Any, Any, Any]) -> AsyncGenerator[Any]:
        """Yields what a generator yields, running each of its steps in a thread and closing it at the end."""
        flag = threading.Event()
        context = contextvars.copy_context()
        context.run(_cancelled.set, flag)
        closing = _Closing(generator)
        try:
            while True:
                value = await self._run(context, lambda: closing.step(_END))
                if value is _END:
                    return
                yield value
        finally:
            flag.set()
            if closing.ask():
                # Its `finally` blocks may block, too. Nobody waits for them: this may run in a cancellation.
                threading.Thread(target=closing.close, name="tool-close", daemon=True).start()

    async def _run(self, context: contextvars.Context, call: Callable[[], T]) -> T:
        loop = asyncio.get_running_loop()
        if self._free is None or self._loop is not loop:
            self._free, self._loop = asyncio.Semaphore(self._limit), loop
        free = self._free
        await free.acquire()
        future: asyncio.Future[T] = loop.create_future()

        def settle(result: Any, error: BaseException | None) -> None:
            free.release()
            if future.done():
                return
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(error)

        def work() -> None:
            result, error = None, None
            try:
                result = context.run(call)
            except BaseException as raised:
                error = _portable(raised)
            with contextlib.suppress(RuntimeError):  # the loop has closed meanwhile: nobody is left to tell
                loop.call_soon_threadsafe(settle, result, error)

        try:
            self._hand_over(work)
        except RuntimeError:  # the system gives no more threads
            free.release()
            raise
        return await future

    def _hand_over(self, work: Callable[[], None]) -> None:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
        if worker is None:
            worker = _Worker(self._idle, self._lock)
        worker.jobs.put(work)


class _Worker:
    """A thread that does one job after another. While it has none it stands in the list of the idle ones."""

    def __init__(self, idle: list[_Worker], lock: threading.Lock) -> None:
        self.jobs: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._idle = idle
        self._lock = lock
        threading.Thread(target=self._work, name="tool", daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                job = self.jobs.get(timeout=IDLE_S)
            except queue.Empty:
                with self._lock:
                    if self in self._idle:
                        self._idle.remove(self)
                        return
                continue  # somebody has just taken it off the list, and a job is on its way
            job()
            del job  # it holds the arguments of the call
            with self._lock:
                self._idle.append(self)


def _portable(error: BaseException) -> BaseException:
    """What a thread raised, as something that a future can carry and that does not end the program."""
    if isinstance(error, _UNFIT_ERRORS):
        told = RuntimeError(f"the tool raised {type(error).__name__}: {error}")
        told.__cause__ = error
        return told
    return error


class _Closing:
    """Closes a generator once, as soon as none of its steps is running."""

    def __init__(self, generator: Generator[Any, Any, Any]) -> None:
        self._generator = generator
        self._lock = threading.Lock()
        self._running = False
        self._asked = False

    def step(self, end: Any) -> Any:
        with self._lock:
            if self._asked:
                return end
            self._running = True
        try:
            return next(self._generator, end)
        finally:
            with self._lock:
                self._running = False
                asked = self._asked
            if asked:
                self.close()

    def ask(self) -> bool:
        """Wants it closed; True where the caller has to do it, False where the running step will."""
        with self._lock:
            self._asked = True
            return not self._running and inspect.getgeneratorstate(self._generator) != inspect.GEN_CLOSED

    def close(self) -> None:
        try:
            self._generator.close()
        except Exception:
            logger.exception("a tool's generator failed while it was closed")
