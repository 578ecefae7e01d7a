"""What was heard of a reply is what is remembered; going on from there; and the state that survives a process."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import (
    AgentState,
    ReActAgent,
    TextBlock,
    Toolkit,
)
from hubbub.agents.testing import ScriptedModel, events_of, use
from react_agents import add, agent_with, results, said


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
