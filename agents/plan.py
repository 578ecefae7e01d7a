"""Plans: what an agent means to do, one step after the other, where it sees it before each thought.

    agent = ReActAgent("Ada", "You are Ada.", model, plan_notebook=PlanNotebook())

The notebook brings tools by which the model makes a plan, changes it, and works it off. While there is a plan, the model is shown
it, and what comes next, before each of its steps; these hints are never kept in memory, so that a plan that changes is not
remembered as it was. The names are AgentScope's (1.x).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field

from .message import HintBlock, Msg, TextBlock, new_id
from .tool.base import ToolError, ToolFlags, ToolResponse, tool

PLANS_KEPT = 16
"""How many finished plans a notebook keeps, for whoever looks back; the model does not see them."""

SubTaskState = Literal["todo", "in_progress", "done", "abandoned"]
PlanState = Literal["todo", "in_progress", "done", "abandoned"]
Hint = Callable[["Plan | None"], str | None]
"""What the model is told about the plan before it thinks; None for nothing."""

_CHANGES = ToolFlags(side_effects=True, concurrency_safe=False)
_LOOKS = ToolFlags(read_only=True)
_MARKS = {"todo": "[ ]", "in_progress": "[>]", "done": "[x]", "abandoned": "[-]"}


class NewSubTask(BaseModel):
    """One step of a plan, as the model writes it."""

    name: str = Field(description="A short name of the step.")
    description: str = Field(description="What is to be done, with all limits and wishes that matter for it.")
    expected_outcome: str = Field(description="How one sees that it is done.")


class SubTask(NewSubTask):
    """One step of a plan, and how it stands."""

    state: SubTaskState = "todo"
    outcome: str = ""
    """What came of it."""

    def to_markdown(self, detailed: bool = False) -> str:
        """The step as one line; with `detailed`, with all that is known of it."""
        line = f"{_MARKS[self.state]} {self.name}"
        if not detailed:
            return line
        more = f"{line}\n  - to do: {self.description}\n  - expected: {self.expected_outcome}"
        return f"{more}\n  - outcome: {self.outcome}" if self.outcome else more


class Plan(BaseModel):
    """What an agent means to do."""

    name: str
    description: str
    expected_outcome: str
    subtasks: list[SubTask]
    id: str = Field(default_factory=new_id)
    state: PlanState = "todo"
    outcome: str = ""

    @property
    def current(self) -> int | None:
        """The place of the step in progress, from 0; None where none is."""
        return next((place for place, one in enumerate(self.subtasks) if one.state == "in_progress"), None)

    @property
    def next(self) -> int | None:
        """The place of the first step that is neither done nor given up; None where none is left."""
        return next((place for place, one in enumerate(self.subtasks) if one.state in ("todo", "in_progress")), None)

    def to_markdown(self, detailed: bool = False) -> str:
        """The plan as text, its steps with their places."""
        lines = [f"{place}. {one.to_markdown(detailed)}" for place, one in enumerate(self.subtasks)]
        return "\n".join([f"# {self.name}", self.description, f"Expected: {self.expected_outcome}", *lines])


def plan_to_hint(plan: Plan | None) -> str | None:
    """The usual hint: the plan with its current step in full, and what to do next. Nothing where there is no plan, as the
    description of `create_plan` says when to make one."""
    if plan is None:
        return None
    shown = f"Your plan:\n{plan.to_markdown()}\n\n"
    if (place := plan.current) is not None:
        step = plan.subtasks[place].to_markdown(detailed=True)
        return (
            f"{shown}In progress is subtask {place}:\n{step}\nGo on with it. When it is done call finish_subtask with what came "
            "of it; ask the person where you lack something; change the plan with revise_current_plan where it does not fit."
        )
    if (place := plan.next) is not None:
        return f"{shown}Nothing is in progress. Begin subtask {place} with update_subtask_state, or tell the person what you plan."
    return f"{shown}No subtask is left. Call finish_plan with what came of the plan, and tell the person."


class PlanNotebook:
    """The plan of one agent, and the tools with which it is kept.

    At most one step is in progress, and none is begun before those in front of it are done or given up. `max_subtasks` bounds
    the length of a plan. `plan_to_hint` decides what the model is told.
    """

    def __init__(self, max_subtasks: int | None = None, plan_to_hint: Hint = plan_to_hint) -> None:
        if max_subtasks is not None and max_subtasks < 1:
            raise ValueError(f"max_subtasks is at least 1, got {max_subtasks}")
        self.max_subtasks = max_subtasks
        self.plan_to_hint = plan_to_hint
        self.current_plan: Plan | None = None
        self.finished_plans: list[Plan] = []
        """Plans that were finished or given up, the newest last; at most `PLANS_KEPT`."""
        self._hooks: dict[str, Callable[[PlanNotebook, Plan | None], Any]] = {}

    # The tools

    @tool(_CHANGES)
    async def create_plan(
        self, name: str, description: str, expected_outcome: str, subtasks: list[NewSubTask]
    ) -> ToolResponse:
        """Makes a plan for a request that takes several steps; for anything simpler just answer. An unfinished plan is given up.

        Args:
            name: A short name.
            description: What is wanted, with all limits and wishes.
            expected_outcome: How one sees that all is done.
            subtasks: The steps, in the order in which they are to be done.
        """
        steps = [_fresh(one) for one in subtasks]
        if not steps:
            raise ToolError("a plan has at least one subtask")
        self._check_length(len(steps))
        left = self.current_plan
        if left is not None:
            self._put_away("abandoned", "Another plan took its place.")
        self.current_plan = Plan(name=name, description=description, expected_outcome=expected_outcome, subtasks=steps)
        await self._changed()
        return _told(f"The plan {name!r} was made." + (f" The plan {left.name!r} was given up." if left is not None else ""))

    @tool(_CHANGES)
    async def revise_current_plan(
        self, subtask_idx: int, action: Literal["add", "revise", "delete"], subtask: NewSubTask | None = None
    ) -> ToolResponse:
        """Changes the plan: adds a subtask at a place, puts another one in its place, or takes it out.

        Args:
            subtask_idx: The place, from 0.
            action: What to do there.
            subtask: The new subtask, for add and revise.
        """
        plan = self._plan()
        if action == "add":
            if not 0 <= subtask_idx <= len(plan.subtasks):
                raise ToolError(f"a subtask can be added at the places 0 to {len(plan.subtasks)}, not at {subtask_idx}")
            if any(one.state != "todo" for one in plan.subtasks[subtask_idx:]):
                raise ToolError(f"subtask {subtask_idx} or one after it was begun already: add the new one behind it")
            self._check_length(len(plan.subtasks) + 1)
        old = self._subtask(subtask_idx) if action != "add" else None
        if action == "delete":
            if len(plan.subtasks) == 1:
                raise ToolError("a plan has at least one subtask: give the plan up with finish_plan instead")
            plan.subtasks.pop(subtask_idx)
        elif subtask is None:
            raise ToolError(f"to {action} a subtask, say which: give `subtask`")
        elif old is None:
            plan.subtasks.insert(subtask_idx, _fresh(subtask))
        elif old.state in ("done", "abandoned"):
            raise ToolError(f"subtask {subtask_idx} is {old.state} and cannot be revised: add another one")
        else:
            plan.subtasks[subtask_idx] = _fresh(subtask).model_copy(update={"state": old.state})
        await self._changed()
        return _told(f"The plan is now:\n{plan.to_markdown()}")

    @tool(_CHANGES)
    async def update_subtask_state(
        self, subtask_idx: int, state: Literal["todo", "in_progress", "abandoned"]
    ) -> ToolResponse:
        """Begins a subtask, puts it back, or gives it up. To end one that is done, call finish_subtask.

        Args:
            subtask_idx: Its place, from 0.
            state: What it is from now on.
        """
        subtask = self._subtask(subtask_idx)
        if state == "in_progress":
            self._check_turn(subtask_idx)
            self._plan().state = "in_progress"
        subtask.state = state
        await self._changed()
        return _told(f"Subtask {subtask_idx} ({subtask.name}) is {state}.")

    @tool(_CHANGES)
    async def finish_subtask(self, subtask_idx: int, subtask_outcome: str) -> ToolResponse:
        """Ends a subtask that is done; the next one is in progress then.

        Args:
            subtask_idx: Its place, from 0.
            subtask_outcome: What came of it: facts and results, not what you did.
        """
        plan, subtask = self._plan(), self._subtask(subtask_idx)
        self._check_turn(subtask_idx)
        subtask.state, subtask.outcome, plan.state = "done", subtask_outcome, "in_progress"
        following = plan.next
        if following is None:
            more = "No subtask is left: call finish_plan."
        else:
            plan.subtasks[following].state = "in_progress"
            more = f"Subtask {following} ({plan.subtasks[following].name}) is in progress now."
        await self._changed()
        return _told(f"Subtask {subtask_idx} ({subtask.name}) is done. {more}")

    @tool(_LOOKS)
    async def view_subtasks(self, subtask_idx: list[int]) -> ToolResponse:
        """Shows subtasks in full.

        Args:
            subtask_idx: Their places, from 0.
        """
        shown = [f"{place}. {self._subtask(place).to_markdown(detailed=True)}" for place in subtask_idx]
        return _told("\n".join(shown) or self._plan().to_markdown(detailed=True))

    @tool(_CHANGES)
    async def finish_plan(self, state: Literal["done", "abandoned"], outcome: str) -> ToolResponse:
        """Ends the plan, because all is done or because it is given up.

        Args:
            state: Which of the two.
            outcome: What came of it, or why it is given up.
        """
        plan = self._plan()
        if state == "done" and (left := plan.next) is not None:
            raise ToolError(f"subtask {left} ({plan.subtasks[left].name}) is {plan.subtasks[left].state}: finish it or give it up first")
        self._put_away(state, outcome)
        await self._changed()
        return _told(f"The plan {plan.name!r} is {state}.")

    # For the agent and for programs

    def list_tools(self) -> list[Callable[..., Any]]:
        """The tools, for a toolkit."""
        return [
            self.create_plan, self.revise_current_plan, self.update_subtask_state, self.finish_subtask, self.view_subtasks,
            self.finish_plan,
        ]  # fmt: skip

    async def get_current_hint(self) -> Msg | None:
        """What the model is shown before it thinks next; None for nothing."""
        text = self.plan_to_hint(self.current_plan)
        return Msg("plan", [HintBlock(text, "plan")], "user") if text else None

    def register_plan_change_hook(self, hook_name: str, hook: Callable[[PlanNotebook, Plan | None], Any]) -> None:
        """Has `hook(notebook, plan)`, a function or coroutine function, called after each change, to show the plan for example."""
        self._hooks[hook_name] = hook

    def remove_plan_change_hook(self, hook_name: str) -> None:
        """Takes a hook out. Raises ValueError where there is none of that name."""
        if self._hooks.pop(hook_name, None) is None:
            raise ValueError(f"no plan change hook is called {hook_name!r}")

    def state_dict(self) -> dict[str, Any]:
        """The plans as plain JSON values."""
        return {
            "current_plan": self.current_plan.model_dump(mode="json") if self.current_plan is not None else None,
            "finished_plans": [plan.model_dump(mode="json") for plan in self.finished_plans],
        }

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Takes over what `state_dict` gave. Raises pydantic.ValidationError, and with `strict` KeyError where the plan is
        missing; then nothing is changed."""
        saved = state["current_plan"] if strict else state.get("current_plan")
        finished = [Plan.model_validate(plan) for plan in state.get("finished_plans", ())]
        self.current_plan = Plan.model_validate(saved) if saved is not None else None
        self.finished_plans = finished

    def _plan(self) -> Plan:
        if self.current_plan is None:
            raise ToolError("there is no plan; make one with create_plan")
        return self.current_plan

    def _subtask(self, place: int) -> SubTask:
        subtasks = self._plan().subtasks
        if not 0 <= place < len(subtasks):
            raise ToolError(f"there is no subtask {place}; the places are 0 to {len(subtasks) - 1}")
        return subtasks[place]

    def _check_turn(self, place: int) -> None:
        """One at a time, and in order."""
        for other, one in enumerate(self._plan().subtasks):
            if other < place and one.state not in ("done", "abandoned"):
                raise ToolError(f"subtask {other} ({one.name}) comes first, and is {one.state}")
            if other != place and one.state == "in_progress":
                raise ToolError(f"subtask {other} ({one.name}) is in progress; there is one at a time")

    def _check_length(self, count: int) -> None:
        if self.max_subtasks is not None and count > self.max_subtasks:
            raise ToolError(f"a plan has at most {self.max_subtasks} subtasks; this one would have {count}")

    def _put_away(self, state: Literal["done", "abandoned"], outcome: str) -> None:
        plan, self.current_plan = self._plan(), None
        plan.state, plan.outcome = state, outcome
        self.finished_plans = [*self.finished_plans, plan][-PLANS_KEPT:]

    async def _changed(self) -> None:
        for hook in list(self._hooks.values()):
            result = hook(self, self.current_plan)
            if inspect.isawaitable(result):
                await result


def register_plan_tools(toolkit: Any, notebook: PlanNotebook) -> None:
    """Puts the notebook's tools into a toolkit. Raises ValueError where it has tools of these names, such as another agent's."""
    tools: Sequence[Callable[..., Any]] = notebook.list_tools()
    taken = {one.__name__ for one in tools} & set(toolkit.names())
    if taken:
        raise ValueError(f"the toolkit has {', '.join(sorted(taken))} already: an agent with a plan needs a toolkit of its own")
    for one in tools:
        toolkit.register_tool_function(one)


def _fresh(subtask: NewSubTask) -> SubTask:
    """A step that has not been begun; also from a dictionary, as programs may write it."""
    one = NewSubTask.model_validate(subtask)
    return SubTask(name=one.name, description=one.description, expected_outcome=one.expected_outcome)


def _told(text: str) -> ToolResponse:
    return ToolResponse([TextBlock(text)])
