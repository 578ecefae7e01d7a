"""Reasoning: one step of thought, from memory to a prompt, from the prompt to the model, and from its stream to a message."""

from __future__ import annotations

import inspect
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from ..event import AgentEvent, ModelCallEndEvent, ModelCallStartEvent, Usage
from ..message import HintBlock, Msg
from ..middleware.base import ModelCall, ReasoningCall, close, onion, overriding
from ..model.base import ChatDelta, ChatUsage, TextDelta, ThinkingDelta, ToolCallDelta
from . import heard
from .hooks import hooks_around, run_after, run_before
from .run import Run
from .structured import StructuredOutput
from .writer import BlockWriter

if TYPE_CHECKING:
    from .react import ReActAgent


def reason(agent: ReActAgent, call: ReasoningCall, structured: StructuredOutput | None) -> AsyncGenerator[AgentEvent, None]:
    """One step: the model is asked, and its answer becomes part of the reply."""

    async def core(call: ReasoningCall) -> AsyncIterator[AgentEvent]:
        with hooks_around(agent, "reasoning") as (before, after):
            given = await run_before(agent, before, {"tool_choice": call.tool_choice})
            call.tool_choice = given["tool_choice"]
            request = await _request(agent, call, structured)
            async with aclosing(_ask_model(agent, call.run, request)) as events:
                async for event in events:
                    yield event
            message = _message(agent, call.run)
            if after:
                message = await run_after(agent, after, given, message)
            if message.content:
                call.run.adopt(message)

    # A plain function, as are others on this way: each generator that a word passes through costs time.
    return cast("AsyncGenerator[AgentEvent, None]", onion(agent.middlewares, "on_reasoning", core)(call))


def _message(agent: ReActAgent, run: Run) -> Msg:
    writer, run.writer = run.writer, None
    return Msg(agent.name, writer.blocks() if writer is not None else [], "assistant", reply_id=run.reply_id)


async def _ask_model(agent: ReActAgent, run: Run, request: ModelCall) -> AsyncGenerator[AgentEvent, None]:
    yield ModelCallStartEvent(run.reply_id, request.model.name)
    writer = run.writer = BlockWriter(run.reply_id)
    usage: Usage | None = None
    stream = onion(agent.middlewares, "on_model_call", _stream)(request)
    try:
        async for delta in stream:
            if isinstance(delta, TextDelta):
                writer.text(delta.text)
            elif isinstance(delta, ThinkingDelta):
                writer.thinking(delta.text)
            elif isinstance(delta, ToolCallDelta):
                writer.tool_call(delta.index, delta.id, delta.name, delta.arguments)
            elif isinstance(delta, ChatUsage):
                usage = Usage(delta.input_tokens, delta.output_tokens, delta.cost)
            for event in writer.take():
                yield event
    finally:
        await close(stream)
    writer.close()
    for event in writer.take():
        yield event
    yield ModelCallEndEvent(run.reply_id, usage)
    await run.caught_up()


async def _request(agent: ReActAgent, call: ReasoningCall, structured: StructuredOutput | None) -> ModelCall:
    shown = call.run.remembered()
    agent.has_seen_news()
    tools = list(agent.toolkit.schemas()) if agent.toolkit is not None else []
    if structured is not None:
        tools.append(structured.tool_schema())
    if heard.unfinished(shown, agent.name) is not None:
        tools.append(heard.RESUME_SCHEMA)
    prompt = agent.sys_prompt
    for layer in overriding(agent.middlewares, "on_system_prompt"):
        prompt = await layer.on_system_prompt(agent, prompt)
    if prompt:
        shown.insert(0, Msg(agent.name, prompt, "system"))
    if agent.plan is not None and (plan := await agent.plan.get_current_hint()) is not None:
        shown.append(plan)  # into this prompt only: memory has the plan's tools and their results
    shown.extend(Msg("hint", [HintBlock(hint)], "user") for hint in call.hints)
    messages = await agent.formatter.format(shown, **agent.format_options())
    return ModelCall(call.run, agent.model, messages, tools or None, call.tool_choice if tools else None)


def _stream(request: ModelCall) -> AsyncIterator[ChatDelta]:
    stream: AsyncIterator[ChatDelta] = request.model.stream(
        request.messages, tools=request.tools, tool_choice=request.tool_choice
    )
    return stream


def taken_options(formatter: Any) -> frozenset[str]:
    """Which options a formatter's `format` takes; those written for AgentScope take none."""
    parameters = inspect.signature(formatter.format).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return frozenset({"speaker", "told"})
    return frozenset(one.name for one in parameters)


def formatter_for_model(model: Any) -> Any:
    """The formatter that fits a model: its own, else the one for its provider."""
    own = getattr(model, "formatter", None)
    if own is not None:
        return own
    from ..formatter import formatter_for

    return formatter_for(model)
