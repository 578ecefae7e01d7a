"""A session: one caller's seat, from joining to leaving. Its ear hears, its turn machine decides, its playout speaks.

A session is moved by the media clock (`judged`, `settle`, `speak`), by its connection (`hear`, `type`, `press_interrupt`, …) and
by its room (`announce`, `start_reply`, …). All of these are plain calls that return at once; what takes time runs in the room.
The turn machine's commands are obeyed in `_obey`, in the order they come, and first of all a hold: nothing stands between a
caller's onset and the agent's silence.
"""

import asyncio
import logging
import secrets

from .asr.base import ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial
from .audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES
from .completeness import CompletenessJudge
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
    Left,
    Mouth,
    Resume,
    Role,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)
from .event import Lane as LaneEvent
from .eventlog import EventLog
from .grant import OPEN
from .hearing import Hearing
from .limits import Share
from .mixer import Lane
from .mouthpiece import UNREPORTED_DELAY_MS, Mouthpiece
from .playout import Ledger
from .seat import Seat, SendLane, Tap
from .turn import machine
from .turn import signals as s
from .turn.complete import CombinedEndOfTurn, EndOfTurnModel
from .turn.hum import is_hum
from .turn.pauses import PauseHabit, PauseWatch
from .turn.policy import TurnPolicy, in_samples
from .turn.words import claims_floor
from .utterances import Utterances
from .vad.base import VADEngine

log = logging.getLogger("hubbub.session")
told = logging.getLogger("hubbub.told")
"""Errors that callers were told, for the operator's eyes (`voice/operate/errors.py`)."""


class Session:
    """One caller's seat in a room."""

    def __init__(
        self, name: str, room: Seat, *, vad: VADEngine, policy: TurnPolicy, end_of_turn: EndOfTurnModel | None = None
    ) -> None:
        self.id = secrets.token_hex(4)
        self.resume_token = secrets.token_urlsafe(18)
        self.name = name
        self.room = room
        self.began = 0.0
        """Loop time at which he was seated, in seconds; 0 where no house did it."""
        self.grant = OPEN
        self.shares: tuple[Share, ...] = ()
        """Whose share of the server this seat counts in."""
        self.policy = policy
        self.completeness = CompletenessJudge(end_of_turn or CombinedEndOfTurn(), self._complete)
        self.asr_memory = ASRMemory()
        self.ear = Ear(vad.window_samples)
        self.vad_stream = vad.open()
        self.mouthpiece = Mouthpiece()
        self.playout = self.mouthpiece.playout
        self.state = machine.State()
        self.connection: Connection | None = None
        self.role: Role = "speaker"
        self.muted = False
        """The caller closed his microphone himself."""
        self.silenced = False
        """A moderator took his voice away."""
        self.lane: Lane | None = None
        """His voice on its way to the others, where there are any."""
        self.lanes_to: SendLane | None = None
        """Where the others' voices go one by one; None where he hears them mixed."""
        self._known_lanes: set[int] = set()
        self.disconnected_at: float | None = None
        self.ended = False
        """`left` was told, the last event of a session: what the room does afterwards is not told any more."""
        self._attached = False
        self.log = EventLog()
        self.tap: Tap | None = None
        self._utterances = Utterances()
        self._hearing = Hearing()
        self._pauses = PauseWatch(PauseHabit(in_samples(policy.action_delay_ms)))
        self._due: int | None = None
        """When the turn machine wants to hear `Elapsed`."""
        self._shown = ""
        self._mouth: tuple[str | None, Mouth] = (None, "idle")
        self._queue: tuple[str, ...] = ()
        self._told_overflow = False

    # ── the connection's side ─────────────────────────────────────────────────────────────────────────────────────────

    def attach(
        self, connection: Connection, joined: Joined, *, after: int | None = None, heard: tuple[int, int] | None = None
    ) -> Connection | None:
        """Gives the session a transport link; answers the one it replaces.

        The far end is told `joined`, then what it has missed after event `after`; sound that was in flight on the old line is sent again,
        from the playhead. `heard`: how far the far end had played, a reply and samples at 24 kHz.
        """
        previous, self.connection = self.connection, connection
        self.lanes_to = None
        resumed, self._attached = self._attached, True
        self.disconnected_at = None
        self.mouthpiece.reports = connection.reports_playhead
        self.mouthpiece.lead_ms = connection.lead_ms
        self.mouthpiece.delay_ms = UNREPORTED_DELAY_MS
        missed = self.log.after(after) if after is not None else []
        self.tell(joined.model_copy(update={"resumed": resumed, "missed": len(missed)}))
        for event in missed:
            connection.send_event(event)
        if resumed:
            now = asyncio.get_running_loop().time()
            if heard is not None:
                self.played(*heard, now)
            self.mouthpiece.reconnect(now)
        return previous

    def detach(self, connection: Connection, now: float) -> None:
        """The link is gone; the seat stays until the room gives it up."""
        if self.connection is connection:
            self.connection, self.lanes_to = None, None
            self.disconnected_at = now

    @property
    def may_speak(self) -> bool:
        """Whether what he says and types is taken."""
        return not self.silenced and self.role != "listener"

    def hear(self, pcm: bytes) -> None:
        """Takes the caller's sound: PCM16 at 16 kHz, any whole number of samples. A muted caller's is heard as silence, and a listener's
        not at all: the ear fills in silence that no VAD has to judge."""
        if not self.may_speak:
            return
        if self.muted:
            pcm = bytes(len(pcm))
        elif self.lane is not None:
            self.lane.hear(pcm)
        surplus = self.ear.push(pcm)
        self._utterances.feed(pcm[: len(pcm) - surplus * SAMPLE_BYTES] if surplus else pcm)
        if self.state.ear is machine.Ear.PAUSING:
            self._hurry()
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

    def hear_nothing(self) -> None:
        """The caller's client says that it sends nothing because nothing is said (DTX): silence up to now, without waiting for what
        might be late."""
        if filled := self.ear.rest():
            self._utterances.feed(filled)
            if self.state.ear is machine.Ear.PAUSING:
                self._hurry()

    def type(self, text: str) -> None:
        """A typed turn."""
        if self._may("type"):
            self._step(s.Typed(self.now, text))

    def press_keys(self, digits: str) -> None:
        """Keys of a telephone, one or more of 0-9, *, #, A-D. They interrupt as typed text does; `#`, or `keys_timeout_ms` without a key,
        makes a turn of what was keyed in. Raises ValueError."""
        if not self._may("press keys"):
            return
        self._step(s.Keys(self.now, digits))
        self._share(Dtmf(at_ms=self.now_ms, speaker=self.name, digits=digits))

    def press_interrupt(self) -> None:
        """The caller wants the agent to stop."""
        if self._may("interrupt"):
            self._step(s.PressInterrupt(self.now))

    def press_commit(self) -> None:
        """The caller's turn is over."""
        self._step(s.PressCommit(self.now))

    def mute(self, muted: bool) -> None:
        """The microphone was muted or opened. Muting ends an open turn."""
        changed, self.muted = muted != self.muted, muted
        if muted:
            self._fall_silent()
        if changed:
            self.room.muted(self)

    def played(self, reply: int, offset: int, now: float, *, trip_s: float = 0.0) -> None:
        """The far end has played `offset` samples (24 kHz) of a reply. `trip_s`, seconds: how long the way there and back is, for a far
        end whose playhead is counted where what leaves now will find it; else it is counted where the report found it."""
        first = offset > 0 and self.playout.playhead(reply) == 0
        self.mouthpiece.played(reply, offset, now - trip_s)
        self._note_playhead(reply, offset)
        if first and (head := self.playout.playhead(reply)):
            self.room.first_heard(self, reply, now - trip_s / 2 - head / MOUTH_HZ)
        self._look_for_end(now)

    def lost(self, reply: int, now: float) -> None:
        """The far end has thrown away what it had not played of a reply (a carrier told to `clear`): it will be sent again."""
        self.mouthpiece.rewind(reply, now)

    def far_end_delay(self, ms: int) -> None:
        """The ear at the far end is taken to be so far behind what is sent, where nobody reports it."""
        self.mouthpiece.delay_ms = ms

    def trust_reports(self, ms: int) -> None:
        """How long after a report the far end is taken to play on, where it reports more often than our clients do."""
        self.mouthpiece.extrapolate_s = ms / 1000

    def reports_stopped(self, now: float) -> None:
        """The far end reports no playhead after all: from now on it is estimated."""
        self.mouthpiece.estimate(now)

    # ── the clock's side ──────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def now(self) -> int:
        """The session's position in its heard sound, samples at 16 kHz."""
        return max(self.ear.at, self.state.now)

    @property
    def now_ms(self) -> int:
        """The same in milliseconds: media time."""
        return self.now * 1000 // EAR_HZ

    def advance(self, samples: float) -> None:
        """So much real time has gone by, in samples at 16 kHz."""
        if filled := self.ear.advance(samples):
            self._utterances.feed(filled)

    def judged(self, probability: float) -> None:
        """The VAD's verdict on the next window."""
        end = self.ear.at + self.ear.window_samples
        self._reach(end - 1)
        absent = self.ear.absent
        sound = self.ear.judged()
        if self.tap is not None:
            self.tap.heard(sound)
        window = self._hearing.window(self.policy, self.state, sound, end, min(1.0, max(0.0, probability)))
        if self.state.ear is not machine.Ear.QUIET:
            self._utterances.keep(sound)
        if self.lane is not None:
            self.lane.judged(window.probability >= self.policy.offset_probability and not window.ignored, window.samples)
        self._step(window, absent)

    def settle(self) -> None:
        """Decides what is due by the sound that has come, though no window has ended there."""
        self._reach(self.ear.received)

    def speak(self, now: float) -> None:
        """Sends the sound that is due at loop time `now` (seconds)."""
        if self.connection is None or not self.playout.current:
            return
        for sound in self.mouthpiece.due(now):
            if sound.offset == 0:
                self._step(s.PlayoutStarted(self.now, sound.reply))
                self.room.playout_started(self, sound.reply, now)
                self.show_mouth("speaking")
            self.connection.send_sound(sound)
            self._hearing.sent(sound.pcm)
            if self.tap is not None:
                self.tap.spoke(self.ear.clock, sound)
        self._note_playhead(self.playout.current)
        if self.mouthpiece.ending:
            self._look_for_end(now)

    def _note_playhead(self, reply: int, said: int = 0) -> None:
        """`said`: what the far end says, which is all that is known of a reply that was cut."""
        if self.tap is not None and (head := self.playout.playhead(reply) or said):
            self.tap.reached(self.ear.clock, reply, head, self.mouthpiece.reported)

    def _reach(self, limit: int) -> None:
        while self._due is not None and self._due <= limit:
            self._step(s.Elapsed(self._due))

    def _hurry(self) -> None:
        """Not a tick is waited for when the sound has come on which something is due."""
        if self._due is not None and self._due <= self.ear.received:
            self.room.hurry(self)

    def _look_for_end(self, now: float) -> None:
        reply = self.playout.current
        if reply and self.mouthpiece.over(reply, now, silent=self.ear.starved):
            self._note_playhead(reply)
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
        """Appends an event to the log and tells whoever listens."""
        if self.ended:
            return
        self.ended = isinstance(event, Left)
        if isinstance(event, Error):
            told.info("session=%s room=%s name=%s code=%s: %s", self.id, self.room.name, self.name, event.code, event.message)
        self.tell(self.log.append(event))

    def tell(self, event: Event) -> None:
        """Tells whoever listens, the connection first, what is not for the log: what concerns this one connection."""
        if self.connection is not None:
            self.connection.send_event(event)
        if self.tap is not None:
            self.tap.emitted(event)

    def obey_role(self) -> None:
        """His role or his voice was given or taken: who may not speak any more ends his turn."""
        if not self.may_speak:
            self._fall_silent()

    def show_queue(self, queue: tuple[str, ...]) -> None:
        """Tells the caller which agents will speak after this one, when that changes."""
        if queue != self._queue:
            self._queue = queue
            speaker, mouth = self._mouth
            self.emit(Floor(at_ms=self.now_ms, speaker=speaker, mouth=mouth, queue=queue))

    def play_voices(self, pcm: bytes) -> None:
        """Sends a frame of what the other callers say: PCM16 at 24 kHz."""
        if self.connection is not None:
            self.connection.send_voices(pcm)
            self._hearing.others_sent(pcm)

    def play_lane(self, number: int, name: str, position: int, pcm: bytes, *, last: bool) -> None:
        """Sends a frame of what one other caller says, at `position` (samples at 24 kHz) on the room's clock."""
        if self.lanes_to is None:
            return
        if number not in self._known_lanes:
            self._known_lanes.add(number)
            self.emit(LaneEvent(at_ms=self.now_ms, number=number, name=name))
        self.lanes_to(number, position, pcm, last)

    def show_mouth(self, mouth: Mouth, agent: str | None = None) -> None:
        """Tells the caller what the agents do, when it changes."""
        speaker = None if mouth == "idle" else agent or self._mouth[0]
        if (speaker, mouth) != self._mouth:
            self._mouth = (speaker, mouth)
            self.emit(Floor(at_ms=self.now_ms, speaker=speaker, mouth=mouth, queue=self._queue))

    def close(self) -> None:
        """The caller has gone: frees what the session holds."""
        self._utterances.close()
        self.completeness.close()
        if self.tap is not None:
            self.tap.closed()
            self.tap = None

    def _fall_silent(self) -> None:
        if self.lane is not None:
            self.lane.close()
        self._step(s.PressCommit(self.now))

    def _may(self, what: str) -> bool:
        if self.may_speak:
            return True
        why = "you listen only" if self.role == "listener" else "a moderator has muted you"
        self.emit(Error(at_ms=self.now_ms, code="not_a_speaker", message=f"you cannot {what} here: {why}"))
        return False

    def _share(self, event: Event) -> None:
        """What the caller does, for himself and for those who hear him."""
        self.emit(event)
        self.room.overheard(self, event)

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _step(self, event: s.Input, absent: bool = False) -> None:
        before = self.state.ear
        self.state, commands = machine.step(self.policy, self.state, event)
        self._due = machine.deadline(self.policy, self.state)
        if self.tap is not None:
            self.tap.decided(event, commands, absent)
        for command in commands:
            self._obey(command)
        if commands and any(isinstance(command, s.CloseUtterance) for command in commands):
            self._judge_completeness(self.state.utterance)
        if self.state.ear is machine.Ear.QUIET and before is not machine.Ear.QUIET:
            self.room.silent(self)

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
                self._utterances.end(utterance)
                self._pauses.closed(end)
                self._share(SpeechStopped(at_ms=_ms(end), speaker=self.name))
            case s.DropUtterance(utterance):
                self._utterances.drop(utterance)
                self._share(SpeechStopped(at_ms=self.now_ms, speaker=self.name))
            case s.KeepBackchannel(_, text):
                self._share(Backchannel(at_ms=self.now_ms, speaker=self.name, text=text))
            case s.Speculate(turn, text):
                self.room.speculate(self, turn, text)
            case s.Retract(turn):
                self.room.retract(self, turn)
            case s.AbandonTurn(turn):
                self._utterances.close()
                self._show_transcript(turn, "", final=True)
            case s.Commit():
                if command.source == "speech":
                    self._utterances.close()
                    self._pauses.committed()
                    self._hearing.turn_ends()
                self._show_transcript(command.turn, command.text, final=True, source=command.source)
                self.room.commit(self, command)

    def _open_utterance(self, utterance: int, start: int, onset: int) -> None:
        def on_event(event: ASREvent) -> None:
            self._recognised(utterance, event)

        stream = self.room.asr_stream(self, on_event)
        goes_on = any(known != utterance for known in (*self.state.owed, *(known for known, _ in self.state.texts)))
        self._utterances.open(utterance, stream, self.ear.since(start), self.ear.waiting(), goes_on=goes_on)
        self._pauses.opened(onset, goes_on=goes_on)
        self._hearing.utterance_begins()
        self._share(SpeechStarted(at_ms=_ms(onset), speaker=self.name))

    def _recognised(self, utterance: int, event: ASREvent) -> None:
        match event:
            case ASRPartial(text, claim):
                text, claim = self._unless_hummed(utterance, text, claim)
                self._step(s.Partial(self.now, utterance, text, claim))
                self._judge_completeness(utterance)
            case ASRFinal(text=text, claim=claim):
                self._utterances.forget(utterance)
                text, claim = self._unless_hummed(utterance, text, claim)
                self._step(s.Final(self.now, utterance, text, claim))
                self._judge_completeness(utterance)
            case ASRError(message):
                self._utterances.forget(utterance)
                log.error("session=%s room=%s asr failed: %s", self.id, self.room.name, message)
                self.emit(Error(at_ms=self.now_ms, code="asr_failed", message=message))
                self._step(s.Final(self.now, utterance, ""))
        if self.state.text:
            self._show_transcript(self.state.turn, self.state.text, final=False)
        self._hurry()

    def _unless_hummed(self, utterance: int, text: str, claim: float | None) -> tuple[str, float | None]:
        """What was recognised, but "mm-hm" for a hum over a reply of which a recogniser made words."""
        newest = self.state.barged > 0 and utterance == self.state.utterance
        if newest and claims_floor(text) and is_hum(self.ear.since(self.state.onset)):
            return "mm-hm", None if claim is None else 0.0
        return text, claim

    def _judge_completeness(self, utterance: int) -> None:
        text = self.state.text
        if text and any(known == utterance for known, _ in self.state.texts):
            pausing = self.state.ear is machine.Ear.PAUSING  # the sound says something where it ends, and is dear to look at
            self.completeness.ask(utterance, text, self.state.last_voice if pausing else 0, lambda: self._utterances.sound)

    def _complete(self, utterance: int, probability: float) -> None:
        self._step(s.Completeness(self.now, utterance, probability, self._pauses.habit.factor))
        self._hurry()

    def _show_transcript(self, turn: int, text: str, *, final: bool, source: s.Source = "speech") -> None:
        if final and not text and not self._shown:
            return
        if not final and text == self._shown:
            return
        self._shown = "" if final else text
        self._share(Transcript(at_ms=self.now_ms, speaker=self.name, text=text, final=final, turn=turn, source=source))


def _ms(samples: int) -> int:
    return samples * 1000 // EAR_HZ
