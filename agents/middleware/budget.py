"""Budgets: how many tokens, and how much money, a reply, an agent, a room or a key may spend.

    room = Budget(cost=2.0)                                  # one object for all agents of a room
    agent = ReActAgent(…, middlewares=[BudgetMiddleware(reply=Budget(tokens=8_000), shared=[room])])

When `wrap_up_at` of a budget is spent, the model is told, once a reply, to come to an end, and `on_alarm` is called. When all
of it is spent, the reply gets one last model call without tools, to close in words. A reply that would begin with a spent
budget is not begun: the agent says `stopped_text` and the reply ends as `exceeded`.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..agent.writer import BlockWriter
from ..event import AgentEvent, ModelCallEndEvent, ReplyEndEvent, Usage
from .base import MiddlewareBase, ModelCall, Next, ReasoningCall, ReplyCall

if TYPE_CHECKING:
    from ..agent.base import AgentBase
    from ..model.base import ChatDelta

logger = logging.getLogger(__name__)

WRAP_UP = "Most of the budget for this reply is spent. Come to an end now: answer briefly with what you have."
STOPPED = "I have reached the limit of what I may spend here, so I cannot answer that."


@dataclass(slots=True)
class Budget:
    """A limit and what is spent of it. Give the same object to all who share it."""

    tokens: float | None = None
    """Weighted tokens; None for no limit."""
    cost: float | None = None
    """Money in the currency of the models' prices; None for no limit. Calls of unknown price count nothing here."""
    input_weight: float = 1.0
    output_weight: float = 1.0
    name: str = ""
    """For the alarm, such as the name of the room or of the key."""
    spent_tokens: float = 0.0
    spent_cost: float = 0.0
    alarmed: bool = False

    def spend(self, usage: Usage) -> None:
        """Adds what a model call cost."""
        self.spent_tokens += self.input_weight * usage.input_tokens + self.output_weight * usage.output_tokens
        self.spent_cost += usage.cost or 0.0

    @property
    def share(self) -> float:
        """How much of it is spent, from 0.0; 1.0 and more is all."""
        shares = [0.0]
        if self.tokens is not None:
            shares.append(self.spent_tokens / self.tokens if self.tokens else 1.0)
        if self.cost is not None:
            shares.append(self.spent_cost / self.cost if self.cost else 1.0)
        return max(shares)


Alarm = Callable[["AgentBase", Budget], Any]
"""Called once when a budget reaches `wrap_up_at`; may be a coroutine function."""


class BudgetMiddleware(MiddlewareBase):
    """Holds an agent to its budgets.

    `reply` is a limit for each reply (its spent part begins at 0 with each, and survives waiting for a person), `agent` for
    all replies of each agent (kept in the agent's state), `shared` are budgets that others spend, too: a room's, a key's.
    """

    def __init__(
        self,
        *,
        reply: Budget | None = None,
        agent: Budget | None = None,
        shared: Sequence[Budget] = (),
        wrap_up_at: float = 0.8,
        on_alarm: Alarm | None = None,
        wrap_up_text: str = WRAP_UP,
        stopped_text: str = STOPPED,
    ) -> None:
        if not 0.0 < wrap_up_at <= 1.0:
            raise ValueError(f"wrap_up_at is a share above 0 up to 1, got {wrap_up_at}")
        self._reply = reply
        self._agent = agent
        self._shared = tuple(shared)
        self._wrap_up_at = wrap_up_at
        self._on_alarm = on_alarm
        self._wrap_up_text = wrap_up_text
        self._stopped_text = stopped_text

    async def on_reply(self, call: ReplyCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Does not begin a reply whose budget is spent."""
        state = self.state_of(call.agent)
        if state.get("reply_id") != call.run.reply_id:
            state.update(reply_id=call.run.reply_id, tokens=0.0, cost=0.0, told=False)
        if call.run.resume is None and any(budget.share >= 1.0 for budget in [*self._shared, *self._of_agent(state)]):
            for event in call.agent.take_up(call.run):
                yield event
            writer = call.run.writer = BlockWriter(call.run.reply_id)
            writer.text(self._stopped_text)
            writer.close()
            for event in writer.take():
                yield event
            call.run.take_message()
            yield call.run.finish("exceeded")
            return
        async for event in next():
            if isinstance(event, ReplyEndEvent) and state.get("over") == call.run.reply_id and event.finished_reason == "completed":
                event.finished_reason = "exceeded"
            yield event

    async def on_reasoning(self, call: ReasoningCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Tells the model to come to an end, takes its tools away, and counts what it costs."""
        state = self.state_of(call.agent)
        share = max((budget.share for budget in self._all(state)), default=0.0)
        if share >= self._wrap_up_at and not state.get("told"):
            state["told"] = True
            call = replace(call, hints=[*call.hints, self._wrap_up_text])
        if share >= 1.0:
            call = replace(call, tool_choice="none")
            state["over"] = call.run.reply_id
        async for event in next(call):
            if isinstance(event, ModelCallEndEvent) and event.usage is not None:
                await self._spend(call.agent, state, event.usage)
            yield event

    async def on_model_call(self, call: ModelCall, next: Next[ChatDelta]) -> AsyncIterator[ChatDelta]:
        """Leaves the tools out where none may be used any more."""
        if self.state_of(call.agent).get("over") == call.run.reply_id:
            call = replace(call, tools=None, tool_choice=None)
        async for delta in next(call):
            yield delta

    def _all(self, state: dict[str, Any]) -> list[Budget]:
        return [*self._of_reply(state), *self._of_agent(state), *self._shared]

    def _of_reply(self, state: dict[str, Any]) -> list[Budget]:
        if self._reply is None:
            return []
        return [replace(self._reply, spent_tokens=state.get("tokens", 0.0), spent_cost=state.get("cost", 0.0))]

    def _of_agent(self, state: dict[str, Any]) -> list[Budget]:
        if self._agent is None:
            return []
        spent = {"spent_tokens": state.get("agent_tokens", 0.0), "spent_cost": state.get("agent_cost", 0.0)}
        return [replace(self._agent, alarmed=state.get("agent_alarmed", False), **spent)]

    async def _spend(self, agent: AgentBase, state: dict[str, Any], usage: Usage) -> None:
        for budget in self._of_reply(state):
            budget.spend(usage)
            state["tokens"], state["cost"] = budget.spent_tokens, budget.spent_cost
            await self._alarm(agent, budget, state, "told_alarm", state["reply_id"])
        for budget in self._of_agent(state):
            budget.spend(usage)
            state["agent_tokens"], state["agent_cost"] = budget.spent_tokens, budget.spent_cost
            await self._alarm(agent, budget, state, "agent_alarmed", True)
        for budget in self._shared:
            budget.spend(usage)
            if budget.share >= self._wrap_up_at and not budget.alarmed:
                budget.alarmed = True
                await self._call_alarm(agent, budget)

    async def _alarm(self, agent: AgentBase, budget: Budget, state: dict[str, Any], mark: str, value: Any) -> None:
        if budget.share >= self._wrap_up_at and state.get(mark) != value:
            state[mark] = value
            await self._call_alarm(agent, budget)

    async def _call_alarm(self, agent: AgentBase, budget: Budget) -> None:
        logger.warning("budget %s of %s: %.0f %% spent", budget.name or "of a reply", agent.name, 100 * budget.share)
        if self._on_alarm is None:
            return
        try:
            result = self._on_alarm(agent, budget)
            if inspect.isawaitable(result):
                await result
        except Exception:
            logger.exception("the alarm of a budget failed")
