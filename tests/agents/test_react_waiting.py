"""A person in the loop: a reply waits for his word, in this process or another, or is let go."""

from typing import Any

import pytest
from hubbub.agents import (
    AgentState,
    ConfirmResult,
    ExternalExecutionResultEvent,
    Msg,
    ReActAgent,
    ToolFlags,
    ToolResultBlock,
    UserConfirmResultEvent,
    UserInterruptEvent,
)
from hubbub.agents.testing import ScriptedModel, Use, events_of, use
from react_agents import Weather, add, agent_with, kinds, results, said


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
