"""A line to a server, the same for all three: PCM16 at 16 kHz in chunks of 20 ms goes up, PCM16 at 24 kHz and "clear" come down."""

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from hubbub.voice.client import AudioFrame, VoiceClient
from hubbub.voice.event import Clear, Hold
from simulated import MOUTH_HZ
from websockets.asyncio.client import ClientConnection, connect


class Line(Protocol):
    """What the driver needs of a server. `receive` yields sound, or None for "play no more of what you have"."""

    async def __aenter__(self) -> Self: ...
    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None: ...
    async def send(self, pcm: bytes) -> None: ...
    def receive(self) -> AsyncIterator[bytes | None]: ...


class PlainLine:
    """The line of both adapters: bare PCM in binary messages, `{"event": "clear"}` as text."""

    def __init__(self, port: int, number: int) -> None:
        self._connecting = connect(f"ws://127.0.0.1:{port}/ws", compression=None, max_queue=None)
        self._socket: ClientConnection

    async def __aenter__(self) -> Self:
        self._socket = await self._connecting
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._socket.close()

    async def send(self, pcm: bytes) -> None:
        await self._socket.send(pcm)

    async def receive(self) -> AsyncIterator[bytes | None]:
        async for message in self._socket:
            if isinstance(message, bytes):
                yield message
            elif json.loads(message).get("event") == "clear":
                yield None


class HubbubLine:
    """Hubbub's native WebSocket through its own client, which reports what it has played ten times a second."""

    def __init__(self, port: int, number: int) -> None:
        self._client = VoiceClient(f"http://127.0.0.1:{port}", room=f"room{number}", name="bench")
        self._playing: deque[tuple[float, int, int]] = deque()
        self._play_end = self._reported = 0.0

    async def __aenter__(self) -> Self:
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def send(self, pcm: bytes) -> None:
        await self._client.send_audio(pcm)
        await self._report(asyncio.get_running_loop().time())

    async def _report(self, now: float) -> None:
        if now - self._reported < 0.1:
            return
        played = None
        while self._playing and self._playing[0][0] <= now:
            played = self._playing.popleft()
        if played:
            self._reported = now
            await self._client.send_playhead(played[1], played[2])

    async def receive(self) -> AsyncIterator[bytes | None]:
        loop = asyncio.get_running_loop()
        async for item in self._client:
            if isinstance(item, AudioFrame):
                samples = len(item.pcm) // 2
                self._play_end = max(self._play_end, loop.time()) + samples / MOUTH_HZ
                self._playing.append((self._play_end, item.reply, item.offset + samples))
                yield item.pcm
            elif isinstance(item, Hold | Clear):  # a caller who speaks on for a second is not resumed
                self._playing.clear()
                self._play_end = loop.time()
                yield None
