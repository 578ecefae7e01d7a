"""Callers of `telephony.py` that play Asterisk: its WebSocket channel at 16 kHz, and AudioSocket at 8 kHz."""

import asyncio
from uuid import uuid4

from hubbub.voice.audio.resample import resample
from hubbub.voice.gateway.asterisk import control as c
from hubbub.voice.gateway.asterisk import frames as f
from interrupting_caller import PAUSE_S, InterruptingCaller
from webrtc_caller import FRAME_S
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

AUDIOSOCKET_PORT = 9192
"""Where the measured server listens for AudioSocket."""


class ChannelCaller(InterruptingCaller):
    """Asterisk's WebSocket channel. Marks come back at once: what is measured is the server, not Asterisk's queue. The ear falls silent
    when the queue is paused and then flushed."""

    async def open(self) -> None:
        url = f"{self.url.replace('http', 'ws')}/api/calls/asterisk?room=room0"
        self._socket = await connect(url, compression=None, subprotocols=[Subprotocol("media")])
        await self._socket.send(c.write_event(c.MediaStart("bench", "WebSocket/bench/1", self.room, "slin16", 640), "json"))
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        loop, paused_at = asyncio.get_running_loop(), 0.0
        async for data in self._socket:
            if isinstance(data, bytes):
                if any(data[:64]):
                    self.heard(loop.time())
                continue
            command = c.read_command(data, "json")
            assert isinstance(command, c.Command)
            match command.name:
                case "MARK_MEDIA":
                    await self._socket.send(c.write_event(c.MarkProcessed(command.correlation_id), "json", self.room))
                case "PAUSE_MEDIA":
                    paused_at = loop.time()
                case "CONTINUE_MEDIA":
                    paused_at = 0.0
                case "FLUSH_MEDIA":
                    self.silenced(paused_at or loop.time())

    async def send(self, place: int) -> None:
        await self._socket.send(self.speech.frames[place] if place >= 0 else bytes(640))

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()


class AudioSocketCaller(InterruptingCaller):
    """AudioSocket over TCP. Asterisk plays what comes at once, so the ear falls silent when the last frame with sound has been played; a
    gap between words at that moment tells nothing, and is not counted."""

    _loud_at = 0.0

    async def open(self) -> None:
        self._frames = [f.Sound(8000, resample(frame, 16_000, 8000)).frame().pack() for frame in self.speech.frames]
        self._quiet = f.Sound(8000, bytes(320)).frame().pack()
        reader, self._writer = await asyncio.open_connection("127.0.0.1", AUDIOSOCKET_PORT)
        self._writer.write(f.CallId(uuid4()).frame().pack())
        self._reader = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        loop, unpacker = asyncio.get_running_loop(), f.Unpacker()
        while data := await reader.read(4096):
            for frame in unpacker.feed(data):
                if any(frame.payload[:64]):
                    self._loud_at = loop.time()
                    self.heard(self._loud_at)

    def look(self, now: float) -> None:
        if now - self._loud_at > PAUSE_S:
            self.silenced(self._loud_at + FRAME_S)

    async def send(self, place: int) -> None:
        self._writer.write(self._frames[place] if place >= 0 else self._quiet)

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._writer.close()
