"""Tracing: each reply, model call and tool call as an OpenTelemetry span with the GenAI attributes.

    pip install 'hubbub[tracing]'
    agent = ReActAgent(…, middlewares=[TracingMiddleware()])

The names are those of OpenTelemetry's semantic conventions for generative AI (spans `invoke_agent`, `chat`, `execute_tool`).
What was said is recorded only with `record_content=True`: conversations are private.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ..event import AgentEvent, ReplyEndEvent
from .base import ActingCall, MiddlewareBase, ModelCall, Next, ReplyCall

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..model.base import ChatDelta
    from ..tool.base import ToolChunk


class TracingMiddleware(MiddlewareBase):
    """Makes spans. `tracer` is an OpenTelemetry tracer; None for the one of the global provider.

    Put it first, so that it is the outermost. Raises RuntimeError where opentelemetry-api is not installed.
    """

    def __init__(self, tracer: Any = None, *, record_content: bool = False) -> None:
        try:
            from opentelemetry import trace
        except ImportError:
            raise RuntimeError("tracing needs opentelemetry: pip install 'hubbub[tracing]'") from None
        self._trace = trace
        self._tracer = tracer or trace.get_tracer("hubbub.agents")
        self._record_content = record_content

    async def on_reply(self, call: ReplyCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """A span for the reply, the parent of the others."""
        agent = call.agent
        attributes: dict[str, Any] = {
            "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": agent.name, "gen_ai.agent.id": agent.id,
            "gen_ai.conversation.id": getattr(agent.memory, "session_id", agent.id), "hubbub.reply_id": call.run.reply_id,
            "hubbub.speakers": list(dict.fromkeys(msg.name for msg in call.messages)),
        }  # fmt: skip
        if self._record_content:
            attributes["gen_ai.input.messages"] = json.dumps([msg.to_dict() for msg in call.messages], ensure_ascii=False)
        with self._span(f"invoke_agent {agent.name}", attributes, None) as span:
            call.run.scratch["span"] = span
            async for event in next():
                if isinstance(event, ReplyEndEvent):
                    span.set_attribute("gen_ai.response.finish_reasons", [event.finished_reason])
                    if self._record_content and event.message is not None:
                        span.set_attribute("gen_ai.output.messages", json.dumps([event.message.to_dict()], ensure_ascii=False))
                yield event

    async def on_model_call(self, call: ModelCall, next: Next[ChatDelta]) -> AsyncIterator[ChatDelta]:
        """A span for the request to the model, with its usage and the time to its first word."""
        from ..model.base import ChatUsage

        attributes = {
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": call.model.provider or "unknown",
            "gen_ai.request.model": call.model.name,
        }  # fmt: skip
        with self._span(f"chat {call.model.name}", attributes, call.run.scratch.get("span")) as span:
            began = time.monotonic()
            first = True
            async for delta in next():
                if isinstance(delta, ChatUsage):
                    span.set_attribute("gen_ai.usage.input_tokens", delta.input_tokens)
                    span.set_attribute("gen_ai.usage.output_tokens", delta.output_tokens)
                    span.set_attribute("gen_ai.response.model", delta.model or call.model.name)
                elif first:
                    first = False
                    span.set_attribute("hubbub.time_to_first_delta_s", time.monotonic() - began)
                yield delta

    async def on_acting(self, call: ActingCall, next: Next[ToolChunk]) -> AsyncIterator[ToolChunk]:
        """A span for the tool call."""
        tool = call.tool_call
        attributes = {
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": tool.name, "gen_ai.tool.call.id": tool.id,
            "gen_ai.tool.type": "function",
        }  # fmt: skip
        if self._record_content:
            attributes["gen_ai.tool.call.arguments"] = json.dumps(tool.input, ensure_ascii=False)
        with self._span(f"execute_tool {tool.name}", attributes, call.run.scratch.get("span")) as span:
            async for chunk in next():
                if chunk.is_last:
                    span.set_attribute("hubbub.tool.state", chunk.state)
                    if chunk.state == "error":
                        span.set_attribute("error.type", str(chunk.metadata.get("error", "tool")))
                        span.set_status(self._trace.StatusCode.ERROR)
                yield chunk

    @contextmanager
    def _span(self, name: str, attributes: dict[str, Any], parent: Any) -> Iterator[Any]:
        # The parent is passed by hand: a context that is attached in one step of an async generator and detached in another
        # is not safe, as the two may run in different contexts.
        context = self._trace.set_span_in_context(parent) if parent is not None else None
        span = self._tracer.start_span(name, context=context, attributes=attributes)
        try:
            yield span
        except (asyncio.CancelledError, GeneratorExit):
            span.set_attribute("gen_ai.response.finish_reasons", ["interrupted"])
            raise
        except BaseException as error:
            span.record_exception(error)
            span.set_attribute("error.type", type(error).__qualname__)
            span.set_status(self._trace.StatusCode.ERROR, str(error))
            raise
        finally:
            span.end()
