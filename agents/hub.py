"""A hub: agents that hear each other.

    async with MsgHub([alice, bob, carol], announcement=Msg("host", "Talk about tea.", "user")) as hub:
        await alice()
        await bob()
        hub.delete(carol)
        await hub.broadcast(Msg("host", "Carol has left.", "user"))

Whatever a participant says by `await agent(…)` is observed by the others. What it thinks, and the tools it uses, are not.

Delivery. Everybody is told at once, and who is slow to listen delays nobody: an `observe` that waits for something goes on in
a lane of its own participant, where messages stay in order, and only that participant's own next reply waits for it. A lane
that is full (`LANE_MESSAGES`) loses its oldest message, which is counted and logged. An `observe` that fails is logged, and
counted in `hub.failures`; the others hear all the same.

Interruptions do not travel with the messages: `hub.interrupt` goes straight to whoever is replying.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import Self

from .agent.base import AgentBase
from .message import Msg, as_messages, new_id

logger = logging.getLogger(__name__)

LANE_MESSAGES = 256
"""Messages that may wait for one participant who is slow to listen."""

DRAIN_S = 10.0
"""How long leaving a hub waits for those who are still listening, before it stops them."""


class MsgHub:
    """Participants, and the subscriptions between them. An agent may sit in several hubs at a time."""

    def __init__(
        self,
        participants: Sequence[AgentBase] = (),
        announcement: Msg | list[Msg] | None = None,
        enable_auto_broadcast: bool = True,
        name: str | None = None,
    ) -> None:
        self.name = name or f"hub-{new_id()}"
        self.enable_auto_broadcast = enable_auto_broadcast
        self.announcement = announcement
        self.failures = 0
        """Deliveries that failed."""
        self.dropped = 0
        """Messages that a full lane lost."""
        self._participants: dict[AgentBase, None] = {}
        self._lanes: dict[AgentBase, _Lane] = {}
        self._open = False
        self._add(participants)

    @property
    def participants(self) -> list[AgentBase]:
        """Who sits in the hub, in the order of joining."""
        return list(self._participants)

    async def __aenter__(self) -> Self:
        self._open = True
        for agent in self._participants:
            self._seat(agent)
        if self.announcement is not None:
            await self.broadcast(self.announcement)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open = False
        for agent in self._participants:
            self._unseat(agent)
        await self._close_lanes()

    def add(self, new_participant: AgentBase | Iterable[AgentBase]) -> None:
        """Seats participants; they hear what is said from now on. Who sits there already is left as is."""
        for agent in self._add([new_participant] if isinstance(new_participant, AgentBase) else new_participant):
            if self._open:
                self._seat(agent)

    def delete(self, participant: AgentBase | Iterable[AgentBase]) -> None:
        """Removes participants: from now on they neither hear the others nor are heard. Who is not there is passed over."""
        for agent in [participant] if isinstance(participant, AgentBase) else list(participant):
            if self._participants.pop(agent, self) is None:
                self._unseat(agent)
                lane = self._lanes.pop(agent, None)
                if lane is not None and lane.task is not None:
                    lane.task.cancel()

    def set_auto_broadcast(self, enable: bool) -> None:
        """Whether replies reach the other participants by themselves."""
        self.enable_auto_broadcast = enable

    async def broadcast(self, msg: Msg | list[Msg], exclude: AgentBase | Iterable[AgentBase] = ()) -> None:
        """Tells all participants, except those in `exclude`. On return everybody who need not wait for anything has heard it."""
        left_out = {exclude} if isinstance(exclude, AgentBase) else set(exclude)
        messages = [public for one in as_messages(msg) if (public := one.public()).content or public.metadata]
        started = False
        for agent in list(self._participants):
            if agent not in left_out and messages:
                started |= self._deliver(agent, messages)
        if started:
            await asyncio.sleep(0)  # lets those who need only a moment have it

    async def spread(self, speaker: AgentBase, msg: Msg) -> None:
        """Tells the others what a participant said, where automatic broadcast is on and the speaker still sits here."""
        if self.enable_auto_broadcast and speaker in self._participants:
            await self.broadcast(msg, exclude=speaker)

    async def interrupt(self, msg: Msg | None = None, exclude: AgentBase | Iterable[AgentBase] = ()) -> None:
        """Stops everybody who is replying, at the same time, without waiting for messages under way; returns when they have
        stopped."""
        left_out = {exclude} if isinstance(exclude, AgentBase) else set(exclude)
        speaking = [agent for agent in self._participants if agent.replying and agent not in left_out]
        results = await asyncio.gather(*(agent.interrupt(msg) for agent in speaking), return_exceptions=True)
        for agent, result in zip(speaking, results, strict=True):
            if isinstance(result, Exception):
                self.failures += 1
                logger.error("hub %s: interrupting %s failed", self.name, agent.name, exc_info=result)

    async def settled(self, agent: AgentBase | None = None) -> None:
        """Returns when what was said before has been heard by one participant, or by all."""
        lanes = list(self._lanes.values()) if agent is None else [lane for a, lane in self._lanes.items() if a is agent]
        for lane in lanes:
            await lane.settled()

    # Inside

    def _add(self, agents: Iterable[AgentBase]) -> list[AgentBase]:
        new = [agent for agent in agents if agent not in self._participants]
        for agent in new:
            if not isinstance(agent, AgentBase):
                raise TypeError(f"a participant is an agent, got {agent!r}; wrap a function with from_callable")
        self._participants.update(dict.fromkeys(new))
        return new

    def _seat(self, agent: AgentBase) -> None:
        if self not in agent._hubs:
            agent._hubs = (*agent._hubs, self)

    def _unseat(self, agent: AgentBase) -> None:
        agent._hubs = tuple(hub for hub in agent._hubs if hub is not self)

    def _deliver(self, agent: AgentBase, messages: list[Msg]) -> bool:
        """Hands messages to one participant; whether its lane was started for them."""
        lane = self._lanes.get(agent)
        if (lane is None or lane.idle) and type(agent).observe is AgentBase.observe and not any(agent.hooks_of("observe")):
            for msg in messages:  # the plain `observe` waits for nothing
                agent._hear(msg)
            return False
        if lane is None:
            lane = self._lanes[agent] = _Lane(self, agent)
        return lane.put(messages)

    async def _close_lanes(self) -> None:
        lanes, self._lanes = self._lanes, {}
        busy = [lane.task for lane in lanes.values() if lane.task is not None and not lane.task.done()]
        if not busy:
            return
        _, late = await asyncio.wait(busy, timeout=DRAIN_S)
        for task in late:
            logger.warning("hub %s: %s did not finish listening within %.0f s", self.name, task.get_name(), DRAIN_S)
            task.cancel()
        if late:
            await asyncio.wait(late)


class _Lane:
    """What one participant has yet to hear, in order. The hub owns it; its task lives as long as there is something."""

    __slots__ = ("agent", "hub", "task", "waiting")

    def __init__(self, hub: MsgHub, agent: AgentBase) -> None:
        self.hub = hub
        self.agent = agent
        self.waiting: deque[list[Msg]] = deque()
        self.task: asyncio.Task[None] | None = None

    @property
    def idle(self) -> bool:
        return self.task is None or self.task.done()

    def put(self, messages: list[Msg]) -> bool:
        if len(self.waiting) >= LANE_MESSAGES:
            self.waiting.popleft()
            self.hub.dropped += 1
            logger.warning("hub %s: %s is %d messages behind; the oldest is lost", self.hub.name, self.agent.name, LANE_MESSAGES)
        self.waiting.append(messages)
        if not self.idle:
            return False
        self.task = asyncio.create_task(self._listen(), name=f"{self.agent.name} listens")
        return True

    async def settled(self) -> None:
        if self.task is not None and not self.idle and self.task is not asyncio.current_task():
            await asyncio.wait({self.task})

    async def _listen(self) -> None:
        while self.waiting:
            messages = self.waiting.popleft()
            try:
                await self.agent.observe(messages if len(messages) > 1 else messages[0])
            except Exception:
                self.hub.failures += 1
                logger.exception("hub %s: %s failed to listen", self.hub.name, self.agent.name)
