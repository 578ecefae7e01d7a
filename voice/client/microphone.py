"""Microphones for programs: one that streams recordings as if they were spoken now, and the machine's own."""

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from types import TracebackType
from typing import Self

from ..audio.frames import FRAME_MS, silence
from .device_sound import DeviceInput
from .errors import VoiceClientError
from .transport import ClientSound

MAX_LATE_MS = 1000
"""A microphone that could not send for longer than this does not catch up: what was meant for then is sent late."""


class _Microphone(ABC):
    """One task that sends, owned by an async context manager."""

    def __init__(self, client: ClientSound) -> None:
        self._client = client
        self._frame_samples = client.input_rate_hz * FRAME_MS // 1000
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._guarded(), name="hubbub microphone")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _guarded(self) -> None:
        with suppress(VoiceClientError):  # whoever iterates over the client hears of a lost connection
            await self._run()

    @abstractmethod
    async def _run(self) -> None: ...


class FileMicrophone(_Microphone):
    """Sends 20 ms every 20 ms of the loop's clock, without drift: what `say` gives it, and silence before, between and after.

        async with FileMicrophone(client) as microphone:
            await microphone.say(read_wav("question.wav", client.input_rate_hz))
    """

    def __init__(self, client: ClientSound) -> None:
        super().__init__(client)
        self._turn = asyncio.Lock()
        self._sound = b""
        self._at = 0
        self._said = asyncio.Event()
        self.sent_samples = 0
        """All that was sent, silence too: the microphone's clock."""

    async def say(self, pcm: bytes) -> None:
        """Speaks PCM16 mono at the client's `input_rate_hz`; returns when its last sample was sent. Calls wait for each other.

        Raises ValueError on an odd number of bytes, VoiceClientError when the connection is gone.
        """
        if len(pcm) % 2:
            raise ValueError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
        async with self._turn:
            self._sound, self._at = pcm, 0
            self._said.clear()
            try:
                await self._until_said()
            finally:
                self._sound, self._at = b"", 0  # a caller that is cancelled stops in mid-word

    async def _until_said(self) -> None:
        task = self._task
        if task is None:
            raise VoiceClientError("the microphone is off: use 'async with FileMicrophone(client) as microphone'")
        said = asyncio.create_task(self._said.wait())
        try:
            await asyncio.wait((said, task), return_when=asyncio.FIRST_COMPLETED)
        finally:
            said.cancel()
        if task.done() and not self._said.is_set():
            raise VoiceClientError("the connection ended while the microphone was speaking")

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        size = 2 * self._frame_samples
        due = loop.time()
        while True:
            piece = self._sound[self._at : self._at + size]
            self._at += len(piece)
            await self._client.send_audio(piece + silence(self._frame_samples - len(piece) // 2))
            self.sent_samples += self._frame_samples
            if self._at >= len(self._sound):
                self._said.set()
            due = max(due + FRAME_MS / 1000, loop.time() - MAX_LATE_MS / 1000)
            await asyncio.sleep(due - loop.time())


class DeviceMicrophone(_Microphone):
    """The machine's microphone, through PortAudio (`pip install 'hubbub[mic]'`). `device`: its number or a part of its name, as
    `list_devices` tells them; None for the default.

    Raises DeviceError when entered without the package, the library or the device.
    """

    def __init__(self, client: ClientSound, device: int | str | None = None) -> None:
        super().__init__(client)
        self._input = DeviceInput(client.input_rate_hz, device)

    @property
    def dropped_frames(self) -> int:
        """Frames of 20 ms that were thrown away because the connection stalled."""
        return self._input.dropped_frames

    async def __aenter__(self) -> Self:
        await self._input.__aenter__()
        return await super().__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._input.__aexit__(kind, error, trace)
        await super().__aexit__(kind, error, trace)

    async def _run(self) -> None:
        async for pcm in self._input:
            await self._client.send_audio(pcm)
