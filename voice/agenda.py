"""What waits in a conversation, and who is to speak: turns of people, words that the room gives, agents in the floor's queue.

The rules are the floor's (`floor.py`); this holds what they are applied to, and asks agents where the rules alone do not decide.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ..agents.message import Msg
from . import floor as rules
from .deciding import Decider
from .floor import Floor, FloorPolicy, Place
from .reply import AgentSeat, ReplyRun, Turn

if TYPE_CHECKING:
    from .session import Session

log = logging.getLogger("hubbub.room")

MAX_WAITING_TURNS = 16
"""Turns that wait for an agent. More means that people talk much faster than agents answer: the oldest is dropped and said so."""

MAX_WAITING_WORDS = 16
"""Announcements that wait for the floor; more are refused."""


class Agenda:
    """The floor of one conversation, and what waits for it. `seats` is the conversation's own list, `people` tells who else is there."""

    def __init__(self, name: str, seats: list[AgentSeat], policy: FloorPolicy, people: Callable[[], list[str]] = list) -> None:
        self.policy = policy
        self.floor = Floor()
        self.turns: deque[Turn] = deque()
        self.said: deque[ReplyRun] = deque()
        self._name = name
        self._seats = seats
        self._people = people
        self._decider = Decider()

    @property
    def places(self) -> list[Place]:
        """Who is there, as the floor sees them."""
        agents = [Place(seat.name, seat.muted, seat.quiet, seat.topics) for seat in self._seats]
        return [*agents, *(Place(name, muted=True) for name in self._people())]

    @property
    def empty(self) -> bool:
        """Whether nothing waits."""
        return not (self.turns or self.said or self.floor.queue)

    @property
    def asks(self) -> bool:
        """Whether agents are asked before the floor is given: nothing can be known beforehand."""
        return self._decider.needed(self.policy, self._seats)

    def seat(self, name: str) -> AgentSeat | None:
        """The agent's seat, if it sits here."""
        return next((seat for seat in self._seats if seat.name == name), None)

    @property
    def first(self) -> AgentSeat | None:
        """The seat of the first in the queue."""
        return self.seat(self.floor.queue[0]) if self.floor.queue else None

    def add_turn(self, turn: Turn) -> Turn | None:
        """A turn waits; answers the one that it pushed out."""
        self.turns.append(turn)
        return self.turns.popleft() if len(self.turns) > MAX_WAITING_TURNS else None

    def add_words(self, run: ReplyRun) -> bool:
        """Words, or an agent's answer that a program asked for, wait; False where too many do."""
        if len(self.said) >= MAX_WAITING_WORDS:
            return False
        self.said.append(run)
        return True

    def unsay(self, seat: AgentSeat) -> None:
        """An agent that was muted or has gone says nothing of what waits: whoever waits for its words hears that at once."""
        for run in [run for run in self.said if run.seat is seat]:
            self.said.remove(run)
            run.conclude(None)

    def without_listener(self, session: "Session") -> None:
        """A caller has gone: what waits to be said is not kept for him, nor he for it."""
        for run in list(self.said):
            if session in run.listeners:
                run.listeners.remove(session)
            if not run.listeners:
                self.said.remove(run)
                run.conclude(None)

    def forget(self) -> None:
        """Nobody is there who could hear it."""
        self.turns.clear()
        self.floor = replace(self.floor, queue=())

    def give(self, names: Sequence[str]) -> None:
        """Gives the floor to agents, before all who are queued."""
        self.floor = rules.give(self.floor, [name for name in names if (seat := self.seat(name)) is not None and not seat.muted])

    # ── who speaks ────────────────────────────────────────────────────────────────────────────────────────────────────

    def after_turns(self, turns: Sequence[Turn], bids: dict[str, float] | None = None) -> Floor:
        """The floor once people have said all of these."""
        floor = self.floor
        for number, turn in enumerate(turns):
            floor = rules.turn(self.policy, floor, self.places, turn.text, more=number > 0, bids=bids)
        return floor

    def after_reply(self, speaker: str, text: str, bids: dict[str, float] | None = None) -> Floor:
        """The floor once the agent `speaker` was heard saying `text`."""
        return rules.reply(self.policy, self.floor, self.places, speaker, text, bids)

    async def decide_turns(self, turns: Sequence[Turn]) -> Floor:
        """The same as `after_turns`, with the agents asked what they bid, or the moderator whom he chooses."""
        floor = self.after_turns(turns)
        if rules.is_called(self.places, [turn.text for turn in turns]):
            return floor
        try:
            msgs = [turn.msg for turn in turns]
            decided = await self._decider.decide(self.policy, self._seats, msgs)
            if decided.chosen is not None:
                return replace(floor, queue=decided.chosen)
            return self.after_turns(turns, decided.bids)
        except Exception:
            log.exception("room=%s the floor could not be decided; it goes by the rules", self._name)
            return floor

    async def decide_reply(self, speaker: str, text: str) -> Floor:
        """The same as `after_reply`."""
        if self.floor.queue or self.floor.agent_turns >= self.policy.max_agent_turns:
            return self.after_reply(speaker, text)
        try:
            decided = await self._decider.decide(self.policy, self._seats, [Msg(speaker, text, "assistant")], speaker=speaker)
            floor = self.after_reply(speaker, text, decided.bids)
            return floor if decided.chosen is None else replace(floor, queue=decided.chosen)
        except Exception:
            log.exception("room=%s the floor could not be decided; it goes by the rules", self._name)
            return self.after_reply(speaker, text)
