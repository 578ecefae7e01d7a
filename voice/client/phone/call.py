"""A call, placed into a server by a program that plays the carrier.

Two things run side by side: the *beat* sends what the caller says and takes what he hears, 20 ms each 20 ms of the loop's clock; the
*reader* takes what the server sends. What happens comes out as events, in order.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from ...audio.frames import FRAME_MS, SAMPLE_BYTES
from .errors import ConnectionLostError, VoiceClientError
from .live import LiveSound
from .monitor import AgentSilent, AgentSpeaks, Monitor
from .network import BadLine, LossyLine
from .transport import Transport
from .trunk import ClearCame, Complaint, MarkCame, ServerHungUp, SoundCame, Trunk

MAX_EVENTS = 10_000
"""Events that wait for a program that does not read them; beyond it the oldest go."""

MAX_UNSENT = 1500
"""Messages that wait for a server that does not read: 30 s of the caller's sound. Then the call ends."""

MAX_LATE_S = 1.0
"""A beat that was held up for longer does not catch up: what was meant for then is said late."""

MAX_UNHEARD_FRAMES = 50
"""Sound that waits for a program that hears live: one second; beyond it the oldest goes."""

GOODBYE_S = 2.0
"""How long a hang-up waits for what is still to be sent."""


@dataclass(frozen=True, slots=True)
class CallStarted:
    """The media stream is open and the carrier has greeted."""

    url: str
    before: tuple[str, ...] = ()
    """What the webhook's answer would have the caller hear before."""


@dataclass(frozen=True, slots=True)
class CallEnded:
    """The last event. `by`: who ended it."""

    at_ms: int
    by: Literal["caller", "server", "connection"]
    why: str


PhoneEvent = CallStarted | AgentSpeaks | AgentSilent | MarkCame | ClearCame | Complaint | CallEnded


class PhoneCall:
    """A call whose media stream is open. An async context manager: leaving hangs up.

    Iterate over it for what happens (`PhoneEvent`), until `CallEnded`. Sound is PCM16 mono at `rate_hz`, both ways.
    """

    def __init__(
        self, trunk: Trunk, transport: Transport, started: CallStarted, *, line: BadLine | None = None, record: bool = True
    ) -> None:
        """`record` keeps both sides in `said` and `heard` (16 kB a second each at 8 kHz)."""
        self.trunk = trunk
        self.monitor = Monitor()
        self.started = started
        self.said = bytearray()
        """What left the caller, as the server got it: lost frames are silence."""
        self.heard = bytearray()
        """What reached the caller's ear, from the same moment on."""
        self.clears: list[tuple[int, float]] = []
        """Each clear of the server: the call's time in ms, and how much it threw away in ms."""
        self.marks = 0
        self.ended: CallEnded | None = None
        self._transport = transport
        self._network = LossyLine(line or BadLine())
        self._record = record
        self._sound = b""
        self._at = 0
        self._said = asyncio.Event()
        self._live = LiveSound(trunk.frame_samples)
        self._ears: list[deque[bytes]] = []
        self._turn = asyncio.Lock()
        self._late: deque[tuple[float, bytes]] = deque()
        self._events: deque[PhoneEvent] = deque([started], maxlen=MAX_EVENTS)
        self._news = asyncio.Event()
        self._beaten = asyncio.Event()
        self._wake_writer = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    # ── what a program does ───────────────────────────────────────────────────────────────────────────────────────────

    @property
    def rate_hz(self) -> int:
        """Rate of the sound both ways."""
        return self.trunk.rate_hz

    @property
    def now_ms(self) -> int:
        """The call's time: milliseconds of sound since it began."""
        return self.monitor.now_ms

    @property
    def lost_frames(self) -> int:
        """Frames of the caller's that the bad line has lost."""
        return self._network.lost

    async def say(self, pcm: bytes) -> None:
        """Says PCM16 mono at `rate_hz` in real time; returns when its last sample was sent. Calls wait for each other.

        Raises ValueError on an odd number of bytes, ConnectionLostError when the call ends before.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
        async with self._turn:
            self._sound, self._at = pcm, 0
            self._said.clear()
            try:
                if self.ended is None:
                    await self._said.wait()
            finally:
                self._sound, self._at = b"", 0
        if self.ended is not None:
            raise ConnectionLostError(f"the call ended while the caller was speaking: {self.ended.why}")

    async def say_live(self, source: AsyncIterable[bytes]) -> None:
        """Says what a live source gives, as it comes: PCM16 mono at `rate_hz` in pieces of any length. Returns at its end.

        The source is read no more than a second ahead, and begins 60 ms late, so that its pieces may come unevenly. Raises as `say` does.
        """
        async with self._turn:
            try:
                async for piece in source:
                    self._live.put(piece)
                    while self._live.full and self.ended is None:
                        await asyncio.sleep(FRAME_MS / 1000)
                    if self.ended is not None:
                        raise ConnectionLostError(f"the call ended while the caller was speaking: {self.ended.why}")
            except BaseException:
                self._live.drop()
                raise
            self._live.finish()

    async def hear_live(self) -> AsyncIterator[bytes]:
        """What reaches the caller's ear, as it does: 20 ms of PCM16 at `rate_hz` at a time, until the call ends. Who reads more than a
        second late misses the oldest of it.
        """
        ear: deque[bytes] = deque(maxlen=MAX_UNHEARD_FRAMES)
        self._ears.append(ear)
        try:
            while ear or self.ended is None:
                if ear:
                    yield ear.popleft()
                    continue
                self._beaten.clear()
                await self._beaten.wait()
        finally:
            self._ears = [other for other in self._ears if other is not ear]

    def press(self, keys: str) -> None:
        """Presses keys, one or more of 0-9, *, #, A-D. Raises ValueError for what is none."""
        for key in keys:
            self.trunk.press(key)
        self._wake_writer.set()

    async def hang_up(self) -> None:
        """The caller puts the receiver down."""
        if self.ended is None:
            self.trunk.stop()
            self._end("caller", "the caller hung up")
            with suppress(TimeoutError, VoiceClientError):
                async with asyncio.timeout(GOODBYE_S):
                    await self._flush()
        await self._close()

    def end_by_carrier(self, why: str) -> None:
        """The carrier ends the call, because the server asked it to in another way than on the stream."""
        self.trunk.stop()
        self._wake_writer.set()
        self._end("server", why)

    def __aiter__(self) -> AsyncIterator[PhoneEvent]:
        return self._iterate()

    async def wait_until_ended(self) -> CallEnded:
        """Waits for the end of the call."""
        while self.ended is None:
            self._news.clear()
            await self._news.wait()
        return self.ended

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def __aenter__(self) -> Self:
        self.trunk.greet()
        self._tasks = [
            asyncio.create_task(work, name=f"phone-{name}")
            for name, work in (("beat", self._beat()), ("read", self._read()), ("write", self._write()))
        ]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hang_up()

    async def _iterate(self) -> AsyncIterator[PhoneEvent]:
        while True:
            while self._events:
                event = self._events.popleft()
                yield event
                if isinstance(event, CallEnded):
                    return
            if self.ended is not None:
                return
            self._news.clear()
            await self._news.wait()

    async def _beat(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while self.ended is None:
            self._step(loop.time())
            due = max(due + FRAME_MS / 1000, loop.time() - MAX_LATE_S)
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _step(self, now: float) -> None:
        """20 ms of the call."""
        said = self._next_said()
        if self._network.loses():
            said = bytes(len(said))
        self._late.append((self._network.arrival(now), said))
        while self._late and self._late[0][0] <= now + FRAME_MS / 2000:
            self.trunk.speak(self._late.popleft()[1])
        heard = self.trunk.listen()
        if self._record:
            self.said += said
            self.heard += heard
        for ear in self._ears:
            ear.append(heard)
        self._beaten.set()
        for event in self.monitor.step(said, heard):
            self._tell(event)
        if self.trunk.outgoing:
            self._wake_writer.set()
            if len(self.trunk.outgoing) > MAX_UNSENT:
                self._end("connection", "the server does not read what it is sent")

    def _next_said(self) -> bytes:
        size = self.trunk.frame_samples * SAMPLE_BYTES
        if (live := self._live.next()) is not None:
            return live
        piece = self._sound[self._at : self._at + size]
        self._at += len(piece)
        if self._at >= len(self._sound):
            self._said.set()
        return piece + bytes(size - len(piece))

    async def _read(self) -> None:
        try:
            while (data := await self._transport.receive()) is not None:
                for event in self.trunk.receive(data):
                    if isinstance(event, ServerHungUp):
                        self._end("server", event.why)
                        return
                    self._take(event)
                if self.trunk.outgoing:
                    self._wake_writer.set()
        except VoiceClientError as error:
            self._end("connection", str(error))
        else:
            self._end("server", self._transport.closed)

    def _take(self, event: SoundCame | MarkCame | ClearCame | Complaint) -> None:
        match event:
            case SoundCame():
                return
            case MarkCame():
                self.marks += 1
            case ClearCame(thrown_ms):
                self.clears.append((self.now_ms, thrown_ms))
        self._tell(event)

    async def _write(self) -> None:
        try:
            while True:
                await self._flush()
                self._wake_writer.clear()
                await self._wake_writer.wait()
        except VoiceClientError:
            pass  # the reader says how it ended

    async def _flush(self) -> None:
        while self.trunk.outgoing:
            await self._transport.send(self.trunk.outgoing.popleft())

    def _tell(self, event: PhoneEvent) -> None:
        self._events.append(event)
        self._news.set()

    def _end(self, by: Literal["caller", "server", "connection"], why: str) -> None:
        if self.ended is None:
            for event in self.monitor.close():
                self._tell(event)
            self.ended = CallEnded(self.now_ms, by, why)
            self._said.set()
            self._beaten.set()
            self._tell(self.ended)

    async def _close(self) -> None:
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._transport.close()
