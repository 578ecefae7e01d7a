"""Acting: runs the tool calls of one step, together where they are safe to be, in order where not.

Every call gets exactly one result in memory: here when the tool has answered, or from the run that closes what is open when
the reply ends early. A call that needs a person's word, or somebody outside to run it, stops the reply; those before it have
run, those behind it wait with it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, Protocol

from ..draft import Draft
from ..event import (
    AgentEvent,
    RequireExternalExecutionEvent,
    RequireUserConfirmEvent,
    ToolResultDataDeltaEvent,
    ToolResultEndEvent,
    ToolResultStartEvent,
    ToolResultTextDeltaEvent,
)
from ..message import Base64Source, Block, DataBlock, TextBlock, ToolState, ToolUseBlock
from ..middleware.base import ActingCall, close, onion
from .channel import Channel
from .hooks import hooks_around, run_after, run_before
from .run import EVENTS_AHEAD, Run

if TYPE_CHECKING:
    from ..tool.base import ToolChunk, ToolFlags

logger = logging.getLogger(__name__)


class ToolkitLike(Protocol):
    """What an agent needs of a toolkit."""

    def schemas(self) -> list[dict[str, Any]]:
        """The tools that the agent sees now, as OpenAI function schemas."""

    def flags(self, name: str) -> ToolFlags:
        """What may be done with a tool without asking."""

    def call(self, tool_call: ToolUseBlock, *, draft: Draft | None = None) -> AsyncIterator[ToolChunk]:
        """Runs a tool; errors are chunks."""


class NoTools:
    """A toolkit without tools: every call gets an error."""

    def schemas(self) -> list[dict[str, Any]]:
        """None."""
        return []

    def flags(self, name: str) -> ToolFlags:
        """Harmless: calling it only gives an error."""
        from ..tool.base import ToolFlags

        return ToolFlags(read_only=True)

    async def call(self, tool_call: ToolUseBlock, *, draft: Draft | None = None) -> AsyncIterator[ToolChunk]:
        """An error that says so."""
        from ..tool.base import ToolChunk

        yield ToolChunk([TextBlock(f"Error: there is no tool {tool_call.name!r}; you have no tools.")], True, "error")


class Actor:
    """Runs the open calls of a run with a toolkit."""

    __slots__ = ("parallel", "toolkit")

    def __init__(self, toolkit: ToolkitLike, parallel: bool) -> None:
        self.toolkit = toolkit
        self.parallel = parallel

    def questions(self, calls: Sequence[ToolUseBlock]) -> tuple[list[ToolUseBlock], list[ToolUseBlock]]:
        """Which of the calls need a person's word, and which somebody outside to run them."""
        outside = [call for call in calls if self.toolkit.flags(call.name).external]
        asking = [call for call in calls if call.state != "allowed" and self._asks(call)]
        return asking, [call for call in outside if call not in asking]

    async def act(self, run: Run) -> AsyncGenerator[AgentEvent, None]:
        """Runs open calls until none is left, or one has to wait."""
        while run.calls:
            batch = self._next_batch(list(run.calls.values()))
            if not batch:
                return
            stream = self._together(run, batch) if len(batch) > 1 else self.call(run, batch[0])
            async with aclosing(stream) as events:
                async for event in events:
                    yield event

    async def call(self, run: Run, call: ToolUseBlock) -> AsyncGenerator[AgentEvent, None]:
        """Runs one call: its events, and its result in memory."""
        if run.draft is not None and self.toolkit.flags(call.name).side_effects:
            await run.draft.wait()
        with hooks_around(run.agent, "acting") as (before, after):
            if before:
                call = await self._changed(run, call, before)
            yield ToolResultStartEvent(run.reply_id, call.id, call.name)
            output: list[Any] = []
            run.outputs[call.id] = output
            state: ToolState = "success"
            stream = onion(run.agent.middlewares, "on_acting", self._run_tool)(ActingCall(run, call))
            try:
                async for chunk in stream:
                    for block in chunk.content:
                        yield _grow(run.reply_id, call.id, output, block)
                    if chunk.is_last:
                        state = chunk.state
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is not None and task.cancelling():
                    raise
                state = "error"  # a cancellation out of the tool itself, which is not ours
                yield _grow(run.reply_id, call.id, output, TextBlock("Error: the tool was cancelled from within."))
            except Exception as error:
                logger.warning("calling tool %s failed", call.name, exc_info=True)
                state = "error"
                yield _grow(run.reply_id, call.id, output, TextBlock(f"Error: {type(error).__name__}: {error}"))
            finally:
                await close(stream)
            if after:
                from ..message import ToolResultBlock

                result = await run_after(run.agent, after, {"tool_call": call}, ToolResultBlock(call.id, call.name, output, state))
                output, state = result.output, result.state
            run.answer(call, output, state)
            yield ToolResultEndEvent(run.reply_id, call.id, state)

    def _run_tool(self, acting: ActingCall) -> AsyncIterator[ToolChunk]:
        return self.toolkit.call(acting.tool_call, draft=acting.run.draft)

    async def _changed(self, run: Run, call: ToolUseBlock, before: list[Any]) -> ToolUseBlock:
        given = await run_before(run.agent, before, {"tool_call": call})
        changed: ToolUseBlock = given["tool_call"]
        changed.id = call.id  # the pair in memory hangs on it
        return changed

    async def _together(self, run: Run, calls: list[ToolUseBlock]) -> AsyncGenerator[AgentEvent, None]:
        merged: Channel[AgentEvent] = Channel(EVENTS_AHEAD)
        left = len(calls)

        async def work(call: ToolUseBlock) -> None:
            nonlocal left
            try:
                async with aclosing(self.call(run, call)) as events:
                    async for event in events:
                        await merged.put(event)
            finally:
                left -= 1
                if not left:
                    merged.close()

        tasks = [asyncio.create_task(work(call), name=f"tool {call.name}") for call in calls]
        try:
            while (event := await merged.get()) is not None:
                yield event
            for task in tasks:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            for event in merged.leave():
                run.channel.push(event)

    def _next_batch(self, calls: list[ToolUseBlock]) -> list[ToolUseBlock]:
        batch: list[ToolUseBlock] = []
        for call in calls:
            asking, outside = self.questions([call])
            if asking or outside:
                break
            safe = self.parallel and bool(self.toolkit.flags(call.name).concurrency_safe)
            if batch and not safe:
                break
            batch.append(call)
            if not safe:
                break
        return batch

    def _asks(self, call: ToolUseBlock) -> bool:
        decide = getattr(self.toolkit, "decide", None)
        if decide is not None:
            return bool(decide(call).behavior == "ask")
        return self.toolkit.flags(call.name).requires_confirmation


def ask(reply_id: str, asking: list[ToolUseBlock], outside: list[ToolUseBlock]) -> list[AgentEvent]:
    """The events that put calls to a person, or to whoever runs tools outside."""
    events: list[AgentEvent] = []
    for call in asking:
        call.state = "asking"
    for call in outside:
        call.state = "submitted"
    if asking:
        events.append(RequireUserConfirmEvent(reply_id, asking))
    if outside:
        events.append(RequireExternalExecutionEvent(reply_id, outside))
    return events


def result_events(reply_id: str, call: ToolUseBlock, output: Sequence[Block], state: ToolState) -> list[AgentEvent]:
    """The events of a result that is there as a whole."""
    grown: list[Any] = []
    deltas = [_grow(reply_id, call.id, grown, block) for block in output]
    return [ToolResultStartEvent(reply_id, call.id, call.name), *deltas, ToolResultEndEvent(reply_id, call.id, state)]


def _grow(reply_id: str, call_id: str, output: list[Any], block: Block) -> AgentEvent:
    """Adds a piece to a result; the event that says so."""
    if isinstance(block, DataBlock):
        output.append(block)
        source = block.source
        if isinstance(source, Base64Source):
            return ToolResultDataDeltaEvent(reply_id, call_id, block.media_type, data=source.data, name=block.name)
        return ToolResultDataDeltaEvent(reply_id, call_id, block.media_type, url=source.url, name=block.name)
    text = block.text if isinstance(block, TextBlock) else str(block)
    if output and isinstance(output[-1], TextBlock):
        output[-1] = TextBlock(output[-1].text + text)
    else:
        output.append(TextBlock(text))
    return ToolResultTextDeltaEvent(reply_id, call_id, text)
