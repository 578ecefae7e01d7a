"""A small server that speaks the native protocol by a script, for the tests of clients. No engine, no agent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from hubbub.voice.event import AudioFormat, Event, Joined, Left, Participant
from hubbub.voice.protocol import AudioFrame, ClientMessage, Join, Leave, pack_audio, parse_client_message
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass
class Line:
    """One connection as the server sees it: what the client sent, and ways to answer."""

    socket: ServerConnection
    join: Join
    messages: list[ClientMessage] = field(default_factory=list)
    audio: bytearray = field(default_factory=bytearray)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, event: Event) -> None:
        await self.socket.send(event.model_dump_json())

    async def play(self, reply: int, offset: int, pcm: bytes, last: bool = False) -> None:
        await self.socket.send(pack_audio(AudioFrame(reply, offset, last, pcm)))

    async def wait_until(self, happened: Callable[["Line"], bool]) -> None:
        async with asyncio.timeout(10):
            while not happened(self):
                self.news.clear()
                await self.news.wait()

    def said(self, kind: type) -> list[ClientMessage]:
        return [message for message in self.messages if isinstance(message, kind)]


Script = Callable[[Line], Awaitable[None]]


@dataclass
class ScriptedServer:
    url: str = ""
    lines: list[Line] = field(default_factory=list)


@asynccontextmanager
async def scripted_server(script: Script | None = None, *, port: int = 0) -> AsyncIterator[ScriptedServer]:
    """Serves on a free port; each connection is joined and then given to `script`, beside a reader of what it sends."""
    server = ScriptedServer()

    async def handle(socket: ServerConnection) -> None:
        join = parse_client_message(await socket.recv())
        assert isinstance(join, Join)
        line = Line(socket, join)
        server.lines.append(line)
        await line.send(joined(join))
        task = asyncio.create_task(script(line)) if script else None
        try:
            await _read(line)
        finally:
            if task is not None:
                task.cancel()

    async with serve(handle, "127.0.0.1", port, compression=None) as listener:
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        yield server


async def _read(line: Line) -> None:
    async for data in line.socket:
        if isinstance(data, bytes):
            line.audio += data
        else:
            message = parse_client_message(data)
            line.messages.append(message)
            if isinstance(message, Leave):
                with suppress(ConnectionClosed):  # a client need not wait for the answer
                    await line.send(Left(reason="you left"))
                return
        line.news.set()


def joined(join: Join) -> Joined:
    return Joined(
        protocol=1, room=join.room, name=join.name, session="s1", resume_token="token-1",
        participants=(Participant(name=join.name, kind="caller"), Participant(name="Ava", kind="agent")),
        audio=AudioFormat(input_rate_hz=join.audio.input_rate_hz, output_rate_hz=join.audio.output_rate_hz),
    )  # fmt: skip
