"""A simulated caller: a microphone, a loudspeaker and a network with delay, in the time of the event loop it runs in.

It is a real connection of a session (`voice.connection.Connection`), so that what it hears is what a client would have heard, to the
sample; with `hubbub.voice.testing.time.run_simulated` an hour of it takes seconds.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from ..audio.frames import EAR_FRAME_SAMPLES, FRAME_MS, MOUTH_FRAME_SAMPLES, SAMPLE_BYTES, silence
from ..audio.mix import mix
from ..event import AudioFormat, Clear, Event, Hold, Joined, Resume
from ..mouthpiece import LEAD_MS
from ..playout import Sound
from ..protocol import PROTOCOL_VERSION
from ..room import VoiceRoom
from ..session import Session
from .network import SimulatedNetwork

E = TypeVar("E", bound=Event)

REPORT_FRAMES = 5
"""The playhead is reported every 100 ms, as the clients do."""


@dataclass(slots=True)
class _Buffered:
    """A stretch of a reply in the loudspeaker's buffer."""

    reply: int
    offset: int
    pcm: bytes


class SimulatedCaller:
    """Joins a room, speaks what it is told, hears what is sent to it."""

    def __init__(
        self,
        room: VoiceRoom,
        name: str = "caller",
        *,
        network_ms: int = 0,
        uplink: SimulatedNetwork | None = None,
        downlink: SimulatedNetwork | None = None,
        reports_playhead: bool = True,
        echo_db: float | None = None,
        echo_ms: int = 150,
        plays_voices: bool = False,
        line: Callable[[bytes], bytes] | None = None,
    ) -> None:
        """`network_ms`: delay of a good network, one way; `uplink` and `downlink` describe a worse one. `echo_db`: the microphone hears
        the loudspeaker at this level (such as -20), `echo_ms` later; None for a caller with headphones.
        `line`: what a line makes of each frame of the microphone (PCM16 at 16 kHz, as long as it came); None changes nothing.
        `plays_voices`: the loudspeaker plays the other callers beside the replies; else their voices are only kept in `voices`."""
        self.reports_playhead = reports_playhead
        self.lead_ms = LEAD_MS
        self.voices = bytearray()
        """What came of the other callers' voices, PCM16 at 24 kHz, without the silences between."""
        self._live_voices: deque[bytes] | None = deque(maxlen=10) if plays_voices else None
        self.ended = ""
        """Why the server ended the connection, if it did."""
        self._line_sound = line
        self._echo_gain = None if echo_db is None else 10 ** (echo_db / 20)
        self._echo_frames = max(1, echo_ms // FRAME_MS)
        self.events: list[tuple[float, Event]] = []
        """Everything that was received, with the loop time of its arrival in seconds."""
        self.heard = bytearray()
        """What came out of the loudspeaker, PCM16 at 24 kHz, one frame for every 20 ms since the caller joined."""
        self.heard_replies: list[int] = []
        """Which reply each of those frames belonged to; 0 is silence."""
        self.heard_spans: list[tuple[int, int, int]] = []
        """What was heard of the replies, in order: reply, first sample, sample after the last; neighbours are joined."""
        self.session: Session = room.join(name)
        self._room = room
        self._up = uplink or SimulatedNetwork(network_ms)
        self._down = downlink or SimulatedNetwork(network_ms)
        self._loop = asyncio.get_running_loop()
        self._downlink: deque[tuple[int, Event | Sound]] = deque()
        self._line = 1
        """Number of the line that stands, 0 while there is none: what was under way on another one is lost."""
        self._lines = 1
        self._received: dict[int, int] = {}
        self.seq = 0
        """Number of the last event that came."""
        self._uplink: deque[bytes] = deque()
        self._to_say: deque[bytes] = deque()
        self.talks_since = 0.0
        """When the first frame of what he says now, or said last, left the microphone, in loop time; it holds the 20 ms before."""
        self._talks = False
        self._buffer: deque[_Buffered] = deque()
        self._played: dict[int, int] = {}
        self._held: set[int] = set()
        self._dead: set[int] = set()
        self._waiters: list[tuple[Callable[[Event], bool], asyncio.Future[Event]]] = []
        self.session.attach(self, self._describe())
        self._task = asyncio.create_task(self._live(), name=f"caller-{name}")

    # ── what a test does ──────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, pcm: bytes) -> None:
        """Speaks PCM16 at 16 kHz after what is being said already; silence follows by itself."""
        size = EAR_FRAME_SAMPLES * SAMPLE_BYTES
        for start in range(0, len(pcm), size):
            self._to_say.append(pcm[start : start + size].ljust(size, b"\0"))

    @property
    def speaking(self) -> bool:
        """Whether something is still to be said."""
        return bool(self._to_say)

    async def said(self) -> float:
        """Waits until everything has been said; answers the loop time of its end in seconds."""
        while self._to_say:
            await asyncio.sleep(FRAME_MS / 1000)
        return self._loop.time()

    async def wait_for(self, kind: type[E], when: Callable[[E], bool] = lambda event: True, *, within_s: float = 30.0) -> E:
        """The next event of a kind for which `when` holds. Raises TimeoutError."""
        future: asyncio.Future[Event] = self._loop.create_future()
        self._waiters.append((lambda event: isinstance(event, kind) and when(event), future))
        async with asyncio.timeout(within_s):
            event = await future
        assert isinstance(event, kind)
        return event

    def of(self, kind: type[E]) -> list[E]:
        """All events of a kind so far."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def at(self, kind: type[Event]) -> list[float]:
        """When events of a kind arrived, in seconds of loop time."""
        return [at for at, event in self.events if isinstance(event, kind)]

    def lose_line(self, *, noticed: bool = True) -> None:
        """The network goes away: nothing comes or goes, and what is under way is lost. `noticed`: the server sees it, too."""
        self._line = 0
        if noticed:
            self.session.detach(self, self._loop.time())

    def reconnect(self) -> None:
        """A new line, as the clients make one: it asks for what was missed, and says how far it has played."""
        self._lines += 1
        self._line = self._lines
        reply = max(self._played, default=0)
        heard = (reply, self._played[reply]) if reply else None
        self.session.attach(self, self._describe(), after=self.seq, heard=heard)

    def _describe(self) -> Joined:
        return Joined(
            protocol=PROTOCOL_VERSION, room=self._room.name, name=self.session.name, session=self.session.id, resume_token="",
            participants=self._room.participants, audio=AudioFormat(input_rate_hz=16_000, output_rate_hz=24_000),
        )

    async def leave(self) -> None:
        """Hangs up."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        self._room.leave(self.session)

    # ── voice.connection.Connection ──────────────────────────────────────────────────────────────────────────────────────

    def send_event(self, event: Event) -> None:
        self._downlink.append((self._line, event))
        self._loop.call_at(self._down.control(self._loop.time()), self._arrive)

    def send_sound(self, sound: Sound) -> None:
        arrival = self._down.sound(self._loop.time())
        if arrival is not None:
            self._downlink.append((self._line, sound))
            self._loop.call_at(arrival, self._arrive)

    def send_voices(self, pcm: bytes) -> None:
        arrival = self._down.sound(self._loop.time())
        if arrival is not None and self._line:
            self.voices += pcm
            if self._live_voices is not None:
                self._live_voices.append(pcm)

    def end(self, why: str) -> None:
        self.ended = why

    def _arrive(self) -> None:
        """The next thing on the line: timers of one moment have no order of their own."""
        line, item = self._downlink.popleft()
        if line == 0 or line != self._line:
            return
        if isinstance(item, Event):
            self._receive(item)
        else:
            self._receive_sound(item)

    def _receive(self, event: Event) -> None:
        self.events.append((self._loop.time(), event))
        self.seq = max(self.seq, event.seq)
        match event:
            case Hold(reply=reply):
                self._held.add(reply)
            case Resume(reply=reply):
                self._held.discard(reply)
            case Clear(reply=reply):
                self._dead.add(reply)
                self._buffer = deque(entry for entry in self._buffer if entry.reply != reply)
        for waiter in list(self._waiters):
            matches, future = waiter
            if not future.done() and matches(event):
                future.set_result(event)
                self._waiters.remove(waiter)

    def _receive_sound(self, sound: Sound) -> None:
        known = max(0, self._received.get(sound.reply, 0) - sound.offset)  # a new line sends again what was under way on the old one
        pcm = sound.pcm[known * SAMPLE_BYTES :]
        if sound.reply not in self._dead and pcm:
            self._buffer.append(_Buffered(sound.reply, sound.offset + known, pcm))
            self._received[sound.reply] = sound.offset + known + len(pcm) // SAMPLE_BYTES

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _live(self) -> None:
        due, frames = self._loop.time(), 0
        quiet = silence(EAR_FRAME_SAMPLES)
        while True:
            if self._to_say and not self._talks:
                self.talks_since = self._loop.time()
            self._talks = bool(self._to_say)
            self._send(self._to_say.popleft() if self._to_say else quiet)
            self._play()
            frames += 1
            if frames % REPORT_FRAMES == 0:
                self._report()
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _note_span(self, reply: int, start: int, end: int) -> None:
        last = self.heard_spans[-1] if self.heard_spans else (0, 0, 0)
        if last[0] == reply and last[2] == start:
            self.heard_spans[-1] = (reply, last[1], end)
        else:
            self.heard_spans.append((reply, start, end))

    def _send(self, pcm: bytes) -> None:
        if not self._line:
            return
        if self._echo_gain is not None:
            pcm = self._with_echo(pcm, self._echo_gain)
        if self._line_sound is not None:
            pcm = self._line_sound(pcm)
        arrival = self._up.sound(self._loop.time())
        if arrival is not None:
            self._uplink.append(pcm)
            self._loop.call_at(arrival, lambda: self.session.hear(self._uplink.popleft()))

    def _with_echo(self, pcm: bytes, gain: float) -> bytes:
        """The microphone with the loudspeaker in it, as it was a while ago."""
        size = MOUTH_FRAME_SAMPLES * SAMPLE_BYTES
        start = len(self.heard) - size * self._echo_frames
        if start < 0:
            return pcm
        heard = np.frombuffer(bytes(self.heard[start : start + size]), np.int16)
        at = np.arange(EAR_FRAME_SAMPLES) * (MOUTH_FRAME_SAMPLES / EAR_FRAME_SAMPLES)
        echo = np.interp(at, np.arange(MOUTH_FRAME_SAMPLES), heard) * gain
        mixed: bytes = np.clip(np.frombuffer(pcm, np.int16) + echo, -32768, 32767).astype(np.int16).tobytes()
        return mixed

    def _play(self) -> None:
        wanted = MOUTH_FRAME_SAMPLES * SAMPLE_BYTES
        reply, out = 0, b""
        while self._buffer and len(out) < wanted:
            entry = self._buffer[0]
            if entry.reply in self._held:
                break
            reply = entry.reply
            piece = entry.pcm[: wanted - len(out)]
            out += piece
            entry.offset += len(piece) // SAMPLE_BYTES
            entry.pcm = entry.pcm[len(piece) :]
            self._note_span(reply, entry.offset - len(piece) // SAMPLE_BYTES, entry.offset)
            self._played[reply] = entry.offset
            if not entry.pcm:
                self._buffer.popleft()
                if not self._buffer:
                    self._report()
        out_of_replies = out.ljust(wanted, b"\0")
        if self._live_voices:
            out_of_replies = mix([out_of_replies, self._live_voices.popleft()])
        self.heard += out_of_replies
        self.heard_replies.append(reply if out else 0)

    def _report(self) -> None:
        if self.reports_playhead and self._played and self._line:
            reply = max(self._played)
            self._loop.call_at(self._up.control(self._loop.time()), self._deliver_report, reply, self._played[reply])

    def _deliver_report(self, reply: int, offset: int) -> None:
        self.session.played(reply, offset, self._loop.time())
