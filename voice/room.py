"""A voice room: the callers and agents of one conversation, and who speaks next.

Turns come in through `commit`, one reply runs at a time, and what was heard of it goes to everybody's memory before the next one
begins. The room's methods are called by sessions in the middle of a tick, so they return at once; what takes time is a task that
the room owns and ends.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..agents.draft import Draft
from ..agents.event import AgentEvent
from ..agents.hub import MsgHub
from ..agents.message import Msg
from .asr.base import ASRContext, ASREngine, ASREvent, ASRStream
from .clock import MediaClock
from .event import Error, Event, Participant, ParticipantJoined, ParticipantLeft, Reply
from .event import Turn as TurnEvent
from .floor import choose
from .latency import latency_of
from .playout import Ledger
from .reply import AgentSeat, ReplyRun, Turn, spoken
from .session import Session
from .telemetry import Metrics
from .turn import signals as s
from .turn.machine import Mouth
from .turn.policy import TurnPolicy
from .turn.words import BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY, OVER_A_REPLY

log = logging.getLogger("hubbub.room")

MAX_WAITING_TURNS = 16
"""Turns that wait for an agent. More means that people talk much faster than agents answer: the oldest is dropped and said so."""


BARGE_IN_WEIGHT = 8
"""How often each thing that is said over replies counts beside a room's phrases: half of what is said there, as a rule of thumb."""


ABSENT_S = 3.0
"""How long a reply waits for a listener whose connection was lost: a change of network takes one to two seconds."""


class RoomFull(Exception):
    """The room takes no more callers."""


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
        context: ASRContext | None = None,
        max_callers: int = 32,
    ) -> None:
        self.name = name
        self.seats = list(seats)
        self.engines = engines
        self.metrics = engines.metrics
        self.policy = policy or TurnPolicy()
        if not engines.asr.sure_of_short_words:
            self.policy = replace(self.policy, single_words=False)
        self.context = context or ASRContext()
        over = OVER_A_REPLY * BARGE_IN_WEIGHT if self.context.phrases else OVER_A_REPLY
        self.barge_in_context = replace(
            self.context, phrases=(*self.context.phrases, *over), backchannels=BACKCHANNELS_OVER_A_REPLY, claims=CLAIMS_OVER_A_REPLY
        )
        self.max_callers = max_callers
        self.sessions: dict[str, Session] = {}
        self.hub = MsgHub([seat.agent for seat in self.seats], enable_auto_broadcast=False, name=name)
        self._active: ReplyRun | None = None
        self._draft: ReplyRun | None = None
        self._previous: ReplyRun | None = None
        self._turns: deque[Turn] = deque()
        self._holders: set[Session] = set()
        self._numbers = 0
        self._last_agent: str | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened = False

    # ── coming and going ──────────────────────────────────────────────────────────────────────────────────────────────

    async def open(self) -> None:
        """Brings the agents into the hub."""
        await self.hub.__aenter__()
        self._opened = True

    async def close(self) -> None:
        """Ends every reply and every seat."""
        for session in list(self.sessions.values()):
            self.leave(session, "the room closes")
        runs = [run for run in (self._active, self._draft, self._previous) if run is not None]
        await asyncio.gather(*(run.stop() for run in runs), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._opened:
            self._opened = False
            await self.hub.__aexit__(None, None, None)

    def join(self, name: str) -> Session:
        """Seats a caller. A name that is taken gets a number behind it. Raises RoomFull."""
        if len(self.sessions) >= self.max_callers:
            raise RoomFull(f"room '{self.name}' is full: {self.max_callers} callers are in it")
        taken = {session.name for session in self.sessions.values()} | {seat.name for seat in self.seats}
        wanted, number = name, 2
        while name in taken:
            name, number = f"{wanted} {number}", number + 1
        session = Session(name, self, vad=self.engines.clock.vad, policy=self.policy)
        self._tell_all(ParticipantJoined(participant=Participant(name=name, kind="caller")))
        self.sessions[session.id] = session
        self.engines.clock.add(session)
        if len(self.sessions) == 1 and self._numbers == 0:
            self._greet()
        return session

    def leave(self, session: Session, reason: str = "left") -> None:
        """Takes a caller's seat away; a reply that nobody hears any more ends."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.engines.clock.discard(session)
        self.retract(session, session.state.turn)
        run = self._active
        if run is not None and session in run.listeners:
            ledger = session.playout.cut(run.number)
            run.ledgers.setdefault(session, ledger)
            self._let_go(session, run.number)
            if not any(listener.id in self.sessions for listener in run.listeners):
                self._settle_later(run, ledger.heard, interrupted_by=session.name)
            elif run.heard_by_all:
                self._complete(run)
        session.close()
        self._tell_all(ParticipantLeft(participant=Participant(name=session.name, kind="caller")))
        log.info("room=%s session=%s name=%s left: %s", self.name, session.id, session.name, reason)

    @property
    def participants(self) -> tuple[Participant, ...]:
        """Everybody in the room, agents first."""
        agents = [Participant(name=seat.name, kind="agent") for seat in self.seats]
        return (*agents, *(Participant(name=session.name, kind="caller") for session in self.sessions.values()))

    # ── what sessions decide (voice.session.Seat) ─────────────────────────────────────────────────────────────────────

    def hurry(self, session: Session) -> None:
        """The sound on which this caller's turn ends has come: not a tick is waited for."""
        if session.id in self.sessions:
            self.engines.clock.hurry(session)

    def asr_stream(self, session: Session, on_event: Callable[[ASREvent], None]) -> ASRStream:
        """Opens a recogniser for a caller's utterance. Over a reply people say other things than in their own turn."""
        context = self.context if session.state.mouth is Mouth.IDLE else self.barge_in_context
        return self.engines.asr.open(on_event, context=context, memory=session.asr_memory)

    def speculate(self, session: Session, turn: int, text: str) -> None:
        """Starts a reply in silence. One at a time: a second caller's turn waits for certainty."""
        if self._active is not None or self._turns or (self._draft is not None and self._draft.turn.session is not session):
            return
        if self._draft is not None and self._draft.turn.text == text:
            return
        self._discard_draft()
        answer = Turn(session.name, text, turn, session)
        self._draft = self._make_run(answer, Draft(), speak_early=self.policy.speculation == "full")
        self.metrics.counters["speculations"] += 1
        self._draft.start(self._failed)

    def retract(self, session: Session, turn: int) -> None:
        """The caller goes on: what was started for him is void."""
        if self._draft is not None and self._draft.turn.session is session:
            self._discard_draft()

    def commit(self, session: Session, commit: s.Commit) -> None:
        """A turn is over."""
        now = asyncio.get_running_loop().time()
        behind = (session.ear.received - commit.at) / 16_000
        turn = Turn(session.name, commit.text, commit.turn, session)
        turn.final = turn.decided = now
        turn.endpoint = now - behind - (commit.at - commit.endpoint_at) / 16_000
        turn.speech_end = now - behind - (commit.at - commit.speech_end) / 16_000
        if commit.source == "text":
            turn.speech_end = turn.endpoint = now
        log.info("room=%s session=%s turn=%d commits chars=%d", self.name, session.id, commit.turn, len(commit.text))
        self._turns.append(turn)
        if len(self._turns) > MAX_WAITING_TURNS:
            lost = self._turns.popleft()
            if lost.session is not None:
                lost.session.emit(Error(code="too_many_turns", message="the agents cannot keep up: a turn was left unanswered"))
        self._next()

    def held(self, session: Session, reply: int) -> None:
        """A caller speaks over the reply: it is silent for everybody until he has been judged."""
        self._holders.add(session)
        self._each_other(session, reply, lambda other: other.mouthpiece.hold(reply))

    def resumed(self, session: Session, reply: int) -> None:
        """It was no interruption."""
        self.metrics.counters["false_alarms"] += 1
        self._let_go(session, reply)
        if self._holders:
            session.mouthpiece.hold(reply)

    def interrupted(self, session: Session, reply: int, reason: s.Reason, ledger: Ledger) -> None:
        """A caller broke in: the reply is dead for everybody, and what he heard of it is what was heard."""
        run = self._active
        if run is None or run.number != reply:
            return
        self._holders.clear()
        self.metrics.counters["interruptions"] += 1
        for other in run.listeners:
            if other is not session and other.id in self.sessions:
                other.cut(reply)
        log.info("room=%s session=%s reply=%d interrupted reason=%s heard=%d", self.name, session.id, reply, reason, len(ledger.heard))
        self._settle_later(run, ledger.heard, interrupted_by=session.name)

    def playout_started(self, session: Session, reply: int, now: float) -> None:
        """The first frame of a reply left for a caller."""
        run = self._active
        if run is not None and run.number == reply and session is run.turn.session:
            run.marks.sent = now
            if session.connection is not None and not session.connection.reports_playhead:
                self._report_latency(run, now)

    def first_heard(self, session: Session, reply: int, at: float) -> None:
        """The far end reported that the first sample was heard at loop time `at`."""
        run = self._active
        if run is not None and run.number == reply and session is run.turn.session:
            self._report_latency(run, at)

    def playout_ended(self, session: Session, reply: int, ledger: Ledger) -> None:
        """A caller has heard the reply to its end."""
        run = self._active
        if run is not None and run.number == reply:
            run.ledgers[session] = ledger
            if run.heard_by_all:
                self._complete(run)

    def tend(self, now: float) -> None:
        """Called about once a second, with loop time: a listener whose line has been gone for a while holds up nobody.

        What he heard is what counts; if nobody is left to hear, the reply ends as if he had broken in, and he finds its rest in the
        agent's memory when he comes back.
        """
        run = self._active
        if run is None:
            return
        gone = [one for one in run.listeners if one.id in self.sessions and one not in run.ledgers and _is_absent(one, now)]
        heard = {session: session.cut(run.number).heard for session in gone}
        for session in gone:
            run.listeners.remove(session)
            self._let_go(session, run.number)
        if gone and not run.listeners:
            self._settle_later(run, max(heard.values(), key=len), interrupted_by=gone[0].name)
        elif gone and run.heard_by_all:
            self._complete(run)

    # ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, text: str, seat: AgentSeat | None = None) -> None:
        """Lets an agent speak given words, without a model: a greeting, an announcement."""
        turn = Turn("", text)
        run = self._make_run(turn, None, seat=seat or self.seats[0], words=text)
        self._discard_draft()
        self._start(run)

    def _greet(self) -> None:
        greeting = next((seat for seat in self.seats if seat.greeting), None)
        if greeting is not None:
            asyncio.get_running_loop().call_soon(self._say_if_idle, greeting)

    def _say_if_idle(self, seat: AgentSeat) -> None:
        if self._active is None and self.sessions:
            self.say(seat.greeting, seat)

    def _make_run(
        self, turn: Turn, draft: Draft | None, *, seat: AgentSeat | None = None, words: str = "", speak_early: bool = True
    ) -> ReplyRun:
        if seat is None:
            chosen = choose(turn.text, [one.name for one in self.seats], self._last_agent)
            seat = next(one for one in self.seats if one.name == chosen)
        answering = seat

        def source(draft: Draft | None) -> AsyncIterator[AgentEvent]:
            if words:
                return spoken(answering.name, words)
            return answering.agent.reply_stream(Msg(turn.speaker, turn.text, "user"), draft=draft)

        self._numbers += 1
        now = asyncio.get_running_loop().time()
        present = [session for session in self.sessions.values() if not _is_absent(session, now)]
        listeners = present or list(self.sessions.values())
        run = ReplyRun(self._numbers, seat, turn, source, listeners, self._previous, draft, speak_early)
        run.fixed = bool(words)
        return run

    def _next(self) -> None:
        """Answers the oldest turn, if nothing is being answered."""
        if not self.sessions:  # a reply that nobody hears would never end
            self._turns.clear()
        if self._active is not None or not self._turns or not self.seats:
            return
        turn = self._turns.popleft()
        draft, self._draft = self._draft, None
        if draft is not None and draft.turn.session is turn.session and draft.turn.text == turn.text and not draft.failure:
            draft.turn = turn
            self.metrics.counters["speculations_used"] += 1
            self._tell_others(draft.seat, turn)
            self._adopt(draft)
            return
        if draft is not None:
            self._draft = draft
            self._discard_draft()
        run = self._make_run(turn, None)
        self._tell_others(run.seat, turn)
        self._start(run)

    def _start(self, run: ReplyRun) -> None:
        run.start(self._failed)
        self._adopt(run)

    def _adopt(self, run: ReplyRun) -> None:
        self._active = run
        self._last_agent = run.seat.name
        run.listeners = [session for session in run.listeners if session.id in self.sessions]
        for session in run.listeners:
            session.announce(run.number, run.seat.name, interruptible=run.seat.interruptible)
        run.release()

    def _tell_others(self, answering: AgentSeat, turn: Turn) -> None:
        """The turn reaches the memory of every agent; the one who answers takes it with the reply."""
        if len(self.seats) > 1:
            self._spawn(self.hub.broadcast(Msg(turn.speaker, turn.text, "user"), exclude=answering.agent))

    def _discard_draft(self) -> None:
        run, self._draft = self._draft, None
        if run is None:
            return
        if run.draft is not None and run.draft.state == "open":
            run.draft.discard()
        for session in run.listeners:
            session.playout.cut(run.number)
        run.settled.set()
        self._spawn(run.stop())
        self.metrics.counters["speculations_discarded"] += 1
        self.metrics.counters["speculated_characters_wasted"] += len(run.text)
        log.debug("room=%s reply=%d speculation discarded chars=%d", self.name, run.number, len(run.text))

    def _failed(self, run: ReplyRun) -> None:
        log.error("room=%s reply=%d agent=%s failed: %s", self.name, run.number, run.seat.name, run.failure)

    def _complete(self, run: ReplyRun) -> None:
        heard = min((ledger.heard for ledger in run.ledgers.values()), key=len, default=run.text)
        self._settle_later(run, heard)

    def _settle_later(self, run: ReplyRun, heard: str, *, interrupted_by: str | None = None) -> None:
        if self._active is not run:
            return
        self._active = None
        self._previous = run
        self._holders.clear()
        self._spawn(self._settle(run, heard, interrupted_by))
        self._next()

    async def _settle(self, run: ReplyRun, heard: str, interrupted_by: str | None) -> None:
        """Makes memory true: what was heard of the reply, and no more, is what was said."""
        try:
            await run.stop()
            unheard = run.text[len(heard) :]
            agent = run.seat.agent
            cut = bool(unheard) or (interrupted_by is not None and not run.text)
            if run.fixed or not run.reply_id:
                if heard:
                    await agent.observe(Msg(agent.name, heard, "assistant"))
            elif cut:
                await agent.record_heard(run.reply_id, heard, unheard, by=interrupted_by)
            if heard:
                mark = {"interrupted": {"by": interrupted_by, "unheard": unheard}} if cut else {}
                await self.hub.broadcast(Msg(agent.name, heard, "assistant", mark), exclude=agent)
            self._tell_end(run, heard, unheard, interrupted_by if cut else None, cut)
        except Exception:
            log.exception("room=%s reply=%d could not be settled", self.name, run.number)
        finally:
            run.settled.set()
            self._next()

    def _tell_end(self, run: ReplyRun, heard: str, unheard: str, by: str | None, cut: bool) -> None:
        reason: Any = "error" if run.failure else "interrupted" if cut else run.reason or "completed"
        self._tell_all(
            Reply(
                reply=run.number, agent=run.seat.name, text=heard, unheard=unheard, final=True, turn=run.turn.number,
                interrupted=cut, interrupted_by=by, reason=reason,
            )
        )

    def _report_latency(self, run: ReplyRun, heard_at: float) -> None:
        session = run.turn.session
        if run.reported or session is None:
            return
        run.reported = True
        latency = latency_of(run.turn, run.marks, heard_at)
        self.metrics.turn(latency)
        event = TurnEvent(
            at_ms=session.now_ms, turn=run.turn.number, speaker=run.turn.speaker, agent=run.seat.name, reply=run.number,
            latency=latency, engines=self.engines.names,
        )
        session.emit(event)
        log.info(
            "room=%s session=%s turn=%d reply=%d latency total=%.0f endpoint=%.0f asr=%.0f model=%.0f sentence=%.0f tts=%.0f "
            "send=%.0f play=%.0f",
            self.name, session.id, run.turn.number, run.number, latency.total_ms, latency.endpoint_ms, latency.asr_ms,
            latency.model_ms, latency.sentence_ms, latency.tts_ms, latency.send_ms, latency.play_ms,
        )

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _let_go(self, session: Session, reply: int) -> None:
        self._holders.discard(session)
        if not self._holders:
            now = asyncio.get_running_loop().time()
            self._each_other(session, reply, lambda other: other.mouthpiece.resume(reply, now))

    def _each_other(self, session: Session, reply: int, act: Callable[[Session], None]) -> None:
        run = self._active
        if run is not None and run.number == reply:
            for other in run.listeners:
                if other is not session:
                    act(other)

    def _tell_all(self, event: Event) -> None:
        for session in self.sessions.values():
            session.emit(event.model_copy(update={"at_ms": session.now_ms}))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _is_absent(session: Session, now: float) -> bool:
    """Whether a caller's line has been gone for so long that nobody waits for him."""
    return session.disconnected_at is not None and now - session.disconnected_at > ABSENT_S
