"""The plan of an agent: its tools, what the model is shown of it, and its place in the agent's state."""

import asyncio
import json
from typing import Any

import pytest
from hubbub.agents import AgentState, Draft, Msg, Plan, PlanNotebook, ReActAgent, SubTask
from hubbub.agents.plan import PLANS_KEPT
from hubbub.agents.testing import ScriptedModel, events_of, use
from hubbub.agents.tool import ToolError, Toolkit
from hypothesis import given
from hypothesis import strategies as st


def step(name: str) -> dict[str, str]:
    return {"name": name, "description": f"do {name}", "expected_outcome": f"{name} is done"}


def steps(*names: str) -> list[Any]:
    return [SubTask(**step(name)) for name in names]


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


async def with_plan(*names: str, **options: Any) -> PlanNotebook:
    notebook = PlanNotebook(**options)
    await notebook.create_plan("trip", "a trip", "we are there", steps(*names))
    return notebook


def states(notebook: PlanNotebook) -> list[str]:
    assert notebook.current_plan is not None
    return [f"{one.name} {one.state}" for one in notebook.current_plan.subtasks]


async def test_a_plan_is_worked_off_in_order() -> None:
    notebook = await with_plan("a", "b")
    with pytest.raises(ToolError, match=r"subtask 0 \(a\) comes first"):
        await notebook.update_subtask_state(1, "in_progress")
    with pytest.raises(ToolError, match="comes first"):
        await notebook.finish_subtask(1, "early")
    await notebook.update_subtask_state(0, "in_progress")
    assert states(notebook) == ["a in_progress", "b todo"]
    with pytest.raises(ToolError, match=r"subtask 0 \(a\) is in_progress"):
        await notebook.finish_plan("done", "too early")
    told = await notebook.finish_subtask(0, "packed")
    assert "Subtask 1 (b) is in progress now" in told.content[0].text
    assert states(notebook) == ["a done", "b in_progress"]
    told = await notebook.finish_subtask(1, "gone")
    assert "finish_plan" in told.content[0].text
    assert "outcome: packed" in (await notebook.view_subtasks([0])).content[0].text
    await notebook.finish_plan("done", "we are there")
    assert notebook.current_plan is None
    assert [(plan.name, plan.state, plan.outcome) for plan in notebook.finished_plans] == [("trip", "done", "we are there")]
    with pytest.raises(ToolError, match="no plan"):
        await notebook.view_subtasks([0])


async def test_a_plan_can_be_changed_where_it_was_not_done_yet() -> None:
    notebook = await with_plan("a", "b", max_subtasks=3)
    await notebook.finish_subtask(0, "ok")
    await notebook.revise_current_plan(1, "revise", SubTask(**step("b2"), state="done"))
    assert states(notebook) == ["a done", "b2 in_progress"]
    await notebook.revise_current_plan(2, "add", SubTask(**step("c")))
    for place, action, subtask, fault in [
        (0, "revise", SubTask(**step("x")), "is done"), (1, "add", SubTask(**step("x")), "was begun"),
        (3, "add", SubTask(**step("x")), "at most 3"), (9, "add", SubTask(**step("x")), "0 to 3"), (-1, "delete", None, "no subtask -1"),
        (2, "revise", None, "give `subtask`"),
    ]:  # fmt: skip
        with pytest.raises(ToolError, match=fault):
            await notebook.revise_current_plan(place, action, subtask)
    await notebook.revise_current_plan(1, "delete")
    assert states(notebook) == ["a done", "c todo"]
    await notebook.update_subtask_state(1, "abandoned")
    await notebook.finish_plan("done", "in part")
    with pytest.raises(ToolError, match="at least one"):
        await notebook.create_plan("empty", "", "", [])
    with pytest.raises(ValueError, match="max_subtasks"):
        PlanNotebook(max_subtasks=0)


async def test_a_new_plan_takes_the_place_of_an_unfinished_one_and_old_ones_are_let_go() -> None:
    notebook = await with_plan("a")
    for number in range(PLANS_KEPT + 3):
        await notebook.create_plan(f"plan {number}", "", "", [step("a")])
    assert len(notebook.finished_plans) == PLANS_KEPT
    assert {plan.state for plan in notebook.finished_plans} == {"abandoned"}
    assert notebook.finished_plans[-1].name == f"plan {PLANS_KEPT + 1}"


ACTIONS = st.one_of(
    st.tuples(st.just("update_subtask_state"), st.integers(-1, 4), st.sampled_from(["todo", "in_progress", "abandoned"])),
    st.tuples(st.just("finish_subtask"), st.integers(-1, 4), st.just("ok")),
    st.tuples(st.just("revise_current_plan"), st.integers(-1, 4), st.sampled_from(["add", "revise", "delete"])),
)


@given(st.lists(ACTIONS, max_size=25))
def test_never_are_two_in_progress_and_the_state_is_whole(actions: list[tuple[str, int, str]]) -> None:
    async def run() -> None:
        notebook = await with_plan("a", "b", "c")
        for name, place, word in actions:
            more = [SubTask(**step("new"))] if name == "revise_current_plan" else []
            try:
                await getattr(notebook, name)(place, word, *more)
            except ToolError:
                continue
            plan = notebook.current_plan
            assert plan is not None and plan.subtasks
            assert sum(one.state == "in_progress" for one in plan.subtasks) <= 1
            other = PlanNotebook()
            other.load_state_dict(json.loads(json.dumps(notebook.state_dict())))
            assert other.state_dict() == notebook.state_dict()
            hints = await notebook.get_current_hint(), await other.get_current_hint()
            assert hints[0].content[0].text == hints[1].content[0].text

    asyncio.run(run())


MAKE = use("create_plan", name="trip", description="to Oslo", expected_outcome="there", subtasks=[step("pack"), step("go")])


async def test_the_model_sees_the_plan_before_each_step_and_memory_does_not() -> None:
    model = ScriptedModel([
        [MAKE], [use("update_subtask_state", subtask_idx=0, state="in_progress")],
        [use("finish_subtask", subtask_idx=0, subtask_outcome="two bags")], "Packed.", "Yes.",
    ])  # fmt: skip
    agent = ReActAgent("Ada", "You are Ada.", model, plan_notebook=PlanNotebook())
    assert (await agent(said("plan a trip"))).get_text_content() == "Packed."
    prompts = [call.text for call in model.calls]
    assert "Your plan" not in prompts[0] and {"create_plan", "finish_plan"} <= set(model.calls[0].tool_names)
    assert "Begin subtask 0" in prompts[1] and "In progress is subtask 0" in prompts[2]
    assert "In progress is subtask 1" in prompts[3] and prompts[3].count("Your plan:") == 1
    assert not any(msg.has_content_blocks("hint") for msg in agent.memory.messages())
    await agent(said("are you sure?"))
    assert model.calls[-1].messages[-1]["content"].startswith("Your plan:\n# trip")


async def test_the_plan_is_part_of_the_state_and_gives_the_same_next_prompt() -> None:
    model = ScriptedModel([[MAKE], [use("update_subtask_state", subtask_idx=0, state="in_progress")], "Begun.", "next"])
    agent = ReActAgent("Ada", "You are Ada.", model, plan_notebook=PlanNotebook())
    await agent(said("plan a trip"))
    text = agent.state.model_dump_json()
    await agent(said("go on then, Ada"))

    other = ScriptedModel(["next"])
    fresh = ReActAgent("Ada", "You are Ada.", other, plan_notebook=PlanNotebook())
    fresh.load_state(AgentState.model_validate_json(text))
    await fresh(said("go on then, Ada"))
    assert "In progress is subtask 0" in other.calls[0].text
    assert other.calls[0].messages == model.calls[3].messages and other.calls[0].tools == model.calls[3].tools
    without = ReActAgent("Ada", "You are Ada.", ScriptedModel())
    without.load_state(AgentState.model_validate_json(text))  # an agent without a notebook leaves the plan alone
    assert without.plan_notebook is None


async def test_a_plan_is_not_made_for_a_turn_that_is_taken_back() -> None:
    model = ScriptedModel([[MAKE], "Made."])
    agent = ReActAgent("Ada", "", model, plan_notebook=PlanNotebook())
    draft = Draft()
    reading = asyncio.create_task(events_of(agent.reply_stream(said("plan a"), draft=draft)))
    while not model.calls:
        await asyncio.sleep(0)
    for _ in range(50):
        await asyncio.sleep(0)
    assert agent.plan is not None and agent.plan.current_plan is None
    draft.discard()
    await reading
    assert agent.plan.current_plan is None and agent.memory.messages() == []


async def test_wrong_arguments_come_back_to_the_model_as_errors() -> None:
    model = ScriptedModel([
        [use("create_plan", name="x", description="", expected_outcome="", subtasks=[{"name": "a"}])],
        [use("finish_subtask", subtask_idx=3, subtask_outcome="")], "I give up.",
    ])  # fmt: skip
    agent = ReActAgent("Ada", "", model, plan_notebook=PlanNotebook())
    await agent(said("plan"))
    results = [block for msg in agent.memory.messages() for block in msg.get_content_blocks("tool_result")]
    assert [block.state for block in results] == ["error", "error"]
    assert "expected_outcome" in results[0].text and "no plan" in results[1].text


async def test_hooks_see_each_change_and_hints_can_be_ones_own() -> None:
    notebook = PlanNotebook(plan_to_hint=lambda plan: f"{plan.name}!" if plan else "none yet")
    seen: list[Any] = []

    async def slow(book: PlanNotebook, plan: Plan | None) -> None:
        seen.append(("slow", book is notebook, plan and plan.name))

    notebook.register_plan_change_hook("one", lambda book, plan: seen.append(plan and plan.state))
    notebook.register_plan_change_hook("two", slow)
    hint = await notebook.get_current_hint()
    assert hint is not None and hint.content[0].text == "none yet"
    await notebook.create_plan("p", "", "", [step("a")])
    notebook.remove_plan_change_hook("two")
    await notebook.finish_plan("abandoned", "no time")
    assert seen == ["todo", ("slow", True, "p"), None]
    with pytest.raises(ValueError, match="two"):
        notebook.remove_plan_change_hook("two")


def test_two_agents_with_plans_need_two_toolkits() -> None:
    toolkit = Toolkit()
    first = ReActAgent("Ada", "", ScriptedModel(), toolkit=toolkit, plan_notebook=PlanNotebook())
    assert first.toolkit is toolkit
    with pytest.raises(ValueError, match="toolkit of its own"):
        ReActAgent("Eve", "", ScriptedModel(), toolkit=toolkit, plan_notebook=PlanNotebook())
