"""A voice room: who is in it, and what they may do. What they say to each other is the conversation's part (`conversation.py`).

The room's methods are called by sessions in the middle of a tick, so they return at once; what takes time is a task that the room
owns and ends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..agents.hub import MsgHub
from ..agents.message import Msg
from .aside import Aside, Asides
from .asr.base import ASRContext, ASREngine, ASREvent, ASRStream
from .clock import MediaClock
from .conversation import Conversation
from .event import Event, Left, Participant, ParticipantChanged, ParticipantJoined, ParticipantLeft, Role
from .floor import FloorPolicy
from .mixer import Mixer
from .refusal import Apart, NameTaken, RoomFull, Unknown
from .reply import AgentSeat, ReplyRun
from .session import Session
from .telemetry import Metrics
from .turn.machine import Mouth
from .turn.policy import LONGEST_MS, TurnPolicy
from .turn.words import BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY, OVER_A_REPLY

log = logging.getLogger("hubbub.room")

BARGE_IN_WEIGHT = 8
"""How often each thing that is said over replies counts beside a room's phrases: half of what is said there, as a rule of thumb."""

CATCH_UP_MESSAGES = 50
"""What was said last, kept for an agent that joins later."""


@dataclass(frozen=True, slots=True)
class RoomEngines:
    """What a room hears with."""

    clock: MediaClock
    asr: ASREngine
    names: dict[str, str]
    """Stage to engine, for the latency record."""
    metrics: Metrics = field(default_factory=Metrics)


class VoiceRoom:
    """One conversation: its seats, its `MsgHub`, its floor."""

    def __init__(
        self,
        name: str,
        seats: Sequence[AgentSeat],
        engines: RoomEngines,
        *,
        policy: TurnPolicy | None = None,
        floor: FloorPolicy | None = None,
        context: ASRContext | None = None,
        max_callers: int = 32,
        max_agents: int = 64,
    ) -> None:
        self.name = name
        self.engines = engines
        self.metrics = engines.metrics
        self.policy = policy or TurnPolicy()
        if engines.asr.final_differs:
            self.policy = replace(self.policy, final_stable_ms=LONGEST_MS)  # final_timeout_ms comes first
        self.listen_for(context or ASRContext())
        self.max_callers = max_callers
        self.max_agents = max_agents
        self.sessions: dict[str, Session] = {}
        self.seats = list(seats)
        self.hub = MsgHub([seat.agent for seat in self.seats], enable_auto_broadcast=False, name=name)
        self.talk = Conversation(self, self.seats, floor or FloorPolicy(), self.hub)
        self.mixer = Mixer(engines.clock)
        self.asides = Asides(self)
        self.history: deque[Msg] = deque(maxlen=CATCH_UP_MESSAGES)
        self.on_join: Callable[[Session], None] | None = None
        """Who is told of every caller that joins: a script."""
        self._numbers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened = False

    # ── opening and closing ───────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Brings the agents into the hub."""
        await self.hub.__aenter__()
        self._opened = True

    async def close(self, why: str = "the room closes") -> None:
        """Ends every reply and every seat."""
        for session in list(self.sessions.values()):
            self.leave(session, why)
        await asyncio.gather(self.talk.close(), *(aside.talk.close() for aside in self.asides), return_exceptions=True)
        self.mixer.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._opened:
            self._opened = False
            await self.hub.__aexit__(None, None, None)

    # ── callers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def join(self, name: str, *, role: Role = "speaker") -> Session:
        """Seats a caller. A name that is taken gets a number behind it. Raises RoomFull."""
        if len(self.sessions) >= self.max_callers:
            raise RoomFull(f"room '{self.name}' is full: {self.max_callers} callers are in it")
        taken = {one.casefold() for one in self.names}
        wanted, number = name, 2
        while name.casefold() in taken:
            name, number = f"{wanted} {number}", number + 1
        session = Session(name, self, vad=self.engines.clock.vad, policy=self.policy)
        session.role = role
        self._tell_all(ParticipantJoined(participant=self.describe(session)))
        self.sessions[session.id] = session
        self.talk.admit(session)
        self.mixer.add(session)
        self.engines.clock.add(session)
        if len(self.sessions) == 1 and self._numbers == 0:
            self._greet()
        if self.on_join is not None:
            self.on_join(session)
        return session

    def leave(self, session: Session, reason: str = "left") -> None:
        """Takes a caller's seat away; a reply that nobody hears any more ends."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.engines.clock.discard(session)
        self.mixer.discard(session)
        aside = self.asides.of(session)
        if aside is not None:
            self.asides.dissolve(aside)
        self.talk.dismiss(session)
        session.close()
        self._tell_all(ParticipantLeft(participant=self.describe(session)))
        log.info("room=%s session=%s name=%s left: %s", self.name, session.id, session.name, reason)

    def change_caller(self, name: str, *, role: Role | None = None, muted: bool | None = None) -> Participant:
        """Gives a caller another role, or takes his voice away and gives it back. Raises Unknown."""
        session = self.caller(name)
        if role is not None:
            session.role = role
        if muted is not None:
            session.silenced = muted
        session.obey_role()
        return self.changed(session)

    def changed(self, one: Session | AgentSeat) -> Participant:
        """Tells everybody that somebody's role, muting or company is another now."""
        participant = self.describe(one)
        self._tell_all(ParticipantChanged(participant=participant))
        return participant

    def caller(self, name: str) -> Session:
        """The caller of that name. Raises Unknown."""
        session = next((one for one in self.sessions.values() if one.name.casefold() == name.casefold()), None)
        if session is None:
            raise Unknown(f"no caller '{name}' is in room '{self.name}'; these are: {self._listed([*map(_name, self.sessions.values())])}")
        return session

    # ── agents ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def add_agent(self, seat: AgentSeat, *, catch_up: bool = True) -> Participant:
        """Seats an agent while the room is open. It is told what was said lately (`catch_up`), and greets if it has a greeting.

        Raises RoomFull and NameTaken.
        """
        if len(self.seats) >= self.max_agents:
            raise RoomFull(f"room '{self.name}' has {self.max_agents} agents already, which is its limit")
        if seat.name.casefold() in {name.casefold() for name in self.names}:
            raise NameTaken(f"somebody in room '{self.name}' is called '{seat.name}' already")
        self.seats.append(seat)
        self.talk.seats.append(seat)
        self.hub.add(seat.agent)
        if catch_up and self.history:
            await seat.agent.observe(list(self.history))
        participant = self.describe(seat)
        self._tell_all(ParticipantJoined(participant=participant))
        if seat.greeting and self.sessions:
            self.talk.say(seat, seat.greeting)
        log.info("room=%s agent=%s joined", self.name, seat.name)
        return participant

    async def remove_agent(self, name: str) -> None:
        """Takes an agent out of the room; what it says just now ends. Raises Unknown."""
        seat = self.seat(name)
        aside = self.asides.of(seat)
        if aside is not None:
            self.asides.dissolve(aside)
        participant = self.describe(seat)
        self.seats.remove(seat)
        self.talk.seats.remove(seat)
        self.talk.silence(seat, by="the room")
        self.hub.delete(seat.agent)
        self._tell_all(ParticipantLeft(participant=participant))
        log.info("room=%s agent=%s left", self.name, seat.name)
        await seat.agent.aclose()

    def change_agent(self, name: str, *, muted: bool | None = None, quiet: bool | None = None) -> Participant:
        """Mutes an agent (it stops at once), or makes it quiet (it hears, and speaks only when called). Raises Unknown."""
        seat = self.seat(name)
        if quiet is not None:
            seat.quiet = quiet
        if muted is not None:
            seat.muted = muted
            if muted:
                for talk in self._talks:
                    talk.silence(seat, by="a moderator")
        return self.changed(seat)

    def seat(self, name: str) -> AgentSeat:
        """The agent of that name. Raises Unknown."""
        seat = next((one for one in self.seats if one.name.casefold() == name.casefold()), None)
        if seat is None:
            raise Unknown(f"no agent '{name}' is in room '{self.name}'; these are: {self._listed([*map(_name, self.seats)])}")
        return seat

    def say(self, text: str, seat: AgentSeat | None = None) -> ReplyRun | None:
        """Lets an agent speak given words when the floor is free, without a model: a greeting, an announcement. None where too many
        wait already."""
        return self.talk.say(seat or self.seats[0], text)

    def hand_over(self, giver: str, to: str) -> None:
        """An agent gives the floor, and the callers with it, to another one. Raises Unknown, and Apart where one of them is aside: what
        is said alone neither takes nor gives the floor of the others."""
        seat = self.seat(to)
        for one in (self.seat(giver), seat):
            if (aside := self.asides.of(one)) is not None:
                raise Apart(f"{one.name} speaks alone with {aside.session.name} just now: the floor passes when both are back")
        self.talk.give([seat.name])

    def beside(self, agent: str) -> list[str]:
        """The other agents whom it could give the floor to: who hear it, and are not muted."""
        talk = next((talk for talk in self._talks if talk.seat(agent) is not None), None)
        return [seat.name for seat in talk.seats if seat.name != agent and not seat.muted] if talk is not None else []

    # ── asides ────────────────────────────────────────────────────────────────────────────────────────────────────────

    def take_aside(self, agent: str, caller: str, *, others_wait: bool = False) -> Aside:
        """An agent and a caller speak with each other alone: nobody else hears, sees or remembers what they say, and they hear nothing of
        the others, who go on without them, or wait.

        Raises Unknown, and NameTaken where one of the two is aside already.
        """
        aside = self.asides.begin(self.seat(agent), self.caller(caller), others_wait=others_wait)
        self.changed(aside.session)
        self.changed(aside.seat)
        return aside

    def end_aside(self, agent: str) -> None:
        """Both come back. Raises Unknown."""
        aside = self.asides.end(agent)
        if aside.session.id in self.sessions:
            self.changed(aside.session)
        self.changed(aside.seat)

    # ── what sessions need (voice.seat.Seat) ─────────────────────────────────────────────────────────────────────────

    def hurry(self, session: Session) -> None:
        """The sound on which this caller's turn ends has come: not a tick is waited for."""
        if session.id in self.sessions:
            self.engines.clock.hurry(session)

    def glance(self, session: Session) -> None:
        """This caller may be breaking in: not a window is waited for."""
        if session.id in self.sessions:
            self.engines.clock.glance(session)

    def asr_stream(self, session: Session, on_event: Callable[[ASREvent], None]) -> ASRStream:
        """Opens a recogniser for a caller's utterance. Over a reply people say other things than in their own turn."""
        context = self.context if session.state.mouth is Mouth.IDLE else self.barge_in_context
        return self.engines.asr.open(on_event, context=context, memory=session.open_turn.asr_memory)

    def muted(self, session: Session) -> None:
        """A caller closed or opened his microphone himself."""
        if session.id in self.sessions:
            self.changed(session)

    def tend(self, now: float) -> None:
        """Called about once a second, with loop time: nobody waits for a line that has been gone for a while."""
        for talk in self._talks:
            talk.tend(now)

    # ── what conversations need ───────────────────────────────────────────────────────────────────────────────────────

    def next_number(self) -> int:
        """The number of a new reply: they rise in every ear of the room."""
        self._numbers += 1
        return self._numbers

    def remember(self, msgs: Sequence[Msg], *, private: bool) -> None:
        """Keeps what was said for agents that join later, unless it was said aside."""
        if not private:
            self.history.extend(msgs)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that the room ends when it closes."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def listen_for(self, context: ASRContext) -> None:
        """What the recogniser expects here from the next utterance on."""
        self.context = context
        over = OVER_A_REPLY * BARGE_IN_WEIGHT if context.phrases else OVER_A_REPLY
        self.barge_in_context = replace(
            context, phrases=(*context.phrases, *over), backchannels=BACKCHANNELS_OVER_A_REPLY, claims=CLAIMS_OVER_A_REPLY
        )

    # ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def names(self) -> list[str]:
        """The names of everybody in the room, agents first."""
        return [*map(_name, self.seats), *map(_name, self.sessions.values())]

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Everybody in the room, agents first."""
        return (*map(self.describe, self.seats), *map(self.describe, self.sessions.values()))

    def describe(self, one: Session | AgentSeat) -> Participant:
        """A participant as the others see him."""
        aside = self.asides.of(one)
        if isinstance(one, AgentSeat):
            partner = aside.session.name if aside is not None else None
            return Participant(name=one.name, kind="agent", muted=one.muted, quiet=one.quiet, aside=partner)
        partner = aside.seat.name if aside is not None else None
        return Participant(name=one.name, kind="caller", role=one.role, muted=one.muted or one.silenced, aside=partner)

    @property
    def _talks(self) -> list[Conversation]:
        return [self.talk, *(aside.talk for aside in self.asides)]

    def _greet(self) -> None:
        greeting = next((seat for seat in self.seats if seat.greeting), None)
        if greeting is not None:
            asyncio.get_running_loop().call_soon(self._say_if_idle, greeting)

    def _say_if_idle(self, seat: AgentSeat) -> None:
        if self.talk.active is None and self.sessions and seat in self.talk.seats:
            self.say(seat.greeting, seat)

    def _tell_all(self, event: Event) -> None:
        for session in self.sessions.values():
            session.emit(event.model_copy(update={"at_ms": session.now_ms}))

    def _listed(self, names: list[str]) -> str:
        return ", ".join(names[:20]) or "none"


def farewell(session: Session, why: str) -> None:
    """Tells a caller that his seat is taken away, and ends his connection."""
    session.emit(Left(at_ms=session.now_ms, reason=why))
    if session.connection is not None:
        session.connection.end("removed")


def _name(one: Session | AgentSeat) -> str:
    return one.name
