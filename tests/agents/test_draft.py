"""Drafts: settled once, at once, in order; and replies under them."""

import asyncio
from contextlib import aclosing
from typing import Any

import pytest
from hubbub.agents import Draft, DraftDiscarded, DraftSettled, Msg, ReActAgent, ToolFlags, Toolkit
from hubbub.agents.testing import ScriptedModel, events_of, use
from hypothesis import given, settings
from hypothesis import strategies as st


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def texts(agent: ReActAgent) -> list[str]:
    return [f"{m.name}: {m.get_text_content()}" for m in agent.memory.messages()]


async def test_waiting_for_a_draft() -> None:
    draft = Draft()
    assert draft.state == "open"
    waiter = asyncio.create_task(draft.wait())
    await asyncio.sleep(0)
    assert not waiter.done()
    draft.commit()
    assert draft.state == "committed"
    await waiter
    await draft.wait()
    draft.commit()
    with pytest.raises(DraftSettled):
        draft.discard()


async def test_discarding_a_draft() -> None:
    draft = Draft()
    waiter = asyncio.create_task(draft.wait())
    await asyncio.sleep(0)
    draft.discard()
    draft.discard()
    with pytest.raises(DraftDiscarded):
        await waiter
    with pytest.raises(DraftDiscarded):
        await draft.wait()
    with pytest.raises(DraftSettled):
        draft.commit()


async def test_callbacks_run_in_order_before_commit_returns() -> None:
    draft, seen = Draft(), []

    def fail(state: str) -> None:
        raise OSError(state)

    draft.when_settled(lambda state: seen.append(("first", state)))
    draft.when_settled(fail)
    draft.when_settled(lambda state: seen.append(("second", state)))
    with pytest.raises(OSError, match="committed"):
        draft.commit()
    assert seen == [("first", "committed"), ("second", "committed")]
    draft.when_settled(lambda state: seen.append(("late", state)))
    assert seen[-1] == ("late", "committed")


async def test_a_cancelled_waiter_leaves_the_others() -> None:
    draft = Draft()
    one, two = (asyncio.create_task(draft.wait()) for _ in range(2))
    await asyncio.sleep(0)
    one.cancel()
    await asyncio.sleep(0)
    draft.commit()
    await two
    assert one.cancelled()


async def test_nothing_reaches_memory_before_the_commit_and_all_in_order_with_it() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["Hello Bob."]))
    draft = Draft()
    await events_of(agent.reply_stream(said("hi"), draft=draft))
    assert texts(agent) == []
    await agent.observe(said("meanwhile"))
    draft.commit()
    assert texts(agent) == ["Bob: meanwhile", "Bob: hi", "Ada: Hello Bob."]


async def test_a_commit_in_the_middle_of_a_reply() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel([["One ", 0.001, "two."]]))
    draft = Draft()
    async for event in agent.reply_stream(said("hi"), draft=draft):
        if event.type == "text_block_delta" and draft.state == "open":
            assert texts(agent) == []
            draft.commit()
            assert texts(agent) == ["Bob: hi"]
    assert texts(agent) == ["Bob: hi", "Ada: One two."]


async def test_a_discard_leaves_no_trace_and_stops_the_reply() -> None:
    model = ScriptedModel([["One ", 60, "two."]], then="Next.")
    agent = ReActAgent("Ada", "", model)
    draft = Draft()
    seen: list[Any] = []

    async def read() -> None:
        async for event in agent.reply_stream(said("hi"), draft=draft):
            seen.append(event)
            if event.type == "text_block_delta":
                draft.discard()

    await asyncio.wait_for(read(), 5)
    assert seen[-1].type == "reply_end" and seen[-1].finished_reason == "interrupted"
    assert texts(agent) == [] and model.open_streams == 0
    await agent(said("again"))
    assert texts(agent) == ["Bob: again", "Ada: Next."]


async def test_a_discard_after_the_reply_leaves_no_trace() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["Hello."]))
    draft = Draft()
    await events_of(agent.reply_stream(said("hi"), draft=draft))
    draft.discard()
    assert texts(agent) == []


async def test_closing_the_stream_before_the_commit_leaves_no_trace() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel([["One ", 60, "two."]]))
    draft = Draft()
    stream = agent.reply_stream(said("hi"), draft=draft)
    async for event in stream:
        if event.type == "text_block_delta":
            break
    await stream.aclose()
    draft.commit()  # too late: the reply is gone
    assert texts(agent) == []


async def test_tools_with_side_effects_wait_for_the_commit_and_others_do_not() -> None:
    log: list[str] = []

    async def look() -> str:
        """Looks."""
        log.append("look")
        return "seen"

    async def send() -> str:
        """Sends."""
        log.append("send")
        return "sent"

    toolkit = Toolkit()
    toolkit.register_tool_function(look, flags=ToolFlags(read_only=True))
    toolkit.register_tool_function(send)
    agent = ReActAgent("Ada", "", ScriptedModel([[use("look"), use("send")], "Done."]), toolkit=toolkit)
    draft = Draft()
    events: list[Any] = []

    async def read() -> None:
        async for event in agent.reply_stream(said("hi"), draft=draft):
            events.append(event)
            if event.type == "tool_result_end":
                log.append("end")

    task = asyncio.create_task(read())
    while "end" not in log:
        await asyncio.sleep(0.001)
    for _ in range(20):
        await asyncio.sleep(0)
    assert log == ["look", "end"]
    draft.commit()
    await task
    assert log == ["look", "end", "send", "end"]


async def test_no_tool_with_side_effects_runs_after_a_discard() -> None:
    log: list[str] = []

    async def send() -> str:
        """Sends."""
        log.append("send")
        return "sent"

    toolkit = Toolkit()
    toolkit.register_tool_function(send)
    agent = ReActAgent("Ada", "", ScriptedModel([[use("send")], "Done."]), toolkit=toolkit)
    draft = Draft()
    async for event in agent.reply_stream(said("hi"), draft=draft):
        if event.type == "model_call_end":
            asyncio.get_running_loop().call_soon(draft.discard)
    assert log == [] and texts(agent) == []


async def test_going_on_under_a_draft_that_is_discarded_keeps_the_place() -> None:
    model = ScriptedModel(["one two three four"])
    agent = ReActAgent("Ada", "", model)
    reply = await agent.reply(said("count"))
    await agent.record_heard(reply.id, "one two", " three four", by="Bob")
    draft = Draft()
    events = await events_of(agent.reply_stream(said("go on"), draft=draft))
    assert events[-1].message.get_text_content() == "three four"
    draft.discard()
    assert (await agent.reply(said("Please continue."))).get_text_content() == "three four"
    assert len(model.calls) == 1


CALLS = st.lists(st.tuples(st.sampled_from(["look", "send"]), st.integers(0, 4)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(CALLS, min_size=1, max_size=2), fate=st.sampled_from(["commit", "discard", "close"]), after_ms=st.floats(0, 12))
def test_any_moment_of_settling_leaves_all_or_nothing(steps: list[Any], fate: str, after_ms: float) -> None:
    """Random drafts: before the commit memory is empty and nothing was sent; afterwards everything is there, or nothing."""

    async def scene() -> None:
        sent: list[str] = []

        async def work(name: str, ms: int) -> str:
            await asyncio.sleep(ms / 1000)
            if name == "send":
                sent.append(draft.state)
            return name

        async def look(ms: int) -> str:
            """Looks.

            Args:
                ms: How long.
            """
            return await work("look", ms)

        async def send(ms: int) -> str:
            """Sends.

            Args:
                ms: How long.
            """
            return await work("send", ms)

        toolkit = Toolkit()
        toolkit.register_tool_function(look, flags=ToolFlags(read_only=True))
        toolkit.register_tool_function(send)
        script: list[Any] = [["w ", 0.001, *(use(name, ms=ms) for name, ms in calls)] for calls in steps]
        agent = ReActAgent("Ada", "", ScriptedModel([*script, "The end."], then="Next."), toolkit=toolkit)
        draft = Draft()
        stream = agent.reply_stream(said("hi"), draft=draft)
        seen: list[Any] = []

        async def read() -> None:
            async with aclosing(stream) as events:  # type: ignore[type-var]
                async for event in events:
                    seen.append(event.type)

        reader = asyncio.create_task(read())
        await asyncio.sleep(after_ms / 1000)
        assert agent.memory.messages() == [] and sent == []
        if fate == "close":
            reader.cancel()
        elif fate == "commit":
            draft.commit()
        else:
            draft.discard()
        await asyncio.wait({reader})
        if fate == "close" and draft.state == "open":
            draft.commit()
        everything = fate == "commit" or (fate == "close" and seen[-1:] == ["reply_end"])
        assert set(sent) <= {"committed"}
        assert bool(agent.memory.messages()) == everything
        if everything:
            assert agent.memory.messages()[0].get_text_content() == "hi"
            calls = [call.id for m in agent.memory.messages() for call in m.tool_uses()]
            results = [b.id for m in agent.memory.messages() for b in m.get_content_blocks("tool_result")]
            assert sorted(calls) == sorted(results)
        assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        await toolkit.close()

    asyncio.run(scene())
