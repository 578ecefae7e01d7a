"""Hints: what a model should know besides the conversation, put into the conversation.

Hints stay in memory where they were given, and the system prompt does not change with them: providers keep the cost of a long
prompt down by remembering its beginning, which must be the same for that.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from ..event import AgentEvent
from ..message import Msg, ToolResultBlock, ToolUseBlock
from .base import MiddlewareBase, Next, ReasoningCall, ReplyCall

if TYPE_CHECKING:
    from ..agent.run import Run


class TimeHintMiddleware(MiddlewareBase):
    """Tells the model the time, when a reply begins and `every_s` seconds have passed since it was told last."""

    def __init__(
        self, zone: str | None = None, every_s: float = 300.0, now: Callable[[], datetime] | None = None
    ) -> None:
        self._zone = ZoneInfo(zone) if zone else None
        self._every_s = every_s
        self._now = now or (lambda: datetime.now(self._zone).astimezone(self._zone))

    async def on_reply(self, call: ReplyCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Puts the hint in front of what is answered."""
        state = self.state_of(call.agent)
        now = self._now()
        if call.messages and now.timestamp() - state.get("told", float("-inf")) >= self._every_s:
            if call.run.draft is None:
                state["told"] = now.timestamp()
            else:
                call.run.draft.when_settled(lambda how: state.update(told=now.timestamp()) if how == "committed" else None)
            yield call.run.hint(f"It is {now:%A, %Y-%m-%d %H:%M} ({now.tzname()}).", "time")
        async for event in next():
            yield event


class ContextHintMiddleware(MiddlewareBase):
    """Tells the model when the conversation fills its context, and when the same tool call has failed again and again.

    `context_tokens` is the size of the model's context; from `warn_at` of it the model is told. `failures` is how many equal
    calls in a row must have failed.
    """

    def __init__(self, context_tokens: int, warn_at: float = 0.8, failures: int = 3) -> None:
        if context_tokens < 1 or failures < 1:
            raise ValueError("context_tokens and failures are at least 1")
        self._context_tokens = context_tokens
        self._warn_at = warn_at
        self._failures = failures

    async def on_reasoning(self, call: ReasoningCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Puts the hints in front of the step."""
        for text in self._hints(call.run):
            yield call.run.hint(text, "context")
        async for event in next():
            yield event

    def _hints(self, run: Run) -> list[str]:
        from ..memory.compression import estimate_tokens

        told: set[str] = run.scratch.setdefault("context hints", set())
        messages = run.remembered()
        hints: list[str] = []
        used = estimate_tokens(messages) / self._context_tokens
        if used >= self._warn_at and "used" not in told:
            told.add("used")
            hints.append(f"The conversation fills {min(used, 1.0):.0%} of what you can see. Older parts will be summed up soon.")
        name, times = _failed_in_a_row(messages)
        if times >= self._failures and f"{name} {times}" not in told:
            told.add(f"{name} {times}")
            hints.append(f"The same call of the tool {name} has failed {times} times. Do something else, or say that it cannot be.")
        return hints


def _failed_in_a_row(messages: Sequence[Msg]) -> tuple[str, int]:
    calls: dict[str, ToolUseBlock] = {call.id: call for msg in messages for call in msg.tool_uses()}
    name, times, arguments = "", 0, dict[str, Any]()
    for msg in reversed(messages):
        for block in reversed(msg.blocks()):
            if not isinstance(block, ToolResultBlock) or block.id not in calls:
                continue
            call = calls[block.id]
            if block.state != "error" or (times and (call.name, call.input) != (name, arguments)):
                return name, times
            name, arguments, times = call.name, call.input, times + 1
    return name, times
