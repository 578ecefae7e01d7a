"""One reply on its way from an agent to the ears of a room.

A run reads the agent's reply stream through the speech stage and fills the playouts of its listeners. It may begin as a draft
(speculation): then its sound waits behind a gate, its events wait in a list, and the agent's memory is staged, until `release`
or `discard`. It ends when every listener has heard it, or somebody breaks in; the room then settles what was heard.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from ..agents.draft import Draft, DraftDiscarded
from ..agents.event import (
    AgentEvent,
    ReplyEndEvent,
    ReplyStartEvent,
    TextBlockDeltaEvent,
    ToolCallStartEvent,
    ToolResultEndEvent,
)
from ..agents.message import Msg
from .event import Error, Event, Reply, ToolUse, Words, WordTime
from .playout import Ledger, Word
from .speech import Speech, SpeechEnd, SpeechPiece, SpeechSound

if TYPE_CHECKING:
    from ..agents.agent.base import AgentBase
    from .session import Session

log = logging.getLogger("hubbub.reply")

BUFFER_MS = 4000
"""Sound made ahead of what is sent; more slows the synthesis down. Half of it would outlast any pause of a provider's stream; and what
a caller does not let the agent say is made in vain."""

URGENT_MS = 500
"""A reply with less sound than this ahead is made without a break; one with more lets everybody else go first between two stretches."""

SLOW_MODEL_S = 2.0
"""A caller who has waited this long for a first word is told so (DESIGN.md §8)."""

ANSWER_TIMEOUT_S = 20.0
"""A model that has said nothing by then has failed."""

APOLOGY = {
    "en": "Sorry, something went wrong on my side. Please try again.",
    "zh": "抱歉，我这边出了点问题，请再试一次。",
}


@dataclass(slots=True)
class AgentSeat:
    """An agent's place in a room: who thinks, and how it sounds."""

    agent: "AgentBase"
    speech: Speech
    interruptible: bool = True
    """Whether callers may break into its replies; else what they say meanwhile is kept, and is a turn when the reply has ended."""
    language: str = "en"
    greeting: str = ""
    filler: str = ""
    """Said once when a reply is slow ("One moment."), to show that the line is not dead; empty for silence. It is not the agent's
    word: neither captions nor memory hold it."""
    filler_after_ms: int = 1200
    """How long after the turn's end a first sound is waited for before the filler is said."""
    muted: bool = False
    """It does not speak."""
    quiet: bool = False
    """It hears, and speaks only when it is called by name."""
    topics: frozenset[str] = frozenset()
    """Words of which it wants to speak, lower case: what it bids by (`floor.bid`)."""

    @property
    def name(self) -> str:
        return str(self.agent.name)


@dataclass(slots=True)
class Turn:
    """What a reply answers, with the moments (loop time, seconds) that its latency record is made of."""

    speaker: str
    text: str
    number: int = 0
    session: "Session | None" = None
    """The caller whose turn it is; None for an agent's words, a greeting, or a program's."""
    keyed: bool = False
    """It was keyed in on a telephone."""
    speech_end: float = 0.0
    endpoint: float = 0.0
    final: float = 0.0
    decided: float = 0.0

    @property
    def msg(self) -> Msg:
        """What the agents are told of it."""
        return Msg(self.speaker, self.text, "user", metadata={"keyed": True} if self.keyed else {})


@dataclass(slots=True)
class Marks:
    """When a reply was begun and its stages had their first result, loop time in seconds; 0.0 is not yet."""

    begun: float = 0.0
    model: float = 0.0
    sentence: float = 0.0
    sound: float = 0.0
    sent: float = 0.0
    trimmed_ms: float = 0.0
    """Silence taken off before the first sound."""


class Source(Protocol):
    """Makes the agent's reply stream when the run is ready for it."""

    def __call__(self, draft: Draft | None) -> AsyncIterator[AgentEvent]: ...


@dataclass(eq=False)
class ReplyRun:
    """One reply. Owned by the room, which starts, releases, cancels and settles it."""

    number: int
    seat: AgentSeat
    turn: Turn
    source: Source
    listeners: "list[Session]"
    previous: "ReplyRun | None" = None
    draft: Draft | None = None
    speak_early: bool = True
    """Whether a draft may be synthesised before it is released (speculation `full`)."""
    on_generated: "Callable[[ReplyRun], None] | None" = None
    """Called when all of its text is known, while it may still play for long."""

    text: str = ""
    """All that the agent generated so far."""
    reply_id: str = ""
    reason: str = ""
    failure: str = ""
    fixed: bool = False
    """The words were given (a greeting), no model made them."""
    private: bool = False
    """Only some of the room hear it, and only this agent remembers it."""
    generated: bool = False
    """All of its text is known."""
    outcome: Msg | None = None
    """What was heard of it, once it is settled; None where nothing was."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Structured output of the reply, where it was asked for."""
    marks: Marks = field(default_factory=Marks)
    ledgers: "dict[Session, Ledger]" = field(default_factory=dict)
    unwaited: "set[Session]" = field(default_factory=set)
    """Listeners whose line is gone: nobody waits for them, unless they come back while it is still being said."""
    settled: asyncio.Event = field(default_factory=asyncio.Event)
    spoken_until: int = 0
    reported: bool = False
    _all_spoken: bool = True
    _tools: dict[str, str] = field(default_factory=dict)
    _waiting: list[Event] = field(default_factory=list)
    _task: "asyncio.Task[None] | None" = None
    _timer: asyncio.TimerHandle | None = None
    _filler_timer: asyncio.TimerHandle | None = None
    _filler: "asyncio.Task[int] | None" = None
    _filler_samples: int = 0
    """Sound of the filler, which lies before all of the reply's own."""

    def start(self, on_failure: "Callable[[ReplyRun], None]") -> None:
        """Begins. Its sound is gated while it is a draft."""
        for session in self.listeners:
            session.playout.begin(self.number, gated=self.draft is not None)
        self._mark("begun")
        self._task = asyncio.create_task(self._run(on_failure), name=f"reply-{self.number}")

    def release(self) -> None:
        """The turn came as expected: the draft counts, and its sound may leave."""
        if self.draft is not None:
            self.draft.commit()
        self._watch()
        self._watch_for_sound()
        events, self._waiting = self._waiting, []
        self.draft = None
        for session in self.listeners:
            session.playout.release(self.number)
        for event in events:
            self._tell(event)
        if self.marks.sound:
            self._speak_at_once()

    async def stop(self) -> None:
        """Cancels what runs and waits until it has ended: model, tools and synthesis."""
        for timer in (self._timer, self._filler_timer):
            if timer is not None:
                timer.cancel()
        tasks = [task for task in (self._task, self._filler) if task is not None and task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def conclude(self, heard: Msg | None) -> None:
        """It is over, and memory is true: whoever waits for that goes on."""
        self.outcome = heard
        self.settled.set()

    @property
    def heard_by_all(self) -> bool:
        """Whether the ledger of every listener is in who is waited for."""
        return all(one in self.ledgers or (one in self.unwaited and one.connection is None) for one in self.listeners)

    # ── the run ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _run(self, on_failure: "Callable[[ReplyRun], None]") -> None:
        if self.previous is not None:  # its memory must be true before this one reads it
            await self.previous.settled.wait()
            self.previous = None
        if self.draft is None:
            self._watch()
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S) as patience:
                events = self._agent_events(patience)
                await self._speak(events)
        except DraftDiscarded:
            return
        except TimeoutError:
            self.failure = f"no answer within {ANSWER_TIMEOUT_S:.0f} s"
        except Exception as error:
            log.exception("reply=%d agent=%s failed", self.number, self.seat.name)
            self.failure = f"{type(error).__name__}: {error}"
        if self.failure:
            await self._apologise()
        self._finish()
        if self.failure:
            on_failure(self)
            return
        self.generated = True
        if self.on_generated is not None:
            self.on_generated(self)

    async def _agent_events(self, patience: asyncio.Timeout) -> AsyncIterator[AgentEvent]:
        """The agent's events; the time limit ends with the first sign of life. Without early speech a draft stops here."""
        stream = self.source(self.draft)
        async with aclosing(stream):  # type: ignore[type-var]
            async for event in stream:
                self._note(event)
                if isinstance(event, TextBlockDeltaEvent | ToolCallStartEvent):
                    patience.reschedule(None)
                    if self.draft is not None and not self.speak_early:
                        await self.draft.wait()
                yield event

    def _note(self, event: AgentEvent) -> None:
        match event:
            case ReplyStartEvent():
                self.reply_id = event.reply_id
            case TextBlockDeltaEvent():
                self.text += event.delta
                self._mark("model")
            case ToolCallStartEvent():
                self._tools[event.tool_call_id] = event.tool_name
                self._tell(ToolUse(agent=self.seat.name, name=event.tool_name, state="running"))
            case ToolResultEndEvent():
                state: Any = event.state if event.state in ("success", "error", "interrupted", "denied") else "running"
                name = self._tools.pop(event.tool_call_id, event.tool_call_id)
                self._tell(ToolUse(agent=self.seat.name, name=name, state=state))
            case ReplyEndEvent():
                self.reason = event.finished_reason
                self.metadata = dict(event.message.metadata) if event.message is not None else {}
                if event.finished_reason == "error":
                    self.failure = getattr(event.error, "message", "") or "the model failed"

    async def _speak(self, events: AsyncIterator[AgentEvent]) -> None:
        async with aclosing(self.seat.speech.stream(events)) as items:
            async for item in items:
                if isinstance(item, SpeechPiece):
                    self._piece(item)
                elif isinstance(item, SpeechSound):
                    await self._end_filler()
                    self._sound(item)
                    await self._slow_down()
                elif isinstance(item, SpeechEnd) and item.error:
                    self._all_spoken = False
                    log.error("reply=%d agent=%s tts failed: %s", self.number, self.seat.name, item.error)
                    self._tell(Error(code="tts_failed", message=f"{self.seat.name} has lost its voice: {item.error}"))

    def _piece(self, piece: SpeechPiece) -> None:
        self.marks.sentence = self.marks.sentence or piece.cut_at
        self.spoken_until = piece.end
        for session in self.listeners:
            session.playout.add_piece(self.number, piece.text)
        self._tell(
            Reply(
                reply=self.number, agent=self.seat.name, text=self.text[: piece.end], delta=piece.text, final=False,
                turn=self.turn.number,
            )
        )

    def _sound(self, sound: SpeechSound) -> None:
        first = not self.marks.sound
        self._mark("sound")
        if first:
            self.marks.trimmed_ms = sound.trimmed_samples * 1000 / self.seat.speech.engine.rate_hz
        words = tuple(Word(word.start, word.end, word.at_sample + self._filler_samples) for word in sound.words)
        for session in self.listeners:
            session.playout.add_sound(self.number, sound.pcm, words)
        if first and self.draft is None:
            self._speak_at_once()
        if words:
            self._tell(Words(reply=self.number, words=tuple(WordTime(start=w.start, end=w.end, at=w.at) for w in words)))

    def _speak_at_once(self) -> None:
        """The first sound is there: not a tick is waited for."""
        now = asyncio.get_running_loop().time()
        for session in self.listeners:
            session.speak(now)

    async def _slow_down(self) -> None:
        """Waits while the listeners have enough to hear: a long story is not synthesised into memory at once, and a quick synthesiser
        does not keep other callers' first words waiting."""
        while (ahead_ms := self._ahead_ms()) > BUFFER_MS:
            await asyncio.sleep(0.25)
        if ahead_ms > URGENT_MS:
            await asyncio.sleep(0)

    def _ahead_ms(self) -> float:
        """Sound that waits at the listener who has the most; who has lost his line slows nobody down."""
        return max((s.playout.queued_ms(self.number) for s in self.listeners if s.connection is not None), default=0.0)

    async def _apologise(self) -> None:
        """Says that it went wrong, where nothing has been said yet."""
        self._tell(Error(code="reply_failed", message=f"{self.seat.name} could not answer: {self.failure}"))
        if self.text or (self.draft is not None and self.draft.state == "discarded"):
            return
        try:
            if self.draft is not None:
                await self.draft.wait()
            self.text = APOLOGY.get(self.seat.language[:2], APOLOGY["en"])
            await self._speak(spoken(self.seat.name, self.text))
        except Exception:
            log.exception("reply=%d the apology failed too", self.number)

    def _finish(self) -> None:
        rest = self.text[self.spoken_until :]
        for session in self.listeners:
            session.playout.finish(self.number, rest, spoken=self._all_spoken)

    def _watch(self) -> None:
        if self._timer is None and not self.marks.model:
            self._timer = asyncio.get_running_loop().call_later(SLOW_MODEL_S, self._tell_slow)

    def _watch_for_sound(self) -> None:
        seat = self.seat
        if seat.filler and not self.fixed and self._filler_timer is None and not self.marks.sound:
            loop = asyncio.get_running_loop()
            self._filler_timer = loop.call_later(seat.filler_after_ms / 1000, self._begin_filler)

    def _begin_filler(self) -> None:
        if not self.marks.sound and not self.failure:
            self._filler = asyncio.create_task(self._say_filler(), name=f"filler-{self.number}")

    async def _say_filler(self) -> int:
        """Puts the filler's sound before the reply's; answers its length in samples."""
        samples = 0
        async with aclosing(self.seat.speech.stream(spoken(self.seat.name, self.seat.filler))) as items:
            async for item in items:
                if isinstance(item, SpeechSound):
                    samples += len(item.pcm) // 2
                    for session in self.listeners:
                        session.playout.add_sound(self.number, item.pcm)
        return samples

    async def _end_filler(self) -> None:
        """Before the reply's first sound: the filler is neither begun now nor cut in two."""
        if self._filler_timer is not None:
            self._filler_timer.cancel()
            self._filler_timer = None
        filler, self._filler = self._filler, None
        if filler is not None:
            try:
                self._filler_samples = await filler
            except Exception:
                log.exception("reply=%d the filler failed", self.number)

    def _tell_slow(self) -> None:
        if not self.marks.model and not self.failure:
            self._tell(Error(code="slow_model", message=f"{self.seat.name} is still thinking: the model has not answered yet."))

    def _mark(self, stage: str) -> None:
        if not getattr(self.marks, stage):
            setattr(self.marks, stage, asyncio.get_running_loop().time())

    def _tell(self, event: Event) -> None:
        """To every listener, in its own media time; a draft's events wait."""
        if self.draft is not None:
            self._waiting.append(event)
            return
        for session in self.listeners:
            session.emit(event.model_copy(update={"at_ms": session.now_ms}))


async def spoken(name: str, text: str) -> AsyncIterator[AgentEvent]:
    """A reply stream of given words: greetings and apologies."""
    yield ReplyStartEvent(reply_id="", name=name)
    yield TextBlockDeltaEvent(reply_id="", block_id="", delta=text)
    yield ReplyEndEvent(reply_id="", finished_reason="completed")
