"""Tracing: the spans of a reply, as OpenTelemetry's conventions name them."""

import json
import sys
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk")

from hubbub.agents import Msg, ReActAgent, ToolFlags, Toolkit, TracingMiddleware
from hubbub.agents.model.base import ChatModelError, ChatUsage
from hubbub.agents.testing import ScriptedModel, events_of, use
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


async def trace(*answers: Any, record_content: bool = False, stop_at: str = "") -> list[Any]:
    """The spans of one reply, by the order of their ends."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))

    def look() -> str:
        """Looks."""
        return "saw"

    def bad() -> str:
        """Fails."""
        raise OSError("broken")

    toolkit = Toolkit()
    toolkit.register_tool_function(look, flags=ToolFlags(read_only=True))
    toolkit.register_tool_function(bad, flags=ToolFlags(read_only=True))
    layer = TracingMiddleware(provider.get_tracer("test"), record_content=record_content)
    agent = ReActAgent("Ada", "", ScriptedModel(answers), toolkit=toolkit, middlewares=[layer])
    stream = agent.reply_stream(said("hi"))
    if not stop_at:
        await events_of(stream)
    else:
        async for event in stream:
            if event.type == stop_at:
                break
        await stream.aclose()  # type: ignore[attr-defined]
    return list(exporter.get_finished_spans())


async def test_the_spans_of_a_reply_with_tools() -> None:
    spans = await trace([use("look"), use("bad"), ChatUsage(7, 3)], ["Done.", ChatUsage(9, 2, model="other")])
    names = [span.name for span in spans]
    assert names[0] == "chat scripted" and sorted(names[1:3]) == ["execute_tool bad", "execute_tool look"]
    assert names[3:] == ["chat scripted", "invoke_agent Ada"]
    root = spans[-1]
    assert all(span.parent.span_id == root.context.span_id for span in spans[:-1])
    assert root.attributes["gen_ai.operation.name"] == "invoke_agent" and root.attributes["gen_ai.agent.name"] == "Ada"
    assert root.attributes["hubbub.speakers"] == ("Bob",), "whom it answers, by name, with or without what was said"
    assert root.attributes["gen_ai.response.finish_reasons"] == ("completed",)
    assert (spans[0].attributes["gen_ai.usage.input_tokens"], spans[0].attributes["gen_ai.usage.output_tokens"]) == (7, 3)
    assert spans[3].attributes["gen_ai.response.model"] == "other"
    assert spans[0].attributes["hubbub.time_to_first_delta_s"] >= 0
    tools = {span.attributes["gen_ai.tool.name"]: span for span in spans[1:3]}
    assert tools["look"].status.is_unset and not tools["bad"].status.is_ok
    assert tools["bad"].attributes["error.type"] == "exception"


async def test_what_was_said_is_recorded_only_when_asked() -> None:
    spans = await trace([use("look")], "Secret.")
    assert "Secret" not in repr([dict(span.attributes) for span in spans])
    spans = await trace([use("look")], "Secret.", record_content=True)
    assert json.loads(spans[-1].attributes["gen_ai.output.messages"])[0]["content"][0]["text"] == "Secret."
    assert json.loads(spans[-1].attributes["gen_ai.input.messages"])[0]["content"] == "hi"


async def test_errors_and_interruptions() -> None:
    spans = await trace(ChatModelError("down"))
    assert all(not span.status.is_ok and span.attributes["error.type"] == "ChatModelError" for span in spans)
    assert spans[-1].status.description == "down"
    spans = await trace(["One ", 60], stop_at="text_block_delta")
    assert [span.name for span in spans] == ["chat scripted", "invoke_agent Ada"]
    assert all(span.attributes["gen_ai.response.finish_reasons"] == ("interrupted",) for span in spans)


def test_without_opentelemetry_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    with pytest.raises(RuntimeError, match="pip install"):
        TracingMiddleware()
