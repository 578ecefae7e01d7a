"""The machine's own sound, bare: what its microphone hears as an async iterator, and a loudspeaker that is given what it plays.

PortAudio calls back from a thread of its own, and not every device takes every rate: one that refuses the wanted one is opened at its own
and resampled.
"""

import asyncio
import threading
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from ..audio.frames import FRAME_MS, SAMPLE_BYTES
from ..audio.resample import Resampler
from .devices import DeviceError, DeviceKind, choose_device, sound_device

MAX_QUEUED_FRAMES = 50
"""Sound of a microphone that waits to be read: one second. Beyond it the oldest is dropped, as a line that stalls would."""

MAX_AHEAD_MS = 300
"""Sound that waits for a loudspeaker. Beyond it the oldest is dropped: live sound must not grow old."""


class DeviceInput:
    """A microphone: iterate over it for PCM16 mono at `rate_hz`, some 20 ms at a time. An async context manager.

    `device`: its number or a part of its name, as `list_devices` tells them; None for the default. Raises DeviceError when entered without
    the package, the library or the device.
    """

    def __init__(self, rate_hz: int, device: int | str | None = None) -> None:
        self.rate_hz = rate_hz
        self.dropped_frames = 0
        """Pieces that were thrown away because nobody read them in time."""
        self._device = device
        self._pieces: deque[bytes] = deque()
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()

        def hear(data: Any, samples: int, time: Any, status: Any) -> None:
            pcm = bytes(data)
            with suppress(RuntimeError):  # the loop is closing
                loop.call_soon_threadsafe(self._queue, pcm)

        self._stream, opened_hz = _open("input", self.rate_hz, self._device, hear)
        self._resampler = None if opened_hz == self.rate_hz else Resampler(opened_hz, self.rate_hz)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stream.close)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while True:
            while self._pieces:
                yield self._pieces.popleft()
            self._news.clear()
            await self._news.wait()

    def _queue(self, pcm: bytes) -> None:
        if len(self._pieces) >= MAX_QUEUED_FRAMES:
            self._pieces.popleft()
            self.dropped_frames += 1
        self._pieces.append(pcm if self._resampler is None else self._resampler.push(pcm))
        self._news.set()


class DeviceOutput:
    """A loudspeaker: it plays what `play` is given, PCM16 mono at `rate_hz`, and silence where that runs dry. An async context manager, as
    `DeviceInput`."""

    def __init__(self, rate_hz: int, device: int | str | None = None) -> None:
        self.rate_hz = rate_hz
        self._device = device
        self._sound = bytearray()
        self._lock = threading.Lock()

    async def __aenter__(self) -> Self:
        self._stream, self._opened_hz = _open("output", self.rate_hz, self._device, self._pull)
        self._resampler = None if self._opened_hz == self.rate_hz else Resampler(self.rate_hz, self._opened_hz)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._stream.close)

    def play(self, pcm: bytes) -> None:
        """Plays `pcm` after what waits."""
        sound = pcm if self._resampler is None else self._resampler.push(pcm)
        with self._lock:
            self._sound += sound
            surplus = len(self._sound) - self._opened_hz * MAX_AHEAD_MS // 1000 * SAMPLE_BYTES
            if surplus > 0:
                del self._sound[:surplus]

    def _pull(self, out: Any, samples: int, time: Any, status: Any) -> None:
        size = samples * SAMPLE_BYTES
        with self._lock:
            pcm = bytes(self._sound[:size])
            del self._sound[:size]
        out[:] = pcm.ljust(size, b"\0")


def _open(kind: DeviceKind, rate_hz: int, device: int | str | None, callback: Callable[..., None]) -> tuple[Any, int]:
    """A stream that runs, and its rate: the wanted one or, where the device refuses that, the device's own. Raises DeviceError."""
    sounddevice = sound_device()
    chosen = choose_device(kind, device)
    number = None if chosen is None else chosen.index
    stream_of = sounddevice.RawInputStream if kind == "input" else sounddevice.RawOutputStream

    def opened(at_hz: int) -> Any:
        stream = stream_of(
            device=number, samplerate=at_hz, channels=1, dtype="int16", blocksize=at_hz * FRAME_MS // 1000, latency="low", callback=callback
        )  # fmt: skip
        stream.start()
        return stream

    try:
        try:
            return opened(rate_hz), rate_hz
        except sounddevice.PortAudioError:
            own_hz = int(sounddevice.query_devices(number, kind)["default_samplerate"])
            return opened(own_hz), own_hz
    except (sounddevice.PortAudioError, ValueError) as error:
        what = "microphone" if kind == "input" else "loudspeaker"
        raise DeviceError(f"the {what} cannot be opened: {error}") from None
