"""Deciding the floor where agents themselves are asked: how much each wants to speak, or whom a silent moderator chooses.

The rules in `floor.py` need no such question in most rooms. Where one is asked, nobody waits for it longer than `DECIDE_S`; an agent
that has not answered by then, or has failed, is taken to bid nothing, and a moderator to have chosen nobody.
"""

import asyncio
import inspect
import logging
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from ..agents.draft import Draft
from ..agents.event import ReplyEndEvent
from ..agents.message import Msg
from .floor import FloorPolicy
from .reply import AgentSeat

log = logging.getLogger("hubbub.room")

DECIDE_S = 3.0
"""How long a bid or a choice is waited for: longer than a quick model needs for a few words, short enough for a pause in talk."""

NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Decision:
    """What the agents answered: who is chosen (nobody is the empty tuple), or what each bids; None where that was not asked."""

    chosen: tuple[str, ...] | None = None
    bids: dict[str, float] | None = None


class Decider:
    """Asks agents about the floor. Keeps nothing."""

    def needed(self, policy: FloorPolicy, seats: Sequence[AgentSeat]) -> bool:
        """Whether the rules alone do not decide: an agent's class has a `bid`, or the moderator chooses in silence."""
        if policy.kind == "bidding":
            return any(callable(getattr(seat.agent, "bid", None)) for seat in seats)
        return policy.kind == "moderator" and not policy.moderator_speaks

    async def decide(self, policy: FloorPolicy, seats: Sequence[AgentSeat], msgs: list[Msg], *, speaker: str | None = None) -> Decision:
        """Asks, after `msgs` were said (by the agent `speaker`, if by one)."""
        others = [seat for seat in seats if seat.name != speaker and not seat.muted]
        if policy.kind == "bidding":
            heights = await asyncio.gather(*(_bid(seat, msgs) for seat in others))
            return Decision(bids={seat.name: height for seat, height in zip(others, heights, strict=True) if height is not None})
        moderator = next((seat for seat in seats if seat.name == policy.moderator), None)
        candidates = [seat.name for seat in others if seat is not moderator and not seat.quiet]
        if moderator is None or not candidates:
            return Decision()
        chosen = await _choose(moderator, candidates, msgs)
        return Decision(chosen=(chosen,) if chosen else ())


async def _bid(seat: AgentSeat, msgs: list[Msg]) -> float | None:
    """What an agent bids by its own `bid(msgs)`; None where it has none."""
    bid: Any = getattr(seat.agent, "bid", None)
    if not callable(bid):
        return None
    try:
        async with asyncio.timeout(DECIDE_S):
            height = bid(msgs)
            if inspect.isawaitable(height):
                height = await height
        return min(1.0, max(0.0, float(height)))
    except Exception:
        log.exception("agent=%s could not bid for the floor", seat.name)
        return 0.0


async def _choose(moderator: AgentSeat, names: Sequence[str], msgs: list[Msg]) -> str | None:
    """Whom a moderator chooses, asked without a trace in its memory."""
    question = Msg("room", f"Who speaks next: {', '.join(names)}, or {NOBODY}? Choose who has most to say to this.", "user")
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "enum": [*names, NOBODY], "description": "Who speaks next."}},
        "required": ["name"],
    }
    draft = Draft()
    metadata: dict[str, Any] = {}
    try:
        async with asyncio.timeout(DECIDE_S):
            async with aclosing(moderator.agent.reply_stream([*msgs, question], draft=draft, structured_model=schema)) as events:  # type: ignore[type-var]
                async for event in events:
                    if isinstance(event, ReplyEndEvent) and event.message is not None:
                        metadata = event.message.metadata
    except TimeoutError:
        log.warning("agent=%s chose no speaker within %.0f s", moderator.name, DECIDE_S)
    finally:
        if draft.state == "open":
            draft.discard()
    name = metadata.get("name")
    return name if name in names else None
