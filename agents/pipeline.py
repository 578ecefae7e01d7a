"""Pipelines: agents one after another, or all at once.

Branches and loops need no classes: they are Python's `if` and `for` (see `examples/agents/`).
"""

import asyncio
import copy
from collections.abc import AsyncIterator, Coroutine, Iterable, Sequence
from typing import Any

from .agent.base import AgentBase
from .hub import MsgHub
from .message import Msg

__all__ = [
    "FanoutPipeline", "MsgHub", "SequentialPipeline", "fanout_pipeline", "sequential_pipeline", "stream_printing_messages",
]  # fmt: skip

Given = Msg | list[Msg] | None


async def sequential_pipeline(agents: Iterable[AgentBase], msg: Given = None) -> Given:
    """Gives `msg` to the first agent, its answer to the second, and so on; the last answer, or `msg` where there is no agent."""
    for agent in agents:
        msg = await agent(msg)
    return msg


async def fanout_pipeline(
    agents: Sequence[AgentBase], msg: Given = None, enable_gather: bool = True, return_exceptions: bool = False, **options: Any
) -> list[Any]:
    """Gives each agent its own copy of `msg`; the answers in the order of the agents.

    All at the same time, or one after another without `enable_gather`. If one fails, the others are stopped and its error is
    raised; with `return_exceptions` its error stands in the place of its answer.
    """
    if not enable_gather:
        answers: list[Any] = []
        for agent in agents:
            try:
                answers.append(await agent(_own(msg), **options))
            except Exception as error:
                if not return_exceptions:
                    raise
                answers.append(error)
        return answers
    if return_exceptions:
        return list(await asyncio.gather(*(agent(_own(msg), **options) for agent in agents), return_exceptions=True))
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(agent(_own(msg), **options)) for agent in agents]
    except ExceptionGroup as errors:
        raise errors.exceptions[0] from None
    return [task.result() for task in tasks]


def _own(msg: Given) -> Given:
    """A copy that an agent may change."""
    return copy.deepcopy(msg)


class SequentialPipeline:
    """`sequential_pipeline` with fixed agents, to be called many times."""

    def __init__(self, agents: Sequence[AgentBase]) -> None:
        self.agents = agents

    async def __call__(self, msg: Given = None) -> Given:
        """Runs the agents one after another."""
        return await sequential_pipeline(self.agents, msg)


class FanoutPipeline:
    """`fanout_pipeline` with fixed agents, to be called many times."""

    def __init__(self, agents: Sequence[AgentBase], enable_gather: bool = True) -> None:
        self.agents = agents
        self.enable_gather = enable_gather

    async def __call__(self, msg: Given = None, **options: Any) -> list[Any]:
        """Runs the agents at the same time, or one after another."""
        return await fanout_pipeline(self.agents, msg, self.enable_gather, **options)


async def stream_printing_messages(
    agents: Sequence[AgentBase],
    coroutine_task: Coroutine[Any, Any, Any],
    queue: asyncio.Queue[Any] | None = None,
    end_signal: str = "[END]",
    yield_speech: bool = False,
) -> AsyncIterator[Any]:
    """Runs a coroutine and yields what the agents print meanwhile, as `(msg, last)`, or `(msg, last, speech)` with
    `yield_speech`. A message comes again and again with the same id while it grows.

    What the coroutine raises is raised after the last message. Closing the stream early cancels the coroutine.
    """
    shared: asyncio.Queue[Any] = queue or asyncio.Queue(maxsize=100)
    before = [agent.msg_queue for agent in agents]
    for agent in agents:
        agent.set_msg_queue_enabled(True, shared)

    async def work() -> None:
        try:
            await coroutine_task
        finally:
            await shared.put(end_signal)

    task = asyncio.create_task(work(), name="printing agents")
    try:
        while not isinstance(item := await shared.get(), str) or item != end_signal:
            yield item if yield_speech else item[:2]
        await task
    finally:
        if not task.done():
            task.cancel()
            while not task.done():  # the end signal may wait for room
                if not shared.empty():
                    shared.get_nowait()
                await asyncio.wait({task}, timeout=0.01)
        for agent, old in zip(agents, before, strict=True):
            agent.set_msg_queue_enabled(old is not None, old)
