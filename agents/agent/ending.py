"""Ends of replies that were not planned: interrupted, left by the reader, failed.

The message in the making is kept as far as it went, and every tool call without a result gets one, in plain calls, which no
further cancellation can interrupt.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ..event import (
    AgentEvent,
    ReplyEndEvent,
    TextBlockDeltaEvent,
    ThinkingBlockDeltaEvent,
    ToolResultEndEvent,
    ToolResultStartEvent,
    ToolResultTextDeltaEvent,
)
from ..message import TextBlock, ToolState, now_iso
from .writer import BlockWriter

if TYPE_CHECKING:
    from .run import Run

logger = logging.getLogger(__name__)

ANSWER_S = 10.0
"""How long `handle_interrupt` may take: whoever interrupted waits for it."""

INTERRUPTED_CALL = "The call was interrupted before it was done."


async def cut_short(run: Run, stop: BaseException) -> ReplyEndEvent:
    """Ends a reply that was stopped: by an interruption, by its reader, or because its draft was discarded."""
    if isinstance(stop, asyncio.CancelledError) and run.task is not None:
        run.task.uncancel()
    if (parked := run.agent._parked) is not None and parked.reply_id == run.reply_id:
        if not run.interrupted:
            return run.finish("waiting")  # the reader left with the question in hand
        run.calls = {call.id: call for call in parked.calls}
        run.agent._parked = None
    by = run.interrupting.name if run.interrupting is not None else None
    interrupted: dict[str, Any] = {"by": by, "at": now_iso(), "unheard": ""}
    if run.unsaid is not None:
        interrupted["unheard"] = interrupted["unsaid"] = _unread_text(run) + run.unsaid
    for event in _close_open(run, {"interrupted": interrupted}, "interrupted", INTERRUPTED_CALL):
        run.channel.push(event)
    run.metadata = {**run.metadata, "interrupted": interrupted}
    end = run.finish("interrupted")
    if not run.closed_by_reader and not run.forgotten:
        await _ask_agent(run, end)
    return end


async def _ask_agent(run: Run, end: ReplyEndEvent) -> None:
    try:
        async with asyncio.timeout(ANSWER_S):
            message = await run.agent.handle_interrupt(run.interrupting)
    except asyncio.CancelledError:
        return
    except Exception as error:
        logger.exception("handle_interrupt of %s failed", run.agent.name)
        end.finished_reason, end.error, run.error = "error", f"{type(error).__name__}: {error}", error
        return
    if message is None:
        return
    writer = BlockWriter(run.reply_id)
    writer.text(message.get_text_content())
    writer.close()
    for event in writer.take():
        run.channel.push(event)
    message = message.copy_with(reply_id=run.reply_id)
    run.remember(message)
    end.message = run.message = message


def fail(run: Run, error: Exception) -> ReplyEndEvent:
    """Ends a reply in which something failed."""
    text = f"{type(error).__name__}: {error}"
    run.error = error
    for event in _close_open(run, {"error": text}, "error", f"The reply ended before the call was done: {text}"):
        run.channel.push(event)
    run.metadata = {**run.metadata, "error": text}
    return run.finish("error", text)


def _close_open(run: Run, metadata: dict[str, Any], state: ToolState, text: str) -> list[AgentEvent]:
    """Ends what is open, in plain calls: the message in the making, then every tool call without a result."""
    unread = _unread(run) if run.closed_by_reader else None
    events: list[AgentEvent] = []
    if run.writer is not None:
        run.writer.close()
        events += run.writer.take()
    kept = run.take_message(metadata, unread)
    if kept is None and state == "interrupted":
        run.agent._mark_newest(run, metadata)
    for call in list(run.calls.values()):
        started = call.id in run.outputs
        output: list[Any] = [*run.outputs.get(call.id, ()), TextBlock(text)]
        if not started:
            events.append(ToolResultStartEvent(run.reply_id, call.id, call.name))
        events.append(ToolResultTextDeltaEvent(run.reply_id, call.id, text))
        events.append(ToolResultEndEvent(run.reply_id, call.id, state))
        run.answer(call, output, state)
    return events


def _unread_text(run: Run) -> str:
    waiting = [*run.channel.untaken(), *run.writer.untaken] if run.closed_by_reader and run.writer is not None else []
    return "".join(event.delta for event in waiting if isinstance(event, TextBlockDeltaEvent))


def _unread(run: Run) -> dict[str, int]:
    """How many characters at the end of each block the reader, who has left, did not take."""
    lengths: dict[str, int] = {}
    for event in [*run.channel.leave(), *(run.writer.untaken if run.writer is not None else ())]:
        if isinstance(event, (TextBlockDeltaEvent, ThinkingBlockDeltaEvent)):
            lengths[event.block_id] = lengths.get(event.block_id, 0) + len(event.delta)
    return lengths
