"""Runs one tool call within bounds: in a task of its own, for a limited time, with a bounded lead over its
reader.

The tool has its own task so that a tool that does not stop when it is cancelled cannot hold up a reply: it
gets a moment to clean up, and is then left to itself and reported to `abandon`, whose owner keeps it in
sight.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, Callable
from typing import Any

from .thread import Threads

logger = logging.getLogger(__name__)

CLEANUP_GRACE_S = 1.0
"""How long an interrupted tool may take to clean up before nobody waits for it any longer."""

_LEAD = 8
"""Values a tool may be ahead of its reader before it has to wait."""

_END = object()


class ToolTimeout(Exception):
    """The tool took longer than it may."""


Abandon = Callable[["asyncio.Task[None]"], None]


async def values_of(
    func: Callable[..., Any], args: list[Any], kwargs: dict[str, Any], threads: Threads
) -> AsyncGenerator[tuple[Any, bool]]:
    """Calls a function of any kind; yields its values and whether they are streamed.

    Plain functions and the steps of plain generators run in threads; coroutines and async generators run
    here.
    """
    if is_async(func) or inspect.isgeneratorfunction(_target(func)):
        result = func(*args, **kwargs)
    else:
        result = await threads.run(func, *args, **kwargs)
    if inspect.isawaitable(result):
        result = await result
    if hasattr(result, "__anext__"):
        try:
            async for value in result:
                yield value, True
        finally:
            close = getattr(result, "aclose", None)
            if close is not None:
                await close()
    elif inspect.isgenerator(result):
        steps = threads.iterate(result)
        try:
            async for value in steps:
                yield value, True
        finally:
            await steps.aclose()
    else:
        yield result, False


def is_async(func: Callable[..., Any]) -> bool:
    """Whether calling it only makes a coroutine or an async generator, and so cannot block."""
    target = _target(func)
    return inspect.iscoroutinefunction(target) or inspect.isasyncgenfunction(target)


def _target(func: Any) -> Any:
    while hasattr(func, "func") and hasattr(func, "keywords"):  # functools.partial
        func = func.func
    if inspect.isroutine(func) or inspect.isclass(func):
        return func
    return type(func).__call__


async def bounded(source: AsyncGenerator[Any], timeout_s: float | None, abandon: Abandon) -> AsyncGenerator[Any]:
    """Yields what the source yields, which runs in a task that ends with this generator.

    Raises ToolTimeout when the source is not done within `timeout_s`, and whatever the source raises.
    """
    loop = asyncio.get_running_loop()
    deadline = None if timeout_s is None else loop.time() + timeout_s
    queue: asyncio.Queue[tuple[Any, BaseException | None]] = asyncio.Queue(_LEAD)
    task = asyncio.create_task(_pump(source, queue), name="tool")
    try:
        while True:
            value, error = await _next(queue, deadline)
            if error is not None:
                raise error
            if value is _END:
                return
            yield value
    finally:
        await _stop(task, abandon)


async def _pump(source: AsyncGenerator[Any], queue: asyncio.Queue[tuple[Any, BaseException | None]]) -> None:
    try:
        async for value in source:
            await queue.put((value, None))
        ending: tuple[Any, BaseException | None] = (_END, None)
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        # Nobody cancelled the call: the tool awaited something that was cancelled, and let that through.
        ending = (None, RuntimeError("something that the tool waited for was cancelled"))
    except (Exception, SystemExit) as error:  # a tool that calls sys.exit() ends itself, not the server
        ending = (None, error if isinstance(error, Exception) else RuntimeError(f"the tool exited: {error}"))
    finally:
        await source.aclose()
    await queue.put(ending)


async def _next(queue: asyncio.Queue[tuple[Any, BaseException | None]], deadline: float | None) -> tuple[Any, BaseException | None]:
    if not queue.empty():
        return queue.get_nowait()
    try:
        async with asyncio.timeout_at(deadline):
            return await queue.get()
    except TimeoutError:
        raise ToolTimeout from None


async def _stop(task: asyncio.Task[None], abandon: Abandon) -> None:
    if not task.done():
        task.cancel()
        try:
            await asyncio.wait({task}, timeout=CLEANUP_GRACE_S)
        finally:
            if not task.done():
                abandon(task)
    if task.done() and not task.cancelled() and (error := task.exception()) is not None:
        logger.warning("a tool failed while it was stopped: %r", error)
