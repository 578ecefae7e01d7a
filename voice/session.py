"""A session: one caller's seat, from joining to leaving. Its ear hears, its turn machine decides, its playout speaks.

A session is moved by the media clock (`judged`, `settle`, `speak`), by its connection (`hear`, `type`, `press_interrupt`, …) and
by its room (`announce`, `start_reply`, …). All of these are plain calls that return at once; what takes time runs in the room.
The turn machine's commands are obeyed in `_obey`, in the order they come, and first of all a hold: nothing stands between a
caller's onset and the agent's silence.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Callable
from typing import Literal, Protocol

from .asr.base import ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from .audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES
from .connection import Connection
from .ear import Ear
from .event import (
    Backchannel,
    Clear,
    Dtmf,
    Error,
    Event,
    Floor,
    Hold,
    Joined,
    Mouth,
    Resume,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)
from .mouthpiece import Mouthpiece
from .playout import Ledger, Sound
from .turn import machine
from .turn import signals as s
from .turn.complete import SOUND_MS, CombinedEndOfTurn, EndOfTurnModel
from .turn.echo import EchoGuard
from .turn.edge import LoudEdge
from .turn.hum import is_hum
from .turn.level import CallerLevel
from .turn.pauses import PauseHabit, PauseWatch
from .turn.policy import TurnPolicy, in_samples
from .vad.base import VADEngine

log = logging.getLogger("hubbub.session")

LOG_EVENTS = 2000
"""Events that a session's log keeps; the oldest go first."""

CLEAR_WINDOWS = 4
"""Windows in a row without an echo after which an utterance is taken to be the caller's own: 128 ms, the length that is compared."""


class Seat(Protocol):
    """What a session needs of its room."""

    name: str

    def speculate(self, session: "Session", turn: int, text: str) -> None: ...

    def retract(self, session: "Session", turn: int) -> None: ...

    def commit(self, session: "Session", commit: s.Commit) -> None: ...

    def held(self, session: "Session", reply: int) -> None: ...

    def resumed(self, session: "Session", reply: int) -> None: ...

    def interrupted(self, session: "Session", reply: int, reason: s.Reason, ledger: Ledger) -> None: ...

    def playout_started(self, session: "Session", reply: int, now: float) -> None: ...

    def first_heard(self, session: "Session", reply: int, at: float) -> None: ...

    def playout_ended(self, session: "Session", reply: int, ledger: Ledger) -> None: ...

    def hurry(self, session: "Session") -> None: ...

    def asr_stream(self, session: "Session", on_event: Callable[[ASREvent], None]) -> ASRStream: ...


class Tap(Protocol):
    """Who listens in on a session: the recorder. Its methods return at once."""

    def heard(self, pcm: bytes) -> None:
        """A window was judged: its sound, PCM16 at 16 kHz, silence that was filled in included."""

    def decided(self, event: s.Input, commands: list[s.Command], absent: bool) -> None:
        """The turn machine was fed an input and answered. `absent`: a window of filled-in silence that no VAD heard."""

    def spoke(self, at: int, sound: Sound) -> None:
        """Sound left for the caller at media position `at`."""

    def emitted(self, event: Event) -> None:
        """An event was appended to the log."""

    def closed(self) -> None:
        """The session is over."""


class Session:
    """One caller's seat in a room."""

    def __init__(
        self, name: str, room: Seat, *, vad: VADEngine, policy: TurnPolicy, end_of_turn: EndOfTurnModel | None = None
    ) -> None:
        self.id = secrets.token_hex(4)
        self.resume_token = secrets.token_urlsafe(18)
        self.name = name
        self.room = room
        self.policy = policy
        self.end_of_turn = end_of_turn or CombinedEndOfTurn()
        self.asr_memory = ASRMemory()
        self.ear = Ear(vad.window_samples)
        self.vad_stream = vad.open()
        self.mouthpiece = Mouthpiece()
        self.playout = self.mouthpiece.playout
        self.state = machine.State()
        self.connection: Connection | None = None
        self.muted = False
        self.disconnected_at: float | None = None
        self.log: deque[Event] = deque(maxlen=LOG_EVENTS)
        self.tap: Tap | None = None
        self._streams: dict[int, ASRStream] = {}
        self._edge = LoudEdge()
        self._echo = EchoGuard()
        self._pauses = PauseWatch(PauseHabit(in_samples(policy.action_delay_ms)))
        self._turn_sound = bytearray()
        self._level = CallerLevel()
        self._clear_windows = 0
        self._asked: tuple[str, int] = ("", 0)
        self._answer = 0.0
        self._shown = ""
        self._mouth: tuple[str | None, Mouth] = (None, "idle")
        self._told_overflow = False

    # ── the connection's side ─────────────────────────────────────────────────────────────────────────────────────────

    def attach(self, connection: Connection, joined: Joined) -> Connection | None:
        """Gives the session a transport link; answers the one it replaces."""
        previous, self.connection = self.connection, connection
        self.disconnected_at = None
        self.mouthpiece.reports = connection.reports_playhead
        self.mouthpiece.lead_ms = connection.lead_ms
        self.emit(joined)
        return previous

    def detach(self, connection: Connection, now: float) -> None:
        """The link is gone; the seat stays until the room gives it up."""
        if self.connection is connection:
            self.connection = None
            self.disconnected_at = now

    def hear(self, pcm: bytes) -> None:
        """Takes the caller's sound: PCM16 at 16 kHz, any whole number of samples. A muted caller's is heard as silence."""
        surplus = self.ear.push(bytes(len(pcm)) if self.muted else pcm)
        due = machine.deadline(self.policy, self.state)
        if due is not None and due <= self.ear.received:
            self.room.hurry(self)
        if surplus and not self._told_overflow:
            self._told_overflow = True
            self.emit(
                Error(
                    at_ms=self.now_ms,
                    code="too_fast",
                    message="sound comes faster than real time: the surplus is dropped. Send it as a microphone would.",
                )
            )
            log.warning("session=%s room=%s sound faster than real time, dropping", self.id, self.room.name)

    def type(self, text: str) -> None:
        """A typed turn."""
        self._step(s.Typed(self.now, text))

    def press_keys(self, digits: str) -> None:
        """Keys of a telephone, one or more of 0-9, *, #, A-D. They interrupt as typed text does; `#`, or `keys_timeout_ms` without a key,
        makes a turn of what was keyed in. Raises ValueError."""
        self._step(s.Keys(self.now, digits))
        self.emit(Dtmf(at_ms=self.now_ms, speaker=self.name, digits=digits))

    def press_interrupt(self) -> None:
        """The caller wants the agent to stop."""
        self._step(s.PressInterrupt(self.now))

    def press_commit(self) -> None:
        """The caller's turn is over."""
        self._step(s.PressCommit(self.now))

    def mute(self, muted: bool) -> None:
        """The microphone was muted or opened. Muting ends an open turn."""
        self.muted = muted
        if muted:
            self._step(s.PressCommit(self.now))

    def played(self, reply: int, offset: int, now: float) -> None:
        """The far end has played `offset` samples (24 kHz) of a reply."""
        first = offset > 0 and self.playout.playhead(reply) == 0
        self.mouthpiece.played(reply, offset, now)
        if first and (head := self.playout.playhead(reply)):
            self.room.first_heard(self, reply, now - head / MOUTH_HZ)
        self._look_for_end(now)

    def lost(self, reply: int, now: float) -> None:
        """The far end has thrown away what it had not played of a reply (a carrier told to `clear`): it will be sent again."""
        self.mouthpiece.rewind(reply, now)

    # ── the clock's side ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        """The session's position in its heard sound, samples at 16 kHz."""
        return max(self.ear.at, self.state.now)

    @property
    def now_ms(self) -> int:
        """The same in milliseconds: media time."""
        return self.now * 1000 // EAR_HZ

    def judged(self, probability: float) -> None:
        """The VAD's verdict on the next window."""
        end = self.ear.at + self.ear.window_samples
        self._reach(end - 1)
        absent = self.ear.absent
        sound = self.ear.judged()
        for stream in self._streams.values():
            stream.feed(sound)
        probability = min(1.0, max(0.0, probability))
        if self.tap is not None:
            self.tap.heard(sound)
        speech = probability >= self.policy.offset_probability
        ignored = self._ignored(sound, speech)
        loud_until = None
        if speech and not ignored and self.state.ear is machine.Ear.SPEAKING:
            loud_until = self._edge.judge(sound, end)
        if self.state.ear is not machine.Ear.QUIET:
            self._keep_sound(sound)
        self._step(s.Window(end, probability, self.ear.window_samples, loud_until, ignored), absent)

    def _ignored(self, sound: bytes, speech: bool) -> Literal["", "echo", "faint"]:
        """Why speech over a reply is not the caller's, if it is not."""
        self._echo.heard(sound)
        if not speech and self.state.ear is not machine.Ear.SPEAKING:
            return ""
        faint = self._level.judge(sound, speech)
        if not speech or self.state.mouth is machine.Mouth.IDLE:
            return ""
        if faint:
            return "faint"
        return "echo" if self.state.started and self._is_echo() else ""

    def _is_echo(self) -> bool:
        """Asks the echo guard until it has cleared the utterance: a comparison costs a millisecond, and who spoke over us for a while
        is not our echo."""
        if self.state.ear is machine.Ear.SPEAKING and self._clear_windows >= CLEAR_WINDOWS:
            return False
        echo = self._echo.is_echo()
        self._clear_windows = 0 if echo or self.state.ear is not machine.Ear.SPEAKING else self._clear_windows + 1
        return echo

    def settle(self) -> None:
        """Decides what is due by the sound that has come, though no window has ended there."""
        self._reach(self.ear.received)

    def speak(self, now: float) -> None:
        """Sends the sound that is due at loop time `now` (seconds)."""
        if self.connection is None:
            return
        for sound in self.mouthpiece.due(now):
            if sound.offset == 0:
                self._step(s.PlayoutStarted(self.now, sound.reply))
                self.room.playout_started(self, sound.reply, now)
                self.show_mouth("speaking")
            self.connection.send_sound(sound)
            self._echo.sent(sound.pcm)
            if self.tap is not None:
                self.tap.spoke(self.now, sound)
        if self.playout.current:
            self._look_for_end(now)

    def _reach(self, limit: int) -> None:
        while (due := machine.deadline(self.policy, self.state)) is not None and due <= limit:
            self._step(s.Elapsed(due))

    def _look_for_end(self, now: float) -> None:
        reply = self.playout.current
        if reply and self.mouthpiece.over(reply, now):
            ledger = self.playout.retire(reply)
            self._step(s.PlayoutEnded(self.now, reply))
            self.show_mouth("idle")
            self.room.playout_ended(self, reply, ledger)

    # ── the room's side ───────────────────────────────────────────────────────────────────────────────────────────────

    def announce(self, reply: int, agent: str, *, interruptible: bool) -> None:
        """A reply is being prepared for this caller."""
        self._step(s.ReplyPending(self.now, reply, interruptible))
        self.show_mouth("thinking" if self.state.mouth is machine.Mouth.PENDING else "held", agent)

    def cut(self, reply: int) -> Ledger:
        """Ends a reply from the room's side (somebody else broke in, or the reply was dropped)."""
        alive = self.playout.alive(reply)
        ledger = self.playout.cut(reply)
        if alive:
            self.emit(Clear(at_ms=self.now_ms, reply=reply))
        if reply == self.state.reply:  # a speculated reply was never announced
            self._step(s.PlayoutEnded(self.now, reply))
            self.show_mouth("idle")
        return ledger

    def emit(self, event: Event) -> None:
        """Appends an event to the log and tells whoever listens: the connection first."""
        self.log.append(event)
        if self.connection is not None:
            self.connection.send_event(event)
        if self.tap is not None:
            self.tap.emitted(event)

    def show_mouth(self, mouth: Mouth, agent: str | None = None) -> None:
        """Tells the caller what the agents do, when it changes."""
        speaker = None if mouth == "idle" else agent or self._mouth[0]
        if (speaker, mouth) != self._mouth:
            self._mouth = (speaker, mouth)
            self.emit(Floor(at_ms=self.now_ms, speaker=speaker, mouth=mouth))

    def close(self) -> None:
        """The caller has gone: frees what the session holds."""
        self._close_streams()
        if self.tap is not None:
            self.tap.closed()
            self.tap = None

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self, event: s.Input, absent: bool = False) -> None:
        self.state, commands = machine.step(self.policy, self.state, event)
        if self.tap is not None:
            self.tap.decided(event, commands, absent)
        for command in commands:
            self._obey(command)
        if any(isinstance(command, s.CloseUtterance) for command in commands):
            self._judge_completeness(self.state.utterance)

    def _obey(self, command: s.Command) -> None:
        match command:
            case s.Hold(reply):
                self.mouthpiece.hold(reply)
                self.emit(Hold(at_ms=self.now_ms, reply=reply))
                self.show_mouth("held")
                self.room.held(self, reply)
            case s.Resume(reply):
                self.mouthpiece.resume(reply, asyncio.get_running_loop().time())
                self.emit(Resume(at_ms=self.now_ms, reply=reply))
                self.show_mouth("speaking" if self.state.started else "thinking")
                self.room.resumed(self, reply)
            case s.Interrupt(reply, reason):
                ledger = self.playout.cut(reply)
                self.emit(Clear(at_ms=self.now_ms, reply=reply))
                self.show_mouth("idle")
                self._pauses.interrupted()
                self.room.interrupted(self, reply, reason, ledger)
            case s.OpenUtterance(utterance, start, onset):
                self._open_utterance(utterance, start, onset)
            case s.CloseUtterance(utterance, end):
                self._streams[utterance].end()
                self._pauses.closed(end)
                self.emit(SpeechStopped(at_ms=_ms(end), speaker=self.name))
            case s.DropUtterance(utterance):
                self._streams.pop(utterance).cancel()
                self.emit(SpeechStopped(at_ms=self.now_ms, speaker=self.name))
            case s.KeepBackchannel(_, text):
                self.emit(Backchannel(at_ms=self.now_ms, speaker=self.name, text=text))
            case s.Speculate(turn, text):
                self.room.speculate(self, turn, text)
            case s.Retract(turn):
                self.room.retract(self, turn)
            case s.AbandonTurn(turn):
                self._close_streams()
                self._show_transcript(turn, "", final=True)
            case s.Commit():
                if command.source == "speech":
                    self._close_streams()
                    self._pauses.committed()
                    self._level.learn()
                self._show_transcript(command.turn, command.text, final=True, source=command.source)
                self.room.commit(self, command)

    def _open_utterance(self, utterance: int, start: int, onset: int) -> None:
        def on_event(event: ASREvent) -> None:
            self._recognised(utterance, event)

        before = self.ear.since(start)
        stream = self.room.asr_stream(self, on_event)
        stream.feed(before)
        goes_on = any(known != utterance for known in (*self.state.owed, *(known for known, _ in self.state.texts)))
        if not goes_on:
            self._turn_sound[:] = before
        self._pauses.opened(onset, goes_on=goes_on)
        self._streams[utterance] = stream
        self._edge.begin()
        self._level.begin()
        self.emit(SpeechStarted(at_ms=_ms(onset), speaker=self.name))

    def _close_streams(self) -> None:
        """The turn is over: whoever still owes text is no longer asked."""
        for stream in self._streams.values():
            stream.cancel()
        self._streams.clear()
        self._turn_sound.clear()

    def _recognised(self, utterance: int, event: ASREvent) -> None:
        match event:
            case ASRPartial(text):
                self._step(s.Partial(self.now, utterance, text))
                self._judge_completeness(utterance)
            case ASRFinal(text=text):
                self._streams.pop(utterance, None)
                if text and self.state.barged and utterance == self.state.utterance and is_hum(self.ear.since(self.state.onset)):
                    text = "mm-hm"
                self._step(s.Final(self.now, utterance, text))
                self._judge_completeness(utterance)
            case ASRError(message):
                self._streams.pop(utterance, None)
                log.error("session=%s room=%s asr failed: %s", self.id, self.room.name, message)
                self.emit(Error(at_ms=self.now_ms, code="asr_failed", message=message))
                self._step(s.Final(self.now, utterance, ""))
        if self.state.text:
            self._show_transcript(self.state.turn, self.state.text, final=False)

    def _judge_completeness(self, utterance: int) -> None:
        if self.state.text and any(known == utterance for known, _ in self.state.texts):
            pausing = self.state.ear is machine.Ear.PAUSING  # the sound says something where it ends, and is dear to look at
            question = (self.state.text, self.state.last_voice if pausing else 0)
            if question != self._asked:  # a pause is closed, and its final comes: nothing new was said
                sound = bytes(self._turn_sound[-in_samples(SOUND_MS) * SAMPLE_BYTES :]) if pausing else b""
                self._asked, self._answer = question, self.end_of_turn.probability(self.state.text, sound)
            self._step(s.Completeness(self.now, utterance, self._answer, self._pauses.habit.factor))

    def _keep_sound(self, pcm: bytes) -> None:
        """Keeps the sound of the open turn, its last `SOUND_MS`."""
        self._turn_sound += pcm
        surplus = len(self._turn_sound) - in_samples(SOUND_MS) * SAMPLE_BYTES
        if surplus > in_samples(1000) * SAMPLE_BYTES:  # one move a second, not one a window
            del self._turn_sound[:surplus]

    def _show_transcript(self, turn: int, text: str, *, final: bool, source: s.Source = "speech") -> None:
        if final and not text and not self._shown:
            return
        if not final and text == self._shown:
            return
        self._shown = "" if final else text
        self.emit(Transcript(at_ms=self.now_ms, speaker=self.name, text=text, final=final, turn=turn, source=source))


def _ms(samples: int) -> int:
    return samples * 1000 // EAR_HZ
