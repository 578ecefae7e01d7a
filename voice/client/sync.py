"""A caller for scripts, without asyncio.

    from hubbub.voice.client.sync import Caller

    with Caller("http://127.0.0.1:8080", name="Kim") as kim:
        print(kim.ask("What time is it?").text)
        answer = kim.say("question.wav")
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from ..event import Event, Joined, Left, Reply, Role, Transcript
from ..protocol import AudioFrame, LaneFrame, VoicesFrame
from .client import VoiceClient
from .errors import ConnectionLostError, VoiceClientError
from .microphone import FileMicrophone
from .player import SimulatedLoudspeaker

T = TypeVar("T")

MAX_EVENTS = 5000
"""Events that wait for a script that does not iterate; the oldest are forgotten."""

START_S = 30.0

RECOGNISED_S = 8.0
"""How long after the end of a recording its words may take: the longest wait that ends a turn, and a slow recogniser."""


class Caller:
    """A caller whose methods wait until they are done. One thread of its own has the connection, a microphone and a loudspeaker.

    Parameters are those of `VoiceClient`. With `record` what was heard of the agents is kept for `heard_pcm`. Methods raise
    VoiceClientError, and TimeoutError where something takes too long. Iterating gives the events, in order, until the caller has left.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        room: str = "default",
        name: str = "guest",
        token: str = "",
        role: Role | None = None,
        reconnect: bool = False,
        record: bool = False,
    ) -> None:
        """Raises ValueError for an address, room or name that cannot be right."""
        self._client = VoiceClient(url, room=room, name=name, token=token, role=role, reconnect=reconnect)
        self._record = record
        self._events: deque[Event] = deque(maxlen=MAX_EVENTS)
        self._news = threading.Condition()
        self._over = False
        self._failure: VoiceClientError | None = None
        self._waiters: list[tuple[Callable[[Event], bool], asyncio.Future[Event]]] = []
        self._finals: deque[Reply] = deque(maxlen=50)
        self._ready: Future[None] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._microphone: FileMicrophone | None = None
        self._loudspeaker: SimulatedLoudspeaker | None = None
        self._thread = threading.Thread(target=self._run, name="hubbub caller", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._ready.result(START_S)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_S)

    @property
    def joined(self) -> Joined:
        """What the server said to the joining."""
        return self._client.joined

    # ── talking ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def ask(self, text: str, *, timeout_s: float = 60.0) -> Reply:
        """Types a turn, and waits until its answer was heard to the end (or was cut). Raises ValueError, TimeoutError, VoiceClientError."""
        return self._wait(self._ask(text), timeout_s)

    def say(self, sound: str | Path | bytes, *, timeout_s: float = 60.0) -> Reply | None:
        """Speaks a sound file, or PCM16 mono at 16 kHz, in real time, and waits until the answer was heard. None where nothing was
        recognised. Raises AudioFileError, TimeoutError, VoiceClientError."""
        from ..audio.wav import read_audio

        pcm = sound if isinstance(sound, bytes) else read_audio(str(sound), self._client.input_rate_hz)
        return self._wait(self._say(pcm), timeout_s + len(pcm) / 2 / self._client.input_rate_hz)

    def send_text(self, text: str) -> None:
        """Types a turn, and does not wait."""
        self._wait(self._client.send_text(text), START_S)

    def interrupt(self) -> None:
        """Stops the agent that speaks or thinks."""
        self._wait(self._client.interrupt(), START_S)

    def mute(self, muted: bool = True) -> None:
        """Says that the microphone was muted or opened."""
        self._wait(self._client.mute(muted), START_S)

    def heard_pcm(self) -> bytes:
        """What was heard of the agents so far, PCM16 mono at 24 kHz, with long silences cut to half a second (with `record`)."""
        if self._loudspeaker is None:
            return b""
        return self._loudspeaker.playback.heard_pcm(longest_silence_ms=500)

    # ── listening ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def __iter__(self) -> Iterator[Event]:
        while (event := self.next_event()) is not None:
            yield event

    def next_event(self, timeout_s: float | None = None) -> Event | None:
        """The next event; None when the caller has left. Raises TimeoutError, ConnectionLostError."""
        with self._news:
            if not self._news.wait_for(lambda: bool(self._events) or self._over, timeout_s):
                raise TimeoutError(f"nothing happened for {timeout_s:g} s")
            if self._events:
                return self._events.popleft()
            if self._failure is not None:
                raise self._failure
            return None

    # ── the thread ────────────────────────────────────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            if not self._ready.done():
                self._ready.set_exception(error)
            elif isinstance(error, VoiceClientError):
                self._failure = error
        finally:
            with self._news:
                self._over = True
                self._news.notify_all()

    async def _live(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            async with (
                self._client,
                SimulatedLoudspeaker(self._client, record=self._record) as self._loudspeaker,
                FileMicrophone(self._client) as self._microphone,
            ):
                self._ready.set_result(None)
                reading = asyncio.create_task(self._read(), name="hubbub caller reads")
                stopping = asyncio.create_task(self._stop.wait(), name="hubbub caller waits")
                try:
                    await asyncio.wait({reading, stopping}, return_when=asyncio.FIRST_COMPLETED)
                    if reading.done():
                        reading.result()
                finally:
                    for task in (reading, stopping):
                        task.cancel()
                    await asyncio.gather(reading, stopping, return_exceptions=True)
        finally:
            for _, future in self._waiters:
                if not future.done():
                    future.set_exception(ConnectionLostError("the conversation has ended"))

    async def _read(self) -> None:
        async for item in self._client:
            if self._loudspeaker is not None:
                self._loudspeaker.take(item)
            if isinstance(item, AudioFrame | VoicesFrame | LaneFrame):
                continue
            if isinstance(item, Reply) and item.final:
                self._finals.append(item)
            for waiter in list(self._waiters):
                matches, future = waiter
                if not future.done() and matches(item):
                    future.set_result(item)
                    self._waiters.remove(waiter)
            with self._news:
                self._events.append(item)
                self._news.notify_all()
            if isinstance(item, Left):
                return

    async def _ask(self, text: str) -> Reply:
        heard = self._when(self._is_mine)
        await self._client.send_text(text)
        return await self._answer_to(await heard)

    async def _say(self, pcm: bytes) -> Reply | None:
        if self._microphone is None:
            raise VoiceClientError("the caller has not joined: use 'with Caller(...) as caller'")
        heard = self._when(self._is_mine)
        await self._microphone.say(pcm)
        try:
            async with asyncio.timeout(RECOGNISED_S):
                said = await heard
        except TimeoutError:
            return None
        return await self._answer_to(said)

    def _is_mine(self, event: Event) -> bool:
        return isinstance(event, Transcript) and event.final and event.speaker == self.joined.name and bool(event.text)

    async def _answer_to(self, said: Event) -> Reply:
        turn = said.turn if isinstance(said, Transcript) else 0

        def answers(event: Event) -> bool:
            return isinstance(event, Reply) and event.final and event.turn == turn and event.seq > said.seq

        reply = next((one for one in self._finals if answers(one)), None) or await self._when(answers)
        assert isinstance(reply, Reply)
        return reply

    def _when(self, matches: Callable[[Event], bool]) -> "asyncio.Future[Event]":
        future: asyncio.Future[Event] = asyncio.get_running_loop().create_future()
        self._waiters.append((matches, future))
        return future

    def _wait(self, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
        if self._loop is None or self._over:
            work.close()
            raise self._failure or VoiceClientError("the caller is not in the room: use 'with Caller(...) as caller'")
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result(timeout_s)
        except TimeoutError:
            running.cancel()
            raise TimeoutError(f"it took longer than {timeout_s:g} s") from None
