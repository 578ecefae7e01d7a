"""Replies that wait: for a person's word about a tool call, or for somebody outside who runs it.

A waiting reply holds nothing in the process but data (`WaitingReply`, part of the agent's state): the next stream that comes
with an answer takes it up, here or in another process.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ..event import AgentEvent, ExternalExecutionResultEvent, ReplyEndEvent, UserConfirmResultEvent, UserInterruptEvent
from ..message import Block, Msg, TextBlock, ToolResultBlock, ToolState, ToolUseBlock
from .acting import result_events
from .run import Run

if TYPE_CHECKING:
    from .react import ReActAgent
    from .structured import StructuredOutput

GONE_ON = "The call was not run: it was not confirmed, and the conversation went on."
CRASHED = "The call was interrupted: the process ended before it was done."


class NothingWaits(ValueError):
    """An answer came for a reply that does not wait, or for a call that it does not wait for."""


def park(agent: ReActAgent, run: Run, structured: StructuredOutput | None) -> ReplyEndEvent:
    """Lays the reply down with its open calls; the end event of its stream."""
    from ..state import WaitingReply

    agent._parked = WaitingReply(
        reply_id=run.reply_id,
        iteration=run.iteration,
        calls=list(run.calls.values()),
        said=list(run.said),
        structured_schema=structured.schema if structured is not None else None,
    )
    agent._parked_model = structured.model if structured is not None else None
    run.calls.clear()
    return run.finish("waiting")


def take_up(agent: ReActAgent, run: Run) -> Iterator[AgentEvent]:
    """Begins a reply: takes up one that waits, or lets it go and remembers the new messages."""
    if not run.first_round:
        return
    if run.resume is None:
        yield from _let_go(agent, run)
        for msg in run.inputs:
            run.remember(msg.public())
        return
    waiting = agent._parked
    if waiting is None:
        if isinstance(run.resume, UserInterruptEvent):
            return
        raise NothingWaits(f"{agent.name} does not wait for a {run.resume.type}")
    asked = getattr(run.resume, "reply_id", "")
    if asked and asked != waiting.reply_id:
        if isinstance(run.resume, UserInterruptEvent):
            return
        raise NothingWaits(f"{agent.name} waits in reply {waiting.reply_id}, not in {asked}")
    if not isinstance(run.resume, UserInterruptEvent):
        _check(waiting.calls, run.resume)
    agent._parked = None
    run.calls = {call.id: call for call in waiting.calls}
    run.iteration = waiting.iteration
    run.said = list(waiting.said)
    yield from _answered(run)


def answer(run: Run, call: ToolUseBlock, text: str, state: ToolState) -> list[AgentEvent]:
    """Gives a call its result, in memory and as events."""
    output: list[Any] = [TextBlock(text)]
    run.answer(call, output, state)
    return result_events(run.reply_id, call, output, state)


def refuse(run: Run, call: ToolUseBlock, text: str) -> list[AgentEvent]:
    """Gives a call that is not run the result that says so."""
    return answer(run, call, text, "denied")


def _answered(run: Run) -> Iterator[AgentEvent]:
    match run.resume:
        case UserInterruptEvent():
            run.interrupted = True
            run.interrupting = run.resume.message
        case UserConfirmResultEvent():
            for word in run.resume.results:
                call = run.calls[word.tool_call_id]
                if not word.confirmed:
                    reason = f": {word.reason}" if word.reason else "."
                    yield from refuse(run, call, f"The person did not want this call{reason}")
                    continue
                call.state = "allowed"
                if word.input is not None:
                    call.input, call.raw_input = word.input, ""
                    _rewrite(run, call)
        case ExternalExecutionResultEvent():
            for result in run.resume.results:
                call = run.calls[result.id]
                output: Sequence[Block] = [TextBlock(result.output)] if isinstance(result.output, str) else result.output
                run.answer(call, list(output), result.state)
                yield from result_events(run.reply_id, call, output, result.state)


def _check(calls: list[ToolUseBlock], event: AgentEvent) -> None:
    states = {call.id: call.state for call in calls}
    if isinstance(event, UserConfirmResultEvent):
        wanted, ids = "asking", [word.tool_call_id for word in event.results]
    elif isinstance(event, ExternalExecutionResultEvent):
        wanted, ids = "submitted", [result.id for result in event.results]
    else:
        raise NothingWaits(f"a {event.type} does not answer a reply that waits")
    for one in ids:
        if states.get(one) != wanted:
            raise NothingWaits(f"the reply does not wait for a {event.type} about call {one!r}; it waits for {states}")


def _rewrite(run: Run, call: ToolUseBlock) -> None:
    """Memory shows the call as it is run: with the arguments that the person gave it."""
    for msg in reversed(run.remembered()):
        if any(block.id == call.id for block in msg.tool_uses()):
            blocks = [call if isinstance(b, ToolUseBlock) and b.id == call.id else b for b in msg.blocks()]
            run.revise(msg.copy_with(content=blocks))
            return


def _let_go(agent: ReActAgent, run: Run) -> Iterator[AgentEvent]:
    """Gives the calls of a waiting reply, or of one that a crash cut, the result that they will never get otherwise."""
    waiting = agent._parked
    if waiting is not None:
        for call in waiting.calls:
            result = ToolResultBlock(call.id, call.name, [TextBlock(GONE_ON)], "interrupted")
            run.remember(Msg("system", [result], "system", reply_id=waiting.reply_id))
        if run.draft is None:
            _forget(agent)
        else:
            run.draft.when_settled(lambda state: _forget(agent) if state == "committed" else None)
    elif not agent._whole:
        agent._whole = True
        for reply_id, call in _dangling(run.remembered()):
            result = ToolResultBlock(call.id, call.name, [TextBlock(CRASHED)], "interrupted")
            run.remember(Msg("system", [result], "system", reply_id=reply_id))
    return
    yield


def _forget(agent: ReActAgent) -> None:
    agent._parked = None
    agent._release_held()


def _dangling(messages: Sequence[Msg]) -> list[tuple[str, ToolUseBlock]]:
    answered = {block.id for msg in messages for block in msg.blocks() if isinstance(block, ToolResultBlock)}
    return [(msg.reply_id, call) for msg in messages for call in msg.tool_uses() if call.id not in answered]
