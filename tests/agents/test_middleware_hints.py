"""Hints about the time, a full context, and calls that keep failing."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hubbub.agents import ContextHintMiddleware, Draft, Msg, ReActAgent, TimeHintMiddleware, Toolkit
from hubbub.agents.testing import ScriptedModel, events_of, use


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 11, 21, 9, 5, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def test_the_time_is_told_at_the_start_and_again_after_a_while() -> None:
    clock = Clock()
    model = ScriptedModel(then="Yes.")
    agent = ReActAgent("Ada", "Static prompt.", model, middlewares=[TimeHintMiddleware(every_s=60, now=clock)])
    events = await events_of(agent.reply_stream(said("one")))
    assert [e.text for e in events if e.type == "hint_block"] == ["It is Saturday, 2026-11-21 09:05 (UTC)."]
    clock.now += timedelta(seconds=59)
    await agent(said("two"))
    clock.now += timedelta(seconds=1)
    await agent(said("three"))
    names = [m.name for m in agent.memory.messages()]
    assert names == ["time", "Bob", "Ada", "Bob", "Ada", "time", "Bob", "Ada"]
    assert all(call.messages[0]["content"] == "Static prompt." for call in model.calls)
    first = model.calls[0].messages
    assert model.calls[2].messages[: len(first)] == first  # what was sent before is sent again, unchanged


async def test_a_discarded_draft_does_not_count_as_told() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), middlewares=[TimeHintMiddleware(now=Clock())])
    for settle in (Draft.discard, Draft.commit):
        draft = Draft()
        await events_of(agent.reply_stream(said("hi"), draft=draft))
        settle(draft)
    await agent(said("hi"))
    assert [m.name for m in agent.memory.messages()] == ["time", "Bob", "Ada", "Bob", "Ada"]


async def test_the_real_clock_and_zones() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), middlewares=[TimeHintMiddleware("Asia/Shanghai")])
    await agent(said("hi"))
    assert "(CST)" in repr(agent.memory.messages()[0])


async def test_a_full_context_is_told_once_a_reply() -> None:
    model = ScriptedModel(then="Yes.")
    agent = ReActAgent("Ada", "", model, middlewares=[ContextHintMiddleware(100, warn_at=0.8)])
    await agent(said("hi"))
    await agent(said("x" * 400))
    assert "fills 100%" in model.calls[1].text and "fills" not in model.calls[0].text


async def test_calls_that_keep_failing() -> None:
    def bad(n: int) -> str:
        """Fails.

        Args:
            n: A number.
        """
        raise OSError("broken")

    toolkit = Toolkit()
    toolkit.register_tool_function(bad)
    script: list[Any] = [[use("bad", n=1)], [use("bad", n=2)], [use("bad", n=2)], "I give up."]
    model = ScriptedModel(script)
    agent = ReActAgent("Ada", "", model, toolkit=toolkit, middlewares=[ContextHintMiddleware(10**6, failures=2)])
    await agent(said("go"))
    assert ["failed 2 times" in call.text for call in model.calls] == [False, False, False, True]
    with pytest.raises(ValueError):
        ContextHintMiddleware(0)
