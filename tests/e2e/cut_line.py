"""A line between a browser and a server that can be cut: a relay of TCP and UDP in the test's own process.

While it is down nothing passes, either way. TCP keeps what was not delivered and brings it later, as its retransmissions do; datagrams are
lost. Both ends of a WebRTC connection are led through it: the relay takes the addresses out of the browser's offer, and puts its own into
the server's answer.
"""

import asyncio
import contextlib
import re
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field

from hubbub.voice.testing.relay import Weather, relayed

SDP = re.compile(rb"\r\ncontent-type: application/sdp\b", re.IGNORECASE)
LENGTH = re.compile(rb"(\r\ncontent-length: )(\d+)", re.IGNORECASE)
CHUNK = 65536


@dataclass
class CutLine:
    """A relay before a server on this machine. Its methods may be called from any thread."""

    target: tuple[str, int]
    weather: Weather = field(default_factory=Weather)
    port: int = 0
    datagrams: int = 0
    """WebRTC answers that were led through the relay."""

    def __post_init__(self) -> None:
        self._up = asyncio.Event()
        self._up.set()
        self._relays = contextlib.AsyncExitStack()
        self._loop = asyncio.get_running_loop()
        self._ways: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """From now on nothing passes."""
        self._loop.call_soon_threadsafe(self._set, False)

    def mend(self) -> None:
        """From now on everything passes again."""
        self._loop.call_soon_threadsafe(self._set, True)

    def _set(self, up: bool) -> None:
        self.weather.down = not up
        if up:
            self._up.set()
        else:
            self._up.clear()

    async def connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One TCP connection of the browser, to its end."""
        await self._up.wait()
        try:
            back_reader, back_writer = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        ways = [
            self._loop.create_task(self._pass(reader, back_writer, self._without_addresses)),
            self._loop.create_task(self._pass(back_reader, writer, self._through_the_relay)),
        ]
        self._ways.update(ways)
        await asyncio.wait(ways)
        self._ways.difference_update(ways)

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, change: Callable[[bytes], Awaitable[bytes]]
    ) -> None:
        with contextlib.suppress(OSError, asyncio.CancelledError):
            while data := await reader.read(CHUNK):
                await self._up.wait()
                if SDP.search(data):
                    data = await self._changed(data, reader, change)
                writer.write(data)
                await writer.drain()
        writer.close()

    async def _changed(self, data: bytes, reader: asyncio.StreamReader, change: Callable[[bytes], Awaitable[bytes]]) -> bytes:
        """A whole HTTP message with another body."""
        while b"\r\n\r\n" not in data:
            data += await reader.read(CHUNK)
        head, _, body = data.partition(b"\r\n\r\n")
        length = LENGTH.search(head)
        assert length is not None, "a message with SDP says how long it is"
        body += await reader.readexactly(max(0, int(length[2]) - len(body)))
        body = await change(body)
        return LENGTH.sub(rb"\g<1>%d" % len(body), head) + b"\r\n\r\n" + body

    async def _without_addresses(self, offer: bytes) -> bytes:
        return b"\r\n".join(line for line in offer.split(b"\r\n") if not line.startswith(b"a=candidate"))

    async def _through_the_relay(self, answer: bytes) -> bytes:
        changed, _ = await self._relays.enter_async_context(relayed(answer.decode(), self.weather))
        self.datagrams += 1
        return changed.encode()

    async def close(self) -> None:
        for way in self._ways:
            way.cancel()
        await self._relays.aclose()


@contextlib.asynccontextmanager
async def _served(target: tuple[str, int]) -> AsyncIterator[CutLine]:
    line = CutLine(target)
    server = await asyncio.start_server(line.connect, "127.0.0.1", 0)
    line.port = server.sockets[0].getsockname()[1]
    try:
        yield line
    finally:
        server.close()
        await line.close()


@contextlib.contextmanager
def cut_line(url: str) -> Iterator[CutLine]:
    """A relay before the server at `url`, in a thread of its own."""
    host, port = url.removeprefix("http://").split(":")
    ready: threading.Event = threading.Event()
    lines: list[CutLine] = []
    over: list[asyncio.Event] = []

    async def run() -> None:
        over.append(asyncio.Event())
        async with _served((host, int(port))) as line:
            lines.append(line)
            ready.set()
            await over[0].wait()

    thread = threading.Thread(target=asyncio.run, args=(run(),), daemon=True)
    thread.start()
    assert ready.wait(10), "the relay did not start"
    try:
        yield lines[0]
    finally:
        lines[0]._loop.call_soon_threadsafe(over[0].set)
        thread.join(5)
