"""A conversation: the turns and replies of people and agents who hear each other, one reply at a time.

Turns come in through `commit`, the floor (`floor.py`) says who answers, and what was heard of a reply goes to everybody's memory
before the next one begins. Turns that wait together are answered together. While a person speaks nothing begins; when the last one
has fallen silent (`silent`) what waits goes on, in this order: people's turns, words given by the room (`say`), agents in the queue.

Replies are begun before they are certain where that can be undone without a trace (`anticipation.py`).

All methods are called in the middle of a tick and return at once; what takes time is a task that the room owns and ends.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..agents.hub import MsgHub
from ..agents.message import Msg
from . import floor as rules
from .agenda import Agenda
from .anticipation import Anticipation
from .chain import ReplyChain
from .courtesy import Courtesy
from .event import Error, Event
from .floor import Floor, FloorPolicy
from .holds import Holds
from .latency import timed
from .playout import Ledger
from .reply import AgentSeat, ReplyRun, Turn
from .session import Session
from .settle import report_latency, stop_all
from .turn import signals as s

if TYPE_CHECKING:
    from .room import VoiceRoom

log = logging.getLogger("hubbub.room")

CATCH_UP_S = 6.0
"""Who comes back to a reply that is not for him hears it on from his word if he was gone no longer than this: about two sentences, for
which the others wait without a word. After that they are not kept waiting, and he reads what he missed."""

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
        self._chain = ReplyChain(room, hub, self.sessions, self._generated)
        self.anticipation = Anticipation(room, self.agenda, self._chain.make_draft, self._failed)
        self._holds = Holds()
        self._cut_off: set[str] = set()
        self._deciding: asyncio.Task[None] | None = None
        self._courtesy = Courtesy()

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
        session.talk = self
        session.screen.show_queue(self.floor.queue)

    def dismiss(self, session: Session) -> None:
        """A caller takes part no more; a reply that nobody hears any longer ends."""
        if self.sessions.pop(session.id, None) is None:
            return
        self.retract(session, session.state.turn)
        self.agenda.without_listener(session)
        run = self.active
        if run is not None and session in run.listeners:
            self._lose(run, [session])
        self._next()

    def silence(self, seat: AgentSeat, by: str) -> None:
        """An agent is to stop at once, and is not queued any more: it was muted, taken aside or removed."""
        self.agenda.floor = rules.without(self.floor, seat.name)
        self.agenda.unsay(seat)
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
        runs = [run for run in (self.active, self.anticipation.draft, self._chain.last, *self.agenda.said) if run is not None]
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
        lost = self.agenda.add_turn(timed(session, commit))
        log.info("room=%s session=%s name=%s turn=%d commits chars=%d",
                 self.room.name, session.id, session.name, commit.turn, len(commit.text))  # fmt: skip
        if lost is not None and lost.session is not None:
            lost.session.emit(Error(code="too_many_turns", message="the agents cannot keep up: a turn was left unanswered"))
        self._next()

    def overheard(self, session: Session, event: Event) -> None:
        """What a caller does is shown to those he speaks with, in their own media time."""
        for other in self.sessions.values():
            if other is not session:
                other.emit(event.model_copy(update={"at_ms": other.now_ms}))

    def silent(self, session: Session) -> None:
        """A caller has stopped speaking, and has no open turn any more: who waited for that goes on."""
        if not self.agenda.empty:
            self._next()

    def held(self, session: Session, reply: int) -> None:
        """A caller speaks over the reply: it is silent for everybody until he has been judged."""
        self._holds.hold(session, self._saying(reply))

    def resumed(self, session: Session, reply: int) -> None:
        """It was no interruption."""
        self.room.metrics.counters["false_alarms"] += 1
        self._holds.resume(session, self._saying(reply), reply)

    def interrupted(self, session: Session, reply: int, reason: s.Reason, ledger: Ledger) -> None:
        """A caller broke in: the reply is dead for everybody, and what he heard of it is what was heard."""
        run = self._saying(reply)
        if run is None:
            return
        self._holds.clear()
        self.room.metrics.counters["interruptions"] += 1
        for other in run.listeners:
            if other is not session and other.id in self.sessions:
                other.cut(reply)
        log.info(
            "room=%s session=%s name=%s agent=%s reply=%d interrupted reason=%s heard=%d",
            self.room.name, session.id, session.name, run.seat.name, reply, reason, len(ledger.heard),
        )  # fmt: skip
        self._end(run, ledger.heard, by=session.name, signal=reason == "signal")

    def playout_started(self, session: Session, reply: int, now: float) -> None:
        """The first frame of a reply left for a caller."""
        run = self._saying(reply)
        if run is not None and session is run.turn.session:
            run.marks.sent = now

    def first_heard(self, session: Session, reply: int, at: float | None = None) -> None:
        """The far end reported that the first sample was heard at loop time `at`; without it, the first sample must have been heard, and
        nobody tells when: its way is not counted."""
        run = self._saying(reply)
        if run is not None and session is run.turn.session:
            self._report_latency(run, run.marks.sent if at is None else at)

    def playout_ended(self, session: Session, reply: int, ledger: Ledger) -> None:
        """A caller has heard the reply to its end."""
        run = self._saying(reply)
        if run is not None:
            if run.marks.sent:
                self.first_heard(session, reply)  # unless that was told
            run.ledgers[session] = ledger
            if run.heard_by_all:
                self._complete(run)

    def tend(self, now: float) -> None:
        """Called about once a second, with loop time: a listener whose line has been gone for a while holds up nobody.

        If nobody is left to hear, the reply ends as if he had broken in, and he finds its rest in the agent's memory when he comes back.
        Where nobody at all is there whom it could hold up, the reply waits for who comes back, as long as his seat is kept: then he misses
        no word of it. Where others hear it, it goes on for them; if it is still being said when he comes back, and answers him or is not
        far ahead, he hears it on from his word, and the floor waits for him. What he misses else he reads.
        """
        if self._courtesy.waiting:
            self._next()
        run = self.active
        if run is None:
            return
        if all(one.line.is_absent(now) for one in self.sessions.values()):
            return
        gone = [one for one in run.listeners if one.id in self.sessions and one not in run.ledgers and one.line.is_absent(now)]
        if not gone:
            return
        others = any(one not in gone and one not in run.ledgers for one in run.listeners)
        expected = [one for one in gone if others and (run.turn.session is one or one.line.away_s(now) <= CATCH_UP_S)]
        for one in expected:
            run.unwaited.add(one)
            self._holds.let_go(one, run)
        if lost := [one for one in gone if one not in expected]:
            self._lose(run, lost)

    # ── what the room, its agents and its programs want ───────────────────────────────────────────────────────────────

    def say(self, seat: AgentSeat, text: str, listeners: "Sequence[Session] | None" = None) -> ReplyRun | None:
        """Lets an agent speak given words when the floor is free, without a model. None where too much waits already."""
        return self._wait_for_floor(self._chain.make(seat, Turn("", text), None, words=text, listeners=listeners))

    def ask(
        self, seat: AgentSeat, msgs: "list[Msg] | None", listeners: "Sequence[Session] | None" = None, **options: Any
    ) -> ReplyRun | None:
        """Lets an agent answer aloud when the floor is free, whatever the floor's policy. None where too much waits already."""
        speaker = msgs[-1].name if msgs else ""
        text = msgs[-1].get_text_content() if msgs else ""
        run = self._chain.make(seat, Turn(speaker, text), msgs, listeners=listeners, **options)
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
            self._courtesy.forget()
            return
        if self._courtesy.waits_for(self.sessions.values()):
            return
        self._courtesy.forget()
        if self.agenda.turns:
            self._take_turns()
        elif self.agenda.said:
            self._start(self.agenda.said.popleft())
        else:
            self._continue()

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
        msgs = [turn.msg for turn in turns]
        self.spread(msgs, seat)
        if seat is None:
            self._show_queue()
        elif draft is not None:
            self._adopt(draft)
        else:
            self._start(self._chain.make(seat, turns[-1], msgs))

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
        self._start(self._chain.make(seat, Turn(self.floor.last or "", ""), msgs))

    # ── replies ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def _start(self, run: ReplyRun) -> None:
        self.anticipation.discard()  # gated sound must not stand before this one's
        run.listeners = [session for session in run.listeners if session.id in self.sessions]
        if not run.listeners or run.seat not in self.seats or run.seat.muted:
            run.conclude(None)
            self._next()
            return
        self._chain.number(run)
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
        for session in [one for one in run.listeners if one not in run.ledgers]:  # he has not come back in time
            session.cut(run.number)
            run.listeners.remove(session)
        self._end(run, min((ledger.heard for ledger in run.ledgers.values()), key=len, default=run.text))

    def _saying(self, reply: int) -> ReplyRun | None:
        """The reply of that number, if it is the one that is being said."""
        return self.active if self.active is not None and self.active.number == reply else None

    def _lose(self, run: ReplyRun, gone: list[Session]) -> None:
        """Listeners of the reply have gone. What they heard is what counts, if nobody is left to hear."""
        heard: list[str] = []
        for session in gone:
            ledger = session.cut(run.number)
            heard.append(run.ledgers.pop(session, ledger).heard)
            run.listeners.remove(session)
        for session in gone:
            self._holds.let_go(session, run)
        if not run.listeners:
            self._end(run, max(heard, key=len), by=gone[0].name)
        elif run.heard_by_all:
            self._complete(run)

    def _end(self, run: ReplyRun, heard: str, *, by: str | None = None, signal: bool = False) -> None:
        """A reply is over: who speaks next is decided now, and memory made true beside it."""
        if self.active is not run:
            return
        self.active = None
        before = self._chain.end(run)
        self._holds.clear()
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
        if self.agenda.turns or self.paused or self._courtesy.waits_for(self.sessions.values()):
            return ()
        draft = self.anticipation.following(run, heard)
        if draft is None:
            return ()
        self._adopt(draft)
        return (draft.seat,)

    async def _settle(self, run: ReplyRun, heard: str, by: str | None, told: tuple[AgentSeat, ...], before: ReplyRun | None) -> None:
        await self._chain.settle(run, heard, by=by, told=told, before=before)
        self._next()

    def _report_latency(self, run: ReplyRun, heard_at: float) -> None:
        engines = {**self.room.engines.names, "tts": run.seat.speech.engine.name}
        report_latency(run, heard_at, self.room.name, engines, self.room.metrics)

    def _show_queue(self) -> None:
        for session in self.sessions.values():
            session.screen.show_queue(self.floor.queue)
