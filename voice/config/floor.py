"""The `floor` section of a room: who of its agents speaks next."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ..floor import MAX_AGENT_TURNS, FloorPolicy
from .section import Name, Section


class FloorConfig(Section):
    """How a room gives the floor: a word (`floor: order`) or a mapping (`floor: {policy: moderator, moderator: Carl}`).

    See `hubbub.voice.floor` for what the policies do.
    """

    policy: Literal["addressed", "moderator", "order", "bidding", "script"] = "addressed"
    moderator: Name | None = None
    """Which agent moderates; only with the policy `moderator`, which needs one."""
    moderator_speaks: bool = True
    """The moderator gives the floor aloud, by calling names; else it is asked in silence, at the cost of a model call."""
    order: tuple[Name, ...] = Field(default=(), max_length=64)
    """The order of the policy `order`; empty for that of `agents`."""
    max_agent_turns: int = Field(default=MAX_AGENT_TURNS, ge=0, le=1000)
    """Replies that agents may give after each other before a person must speak again."""
    queue_on_barge_in: Literal["drop", "keep"] = "drop"
    """What becomes of the agents that were to speak next when a person breaks in."""
    bid_threshold: float = Field(default=0.5, ge=0, le=1)
    """What an agent must bid at least to speak after another agent, with the policy `bidding`."""
    script: str | None = Field(default=None, min_length=1, max_length=1000)
    """The program of the policy `script`: a Python file beside this one, with `async def play(stage)`. Never taken over HTTP."""

    @model_validator(mode="before")
    @classmethod
    def _from_word(cls, value: Any) -> Any:
        return {"policy": value} if isinstance(value, str) else value

    def as_policy(self) -> FloorPolicy:
        """The floor's own view."""
        return FloorPolicy(
            self.policy, self.moderator, self.order, self.max_agent_turns, self.queue_on_barge_in, self.bid_threshold,
            self.moderator_speaks,
        )  # fmt: skip
