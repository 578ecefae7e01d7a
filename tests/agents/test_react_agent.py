"""The reasoning agent: steps, tools, limits, structured output, people in the loop, and going on where it was cut."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import (
    AgentState,
    ConfirmResult,
    ExternalExecutionResultEvent,
    Msg,
    ReActAgent,
    TextBlock,
    ToolFlags,
    Toolkit,
    ToolResultBlock,
    UserConfirmResultEvent,
    UserInterruptEvent,
    message_from_events,
)
from hubbub.agents.model.base import ChatModelError, ChatUsage
from hubbub.agents.testing import ScriptedModel, Use, events_of, think, use
from pydantic import BaseModel, Field

READ = ToolFlags(read_only=True)


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def agent_with(model: ScriptedModel, *tools: Any, flags: ToolFlags | None = None, **options: Any) -> ReActAgent:
    toolkit = Toolkit()
    for tool in tools:
        toolkit.register_tool_function(tool, flags=flags)
    return ReActAgent("Ada", "You are Ada.", model, toolkit=toolkit, **options)


def add(a: int, b: int) -> str:
    """Adds.

    Args:
        a: One.
        b: Another.
    """
    return str(a + b)


def kinds(events: list[Any]) -> list[str]:
    return [e.type for e in events]


def results(agent: ReActAgent) -> dict[str, list[ToolResultBlock]]:
    """The results in memory by call; fails where a call has not exactly one."""
    calls = [call.id for m in agent.memory.messages() for call in m.tool_uses()]
    found: dict[str, list[ToolResultBlock]] = {one: [] for one in calls}
    for msg in agent.memory.messages():
        for block in msg.blocks():
            if isinstance(block, ToolResultBlock):
                found[block.id].append(block)
    assert all(len(some) == 1 for some in found.values()), found
    return found


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


class Weather(BaseModel):
    """What the weather is."""

    city: str
    degrees: int = Field(ge=-100, le=100)


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


# A person in the loop


def send(to: str) -> str:
    """Sends a letter.

    Args:
        to: Whom.
    """
    return f"sent to {to}"


ASK = ToolFlags(requires_confirmation=True)
OUTSIDE = ToolFlags(external=True)


async def park(model: ScriptedModel, **options: Any) -> tuple[ReActAgent, list[Any]]:
    agent = agent_with(model, add, **options)
    agent.toolkit.register_tool_function(send, flags=ASK)
    agent.toolkit.register_tool_function(lambda: "never", func_name="door", func_description="Opens.", flags=OUTSIDE)
    return agent, await events_of(agent.reply_stream(said("go")))


def confirm(reply_id: str, *words: ConfirmResult) -> UserConfirmResultEvent:
    return UserConfirmResultEvent(reply_id, list(words))


async def test_a_tool_that_asks_stops_the_stream_and_goes_on_when_confirmed() -> None:
    model = ScriptedModel([["I will. ", use("add", a=1, b=1), Use("send", {"to": "Eve"}, "s")], "Sent."])
    agent, events = await park(model)
    assert kinds(events)[-2:] == ["require_user_confirm", "reply_end"]
    assert events[-1].finished_reason == "waiting"
    assert [c.name for c in events[-2].tool_calls] == ["send"] == [c.name for c in agent.waiting_calls]
    assert not agent.replying and len(model.calls) == 1
    again = await events_of(agent.reply_stream(confirm(events[0].reply_id, ConfirmResult("s", True, {"to": "Cy"}))))
    assert kinds(again)[:2] == ["reply_start", "tool_result_start"] and again[0].reply_id == events[0].reply_id
    assert again[-1].finished_reason == "completed"
    assert again[-1].message.get_text_content("") == "I will. Sent."
    assert results(agent)["s"][0].text == "sent to Cy"
    assert [c.input for m in agent.memory.messages() for c in m.tool_uses() if c.id == "s"] == [{"to": "Cy"}]


async def test_a_tool_that_is_refused() -> None:
    model = ScriptedModel([[Use("send", {"to": "Eve"}, "s"), use("add", a=1, b=1)], "Then not."])
    agent, _ = await park(model)
    events = await events_of(agent.reply_stream(confirm("", ConfirmResult("s", False, reason="not Eve"))))
    assert events[-1].finished_reason == "completed"
    states = [(r[0].state, r[0].text) for r in results(agent).values()]
    assert states[0][0] == "denied" and "not Eve" in states[0][1] and states[1] == ("success", "2")


async def test_answers_may_come_one_by_one() -> None:
    model = ScriptedModel([[Use("send", {"to": "a"}, "1"), Use("send", {"to": "b"}, "2"), Use("door", {}, "3")], "Done."])
    agent, events = await park(model)
    assert kinds(events)[-3:] == ["require_user_confirm", "require_external_execution", "reply_end"]
    events = await events_of(agent.reply_stream(confirm("", ConfirmResult("2", True))))
    assert events[-1].finished_reason == "waiting" and [c.id for c in events[-3].tool_calls] == ["1"]
    events = await events_of(agent.reply_stream(confirm("", ConfirmResult("1", True))))
    assert [c.id for c in agent.waiting_calls] == ["3"] and events[-1].finished_reason == "waiting"
    done = ExternalExecutionResultEvent("", [ToolResultBlock("3", "door", "open")])
    events = await events_of(agent.reply_stream(done))
    assert events[-1].finished_reason == "completed"
    assert [results(agent)[n][0].text for n in "123"] == ["sent to a", "sent to b", "open"]


async def test_a_waiting_reply_goes_on_in_another_process() -> None:
    model = ScriptedModel([[Use("send", {"to": "Eve"}, "s")]])
    first, _ = await park(model)
    await first.observe(Msg("Cy", "I heard that.", "user"))
    text = first.state.model_dump_json()

    model = ScriptedModel(["Sent."])
    second = agent_with(model)
    second.toolkit.register_tool_function(send, flags=ASK)
    second.load_state(AgentState.model_validate_json(text))
    events = await events_of(second.reply_stream(confirm("", ConfirmResult("s", True))))
    assert events[-1].finished_reason == "completed" and results(second)["s"][0].text == "sent to Eve"
    assert [m.name for m in second.memory.messages()] == ["Bob", "Ada", "system", "Cy", "Ada"]


async def test_structured_output_survives_waiting_in_another_process() -> None:
    model = ScriptedModel([[Use("send", {"to": "Eve"}, "s")]])
    first = agent_with(model)
    first.toolkit.register_tool_function(send, flags=ASK)
    await first.reply(said("go"), structured_model=Weather)
    second = agent_with(ScriptedModel([[use("generate_response", city="Oslo", degrees=1)]]))
    second.toolkit.register_tool_function(send, flags=ASK)
    second.load_state_dict(first.state_dict())
    assert (await second.reply(confirm("", ConfirmResult("s", True)))).metadata == {"city": "Oslo", "degrees": 1}


async def test_new_words_let_a_waiting_reply_go() -> None:
    model = ScriptedModel([[Use("send", {"to": "Eve"}, "s")], "As you like."])
    agent, _ = await park(model)
    await agent.observe(Msg("Cy", "No!", "user"))
    assert (await agent(said("Never mind."))).get_text_content() == "As you like."
    assert results(agent)["s"][0].state == "interrupted" and agent.waiting_calls == []
    assert [m.name for m in agent.memory.messages()] == ["Bob", "Ada", "system", "Cy", "Bob", "Ada"]


@pytest.mark.parametrize("how", ["event", "method"])
@pytest.mark.parametrize("answered", [None, "confirm", "external"])
async def test_a_waiting_reply_can_be_interrupted(how: str, answered: str | None) -> None:
    model = ScriptedModel([[Use("send", {"to": "Eve"}, "s"), Use("door", {}, "d")], "Next."])
    agent, events = await park(model)
    if answered == "confirm":
        await events_of(agent.reply_stream(confirm("", ConfirmResult("s", True))))
    elif answered == "external":
        await events_of(agent.reply_stream(ExternalExecutionResultEvent("", [ToolResultBlock("d", "door", "open")])))
    if how == "event":
        end = (await events_of(agent.reply_stream(UserInterruptEvent(events[0].reply_id, said("stop")))))[-1]
        assert end.finished_reason == "interrupted" and end.message.metadata["interrupted"]["by"] == "Bob"
    else:
        await agent.interrupt(said("stop"))
    states = {one: r[0].state for one, r in results(agent).items()}
    done = {"confirm": "s", "external": "d", None: ""}[answered]
    assert states == {one: "success" if one == done else "interrupted" for one in "sd"}
    assert (await agent(said("hi"))).get_text_content() == "Next."


async def test_answers_that_nobody_waits_for() -> None:
    agent, _ = await park(ScriptedModel([[Use("send", {"to": "Eve"}, "s")], "Sent."]))
    for wrong in (
        confirm("other", ConfirmResult("s", True)), confirm("", ConfirmResult("x", True)),
        ExternalExecutionResultEvent("", [ToolResultBlock("s", "send", "faked")]),
    ):  # fmt: skip
        end = (await events_of(agent.reply_stream(wrong)))[-1]
        assert end.finished_reason == "error" and "wait" in end.error
    assert (await agent.reply(confirm("", ConfirmResult("s", True)))).get_text_content() == "Sent."
    with pytest.raises(ValueError, match="does not wait"):
        await agent.reply(confirm("", ConfirmResult("s", True)))
    events = await events_of(agent.reply_stream(UserInterruptEvent()))
    assert kinds(events) == ["reply_start", "reply_end"] and events[-1].finished_reason == "completed"


async def test_a_reader_that_leaves_with_the_question_can_still_answer() -> None:
    agent = agent_with(ScriptedModel([[Use("send", {"to": "Eve"}, "s")], "Sent."]))
    agent.toolkit.register_tool_function(send, flags=ASK)
    stream = agent.reply_stream(said("go"))
    async for event in stream:
        if event.type == "require_user_confirm":
            break
    await stream.aclose()
    assert (await agent.reply(confirm("", ConfirmResult("s", True)))).get_text_content() == "Sent."
    assert results(agent)["s"][0].text == "sent to Eve"


# What was heard, and going on


async def test_memory_has_exactly_what_was_heard() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["one two three four"]))
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "one two", " three four", by="Bob", at="12:00")
    kept = agent.memory.messages()[-1]
    assert kept.get_text_content() == "one two"
    assert kept.metadata["interrupted"] == {"by": "Bob", "at": "12:00", "unheard": " three four"}
    await agent.record_heard("unknown", "x", "y")
    assert agent.memory.messages()[-1] is kept


async def test_a_cut_in_a_reply_of_several_messages() -> None:
    script = [["Let me see. ", use("add", a=1, b=2)], "It is three. Or so."]
    agent = agent_with(ScriptedModel(list(script)), add)
    reply = await agent(said("1+2?"))
    await agent.record_heard(reply.id, "Let me see. It is", "three. Or so.")
    assert [m.get_text_content() for m in agent.memory.messages() if m.role == "assistant"] == ["Let me see. ", "It is"]
    agent = agent_with(ScriptedModel(list(script)), add)
    reply = await agent(said("1+2?"))
    await agent.record_heard(reply.id, "Let", "me see. It is three. Or so.")
    texts = [m.get_text_content() for m in agent.memory.messages() if m.role == "assistant"]
    assert texts == ["Let"] and results(agent)


async def test_nothing_heard_is_remembered_as_that() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["one two"]))
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "", "one two", by="Bob")
    kept = agent.memory.messages()[-1]
    assert kept.role == "assistant" and kept.get_text_content() == "" and kept.metadata["interrupted"]["unheard"] == "one two"


@pytest.mark.parametrize("words", ["go on", "Please, continue.", "Go on!", "继续。", "接着说"])
async def test_going_on_from_the_exact_word_without_a_model(words: str) -> None:
    model = ScriptedModel(["one two three four five", "You heard two."])
    agent = ReActAgent("Ada", "", model)
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "one two", " three four five", by="Bob")
    await agent(said("how far did you get?"))  # an answered question does not lose the place
    events = await events_of(agent.reply_stream(said(words)))
    assert events[-1].message.get_text_content() == "three four five" and len(model.calls) == 2
    assert "".join(e.delta for e in events if e.type == "text_block_delta") == "three four five"
    assert agent.memory.messages()[-1].get_text_content() == "three four five"


async def test_going_on_again_after_being_cut_again() -> None:
    model = ScriptedModel(["one two three four five"], then="No.")
    agent = ReActAgent("Ada", "", model)
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "one", " two three four five")
    reply = await agent(said("go on"))
    await agent.record_heard(reply.id, "two", " three four five")
    stream = agent.reply_stream(said("go on"))
    async for event in stream:
        if event.type == "text_block_delta":
            break
    await stream.aclose()  # the rest was not even sent
    await agent.record_heard(event.reply_id, "", "three")
    assert (await agent(said("go on"))).get_text_content() == "three four five"
    assert (await agent(said("go on"))).get_text_content() == "No."


async def test_the_model_can_go_on_by_a_tool() -> None:
    model = ScriptedModel(["one two three", [use("resume_speaking"), use("add", a=1, b=1)], "Bye."])
    agent = agent_with(model, add)
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "one", " two three")
    answer = await agent(said("I'd love to hear the rest"))
    assert answer.get_text_content() == "two three"
    assert "resume_speaking" not in model.calls[0].tool_names and "resume_speaking" in model.calls[1].tool_names
    assert [r[0].state for r in results(agent).values()] == ["success", "denied"]
    await agent(said("bye"))
    assert "resume_speaking" not in model.calls[2].tool_names


# State


async def test_the_state_gives_the_same_next_prompt_in_a_new_process() -> None:
    toolkit = Toolkit()
    toolkit.create_tool_group("sums", "Sums.", active=True)
    toolkit.register_tool_function(add, group_name="sums")
    model = ScriptedModel([["Hm. ", use("add", a=1, b=2)], "three", "next"])
    agent = ReActAgent("Ada", "You are Ada.", model, toolkit=toolkit)
    await agent(said("1+2?"))
    text = agent.state.model_dump_json()
    await agent(said("and now?"))

    toolkit = Toolkit()
    toolkit.create_tool_group("sums", "Sums.")
    toolkit.register_tool_function(add, group_name="sums")
    other = ScriptedModel(["next"])
    fresh = ReActAgent("Ada", "You are Ada.", other, toolkit=toolkit)
    fresh.load_state(AgentState.model_validate_json(text))
    await fresh(said("and now?"))
    assert other.calls[0].messages == model.calls[2].messages and other.calls[0].tools == model.calls[2].tools


async def test_a_state_is_a_copy_and_is_checked() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(then="Hi."))
    before = agent.state
    await agent(said("hi"))
    assert before.memory == {"content": [], "compressed_summary": ""} and len(agent.state.memory["content"]) == 2
    with pytest.raises(ValueError, match="version"):
        agent.load_state(before.model_copy(update={"version": 9}))
    agent.load_state(before)
    assert agent.memory.messages() == []
    slow = ReActAgent("Ada", "", ScriptedModel([[60]]))
    task = asyncio.create_task(slow(said("hi")))
    await asyncio.sleep(0.005)
    with pytest.raises(RuntimeError, match="idle"):
        slow.load_state(before)
    await slow.interrupt()
    await task


async def test_calls_that_a_crash_left_open_are_closed() -> None:
    agent = agent_with(ScriptedModel(["Back again."]), add)
    crashed = agent_with(ScriptedModel([[use("add", a=1, b=2)], "x"]), add)
    await crashed(said("go"))
    for msg in crashed.memory.messages()[:2]:  # the process ended before the result was there
        agent.memory.append(msg)
    await agent(said("hello?"))
    assert results(agent).popitem()[1][0].state == "interrupted"
    assert [m.role for m in agent.memory.messages()] == ["user", "assistant", "system", "user", "assistant"]


async def test_text_blocks_of_a_result_are_one_text() -> None:
    async def stream() -> Any:
        """Streams."""
        for part in ("a", "b", "c"):
            yield TextBlock(part)

    agent = agent_with(ScriptedModel([[use("stream")], "Done."]), stream)
    events = await events_of(agent.reply_stream(said("go")))
    assert "".join(e.delta for e in events if e.type == "tool_result_text_delta") == results(agent).popitem()[1][0].text


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
