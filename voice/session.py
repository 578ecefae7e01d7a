"""A session: one caller's seat, from joining to leaving. Its ear hears, its turn machine decides, its playout speaks.

A session is moved by the media clock (`judged`, `settle`, `speak`), by its connection (`hear`, `type`, `press_interrupt`, …) and
by its room (`announce`, `start_reply`, …). All of these are plain calls that return at once; what takes time runs in the room.
The turn machine's commands are obeyed in `_obey`, in the order they come, and first of all a hold: nothing stands between a
caller's onset and the agent's silence.
"""

import asyncio
import logging
import secrets
import weakref

from .audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES
from .audio.level import peak_dbfs
from .audio.widen import NARROW_HZ
from .connection import Connection
from .ear import Ear
from .event import (
    Backchannel,
    Clear,
    Dtmf,
    Error,
    Event,
    Hold,
    Joined,
    Resume,
    Role,
    SpeechStarted,
    SpeechStopped,
)
from .event import Lane as LaneEvent
from .eventlog import EventLog
from .grant import OPEN
from .hearing import Hearing
from .limits import Share
from .line import Line
from .mixer import Lane
from .mouthpiece import Mouthpiece
from .openturn import OpenTurn
from .playout import Ledger
from .screen import Screen
from .seat import Seat, SendLane, Talk
from .turn import machine
from .turn import signals as s
from .turn.complete import EndOfTurnModel
from .turn.policy import TurnPolicy
from .vad.base import VADEngine

log = logging.getLogger("hubbub.session")

SOUNDS_DBFS = -50.0
"""Peak of a frame over a reply that may be the caller breaking in, and is not left for the next tick: above a room's hiss, and below the
softest voice that is waited for."""


class Session:
    """One caller's seat in a room."""

    def __init__(
        self, name: str, room: Seat, *, vad: VADEngine, policy: TurnPolicy, end_of_turn: EndOfTurnModel | None = None
    ) -> None:
        self.id = secrets.token_hex(4)
        self.resume_token = secrets.token_urlsafe(18)
        self.name = name
        self.room = room
        self.talk: Talk = room.talk
        """Who hears him, and answers: the room's conversation, or an aside's."""
        self.began = 0.0
        """Loop time at which he was seated, in seconds; 0 where no house did it."""
        self.grant = OPEN
        self.shares: tuple[Share, ...] = ()
        """Whose share of the server this seat counts in."""
        self.policy = policy
        self.line = Line(self.id, room.name, name)
        me = weakref.proxy(self)  # his parts know him, but do not keep him: a caller who has gone is freed at once, not when cycles are
        self.screen = Screen(name, self.line.emit, lambda event: me.share(event), lambda: me.now_ms)
        self.ear = Ear(vad.window_samples)
        self.vad_stream = vad.open()
        self.mouthpiece = Mouthpiece()
        self.playout = self.mouthpiece.playout
        self.state = machine.State()
        self.open_turn = OpenTurn(self, end_of_turn)
        self.role: Role = "speaker"
        self.muted = False
        """The caller closed his microphone himself."""
        self.silenced = False
        """A moderator took his voice away."""
        self.lane: Lane | None = None
        """His voice on its way to the others, where there are any."""
        self._known_lanes: set[int] = set()
        self._hearing = Hearing()
        self._due: int | None = None
        """When the turn machine wants to hear `Elapsed`."""
        self._may_begin = False
        """The last window was no voice: the next sound may be the first of one."""
        self._told_overflow = False

    @property
    def connection(self) -> Connection | None:
        """His transport link, while there is one."""
        return self.line.connection

    @property
    def lanes_to(self) -> SendLane | None:
        """Where the others' voices go one by one; None where he hears them mixed."""
        return self.line.lanes_to

    @property
    def log(self) -> EventLog:
        """What he was told."""
        return self.line.log

    # ── the connection's side ─────────────────────────────────────────────────────────────────────────────────────────

    def attach(
        self, connection: Connection, joined: Joined, *, after: int | None = None, heard: tuple[int, int] | None = None
    ) -> Connection | None:
        """Gives the session a transport link; answers the one it replaces.

        The far end is told `joined`, then what it has missed after event `after`; sound that was in flight on the old line is sent again,
        from the playhead. `heard`: how far the far end had played, a reply and samples at 24 kHz.
        """
        previous, resumed = self.line.connection, self.line.used
        self.listen_at(joined.audio.input_rate_hz)
        self.mouthpiece.connect(reports=connection.reports_playhead, lead_ms=connection.lead_ms)
        self.line.attach(connection, joined, after)
        if resumed:
            now = asyncio.get_running_loop().time()
            if heard is not None:
                self.played(*heard, now)
            self.mouthpiece.reconnect(now)
        return previous

    def listen_at(self, rate_hz: int) -> None:
        """The far end's sound is sampled at so many Hz, whatever it was brought to."""
        self._hearing.phone = rate_hz <= NARROW_HZ

    def detach(self, connection: Connection, now: float) -> None:
        """The link is gone; the seat stays until the room gives it up."""
        self.line.detach(connection, now)

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
        self.open_turn.feed(pcm[: len(pcm) - surplus * SAMPLE_BYTES] if surplus else pcm)
        if self.state.ear is machine.Ear.PAUSING:
            self.hurry()
        elif self.state.mouth is machine.Mouth.PLAYING and peak_dbfs(pcm) > SOUNDS_DBFS:
            self._look_up()
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

    def _look_up(self) -> None:
        """He may be breaking in: his sound is judged now, not at the next tick, and what is no whole window yet is looked at."""
        if self.ear.ready:
            self.room.hurry(self)
        if self._may_begin and self.state.mouth is machine.Mouth.PLAYING and self.ear.received > self.ear.at:
            self.room.glance(self)

    def hear_nothing(self) -> None:
        """The caller's client says that it sends nothing because nothing is said (DTX): silence up to now, without waiting for what
        might be late."""
        if filled := self.ear.rest(self._due):
            self.open_turn.feed(filled)
            if self.state.ear is machine.Ear.PAUSING:
                self.hurry()

    def type(self, text: str) -> None:
        """A typed turn."""
        if self._may("type"):
            self.step(s.Typed(self.now, text))

    def press_keys(self, digits: str) -> None:
        """Keys of a telephone, one or more of 0-9, *, #, A-D. They interrupt as typed text does; `#`, or `keys_timeout_ms` without a key,
        makes a turn of what was keyed in. Raises ValueError."""
        if not self._may("press keys"):
            return
        self.step(s.Keys(self.now, digits))
        self.share(Dtmf(at_ms=self.now_ms, speaker=self.name, digits=digits))

    def press_interrupt(self) -> None:
        """The caller wants the agent to stop."""
        if self._may("interrupt"):
            self.step(s.PressInterrupt(self.now))

    def press_commit(self) -> None:
        """The caller's turn is over."""
        self.step(s.PressCommit(self.now))

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
            self.talk.first_heard(self, reply, now - trip_s / 2 - head / MOUTH_HZ)
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
            self.open_turn.feed(filled)

    def judged(self, probability: float) -> None:
        """The VAD's verdict on the next window."""
        end = self.ear.at + self.ear.window_samples
        self._reach(end - 1)
        absent = self.ear.absent
        sound = self.ear.judged()
        if self.line.tap is not None:
            self.line.tap.heard(sound)
        window = self._hearing.window(self.policy, self.state, sound, end, min(1.0, max(0.0, probability)))
        self._may_begin = window.probability < self.policy.onset_probability and self.state.ear is not machine.Ear.SPEAKING
        if self.state.ear is not machine.Ear.QUIET:
            self.open_turn.keep(sound)
        if self.lane is not None:
            self.lane.judged(window.probability >= self.policy.offset_probability and not window.ignored, window.samples)
        self.step(window, absent)

    def glanced(self, sound: bytes, probability: float) -> None:
        """The VAD looked at the newest sound (PCM16) over a reply: a voice that begins there holds it before its window is complete."""
        policy = self.policy
        if probability < min(policy.glance_probability, policy.glance_phone_probability, policy.glance_noisy_probability):
            return
        end = self.ear.received
        self._reach(end)
        if self.state.mouth is machine.Mouth.PLAYING:
            self.step(self._hearing.glance(self.state, sound, self.ear.waiting(), end, min(1.0, probability)))

    def settle(self) -> None:
        """Decides what is due by the sound that has come, though no window has ended there."""
        self._reach(self.ear.received)

    def speak(self, now: float) -> None:
        """Sends the sound that is due at loop time `now` (seconds)."""
        if self.connection is None or not self.playout.current:
            return
        for sound in self.mouthpiece.due(now):
            if sound.offset == 0:
                self.step(s.PlayoutStarted(self.now, sound.reply))
                self.talk.playout_started(self, sound.reply, now)
                self.screen.show_mouth("speaking")
            self.connection.send_sound(sound)
            self._hearing.sent(sound.pcm)
            if self.line.tap is not None:
                self.line.tap.spoke(self.ear.clock, sound)
        self._note_playhead(self.playout.current)
        if not self.mouthpiece.told and self.playout.playhead(self.playout.current):
            self.talk.first_heard(self, self.playout.current)
        if self.mouthpiece.ending:
            self._look_for_end(now)

    def hurry(self) -> None:
        """Not a tick is waited for when the sound has come on which something is due."""
        if self._due is not None and self._due <= self.ear.received:
            self.room.hurry(self)

    def _reach(self, limit: int) -> None:
        while self._due is not None and self._due <= limit:
            self.step(s.Elapsed(self._due))

    def _note_playhead(self, reply: int, said: int = 0) -> None:
        """`said`: what the far end says, which is all that is known of a reply that was cut."""
        if self.line.tap is not None and (head := self.playout.playhead(reply) or said):
            self.line.tap.reached(self.ear.clock, reply, head, self.mouthpiece.reported)

    def _look_for_end(self, now: float) -> None:
        reply = self.playout.current
        if reply and self.mouthpiece.over(reply, now, silent=self.ear.starved):
            self._note_playhead(reply)
            ledger = self.playout.retire(reply)
            self.step(s.PlayoutEnded(self.now, reply))
            self.screen.show_mouth("idle")
            self.talk.playout_ended(self, reply, ledger)

    # ── the room's side ───────────────────────────────────────────────────────────────────────────────────────────────

    def announce(self, reply: int, agent: str, *, interruptible: bool) -> None:
        """A reply is being prepared for this caller."""
        self.step(s.ReplyPending(self.now, reply, interruptible))
        self.screen.show_mouth("thinking" if self.state.mouth is machine.Mouth.PENDING else "held", agent)

    def cut(self, reply: int) -> Ledger:
        """Ends a reply from the room's side (somebody else broke in, or the reply was dropped)."""
        alive = self.playout.alive(reply)
        ledger = self.playout.cut(reply)
        if alive:
            self.emit(Clear(at_ms=self.now_ms, reply=reply))
        if reply == self.state.reply:  # a speculated reply was never announced
            self.step(s.PlayoutEnded(self.now, reply))
            self.screen.show_mouth("idle")
        return ledger

    def emit(self, event: Event) -> None:
        """Appends an event to the log and tells whoever listens."""
        self.line.emit(event)

    def tell(self, event: Event) -> None:
        """Tells whoever listens what is not for the log: what concerns this one connection."""
        self.line.tell(event)

    def share(self, event: Event) -> None:
        """Tells what the caller does: himself, and those who hear him."""
        self.emit(event)
        self.talk.overheard(self, event)

    def obey_role(self) -> None:
        """His role or his voice was given or taken: who may not speak any more ends his turn."""
        if not self.may_speak:
            self._fall_silent()

    def play_voices(self, pcm: bytes) -> None:
        """Sends a frame of what the other callers say: PCM16 at 24 kHz."""
        if self.connection is not None:
            self.connection.send_voices(pcm)
            self._hearing.others_sent(pcm)

    def record_others(self, position: int, pcm: bytes) -> None:
        """Shows a recorder what he is sent of the other callers, mixed, at `position` (samples at 24 kHz) on the room's clock."""
        if self.line.tap is not None and self.connection is not None:
            self.line.tap.others(self.ear.clock, position, pcm)

    def play_lane(self, number: int, name: str, position: int, pcm: bytes, *, last: bool) -> None:
        """Sends a frame of what one other caller says, at `position` (samples at 24 kHz) on the room's clock."""
        if self.lanes_to is None:
            return
        if number not in self._known_lanes:
            self._known_lanes.add(number)
            self.emit(LaneEvent(at_ms=self.now_ms, number=number, name=name))
        self.lanes_to(number, position, pcm, last)

    def close(self) -> None:
        """The caller has gone: frees what the session holds."""
        self.open_turn.close()
        self.line.close()

    def _fall_silent(self) -> None:
        if self.lane is not None:
            self.lane.close()
        self.step(s.PressCommit(self.now))

    def _may(self, what: str) -> bool:
        if self.may_speak:
            return True
        why = "you listen only" if self.role == "listener" else "a moderator has muted you"
        self.emit(Error(at_ms=self.now_ms, code="not_a_speaker", message=f"you cannot {what} here: {why}"))
        return False

    # ── decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def step(self, event: s.Input, absent: bool = False) -> None:
        """Feeds the turn machine, and obeys it. `absent`: a window of filled-in silence that no VAD heard."""
        before = self.state.ear
        self.state, commands = machine.step(self.policy, self.state, event)
        self._due = machine.deadline(self.policy, self.state)
        if self.line.tap is not None:
            self.line.tap.decided(event, commands, absent)
        for command in commands:
            self._obey(command)
        if commands and any(isinstance(command, s.CloseUtterance) for command in commands):
            self.open_turn.judge_completeness(self.state.utterance)
        if self.state.ear is machine.Ear.QUIET and before is not machine.Ear.QUIET:
            self.talk.silent(self)

    def _obey(self, command: s.Command) -> None:
        match command:
            case s.Hold(reply):
                self.mouthpiece.hold(reply)
                self.emit(Hold(at_ms=self.now_ms, reply=reply))
                self.screen.show_mouth("held")
                self.talk.held(self, reply)
            case s.Resume(reply):
                self.mouthpiece.resume(reply, asyncio.get_running_loop().time())
                self.emit(Resume(at_ms=self.now_ms, reply=reply))
                self.screen.show_mouth("speaking" if self.state.started else "thinking")
                self.talk.resumed(self, reply)
            case s.Interrupt(reply, reason):
                ledger = self.playout.cut(reply)
                self.emit(Clear(at_ms=self.now_ms, reply=reply))
                self.screen.show_mouth("idle")
                self.open_turn.interrupted()
                self.talk.interrupted(self, reply, reason, ledger)
            case s.OpenUtterance(utterance, start, onset):
                self.open_turn.begin(utterance, start, onset)
                self._hearing.utterance_begins()
                self.share(SpeechStarted(at_ms=_ms(onset), speaker=self.name))
            case s.CloseUtterance(utterance, end):
                self.open_turn.pause(utterance, end)
                self.share(SpeechStopped(at_ms=_ms(end), speaker=self.name))
            case s.DropUtterance(utterance):
                self.open_turn.drop(utterance)
                self.share(SpeechStopped(at_ms=self.now_ms, speaker=self.name))
            case s.KeepBackchannel(_, text):
                self.share(Backchannel(at_ms=self.now_ms, speaker=self.name, text=text))
            case s.Speculate(turn, text):
                self.talk.speculate(self, turn, text)
            case s.Retract(turn):
                self.talk.retract(self, turn)
            case s.AbandonTurn(turn):
                self.open_turn.abandon()
                self.screen.show_transcript(turn, "", final=True)
            case s.Commit():
                if command.source == "speech":
                    self.open_turn.commit()
                    self._hearing.turn_ends()
                self.screen.show_transcript(command.turn, command.text, final=True, source=command.source)
                self.talk.commit(self, command)


def _ms(samples: int) -> int:
    return samples * 1000 // EAR_HZ
