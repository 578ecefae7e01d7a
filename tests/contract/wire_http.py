"""A small HTTP server whose answers are written by the test, to the byte: it can be slow, wrong, and gone."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any


class Exchange:
    """One request, and the means to answer it."""

    def __init__(self, method: str, path: str, headers: dict[str, str], body: bytes, writer: asyncio.StreamWriter) -> None:
        self.method = method
        self.path = path
        self.headers = headers
        self.body: dict[str, Any] = json.loads(body) if body else {}
        self.hung_up = asyncio.Event()
        """Set when the client closes the connection."""
        self._writer = writer

    async def refuse(self, status: int, body: Any, **headers: str) -> None:
        """Answers with a status and JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        await self._head(status, {"content-type": "application/json", "content-length": str(len(data)), **headers})
        await self._write(data)

    async def stream(self) -> None:
        """Begins a stream of server-sent events."""
        await self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"})

    async def send(self, text: str) -> None:
        """Sends a piece of the stream."""
        data = text.encode()
        if not data:
            return  # an empty chunk would end the stream
        await self._write(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        """Ends the stream in good order."""
        await self._write(b"0\r\n\r\n")

    def cut(self) -> None:
        """Breaks the connection."""
        self._writer.transport.abort()

    async def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} X", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
        await self._write("\r\n".join(lines).encode() + b"\r\n\r\n")

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()


Answer = Callable[[Exchange], Awaitable[None]]


class WireServer:
    """Answers each request with the next of `answers`; the last one serves all further requests."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.exchanges: list[Exchange] = []
        self.failures: list[BaseException] = []
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> str:
        """Listens on a free port and returns the address."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def close(self) -> None:
        """Ends everything."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self._answer(head.decode(), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass  # the end of the connection, or of the server
        finally:
            writer.close()

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        exchange = Exchange(method, path, headers, body, writer)
        self.exchanges.append(exchange)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        watching = asyncio.create_task(self._watch(reader, exchange))
        answering = asyncio.ensure_future(answer(exchange))
        try:
            await asyncio.wait({answering, watching}, return_when=asyncio.FIRST_COMPLETED)
            if exchange.hung_up.is_set():
                answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
        finally:
            watching.cancel()
            answering.cancel()
            await asyncio.gather(watching, answering, return_exceptions=True)

    async def _watch(self, reader: asyncio.StreamReader, exchange: Exchange) -> None:
        """Waits for the client to hang up; nothing else comes before the answer has ended."""
        while not reader.at_eof() and reader.exception() is None:
            await asyncio.sleep(0.0005)
        exchange.hung_up.set()
