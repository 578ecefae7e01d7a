"""A small server that carriers call, by a script: a webhook that answers a given text, and a media stream. No engine, no agent."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from hubbub.voice.gateway.telephony.coding import encode
from hubbub.voice.gateway.telephony.wire import base as w
from hubbub.voice.gateway.telephony.wire.carriers import Carrier, server_end
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed


@dataclass
class PhoneLine:
    """One media stream, as the server sees it."""

    socket: ServerConnection
    end: w.ServerEnd
    got: list[w.FromCarrier] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def send(self, *messages: w.FromServer) -> None:
        for message in messages:
            data = self.end.send(message)
            assert data is not None
            await self.socket.send(data)

    async def play(self, pcm: bytes, mark: str = "end") -> None:
        await self.send(w.Media(encode(self.end.coding, pcm)), w.Mark(mark))

    async def until(self, happened: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not happened():
                self.news.clear()
                await self.news.wait()

    def of(self, kind: type) -> list[w.FromCarrier]:
        return [message for message in self.got if isinstance(message, kind)]

    def loud(self) -> int:
        """Sound messages of the caller that are not silence."""
        return sum(len(set(media.payload)) > 2 for media in self.got if isinstance(media, w.Media))


Script = Callable[[PhoneLine], Awaitable[None]]


@dataclass
class PhoneServer:
    http: str = ""
    ws: str = ""
    asked: list[str] = field(default_factory=list)
    """Heads and bodies of the webhook's requests."""
    lines: list[PhoneLine] = field(default_factory=list)
    answer: str = ""
    """What the webhook answers; empty for TwiML that leads to the stream."""
    status: str = "200 OK"


@asynccontextmanager
async def phone_server(script: Script | None = None, *, carrier: Carrier = "twilio") -> AsyncIterator[PhoneServer]:
    server = PhoneServer()

    async def media(socket: ServerConnection) -> None:
        line = PhoneLine(socket, server_end(carrier))
        server.lines.append(line)
        reader = asyncio.create_task(_read(line))
        try:
            if script is not None:
                await script(line)
            await reader  # until the caller hangs up
        except ConnectionClosed:
            pass  # the caller has hung up
        finally:
            reader.cancel()

    async def webhook(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(row.split(":")[1]) for row in head.lower().split("\r\n") if row.startswith("content-length")), 0)
        server.asked.append(head + (await reader.readexactly(length)).decode())
        text = server.answer or f'<Response><Connect><Stream url="{server.ws}"/></Connect></Response>'
        body = text.encode()
        writer.write(f"HTTP/1.1 {server.status}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    async with serve(media, "127.0.0.1", 0, compression=None) as stream, await asyncio.start_server(webhook, "127.0.0.1", 0) as asked:
        server.ws = f"ws://127.0.0.1:{stream.sockets[0].getsockname()[1]}/media"
        server.http = f"http://127.0.0.1:{asked.sockets[0].getsockname()[1]}/voice"
        yield server


async def _read(line: PhoneLine) -> None:
    async for data in line.socket:
        line.got.append(line.end.receive(data))
        line.news.set()
    line.news.set()


def events(out: str) -> list[dict[str, object]]:
    """The JSON lines that `hubbub call --json` printed."""
    return [json.loads(row) for row in out.splitlines()]
