"""Budgets: counted, warned about once, and held to."""

from typing import Any

import pytest
from hubbub.agents import AgentBase, AgentState, Budget, BudgetMiddleware, ConfirmResult, Msg, ReActAgent, ToolFlags, Toolkit
from hubbub.agents import UserConfirmResultEvent as Confirm
from hubbub.agents.model.base import ChatUsage
from hubbub.agents.testing import ScriptedModel, Use, events_of, use


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def look() -> str:
    """Looks."""
    return "saw"


def agent_with(layer: BudgetMiddleware, *answers: Any, flags: ToolFlags | None = None) -> ReActAgent:
    toolkit = Toolkit()
    toolkit.register_tool_function(look, flags=flags)
    return ReActAgent("Ada", "", ScriptedModel(answers, then=["Fine.", ChatUsage(10, 10, 0.1)]), toolkit=toolkit, middlewares=[layer])


STEP = [use("look"), ChatUsage(30, 10, 0.5)]


async def test_a_reply_is_told_to_wrap_up_and_then_gets_one_call_without_tools() -> None:
    agent = agent_with(BudgetMiddleware(reply=Budget(tokens=100)), STEP, STEP, STEP, ["Enough.", ChatUsage(1, 1)])
    events = await events_of(agent.reply_stream(said("go")))
    calls = agent.model.calls
    assert events[-1].finished_reason == "exceeded" and events[-1].message.get_text_content() == "Enough."
    assert ["budget" in call.text for call in calls] == [False, False, True, False]
    assert [call.tools is None for call in calls] == [False, False, False, True]
    events = await events_of(agent.reply_stream(said("again")))  # the next reply begins with nothing spent
    assert events[-1].finished_reason == "completed"


async def test_input_and_output_are_weighted_and_money_is_counted() -> None:
    budget = Budget(tokens=100, cost=10.0, input_weight=0.5, output_weight=3.0)
    await agent_with(BudgetMiddleware(shared=[budget]), STEP)(said("go"))
    assert budget.spent_tokens == 0.5 * 40 + 3.0 * 20 and budget.spent_cost == 0.6
    assert budget.share == 0.8
    assert Budget(cost=0.0).share == 1.0 and Budget().share == 0.0


async def test_a_shared_budget_stops_all_who_share_it() -> None:
    room = Budget(cost=0.15, name="room")
    layer = BudgetMiddleware(shared=[room], stopped_text="No money.")
    one, two = agent_with(layer), agent_with(layer)
    await one(said("hi"))
    await two(said("hi"))
    events = await events_of(one.reply_stream(said("hi")))
    assert events[-1].finished_reason == "exceeded" and events[-1].message.get_text_content() == "No money."
    assert len(one.model.calls) == 1
    assert [m.get_text_content() for m in one.memory.messages()] == ["hi", "Fine.", "hi", "No money."]


async def test_an_agents_budget_is_its_own_and_saved_with_it() -> None:
    layer = BudgetMiddleware(agent=Budget(tokens=30))
    one, two = agent_with(layer), agent_with(layer)
    await one(said("hi"))
    await one(said("hi"))
    assert (await events_of(one.reply_stream(said("hi"))))[-1].finished_reason == "exceeded"
    assert (await events_of(two.reply_stream(said("hi"))))[-1].finished_reason == "completed"
    two.load_state(AgentState.model_validate_json(one.state.model_dump_json()))
    assert (await events_of(two.reply_stream(said("hi"))))[-1].finished_reason == "exceeded"


async def test_what_a_reply_has_spent_survives_waiting_for_a_person() -> None:
    ask = [Use("look", {}, "l"), ChatUsage(60, 20)]
    layer = BudgetMiddleware(reply=Budget(tokens=100))
    agent = agent_with(layer, ask, ["Done.", ChatUsage(1, 1)], flags=ToolFlags(requires_confirmation=True))
    assert (await events_of(agent.reply_stream(said("go"))))[-1].finished_reason == "waiting"
    await events_of(agent.reply_stream(Confirm("", [ConfirmResult("l", True)])))
    assert "budget" in agent.model.calls[1].text and layer.state_of(agent)["tokens"] == 82


async def test_the_alarm_rings_once_for_each_budget() -> None:
    rung: list[str] = []

    async def ring(agent: AgentBase, budget: Budget) -> None:
        rung.append(f"{agent.name} {budget.name}")
        raise OSError("no bell")

    layer = BudgetMiddleware(
        reply=Budget(tokens=20, name="reply"), agent=Budget(tokens=10_000, name="agent"), shared=[Budget(cost=0.2, name="key")],
        wrap_up_at=0.9, on_alarm=ring,
    )  # fmt: skip
    agent = agent_with(layer)
    await agent(said("hi"))
    assert rung == ["Ada reply"]
    await agent(said("hi"))
    assert rung == ["Ada reply", "Ada reply", "Ada key"]
    await agent(said("hi"))
    assert len(rung) == 3
    with pytest.raises(ValueError):
        BudgetMiddleware(wrap_up_at=0.0)


async def test_calls_of_unknown_use_and_price() -> None:
    budget = Budget(tokens=100, cost=1.0)
    agent = agent_with(BudgetMiddleware(shared=[budget]), ["No usage."], ["No price.", ChatUsage(5, 5)])
    await agent(said("hi"))
    await agent(said("hi"))
    assert (budget.spent_tokens, budget.spent_cost) == (10.0, 0.0)
