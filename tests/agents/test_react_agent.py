"""The reasoning agent: steps, tools, limits, structured output, and results that come later."""

import asyncio

import pytest
from hubbub.agents import (
    Msg,
    ReActAgent,
    Toolkit,
    message_from_events,
)
from hubbub.agents.model.base import ChatModelError, ChatUsage
from hubbub.agents.testing import ScriptedModel, Use, events_of, think, use
from react_agents import READ, Weather, add, agent_with, kinds, results, said


async def test_words_alone_end_the_reply() -> None:
    model = ScriptedModel([[think("hm"), "Hello ", "Bob.", ChatUsage(5, 2, 0.1)]])
    agent = ReActAgent("Ada", "You are Ada.", model)
    events = await events_of(agent.reply_stream(said("hi")))
    assert kinds(events) == [
        "reply_start", "model_call_start", "thinking_block_start", "thinking_block_delta", "thinking_block_end",
        "text_block_start", "text_block_delta", "text_block_delta", "text_block_end", "model_call_end", "reply_end",
    ]  # fmt: skip
    assert (events[-2].usage.input_tokens, events[-2].usage.output_tokens, events[-2].usage.cost) == (5, 2, 0.1)
    end = events[-1]
    assert end.finished_reason == "completed" and end.error is None
    assert [b.type for b in end.message.blocks()] == ["text"] and end.message.id == events[0].reply_id == end.reply_id
    assert model.calls[0].text == "system Ada: You are Ada.\nuser Bob: hi"
    assert [b.type for b in agent.memory.messages()[-1].blocks()] == ["thinking", "text"]


async def test_tools_are_used_until_there_is_an_answer() -> None:
    model = ScriptedModel([["Let me see. ", use("add", a=1, b=2)], "It is 3."])
    agent = agent_with(model, add)
    events = await events_of(agent.reply_stream(said("1+2?")))
    assert events[-1].message.get_text_content("") == "Let me see. It is 3."
    assert model.calls[1].messages[-1]["role"] == "tool" and model.calls[1].messages[-1]["content"] == "3"
    rebuilt = message_from_events(events)
    assert [b.type for b in rebuilt.blocks()] == ["text", "tool_use", "tool_result", "text"]
    assert [b.type for m in agent.memory.messages()[1:] for b in m.blocks()] == ["text", "tool_use", "tool_result", "text"]
    (result,) = results(agent).values()
    assert result[0].text == "3" and result[0].state == "success"


async def test_safe_tools_run_together_and_others_in_order() -> None:
    together = asyncio.Barrier(2)
    log: list[str] = []

    async def look(n: int) -> str:
        """Looks."""
        await asyncio.wait_for(together.wait(), 5)
        return f"saw {n}"

    async def write(n: int) -> str:
        """Writes."""
        log.append(f"start {n}")
        await asyncio.sleep(0)
        log.append(f"end {n}")
        return f"wrote {n}"

    calls = [use("look", n=1), use("look", n=2), use("write", n=3), use("write", n=4), use("look", n=5), use("look", n=6)]
    model = ScriptedModel([calls, "Done."])
    agent = agent_with(model, write)
    agent.toolkit.register_tool_function(look, flags=READ)
    await agent(said("go"))
    assert log == ["start 3", "end 3", "start 4", "end 4"]
    assert {r[0].text for r in results(agent).values()} == {"saw 1", "saw 2", "wrote 3", "wrote 4", "saw 5", "saw 6"}


async def test_safe_tools_run_in_order_when_told_so() -> None:
    running = 0

    async def look(n: int) -> str:
        """Looks."""
        nonlocal running
        running += 1
        assert running == 1
        await asyncio.sleep(0.001)
        running -= 1
        return "saw"

    agent = agent_with(ScriptedModel([[use("look", n=1), use("look", n=2)], "Done."]), look, flags=READ, parallel_tool_calls=False)
    await agent(said("go"))
    assert [r[0].state for r in results(agent).values()] == ["success", "success"]


async def test_bad_calls_get_a_result_that_says_so() -> None:
    async def bad() -> str:
        """Fails."""
        raise LookupError("lost")

    async def lonely() -> str:
        """Cancels itself."""
        raise asyncio.CancelledError

    script = [[Use("add", "{not json"), use("add", a="x", b=2), use("nope"), use("bad"), use("lonely")], "Sorry."]
    agent = agent_with(ScriptedModel(script), add, bad, lonely)
    events = await events_of(agent.reply_stream(said("go")))
    assert events[-1].finished_reason == "completed"
    told = [r[0] for r in results(agent).values()]
    assert all(r.state == "error" for r in told)
    assert "LookupError: lost" in told[3].text and "nope" in told[2].text
    without = ReActAgent("Ada", "", ScriptedModel([[use("add", a=1)], "Sorry."]))
    await without(said("go"))
    assert "no tools" in results(without).popitem()[1][0].text


async def test_out_of_steps_the_model_is_asked_for_words() -> None:
    model = ScriptedModel([[use("add", a=1, b=1)], [use("add", a=2, b=2)], "At least four."])
    agent = agent_with(model, add, max_iters=2)
    events = await events_of(agent.reply_stream(said("go")))
    assert events[-1].finished_reason == "exceeded"
    assert events[-1].message.get_text_content() == "At least four."
    assert [c.tool_choice for c in model.calls] == [None, None, "none"]
    assert "used all your steps" in model.calls[2].text and "used all your steps" not in repr(agent.memory.messages())
    stubborn = agent_with(ScriptedModel(then=[use("add", a=1, b=1)]), add, max_iters=1)
    events = await events_of(stubborn.reply_stream(said("go")))
    assert events[-1].finished_reason == "exceeded"
    assert [r[0].state for r in results(stubborn).values()] == ["success", "denied"]
    with pytest.raises(ValueError):
        ReActAgent("a", "", ScriptedModel(), max_iters=0)


async def test_a_model_that_answers_nothing() -> None:
    model = ScriptedModel([[], "There."])
    assert (await ReActAgent("Ada", "", model)(said("hi"))).get_text_content() == "There."
    assert "answered nothing" in model.calls[1].text
    events = await events_of(ReActAgent("Ada", "", ScriptedModel([[], [think("...")]])).reply_stream(said("hi")))
    assert events[-1].finished_reason == "error" and "answered nothing" in events[-1].error


async def test_a_model_that_breaks_off_keeps_what_it_said() -> None:
    model = ScriptedModel([["One ", "two", ChatModelError("gone", transient=True)], "Three."])
    agent = ReActAgent("Ada", "", model)
    events = await events_of(agent.reply_stream(said("count")))
    assert events[-1].finished_reason == "error" and "gone" in events[-1].error
    assert events[-1].message.get_text_content() == "One two"
    kept = agent.memory.messages()[-1]
    assert kept.get_text_content() == "One two" and "gone" in kept.metadata["error"]
    assert (await agent(said("go on, do"))).get_text_content() == "Three."
    with pytest.raises(ChatModelError):
        await ReActAgent("Ada", "", ScriptedModel([ChatModelError("down")]))(said("hi"))


async def test_what_is_heard_meanwhile_never_parts_a_call_from_its_result() -> None:
    gate = asyncio.Event()

    async def slow() -> str:
        """Waits."""
        await gate.wait()
        return "done"

    model = ScriptedModel([[use("slow")], "Fine."])
    agent = agent_with(model, slow)
    task = asyncio.create_task(agent(said("go")))
    while not any(m.tool_uses() for m in agent.memory.messages()):
        await asyncio.sleep(0)
    await agent.observe(Msg("Eve", "Hurry!", "user"))
    gate.set()
    await task
    assert [m.name for m in agent.memory.messages()] == ["Bob", "Ada", "system", "Eve", "Ada"]
    assert "Hurry!" in model.calls[1].text


# Structured output


async def test_structured_output() -> None:
    model = ScriptedModel([[use("generate_response", city="Oslo", degrees=-3, response="Cold in Oslo.")]])
    agent = ReActAgent("Ada", "", model)
    msg = await agent(said("weather?"), structured_model=Weather)
    assert msg.metadata == {"city": "Oslo", "degrees": -3}
    assert msg.get_text_content() == "Cold in Oslo."
    assert model.calls[0].tool_choice == "required" and model.calls[0].tool_names == ["generate_response"]
    assert len(model.calls) == 1
    results(agent)


async def test_structured_output_is_repaired_until_it_fits() -> None:
    model = ScriptedModel([
        "It is cold.",
        [use("generate_response", city="Oslo", degrees=1000)],
        [Use("generate_response", '{"city": "Oslo", "degrees": "-3"')],
    ])  # fmt: skip
    agent = ReActAgent("Ada", "", model)
    msg = await agent.reply(said("weather?"), structured_model=Weather)
    assert msg.metadata == {"city": "Oslo", "degrees": -3} and msg.get_text_content() == "It is cold."
    assert "generate_response" in model.calls[1].text and "degrees" in model.calls[2].text
    assert [r[0].state for r in results(agent).values()] == ["error", "success"]


async def test_structured_output_after_tools_and_by_json_schema() -> None:
    schema = {"properties": {"sum": {"type": "integer"}, "response": {"type": "string"}}, "required": ["sum"]}
    finish = use("generate_response", sum=3, response="three")
    model = ScriptedModel([[use("add", a=1, b=2)], [use("add", a=0, b=3), finish, use("add", a=9, b=9)]])
    agent = agent_with(model, add)
    msg = await agent.reply(said("sum"), structured_model=schema)
    assert msg.metadata == {"sum": 3, "response": "three"}  # a field of the schema, not words to say
    assert msg.get_text_content() == '{"sum": 3, "response": "three"}'
    assert sorted(r[0].state for r in results(agent).values()) == ["denied", "denied", "success", "success"]
    with pytest.raises(TypeError):
        await agent.reply(said("sum"), structured_model=3)


async def test_structured_output_that_never_comes() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="No."), max_iters=1)
    msg = await agent.reply(said("weather?"), structured_model=Weather)
    assert msg.metadata == {} and msg.get_text_content("").startswith("No.")


# Background tools


async def test_a_background_result_comes_as_a_hint_and_wakes_the_conversation() -> None:
    gate = asyncio.Event()

    async def search() -> str:
        """Searches for long."""
        await gate.wait()
        return "found tea"

    toolkit = Toolkit()
    toolkit.register_tool_function(search, async_execution=True)
    model = ScriptedModel([[use("search")], "I am searching.", "I found tea."])
    agent = ReActAgent("Ada", "", model, toolkit=toolkit)
    woken: list[str] = []

    async def wake(agent: ReActAgent) -> None:
        woken.append((await agent()).get_text_content())

    agent.on_wake = wake
    assert (await agent(said("find tea"))).get_text_content() == "I am searching."
    gate.set()
    while not woken:
        await asyncio.sleep(0.001)
    assert woken == ["I found tea."] and "found tea" in model.calls[2].text
    results(agent)
    await agent.aclose()
    await toolkit.close()


async def test_a_background_result_during_a_reply_is_seen_in_its_next_step_or_wakes_after_it() -> None:
    from hubbub.agents import HintBlock

    agent = agent_with(ScriptedModel([["One ", 0.001, use("add", a=1, b=1)], ["Two ", 0.005, "three."], "News!"]), add)
    woken = asyncio.Event()
    agent.on_wake = lambda agent: woken.set()
    steps = 0
    async for event in agent.reply_stream(said("go")):
        if event.type == "text_block_delta" and event.delta in ("One ", "Two "):
            steps += 1
            assert agent.toolkit.on_background_result is not None
            await agent.toolkit.on_background_result(HintBlock(f"news {steps}", "background:x"))
    await asyncio.wait_for(woken.wait(), 5)
    assert "news 1" in agent.model.calls[1].text
    assert (await agent()).get_text_content() == "News!" and "news 2" in agent.model.calls[2].text
    results(agent)
