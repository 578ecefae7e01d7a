"""Interruption: at any moment, by anybody, and afterwards memory is true and nothing is left running."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hubbub.agents import Msg, ReActAgent, TextBlock, ToolFlags, Toolkit, ToolResultBlock
from hubbub.agents.agent import run as run_module
from hubbub.agents.testing import ScriptedModel, Use, events_of, think, use
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SAFE = ToolFlags(read_only=True)


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def tools() -> Toolkit:
    async def safe(ms: int) -> str:
        """Waits, beside others.

        Args:
            ms: How long.
        """
        await asyncio.sleep(ms / 1000)
        return "safe"

    async def alone(ms: int) -> str:
        """Waits, alone.

        Args:
            ms: How long.
        """
        await asyncio.sleep(ms / 1000)
        return "alone"

    async def stream(ms: int) -> AsyncIterator[TextBlock]:
        """Answers in pieces.

        Args:
            ms: How long.
        """
        for n in range(3):
            await asyncio.sleep(ms / 3000)
            yield TextBlock(f"piece {n} ")

    async def fails(ms: int) -> str:
        """Fails.

        Args:
            ms: When.
        """
        await asyncio.sleep(ms / 1000)
        raise OSError("broken")

    toolkit = Toolkit()
    toolkit.register_tool_function(safe, flags=SAFE)
    toolkit.register_tool_function(stream, flags=SAFE)
    toolkit.register_tool_function(alone)
    toolkit.register_tool_function(fails)
    for name, flags in (("asks", ToolFlags(requires_confirmation=True)), ("outside", ToolFlags(external=True))):
        toolkit.register_tool_function(lambda ms: "done", func_name=name, func_description="Waits for somebody.", flags=flags)
    return toolkit


def check_memory(agent: ReActAgent) -> None:
    """Exactly one result for each call, directly behind it."""
    open_calls: list[str] = []
    for msg in agent.memory.messages():
        for block in msg.blocks():
            if isinstance(block, ToolResultBlock):
                open_calls.remove(block.id)  # raises where there is no such open call
        if msg.role != "system":
            assert not open_calls, f"{msg} came between a call and its result"
        open_calls += [call.id for call in msg.tool_uses()]
    assert not open_calls


def check_nothing_is_left(agent: ReActAgent, model: ScriptedModel) -> None:
    left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not left, left
    assert model.open_streams == 0 and not agent.replying


def check_events(events: list[Any]) -> None:
    """One start, one end; what opens closes; each call has one result."""
    kinds = [event.type for event in events]
    assert kinds[0] == "reply_start" and kinds.count("reply_start") == 1
    assert kinds[-1] == "reply_end" and kinds.count("reply_end") == 1
    for start, end, key in (
        ("text_block_start", "text_block_end", "block_id"), ("thinking_block_start", "thinking_block_end", "block_id"),
        ("tool_call_start", "tool_call_end", "tool_call_id"), ("tool_result_start", "tool_result_end", "tool_call_id"),
        ("tool_call_start", "tool_result_end", "tool_call_id"),
    ):  # fmt: skip
        opened = [getattr(event, key) for event in events if event.type == start]
        closed = [getattr(event, key) for event in events if event.type == end]
        assert sorted(opened) == sorted(closed), (start, end)


def text_of(events: list[Any]) -> str:
    return "".join(event.delta for event in events if event.type == "text_block_delta")


def remembered(agent: ReActAgent) -> str:
    return "".join(m.get_text_content("") for m in agent.memory.messages() if m.role == "assistant")


CALLS = st.lists(st.tuples(st.sampled_from(["safe", "alone", "stream", "fails", "asks", "outside"]), st.integers(0, 6)), max_size=5)
STEPS = st.lists(st.tuples(st.integers(0, 3), CALLS), min_size=1, max_size=2)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    steps=STEPS, how=st.sampled_from(["interrupt", "twice", "close", "cancel"]), after_ms=st.floats(0, 12),
    after_events=st.integers(0, 40), parallel=st.booleans(), pause_ms=st.sampled_from([0, 1]),
)  # fmt: skip
def test_any_interruption_leaves_a_true_memory(
    steps: list[Any], how: str, after_ms: float, after_events: int, parallel: bool, pause_ms: int
) -> None:
    """Random interruption moments over random tool mixes."""
    script: list[Any] = []
    for words, calls in steps:
        pieces: list[Any] = [think("hm")]
        for n in range(words):
            pieces += [f"word{n} ", pause_ms / 1000]
        script.append(pieces + [Use(name, {"ms": ms}, piece_chars=3) for name, ms in calls])
    script.append(["The ", 0.001, "end."])

    async def scene() -> None:
        model = ScriptedModel(script, then="Next.")
        agent = ReActAgent("Ada", "", model, toolkit=tools(), parallel_tool_calls=parallel)
        events: list[Any] = []

        async def read() -> None:
            stream = agent.reply_stream(said("go"))
            try:
                async for event in stream:
                    events.append(event)
                    if how == "close" and len(events) > after_events:
                        break
            finally:
                await stream.aclose()  # type: ignore[attr-defined]

        reader = asyncio.create_task(read())
        await asyncio.sleep(after_ms / 1000)
        if how == "cancel":
            reader.cancel()
            await asyncio.wait({reader})
        elif how in ("interrupt", "twice"):
            await asyncio.gather(*(agent.interrupt(said("stop")) for _ in range(1 + (how == "twice"))))
            assert not agent.replying
        await asyncio.wait({reader})
        await agent.interrupt()  # a reply that waits
        asked = any(event.type.startswith("require_") for event in events)
        check_memory(agent)
        assert remembered(agent) == text_of(events)
        if how in ("interrupt", "twice") and events and not asked:
            check_events(events)
        check_nothing_is_left(agent, model)
        model.restart(["Next."])
        assert (await agent(said("hi"))).get_text_content() == "Next."
        check_memory(agent)
        await agent.toolkit.close()  # type: ignore[union-attr]

    asyncio.run(scene())


async def interrupted_at(agent: ReActAgent, when: Any, msg: Msg | None = None) -> list[Any]:
    """The events of a reply that is interrupted from outside after the first event for which `when` holds."""
    events: list[Any] = []
    stop: asyncio.Task[None] | None = None
    async for event in agent.reply_stream(said("go")):
        events.append(event)
        if stop is None and when(event):
            stop = asyncio.create_task(agent.interrupt(msg))
    assert stop is not None
    await stop
    return events


async def test_partial_text_is_kept_once_and_marked() -> None:
    model = ScriptedModel([["One ", "two ", 60, "three."]], then="Next.")
    agent = ReActAgent("Ada", "", model)
    events = await interrupted_at(agent, lambda e: e.type == "text_block_delta" and e.delta == "two ", Msg("Eve", "Stop!", "user"))
    check_events(events)
    end = events[-1]
    assert end.finished_reason == "interrupted" and end.message.get_text_content() == "One two "
    assert end.message.metadata["interrupted"]["by"] == "Eve" and end.message.metadata["interrupted"]["unheard"] == ""
    kept = agent.memory.messages()
    assert [m.get_text_content() for m in kept] == ["go", "One two "]
    assert kept[1].metadata["interrupted"] == end.message.metadata["interrupted"]
    await agent(said("hi"))
    assert any(m.get("interrupted") for m in model.calls[-1].messages)
    check_nothing_is_left(agent, model)


@pytest.mark.parametrize("mix", ["alone alone alone", "safe safe safe", "stream safe alone", "alone asks outside", "safe asks"])
async def test_every_call_of_any_mix_has_one_result(mix: str) -> None:
    names = mix.split()
    model = ScriptedModel([["I try. ", *(Use(name, {"ms": 60_000}) for name in names)]], then="Next.")
    agent = ReActAgent("Ada", "", model, toolkit=tools())
    events = await interrupted_at(agent, lambda e: e.type == "tool_result_start")
    check_events(events)
    check_memory(agent)
    results = [b for m in agent.memory.messages() for b in m.blocks() if isinstance(b, ToolResultBlock)]
    assert len(results) == len(names) and all(r.state == "interrupted" for r in results)
    assert all("interrupted" in r.text for r in results)
    assert agent.memory.messages()[1].metadata["interrupted"]["by"] is None
    check_nothing_is_left(agent, model)


async def test_what_a_streaming_tool_gave_is_kept() -> None:
    async def slow() -> AsyncIterator[TextBlock]:
        """Answers in pieces."""
        yield TextBlock("first ")
        await asyncio.sleep(60)

    toolkit = Toolkit()
    toolkit.register_tool_function(slow)
    agent = ReActAgent("Ada", "", ScriptedModel([[use("slow")]]), toolkit=toolkit)
    events = await interrupted_at(agent, lambda e: e.type == "tool_result_text_delta")
    check_events(events)
    result = agent.memory.messages()[-1].blocks()[0]
    assert isinstance(result, ToolResultBlock) and result.text.startswith("first ") and "interrupted" in result.text


async def test_interrupting_an_idle_agent_does_nothing() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="Hi."))
    await agent.interrupt()
    await agent.interrupt(said("stop"))
    assert (await agent(said("hi"))).get_text_content() == "Hi."
    await agent.interrupt()
    assert (await agent(said("hi"))).metadata == {}


async def test_interrupting_before_the_first_step() -> None:
    model = ScriptedModel([[60, "One."]], then="Next.")
    agent = ReActAgent("Ada", "", model)
    task = asyncio.create_task(agent(said("go")))
    while not model.open_streams:
        await asyncio.sleep(0)
    await agent.interrupt(said("no"))
    answer = await task
    assert answer.get_text_content() == "" and answer.metadata["interrupted"]["by"] == "Bob"
    last = agent.memory.messages()[-1]
    assert last.role == "assistant" and last.content == [] and "interrupted" in last.metadata
    assert (await agent(said("hi"))).get_text_content() == "Next."


@pytest.mark.parametrize("steps", range(8))
async def test_interrupting_in_the_very_first_steps(steps: int) -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="Hi."))
    task = asyncio.create_task(events_of(agent.reply_stream(said("go"))))
    for _ in range(steps):
        await asyncio.sleep(0)
    await agent.interrupt()
    events = await task
    check_events(events)
    assert remembered(agent) == text_of(events)


async def test_the_answer_to_an_interruption_can_be_overridden() -> None:
    class Polite(ReActAgent):
        async def handle_interrupt(self, msg: Msg | None = None) -> Msg:
            return Msg(self.name, f"You said {msg.get_text_content() if msg else 'nothing'}?", "assistant")

    agent = Polite("Ada", "", ScriptedModel([["One ", 60]]))
    events = await interrupted_at(agent, lambda e: e.type == "text_block_delta", said("stop"))
    check_events(events)
    assert text_of(events) == "One You said stop?" and events[-1].message.get_text_content() == "You said stop?"
    assert [m.get_text_content() for m in agent.memory.messages()] == ["go", "One ", "You said stop?"]


async def test_an_override_that_fails_is_an_error_not_a_hang() -> None:
    class Rude(ReActAgent):
        async def handle_interrupt(self, msg: Msg | None = None) -> Msg:
            raise LookupError("no words")

    agent = Rude("Ada", "", ScriptedModel([["One ", 60]], then="Next."))
    events = await interrupted_at(agent, lambda e: e.type == "text_block_delta")
    assert events[-1].finished_reason == "error" and "no words" in events[-1].error
    assert (await agent(said("hi"))).get_text_content() == "Next."


async def test_a_reader_that_stops_gets_exactly_what_memory_has() -> None:
    """The model is far ahead of the reader; what was never read is not remembered."""
    words = [f"w{n} " for n in range(300)]
    agent = ReActAgent("Ada", "", ScriptedModel([words]))
    read = ""
    stream = agent.reply_stream(said("go"))
    async for event in stream:
        if event.type == "text_block_delta":
            read += event.delta
            if event.delta == "w7 ":
                break
    await stream.aclose()
    assert remembered(agent) == read == "".join(words[:8])


async def test_a_slow_reader_holds_the_agent_back() -> None:
    model = ScriptedModel([["x "] * 1000])
    agent = ReActAgent("Ada", "", model)
    stream = agent.reply_stream(said("go"))
    for _ in range(5):
        await anext(stream)
    for _ in range(50):
        await asyncio.sleep(0)
    assert agent._run is not None and len(agent._run.channel.untaken()) <= run_module.EVENTS_AHEAD
    await stream.aclose()


async def test_no_tool_runs_before_its_reader_has_caught_up() -> None:
    ran: list[str] = []

    async def act() -> str:
        """Acts."""
        ran.append("acted")
        return "ok"

    toolkit = Toolkit()
    toolkit.register_tool_function(act)
    agent = ReActAgent("Ada", "", ScriptedModel([["I act. ", use("act")], "Done."]), toolkit=toolkit)
    stream = agent.reply_stream(said("go"))
    async for event in stream:
        if event.type == "tool_call_end":
            break
    for _ in range(50):
        await asyncio.sleep(0)
    assert ran == []
    await stream.aclose()
    assert ran == [] and remembered(agent) == "I act. "
    check_memory(agent)


async def test_an_abandoned_stream_is_closed_with_its_loop() -> None:
    model = ScriptedModel([["One ", 60]])
    agent = ReActAgent("Ada", "", model)
    stream = agent.reply_stream(said("go"))
    await anext(stream)
    del stream  # nobody closed it
    for _ in range(20):
        await asyncio.sleep(0)
    check_nothing_is_left(agent, model)


async def test_cancelling_who_called_reply() -> None:
    model = ScriptedModel([["One ", 60]], then="Next.")
    agent = ReActAgent("Ada", "", model)
    task = asyncio.create_task(agent.reply(said("go")))
    while not model.open_streams:
        await asyncio.sleep(0)
    for _ in range(5):
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert remembered(agent) == "One " and "interrupted" in agent.memory.messages()[-1].metadata
    check_nothing_is_left(agent, model)
    with pytest.raises(TimeoutError):
        model.restart([[60]], then="Next.")
        await asyncio.wait_for(agent.reply(said("again")), 0.02)
    check_nothing_is_left(agent, model)
    assert (await agent(said("hi"))).get_text_content() == "Next."


async def test_a_tool_may_interrupt_its_own_agent() -> None:
    async def stop() -> str:
        """Stops."""
        await agent.interrupt(said("from inside"))
        await asyncio.sleep(60)
        return "never"

    toolkit = Toolkit()
    toolkit.register_tool_function(stop)
    agent = ReActAgent("Ada", "", ScriptedModel([[use("stop")]]), toolkit=toolkit)
    events = await asyncio.wait_for(events_of(agent.reply_stream(said("go"))), 5)
    assert events[-1].finished_reason == "interrupted"
    check_memory(agent)


async def test_record_heard_while_the_reply_goes_on_stops_it() -> None:
    model = ScriptedModel([["one ", "two ", 60, "three"]])
    agent = ReActAgent("Ada", "", model)
    async for event in agent.reply_stream(said("count")):
        if event.type == "text_block_delta" and event.delta == "two ":
            await agent.record_heard(event.reply_id, "one", " two ", by="Bob")
    assert remembered(agent) == "one" and agent.memory.messages()[-1].metadata["interrupted"]["by"] == "Bob"
    check_nothing_is_left(agent, model)


async def test_an_override_that_hangs_is_an_error_not_a_hang(monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.agents.agent import ending

    class Lost(ReActAgent):
        async def handle_interrupt(self, msg: Msg | None = None) -> Msg:
            await asyncio.sleep(60)
            raise AssertionError

    monkeypatch.setattr(ending, "ANSWER_S", 0.01)
    agent = Lost("Ada", "", ScriptedModel([["One ", 60]], then="Next."))
    events = await interrupted_at(agent, lambda e: e.type == "text_block_delta")
    assert events[-1].finished_reason == "error" and "TimeoutError" in events[-1].error
    assert (await agent(said("hi"))).get_text_content() == "Next."
