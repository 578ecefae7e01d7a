"""What people in a room hear of each other: to every caller the live voices of all the others, never his own.

Theory of operation
===================

Every caller has a *lane*. His sound goes into it as it arrives (`hear`), but nothing leaves a lane that is shut, and it is shut while
he is silent: the VAD, which judges his sound a window later anyway, opens it (`judged`). A shut lane keeps the last `ONSET_MS`, so
that the onset which the VAD needed for its verdict is heard too; `HANGOVER_MS` after the last speech it shuts again, so that breaths
between words are not chopped. A room in which nobody speaks costs nothing: no lane is open, and the clock does not know the mixer.

While a lane is open, the mixer takes a frame of 20 ms from every open lane each 20 ms and sums them (`Mixer.pull`): *one* mix for all
who don't speak, the very same bytes object, so that a gateway may encode it once and know it by its identity; and for each who speaks
the sum without him. Sums are limited softly (`audio.mix`).

Latency: what was kept for the onset is the lane's jitter buffer, so a word is heard at most `ONSET_MS` plus a tick after it arrived. A
lane that runs dry gives silence. What comes late all at once is more than a lane may hold (`MOST_MS`), and the oldest goes.

Pure but for `Mixer.tick`, which the media clock calls with loop time.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from .audio.frames import EAR_FRAME_SAMPLES, EAR_HZ, FRAME_MS, MOUTH_FRAME_SAMPLES, MOUTH_HZ, SAMPLE_BYTES, ms_to_samples
from .audio.mix import mix, mix_minus
from .audio.resample import Resampler

if TYPE_CHECKING:
    from .session import Session

log = logging.getLogger("hubbub.room")

ONSET_MS = 40
"""Sound kept while a lane is shut: a VAD window (32 ms) rounded up to frames, heard late so that the first syllable is not lost."""

MOST_MS = 60
"""Most sound in an open lane: what a voice may be late by."""

HANGOVER_MS = 400
"""Silence after which a voice is over: longer than the stops and breaths within a phrase."""

CATCH_UP_FRAMES = 3
"""Frames mixed in one tick after a stall; older ones are lost, like live sound."""

_FRAME_BYTES = EAR_FRAME_SAMPLES * SAMPLE_BYTES
_MOUTH_BYTES = MOUTH_FRAME_SAMPLES * SAMPLE_BYTES


class Ticks(Protocol):
    """What the mixer needs of the media clock."""

    def each_tick(self, call: Callable[[float], None]) -> None: ...

    def no_more(self, call: Callable[[float], None]) -> None: ...


class Lane:
    """One caller's voice on its way to the others."""

    __slots__ = ("_begun", "_kept", "_mouth", "_on_open", "_quiet", "_resampler", "dropped", "open")

    def __init__(self, on_open: Callable[[], None]) -> None:
        self.open = False
        self.dropped = 0
        """Samples (16 kHz) that came too late to be heard."""
        self._kept = bytearray()
        self._mouth = bytearray()
        self._quiet = 0
        self._begun = False
        self._on_open = on_open
        self._resampler = Resampler(EAR_HZ, MOUTH_HZ)

    def hear(self, pcm: bytes) -> None:
        """The caller's sound as it arrives: PCM16 at 16 kHz, any whole number of samples."""
        self._kept += pcm
        surplus = len(self._kept) - ms_to_samples(MOST_MS if self.open else ONSET_MS, EAR_HZ) * SAMPLE_BYTES
        if surplus > 0:
            if self.open:
                self.dropped += surplus // SAMPLE_BYTES
            del self._kept[:surplus]

    def judged(self, speech: bool, samples: int = 512) -> None:
        """The VAD's verdict on the next window of `samples` (16 kHz)."""
        if speech:
            self._quiet = 0
            if not self.open:
                self.open = True
                self._on_open()
        elif self.open:
            self._quiet += samples
            if self._quiet >= ms_to_samples(HANGOVER_MS, EAR_HZ):
                self.close()

    def close(self) -> None:
        """Nothing of it is heard any more."""
        self.open = self._begun = False
        self._kept.clear()
        self._mouth.clear()
        self._resampler.reset()

    def pull(self) -> bytes:
        """The next frame, 20 ms at 24 kHz; silence where nothing has come."""
        if self._kept:
            self._mouth += self._resampler.push(bytes(self._kept[:_FRAME_BYTES]))
            del self._kept[:_FRAME_BYTES]
        frame = bytes(self._mouth[:_MOUTH_BYTES])
        del self._mouth[:_MOUTH_BYTES]
        begun, self._begun = self._begun, True
        if len(frame) == _MOUTH_BYTES:
            return frame
        return frame.ljust(_MOUTH_BYTES, b"\0") if begun else frame.rjust(_MOUTH_BYTES, b"\0")  # the resampler holds a little back at first


@dataclass(frozen=True, slots=True)
class Mix:
    """20 ms of a room's people."""

    everybody: bytes
    """For all who don't speak: one object."""
    without: "dict[Session, bytes]"
    """For each who speaks what the others say; who speaks alone hears nothing and is not in it, nor are those who don't speak."""
    voices: "dict[Session, bytes]"
    """What each says who speaks."""


class Mixer:
    """The lanes of a room. Owned by the room."""

    def __init__(self, clock: Ticks) -> None:
        self._clock = clock
        self._lanes: dict[Session, Lane] = {}
        self._running = False
        self._due: float | None = None
        self._position = 0
        """Where on the room's clock the next frame lies, in samples at 24 kHz."""
        self._numbers: dict[Session, int] = {}
        self._newest = 0
        self._spoke: set[Session] = set()
        """Who was heard in the last frame."""

    def add(self, session: "Session") -> None:
        """A caller hears the others from now on, and they him."""
        self._lanes[session] = Lane(self._start)
        self._newest += 1
        self._numbers[session] = self._newest
        self._give_lanes()

    def discard(self, session: "Session") -> None:
        """A caller hears the others no more."""
        session.lane = None
        self._end_lanes(self._spoke & {session})
        self._numbers.pop(session, None)
        if (lane := self._lanes.pop(session, None)) is not None:
            lane.close()
        self._give_lanes()

    def close(self) -> None:
        """The room closes."""
        for session in list(self._lanes):
            self.discard(session)
        self._stop()

    @property
    def running(self) -> bool:
        """Whether anybody is heard."""
        return self._running

    def pull(self) -> Mix | None:
        """The next 20 ms; None when nobody speaks."""
        voices = {session: lane.pull() for session, lane in self._lanes.items() if lane.open}
        if not voices:
            return None
        return Mix(mix(list(voices.values())), mix_minus(voices) if len(voices) > 1 else {}, voices)

    def tick(self, now: float) -> None:
        """Sends the frames that are due at loop time `now`, in seconds."""
        due = now if self._due is None else max(self._due, now - CATCH_UP_FRAMES * FRAME_MS / 1000)
        if due != self._due:
            self._position = round(due * MOUTH_HZ)
        while due <= now:
            due += FRAME_MS / 1000
            self._due = due
            made = self.pull()
            self._end_lanes(self._spoke - made.voices.keys() if made is not None else self._spoke)
            if made is None:
                self._stop()
                return
            self._send(made)
            self._spoke = set(made.voices)
            self._position += MOUTH_FRAME_SAMPLES

    def _send(self, made: Mix) -> None:
        for session, lane in list(self._lanes.items()):
            pcm = made.without.get(session) if lane.open else made.everybody
            if pcm is not None:
                session.record_others(self._position, pcm)
            if session.lanes_to is not None:
                for speaker, voice in made.voices.items():
                    if speaker is not session:
                        self._send_lane(session, speaker, voice)
                continue
            if pcm is not None:
                try:
                    session.play_voices(pcm)
                except Exception:
                    log.exception("session=%s could not be sent the others' voices", session.id)

    def _send_lane(self, session: "Session", speaker: "Session", pcm: bytes, *, last: bool = False) -> None:
        try:
            session.play_lane(self._numbers[speaker], speaker.name, self._position, pcm, last=last)
        except Exception:
            log.exception("session=%s could not be sent a lane", session.id)

    def _end_lanes(self, speakers: "set[Session]") -> None:
        """Tells those who hear lanes that these have stopped speaking."""
        for speaker in speakers:
            for session in list(self._lanes):
                if session.lanes_to is not None and session is not speaker:
                    self._send_lane(session, speaker, b"", last=True)
        self._spoke -= speakers

    def _give_lanes(self) -> None:
        """Who is alone has no lane: nothing is kept for nobody."""
        several = len(self._lanes) > 1
        for session, lane in self._lanes.items():
            if not several:
                lane.close()
            session.lane = lane if several else None

    def _start(self) -> None:
        if not self._running:
            self._running = True
            self._due = None
            self._clock.each_tick(self.tick)

    def _stop(self) -> None:
        if self._running:
            self._running = False
            self._clock.no_more(self.tick)
