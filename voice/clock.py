"""The media clock: one task that moves the time of every session in the process.

At each tick it gives every session its share of real time, collects the windows of sound that are complete, has the VAD judge all
of them in one call, feeds the turn machines, and lets every session send the sound that is due. There is no timer per session in
the audio path.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

import numpy as np

from .audio.frames import EAR_HZ, SAMPLE_BYTES
from .ear import Ear
from .vad.base import VADEngine, VADStream

log = logging.getLogger("hubbub.clock")

TICK_MS = 10
"""Half a frame. Measured against 20 (benchmarks/RESULTS.md): a held reply is decided on 10 ms sooner, and a lone caller costs a sixth more.
What holds a reply, what ends a turn, and a first sound, wait for no tick."""

MAX_CATCH_UP_S = 0.5
"""After a longer stall (a suspended machine) the clock goes on from now instead of running after the time that was lost."""


class Ticking(Protocol):
    """What the clock moves: a session."""

    ear: Ear
    vad_stream: VADStream

    def advance(self, samples: float) -> None:
        """So much real time has gone by, in samples at 16 kHz."""

    def judged(self, probability: float) -> None:
        """The next window of the ear was judged."""

    def glanced(self, sound: bytes, probability: float) -> None:
        """The newest sound (PCM16) was looked at before a window was complete."""

    def settle(self) -> None:
        """All windows that wait have been judged: decide what time alone decides."""

    def speak(self, now: float) -> None:
        """Send what is due at loop time `now`, in seconds."""


class MediaClock:
    """Moves sessions in time. Owned by the house, which runs `run` as its task."""

    def __init__(self, vad: VADEngine, *, tick_ms: int = TICK_MS) -> None:
        self.vad = vad
        self.tick_ms = tick_ms
        self.ticks = 0
        self.late_ticks = 0
        """Ticks that came more than one period late: the loop was blocked or the core is full."""
        self._sessions: dict[Ticking, None] = {}
        self._calls: dict[Callable[[float], None], None] = {}
        self._wake = asyncio.Event()
        self._last: float | None = None

    def add(self, session: Ticking) -> None:
        """Starts a session's time."""
        self._sessions[session] = None
        self._wake.set()

    def discard(self, session: Ticking) -> None:
        """Stops a session's time."""
        self._sessions.pop(session, None)

    def each_tick(self, call: Callable[[float], None]) -> None:
        """Calls `call` with loop time at each tick, after the sessions have heard and before they speak, until `no_more`: a room in which
        people hear each other."""
        self._calls[call] = None

    def no_more(self, call: Callable[[float], None]) -> None:
        """Ends that."""
        self._calls.pop(call, None)

    def __len__(self) -> int:
        return len(self._sessions)

    async def run(self) -> None:
        """Ticks until cancelled; sleeps while there is no session."""
        loop = asyncio.get_running_loop()
        period = self.tick_ms / 1000
        due = loop.time()
        while True:
            if not self._sessions:
                self._wake.clear()
                self._last = None
                await self._wake.wait()
                due = loop.time()
            now = loop.time()
            if now - due > period:
                self.late_ticks += 1
            self.tick(now)
            due = max(due + period, loop.time() - MAX_CATCH_UP_S)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def tick(self, now: float) -> None:
        """One step at loop time `now`, in seconds."""
        elapsed = 0.0 if self._last is None else min(now - self._last, MAX_CATCH_UP_S)
        self._last = now
        self.ticks += 1
        samples = elapsed * EAR_HZ
        sessions = list(self._sessions)
        for session in sessions:
            session.advance(samples)
        self._hear(sessions)
        if self._calls:
            for call in list(self._calls):
                call(now)
        for session in sessions:
            self._decide(session, now)

    def hurry(self, session: Ticking) -> None:
        """Between two ticks: the sound on which one session's turn ends has come. Its decisions depend on its own sound alone, so they
        are the same as at the tick, some milliseconds sooner."""
        self._hear([session])
        self._decide(session, asyncio.get_running_loop().time())

    def glance(self, session: Ticking) -> None:
        """Between two windows: has a voice begun in what has just come? Over a reply, every millisecond of it is talked into."""
        samples = self.vad.glance_samples
        sound = session.ear.newest(samples) if samples else b""
        if not sound:
            return
        try:
            probability = self.vad.glance(session.vad_stream, np.frombuffer(sound, np.int16))
            session.glanced(sound[-self.vad.window_samples * SAMPLE_BYTES :], probability)
        except Exception:
            log.exception("a session failed at a glance; its windows go on")

    def _decide(self, session: Ticking, now: float) -> None:
        try:
            session.settle()
            session.speak(now)
        except Exception:
            log.exception("a session failed in its tick; the others go on")

    def _hear(self, sessions: list[Ticking]) -> None:
        """Judges every window that is complete, one batch after another until none is left."""
        waiting = [session for session in sessions if session.ear.ready]
        while waiting:
            present = [session for session in waiting if not session.ear.absent]
            probabilities = dict.fromkeys(waiting, 0.0)
            if present:
                batch = np.empty((len(present), self.vad.window_samples), np.int16)
                for row, session in enumerate(present):
                    batch[row] = session.ear.window()
                answers = self.vad.judge([session.vad_stream for session in present], batch)
                probabilities.update(zip(present, answers.tolist(), strict=True))
            for session in waiting:
                try:
                    session.judged(probabilities[session])
                except Exception:
                    log.exception("a session failed on a window; the others go on")
            waiting = [session for session in waiting if session.ear.ready]
