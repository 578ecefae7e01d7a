"""Loudspeakers for programs: one that plays at real time into nothing (or a recording), and the machine's own."""

import asyncio
import threading
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from ..event import Clear, Event, Hold, Resume
from ..protocol import AudioFrame, Frame
from .devices import DeviceError, choose_device, sound_device
from .errors import VoiceClientError
from .playback import Playback
from .transport import ClientSound

TICK_MS = 20
"""How often a loudspeaker looks whether there is something to do; the pace itself is counted from the clock."""


class Loudspeaker:
    """The base: plays what a client receives, and tells the server how far it has come.

    Give every item of the client's iteration to `take`; it knows what concerns it. Use it as an async context manager: its one
    task, which sends the playhead reports, ends with it.
    """

    def __init__(self, client: ClientSound, *, record: bool = False) -> None:
        self.playback = Playback(client.output_rate_hz, record=record, fades=True)
        self._client = client
        self._task: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._run(), name="hubbub loudspeaker")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def take(self, item: Event | Frame) -> None:
        """Plays a frame, or obeys `hold`, `resume` and `clear` at once. Other events pass by."""
        self._advance()
        match item:
            case AudioFrame():
                self.playback.add(item)
            case Hold(reply=reply):
                self.playback.hold(reply)
            case Resume(reply=reply):
                self.playback.resume(reply)
            case Clear(reply=reply):
                self.playback.clear(reply)
            case _:
                return
        self._news.set()

    @property
    def silent(self) -> bool:
        """All that came has been played."""
        return self.playback.silent

    def _advance(self) -> None:
        """Brings the playback to the present."""

    async def _run(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_MS / 1000):
                    await self._news.wait()
            self._news.clear()
            self._advance()
            for report in self.playback.take_reports():
                with suppress(VoiceClientError):  # whoever iterates over the client hears of a lost connection
                    await self._client.send_playhead(report.reply, report.offset)


class SimulatedLoudspeaker(Loudspeaker):
    """Plays at the pace of the event loop's clock, exact to the sample, into nothing or (with `record`) a buffer.

    A hold or a clear acts at the sample that is due when `take` is called. The record is `playback.heard_pcm()`.
    """

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        return await super().__aenter__()

    def _advance(self) -> None:
        elapsed = asyncio.get_running_loop().time() - self._began
        due = int(elapsed * self.playback.rate_hz) - self.playback.played_samples
        if due > 0:
            self.playback.pull(due)


class DeviceLoudspeaker(Loudspeaker):
    """The machine's loudspeaker, through PortAudio (`pip install 'hubbub[mic]'`). `device`: its number or a part of its name, as
    `list_devices` tells them; None for the default.

    Raises DeviceError when entered without the package, the library or the device.
    """

    def __init__(self, client: ClientSound, *, record: bool = False, device: int | str | None = None) -> None:
        super().__init__(client, record=record)
        self._device = device

    async def __aenter__(self) -> Self:
        self._lock = threading.Lock()  # the device pulls from a thread of its own
        sounddevice = sound_device()
        chosen = choose_device("output", self._device)
        try:
            self._stream = sounddevice.RawOutputStream(
                device=chosen and chosen.index, samplerate=self.playback.rate_hz, channels=1, dtype="int16", latency="low",
                callback=self._pull,
            )
            self._stream.start()
        except sounddevice.PortAudioError as error:
            raise DeviceError(f"the loudspeaker cannot be opened: {error}") from None
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await asyncio.to_thread(self._stream.close)

    def take(self, item: Event | Frame) -> None:
        with self._lock:
            super().take(item)

    def _pull(self, out: Any, samples: int, time: Any, status: Any) -> None:
        with self._lock:
            out[:] = self.playback.pull(samples)
