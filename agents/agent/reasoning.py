"""Reasoning: one step of thought, from memory to a prompt, from the prompt to the model, and from its stream to a message."""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, cast

from ..event import AgentEvent, ModelCallEndEvent, ModelCallStartEvent, Usage
from ..message import HintBlock, Msg, new_id
from ..middleware.base import ModelCall, ReasoningCall, close, onion, overriding
from ..model.base import ChatDelta, ChatModelError, ChatUsage, TextDelta, ThinkingDelta, ToolCallDelta
from . import heard
from .hooks import hooks_around, run_after, run_before
from .run import Run
from .structured import FINISH_TOOL, StructuredOutput
from .writer import BlockWriter

if TYPE_CHECKING:
    from .react import ReActAgent

logger = logging.getLogger(__name__)

REFUSALS = frozenset({400, 404, 422, 501})
"""How servers say that they do not know a request's form."""


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
    schema = structured.answer_schema() if structured is not None and len(tools) == 1 else None
    return ModelCall(call.run, agent.model, messages, tools or None, call.tool_choice if tools else None, schema)


def _stream(request: ModelCall) -> AsyncIterator[ChatDelta]:
    if request.answer_schema is not None and request.model.supports_response_schema:
        return _stream_answer(request, request.answer_schema)
    stream: AsyncIterator[ChatDelta] = request.model.stream(
        request.messages, tools=request.tools, tool_choice=request.tool_choice
    )
    return stream


async def _stream_answer(request: ModelCall, schema: dict[str, Any]) -> AsyncGenerator[ChatDelta, None]:
    """An answer that the provider holds to a schema, as the call of the finish tool that it stands for: what is JSON must not
    reach an ear. A server that refuses the schema is asked for the tool, now and from now on."""
    begun = False
    stream = request.model.stream(request.messages, response_schema=schema)
    try:
        async for delta in stream:
            if isinstance(delta, TextDelta):
                if not begun:
                    yield ToolCallDelta(0, f"call-{new_id()}", FINISH_TOOL, "")
                begun = True
                yield ToolCallDelta(0, "", "", delta.text)
            else:
                yield delta
        return
    except ChatModelError as error:
        if begun or error.status not in REFUSALS:
            raise
        logger.warning("%s takes no response schema (%s); structured output goes by a tool call", request.model.name, error)
        request.model.supports_response_schema = False
    finally:
        await close(stream)
    async with aclosing(request.model.stream(request.messages, tools=request.tools, tool_choice=request.tool_choice)) as deltas:
        async for delta in deltas:
            yield delta


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
