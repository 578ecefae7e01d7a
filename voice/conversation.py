"""A conversation: the turns and replies of people and agents who hear each other, one reply at a time.

Turns come in through `commit`, the floor (`floor.py`) says who answers, and what was heard of a reply goes to everybody's memory
before the next one begins. Turns that wait together are answered together. While a person speaks nothing begins; when the last one
has fallen silent (`silent`) what waits goes on, in this order: people's turns, words given by the room (`say`), agents in the queue.

Replies are begun before they are certain where that can be undone without a trace (`anticipation.py`).

All methods are called in the middle of a tick and return at once; what takes time is a task that the room owns and ends.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..agents.draft import Draft
from ..agents.event import AgentEvent
from ..agents.hub import MsgHub
from ..agents.message import Msg
from . import floor as rules
from .agenda import Agenda
from .anticipation import Anticipation
from .event import Error
from .floor import Floor, FloorPolicy
from .playout import Ledger
from .reply import AgentSeat, ReplyRun, Turn, spoken
from .session import Session
from .settle import ending, remember, report_latency, stop_all
from .turn import signals as s
from .turn.machine import Ear

if TYPE_CHECKING:
    from .room import VoiceRoom

log = logging.getLogger("hubbub.room")

ABSENT_S = 3.0
"""How long a reply waits for a listener whose connection was lost: a change of network takes one to two seconds."""

NOISE_S = 4.0
"""Whoever makes sound for this long without a word that a recogniser finds holds up nobody any more: a vacuum cleaner, a television."""

GO_ON = "Please go on."
"""What an agent is told that was cut off in a conversation between agents and has the floor again: it goes on from that word."""


class Conversation:
    """People and agents who hear each other. A room has one, and one more for every private aside."""

    def __init__(self, room: "VoiceRoom", seats: Sequence[AgentSeat], policy: FloorPolicy, hub: MsgHub | None) -> None:
        """`hub`: where the agents hear each other; None in an aside, where there is one agent."""
        self.room = room
        self.seats = list(seats)
        self.hub = hub
        self.agenda = Agenda(room.name, self.seats, policy, lambda: [session.name for session in self.sessions.values()])
        self.sessions: dict[str, Session] = {}
        self.paused = False
        """Nothing begins: a room that waits for an aside."""
        self.on_turn: Callable[[Turn], None] | None = None
        """Who is told of every person's turn: a script."""
        self.active: ReplyRun | None = None
        self.anticipation = Anticipation(room, self.agenda, self._make_draft, self._failed)
        self._previous: ReplyRun | None = None
        self._holders: set[Session] = set()
        self._cut_off: set[str] = set()
        self._deciding: asyncio.Task[None] | None = None
        self._blocked_since: float | None = None

    # ── coming and going ──────────────────────────────────────────────────────────────────────────────────────────────

    def seat(self, name: str) -> AgentSeat | None:
        """The agent's seat, if it sits here."""
        return self.agenda.seat(name)

    @property
    def floor(self) -> Floor:
        """Who speaks next."""
        return self.agenda.floor

    def admit(self, session: Session) -> None:
        """A caller takes part from now on."""
        self.sessions[session.id] = session
        session.show_queue(self.floor.queue)

    def dismiss(self, session: Session) -> None:
        """A caller takes part no more; a reply that nobody hears any longer ends."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.retract(session, session.state.turn)
        run = self.active
        if run is not None and session in run.listeners:
            ledger = session.cut(run.number)
            run.listeners.remove(session)
            self._let_go(session, run.number)
            if not run.listeners:
                self._end(run, run.ledgers.pop(session, ledger).heard, by=session.name)
            elif run.heard_by_all:
                self._complete(run)
        self._next()

    def silence(self, seat: AgentSeat, by: str) -> None:
        """An agent is to stop at once, and is not queued any more: it was muted, taken aside or removed."""
        self.agenda.floor = rules.without(self.floor, seat.name)
        self.anticipation.discard()
        run = self.active
        if run is not None and run.seat is seat:
            heard = [session.cut(run.number).heard for session in run.listeners if session not in run.ledgers]
            heard += [ledger.heard for ledger in run.ledgers.values()]
            self._end(run, min(heard, key=len, default=""), by=by)
        self._show_queue()

    async def close(self) -> None:
        """Ends every reply."""
        if self._deciding is not None:
            self._deciding.cancel()
            await asyncio.gather(self._deciding, return_exceptions=True)
        runs = [run for run in (self.active, self.anticipation.draft, self._previous, *self.agenda.said) if run is not None]
        await stop_all(runs)
        for run in runs:
            run.conclude(None)

    # ── what sessions decide ──────────────────────────────────────────────────────────────────────────────────────────

    def speculate(self, session: Session, turn: int, text: str) -> None:
        """A caller's turn looks complete: a reply may begin in silence."""
        if self.active is None and not self.agenda.turns and not self.paused:
            self.anticipation.of_turn(Turn(session.name, text, turn, session))

    def retract(self, session: Session, turn: int) -> None:
        """The caller goes on: what was started for him is void."""
        self.anticipation.discard(of=session)

    def commit(self, session: Session, commit: s.Commit) -> None:
        """A turn is over."""
        lost = self.agenda.add_turn(_timed(session, commit))
        log.info("room=%s session=%s turn=%d commits chars=%d", self.room.name, session.id, commit.turn, len(commit.text))
        if lost is not None and lost.session is not None:
            lost.session.emit(Error(code="too_many_turns", message="the agents cannot keep up: a turn was left unanswered"))
        self._next()

    def silent(self, session: Session) -> None:
        """A caller has stopped speaking, and has no open turn any more: who waited for that goes on."""
        if not self.agenda.empty:
            self._next()

    def held(self, session: Session, reply: int) -> None:
        """A caller speaks over the reply: it is silent for everybody until he has been judged."""
        self._holders.add(session)
        self._each_other(session, reply, lambda other: other.mouthpiece.hold(reply))

    def resumed(self, session: Session, reply: int) -> None:
        """It was no interruption."""
        self.room.metrics.counters["false_alarms"] += 1
        self._let_go(session, reply)
        if self._holders:
            session.mouthpiece.hold(reply)

    def interrupted(self, session: Session, reply: int, reason: s.Reason, ledger: Ledger) -> None:
        """A caller broke in: the reply is dead for everybody, and what he heard of it is what was heard."""
        run = self.active
        if run is None or run.number != reply:
            return
        self._holders.clear()
        self.room.metrics.counters["interruptions"] += 1
        for other in run.listeners:
            if other is not session and other.id in self.sessions:
                other.cut(reply)
        log.info("room=%s session=%s reply=%d interrupted reason=%s heard=%d", self.room.name, session.id, reply, reason, len(ledger.heard))
        self._end(run, ledger.heard, by=session.name, signal=reason == "signal")

    def playout_started(self, session: Session, reply: int, now: float) -> None:
        """The first frame of a reply left for a caller."""
        run = self.active
        if run is not None and run.number == reply and session is run.turn.session:
            run.marks.sent = now
            if session.connection is not None and not session.connection.reports_playhead:
                self._report_latency(run, now)

    def first_heard(self, session: Session, reply: int, at: float) -> None:
        """The far end reported that the first sample was heard at loop time `at`."""
        run = self.active
        if run is not None and run.number == reply and session is run.turn.session:
            self._report_latency(run, at)

    def playout_ended(self, session: Session, reply: int, ledger: Ledger) -> None:
        """A caller has heard the reply to its end."""
        run = self.active
        if run is not None and run.number == reply:
            run.ledgers[session] = ledger
            if run.heard_by_all:
                self._complete(run)

    def tend(self, now: float) -> None:
        """Called about once a second, with loop time: a listener whose line has been gone for a while holds up nobody.

        What he heard is what counts; if nobody is left to hear, the reply ends as if he had broken in, and he finds its rest in the
        agent's memory when he comes back. Where nobody at all is there whom it could hold up, the reply waits for who comes back, as long
        as his seat is kept: then he misses no word of it.
        """
        if self._blocked_since is not None:
            self._next()
        run = self.active
        if run is None:
            return
        if all(is_absent(one, now) for one in self.sessions.values()):
            return
        gone = [one for one in run.listeners if one.id in self.sessions and one not in run.ledgers and is_absent(one, now)]
        heard = {session: session.cut(run.number).heard for session in gone}
        for session in gone:
            run.listeners.remove(session)
            self._let_go(session, run.number)
        if gone and not run.listeners:
            self._end(run, max(heard.values(), key=len), by=gone[0].name)
        elif gone and run.heard_by_all:
            self._complete(run)

    # ── what the room, its agents and its programs want ───────────────────────────────────────────────────────────────

    def say(self, seat: AgentSeat, text: str, listeners: "Sequence[Session] | None" = None) -> ReplyRun | None:
        """Lets an agent speak given words when the floor is free, without a model. None where too much waits already."""
        return self._wait_for_floor(self._make_run(seat, Turn("", text), None, None, words=text, listeners=listeners))

    def ask(
        self, seat: AgentSeat, msgs: "list[Msg] | None", listeners: "Sequence[Session] | None" = None, **options: Any
    ) -> ReplyRun | None:
        """Lets an agent answer aloud when the floor is free, whatever the floor's policy. None where too much waits already."""
        speaker = msgs[-1].name if msgs else ""
        run = self._make_run(seat, Turn(speaker, msgs[-1].get_text_content() if msgs else ""), msgs, None, listeners=listeners, **options)
        return self._wait_for_floor(run)

    def give(self, names: Sequence[str]) -> None:
        """Gives the floor to agents, before all who are queued."""
        self.agenda.give(names)
        self._show_queue()
        self._next()

    def resume(self, *, paused: bool) -> None:
        """Whether the conversation waits for an aside; what waited goes on when it does not."""
        self.paused = paused
        self._next()

    def _wait_for_floor(self, run: ReplyRun) -> ReplyRun | None:
        if not self.agenda.add_words(run):
            return None
        self._next()
        return run

    # ── whose turn it is ──────────────────────────────────────────────────────────────────────────────────────────────

    def _next(self) -> None:
        """Begins what waits, if nothing is being said."""
        if not self.sessions:  # a reply that nobody hears would never end
            self.agenda.forget()
        if self.active is not None or self._deciding is not None or self.paused:
            return
        if self.agenda.empty or not self.sessions:
            self._blocked_since = None
            return
        if self._somebody_speaks():
            return
        self._blocked_since = None
        if self.agenda.turns:
            self._take_turns()
        elif self.agenda.said:
            self._start(self.agenda.said.popleft())
        else:
            self._continue()

    def _somebody_speaks(self) -> bool:
        """People before agents. Sound without words holds them up for `NOISE_S`."""
        speaking = [one for one in self.sessions.values() if one.may_speak and one.state.ear is not Ear.QUIET]
        if not speaking:
            return False
        now = asyncio.get_running_loop().time()
        if self._blocked_since is None:
            self._blocked_since = now
        return now - self._blocked_since < NOISE_S or any(session.state.text for session in speaking)

    def _take_turns(self) -> None:
        """Answers all turns that wait."""
        turns = list(self.agenda.turns)
        self.agenda.turns.clear()
        for turn in turns:
            if self.on_turn is not None:
                self.on_turn(turn)
        if self.agenda.asks:
            self._deciding = asyncio.create_task(self._decide(turns), name=f"floor-{self.room.name}")
            return
        self._answer(turns, self.agenda.after_turns(turns))

    async def _decide(self, turns: list[Turn]) -> None:
        """The agents are asked who answers."""
        floor = await self.agenda.decide_turns(turns)
        self._deciding = None
        if self.sessions:
            self._answer(turns, floor)

    async def _decide_after(self, run: ReplyRun, heard: str) -> None:
        """The agents are asked who speaks after a reply."""
        self.agenda.floor = await self.agenda.decide_reply(run.seat.name, heard)
        self._deciding = None
        self._show_queue()
        self._next()

    def _answer(self, turns: list[Turn], floor: Floor) -> None:
        self.agenda.floor = floor
        seat = self.agenda.first
        draft = self.anticipation.answering(turns, seat)
        msgs = [_msg(turn) for turn in turns]
        self.spread(msgs, seat)
        if seat is None:
            self._show_queue()
        elif draft is not None:
            self._adopt(draft)
        else:
            self._start(self._make_run(seat, turns[-1], msgs, None))

    def _continue(self) -> None:
        """The next in the queue speaks; what it answers is in its memory."""
        seat = self.agenda.first
        if seat is None or seat.muted:
            self.agenda.floor = rules.without(self.floor, self.floor.queue[0])
            self._next()
            return
        goes_on = seat.name in self._cut_off
        self._cut_off.discard(seat.name)
        msgs = [Msg(self.room.name, GO_ON, "user")] if goes_on else None
        self._start(self._make_run(seat, Turn(self.floor.last or "", ""), msgs, None))

    # ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _make_run(
        self, seat: AgentSeat, turn: Turn, msgs: list[Msg] | None, draft: Draft | None, *, words: str = "", speak_early: bool = True,
        listeners: Sequence[Session] | None = None, **options: Any,
    ) -> ReplyRun:  # fmt: skip
        def source(draft: Draft | None) -> AsyncIterator[AgentEvent]:
            if words:
                return spoken(seat.name, words)
            return seat.agent.reply_stream(msgs, draft=draft, **options)

        now = asyncio.get_running_loop().time()
        everybody = list(self.sessions.values()) if listeners is None else list(listeners)
        present = [session for session in everybody if not is_absent(session, now)]
        run = ReplyRun(0, seat, turn, source, present or everybody, self._previous, draft, speak_early, self._generated)
        run.fixed = bool(words)
        run.private = listeners is not None
        return run

    def _make_draft(self, seat: AgentSeat, turn: Turn, msgs: list[Msg], draft: Draft) -> ReplyRun:
        run = self._make_run(seat, turn, msgs, draft, speak_early=self.room.policy.speculation == "full")
        run.number = self.room.next_number()
        return run

    def _start(self, run: ReplyRun) -> None:
        self.anticipation.discard()  # gated sound must not stand before this one's
        run.listeners = [session for session in run.listeners if session.id in self.sessions]
        if not run.listeners or run.seat not in self.seats or run.seat.muted:
            run.conclude(None)
            self._next()
            return
        run.number = self.room.next_number()
        run.previous = self._previous
        run.start(self._failed)
        self._adopt(run)

    def _adopt(self, run: ReplyRun) -> None:
        self.active = run
        self.agenda.floor = rules.begin(self.floor, run.seat.name)
        run.listeners = [session for session in run.listeners if session.id in self.sessions]
        self._show_queue()
        for session in run.listeners:
            session.announce(run.number, run.seat.name, interruptible=run.seat.interruptible)
        run.release()
        if run.generated:  # it was written before it was certain
            self._generated(run)

    def spread(self, msgs: list[Msg], answering: AgentSeat | None) -> None:
        """What was said reaches the memory of every agent; the one who answers takes it with the reply."""
        self.room.remember(msgs, private=self.hub is None)
        if self.hub is not None and (len(self.seats) > 1 or answering is None):
            exclude = () if answering is None else (answering.agent,)
            self.room.spawn(self.hub.broadcast(msgs, exclude=exclude))

    def _generated(self, run: ReplyRun) -> None:
        """All of a reply's text is known."""
        if run is self.active and not run.private and self.room.policy.speculation != "off" and not self._cut_off:
            self.anticipation.of_reply(run)

    def _failed(self, run: ReplyRun) -> None:
        log.error("room=%s reply=%d agent=%s failed: %s", self.room.name, run.number, run.seat.name, run.failure)

    def _complete(self, run: ReplyRun) -> None:
        self._end(run, min((ledger.heard for ledger in run.ledgers.values()), key=len, default=run.text))

    def _end(self, run: ReplyRun, heard: str, *, by: str | None = None, signal: bool = False) -> None:
        """A reply is over: who speaks next is decided now, and memory made true beside it."""
        if self.active is not run:
            return
        self.active = None
        before, self._previous = self._previous, run
        self._holders.clear()
        told: tuple[AgentSeat, ...] = ()
        if by is None and not run.private and self.agenda.asks:
            self._deciding = asyncio.create_task(self._decide_after(run, heard), name=f"floor-{self.room.name}")
        elif by is None and not run.private:
            self.agenda.floor = self.agenda.after_reply(run.seat.name, heard)
            told = self._take_over(run, heard)
        elif by is not None:
            between = run.turn.session is None and not run.fixed
            self.agenda.floor = rules.interrupted(self.agenda.policy, self.floor, run.seat.name, between_agents=between, signal=signal)
            if between and run.seat.name in self.floor.queue and len(heard) < len(run.text):
                self._cut_off.add(run.seat.name)
        if not told:
            self.anticipation.discard()
        self._show_queue()
        self.room.spawn(self._settle(run, heard, by, told, before))
        self._next()

    def _take_over(self, run: ReplyRun, heard: str) -> tuple[AgentSeat, ...]:
        """The next agent's reply, begun while this one played, is released if everything came as expected."""
        if self.agenda.turns or self.paused or self._somebody_speaks():
            return ()
        draft = self.anticipation.following(run, heard)
        if draft is None:
            return ()
        self._adopt(draft)
        return (draft.seat,)

    async def _settle(
        self, run: ReplyRun, heard: str, by: str | None, told: tuple[AgentSeat, ...], before: ReplyRun | None
    ) -> None:  # fmt: skip
        msg: Msg | None = None
        try:
            if before is not None:  # a reply that was begun while that one played has not waited for it
                await before.settled.wait()
            hub = None if run.private else self.hub
            msg = await remember(run, heard, by, hub, tuple(seat.agent for seat in told))
            if msg is not None:
                self.room.remember([msg], private=self.hub is None or run.private)
            for session in run.listeners if run.private else list(self.sessions.values()):
                session.emit(ending(run, heard, by).model_copy(update={"at_ms": session.now_ms}))
        except Exception:
            log.exception("room=%s reply=%d could not be settled", self.room.name, run.number)
        finally:
            run.conclude(msg)
            self._next()

    def _report_latency(self, run: ReplyRun, heard_at: float) -> None:
        report_latency(run, heard_at, self.room.name, self.room.engines.names, self.room.metrics)

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _let_go(self, session: Session, reply: int) -> None:
        self._holders.discard(session)
        if not self._holders:
            now = asyncio.get_running_loop().time()
            self._each_other(session, reply, lambda other: other.mouthpiece.resume(reply, now))

    def _each_other(self, session: Session, reply: int, act: Callable[[Session], None]) -> None:
        run = self.active
        if run is not None and run.number == reply:
            for other in run.listeners:
                if other is not session:
                    act(other)

    def _show_queue(self) -> None:
        for session in self.sessions.values():
            session.show_queue(self.floor.queue)


def is_absent(session: Session, now: float) -> bool:
    """Whether a caller's line has been gone for so long that nobody waits for him."""
    return session.disconnected_at is not None and now - session.disconnected_at > ABSENT_S


def _msg(turn: Turn) -> Msg:
    return Msg(turn.speaker, turn.text, "user")


def _timed(session: Session, commit: s.Commit) -> Turn:
    """A committed turn with the moments of its latency record."""
    now = asyncio.get_running_loop().time()
    behind = (session.ear.received - commit.at) / 16_000
    turn = Turn(session.name, commit.text, commit.turn, session)
    turn.final = turn.decided = now
    turn.endpoint = now - behind - (commit.at - commit.endpoint_at) / 16_000
    turn.speech_end = now - behind - (commit.at - commit.speech_end) / 16_000
    if commit.source == "text":
        turn.speech_end = turn.endpoint = now
    return turn
