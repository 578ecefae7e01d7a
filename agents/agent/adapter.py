"""Agents of other frameworks, and plain functions, as participants."""

from __future__ import annotations

import asyncio
import inspect
import typing
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing
from typing import Any

from ..event import AgentEvent
from ..memory.base import MemoryBase
from ..memory.in_process import InMemoryMemory
from ..message import Msg
from ..middleware.base import MiddlewareBase, close
from . import heard
from .base import AgentBase
from .run import Run
from .writer import BlockWriter

Answers = Callable[..., Any]
"""An async function that returns text or a Msg, an async generator of text, or a plain function or generator (these run in a
thread)."""


class CallableAgent(AgentBase):
    """An agent whose answers come from a function.

    The function gets the text of what was said to it since it spoke last, as `name: text` lines where several spoke. If its
    first parameter is annotated as `Msg` it gets the last message, as `list[Msg]` all new messages; a second parameter gets
    the whole history as a list of Msg. It has a memory, can be interrupted while it streams, and goes on when asked to.
    """

    def __init__(
        self, function: Answers, name: str, *, memory: MemoryBase | None = None, middlewares: Sequence[MiddlewareBase] = (),
    ) -> None:  # fmt: skip
        super().__init__(name, memory=memory if memory is not None else InMemoryMemory(), middlewares=middlewares)
        self._function = function
        self._wants, self._history = _parameters(function)

    async def respond(self, run: Run) -> AsyncIterator[AgentEvent]:
        """Answers with what the function gives."""
        for event in self.take_up(run):
            yield event
        history = run.remembered()
        writer = run.writer = BlockWriter(run.reply_id)
        if heard.wants_more(run.inputs) and (rest := heard.unfinished(history, self.name)) is not None:
            run.revise(heard.resumed(rest, run.reply_id))
            source = _rest(run, rest)
        else:
            source = self._answer(run, history)
        async with aclosing(source) as parts:
            async for part in parts:
                writer.text(part)
                for event in writer.take():
                    yield event
        writer.close()
        for event in writer.take():
            yield event
        await run.caught_up()
        run.take_message()
        yield run.finish("completed")

    async def _answer(self, run: Run, history: list[Msg]) -> AsyncGenerator[str, None]:
        new = run.inputs or _since_own(history, self.name)
        first: Any = _as_text(new)
        if self._wants == "messages":
            first = new
        elif self._wants == "message":
            first = new[-1] if new else None
        args = [first, history][: 1 + self._history]
        if inspect.isasyncgenfunction(self._function) or inspect.iscoroutinefunction(self._function):
            result = self._function(*args)
        else:
            result = await asyncio.to_thread(self._function, *args)
        if inspect.isawaitable(result):
            result = await result
        if inspect.isgenerator(result):
            while (part := await asyncio.to_thread(next, result, _END)) is not _END:
                yield _words(part)
            return
        if not hasattr(result, "__aiter__"):
            yield _words(result)
            return
        try:
            async for part in result:
                yield _words(part)
        finally:
            await close(result)


def from_callable(function: Answers, *, name: str = "", memory: MemoryBase | None = None) -> CallableAgent:
    """Makes an agent of any async function or async generator of text (or of a plain function, which runs in a thread).

        agent = from_callable(lambda text: graph.ainvoke({"input": text}), name="Planner")

    A function without a name of its own needs `name`.
    """
    own = getattr(function, "__name__", "")
    chosen = name or ("" if own == "<lambda>" else own)
    if not chosen:
        raise ValueError("this function has no name of its own; give the agent one: from_callable(function, name=…)")
    return CallableAgent(function, chosen, memory=memory)


_END = object()


async def _rest(run: Run, rest: Msg) -> AsyncGenerator[str, None]:
    left: str = rest.metadata["interrupted"]["unheard"].lstrip()
    run.unsaid = left
    run.metadata["resumed"] = rest.reply_id or rest.id
    for piece in heard.pieces(left):
        run.unsaid = left = left[len(piece) :]
        yield piece


def _parameters(function: Answers) -> tuple[str, bool]:
    try:
        parameters = [
            one for one in inspect.signature(function).parameters.values()
            if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        ]  # fmt: skip
        hints = typing.get_type_hints(function)
    except (TypeError, ValueError, NameError):
        return "text", False
    required = [one for one in parameters if one.default is one.empty]
    wanted = hints.get(parameters[0].name) if parameters else None
    kind = "messages" if wanted == list[Msg] else "message" if wanted is Msg or wanted == (Msg | None) else "text"
    return kind, len(required) > 1


def _since_own(history: Sequence[Msg], name: str) -> list[Msg]:
    new: list[Msg] = []
    for msg in reversed(history):
        if msg.role == "assistant" and msg.name == name:
            break
        new.insert(0, msg)
    return new


def _as_text(messages: Sequence[Msg]) -> str:
    if len({msg.name for msg in messages}) > 1:
        return "\n".join(f"{msg.name}: {msg.get_text_content()}" for msg in messages)
    return "\n".join(msg.get_text_content() for msg in messages)


def _words(value: Any) -> str:
    if isinstance(value, Msg):
        return value.get_text_content()
    return "" if value is None else str(value)
