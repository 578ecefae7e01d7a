"""The asyncio side of the espeak-ng helper: processes that are started, watched, restarted, and lent to one sentence at a time.

A helper speaks a sentence hundreds of times faster than it takes to hear, so it is lent whole: sentences wait their turn in
the order in which they came, whichever session they belong to, and a session that does not read its sound keeps nobody
waiting, because the sound of one request (bounded by the engine, which cuts long texts) lies in the request and not in the pipe.
"""

import asyncio
import json
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, cast

from .base import TTSError
from .espeak_helper import ABORT, COUNT, END, ERROR, HEAD, MAX_PAYLOAD_BYTES, READY, SOUND, SPEAK, WORD

START_TIMEOUT_S = 10.0
"""A helper takes 0.1 s to start on an idle machine; a container's first read of the library can take seconds."""
STALL_TIMEOUT_S = 2.0
"""A helper that says nothing for so long while it should speak is killed: a chunk takes it 0.1 ms, an abort 3 ms."""
MAX_SOUND_BYTES = 8 << 20
"""Most sound that one request may pile up: about three minutes. The engine cuts texts far shorter than that."""

_KEPT_ENVIRONMENT = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "ESPEAK_DATA_PATH", "HOME")


class Request:
    """One text on its way through a helper: what came back and was not read yet."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.over = False
        self._error: str | None = None
        self._sounds: deque[tuple[list[tuple[int, int]], bytes]] = deque()
        self._waiting_bytes = 0
        self._news = asyncio.Event()

    async def next(self) -> tuple[list[tuple[int, int]], bytes] | None:
        """The next words (character, sample) and sound, or None at the end. Raises TTSError."""
        while not self._sounds:
            if self._error is not None:
                raise TTSError(self._error)
            if self.over:
                return None
            self._news.clear()
            await self._news.wait()
        words, pcm = self._sounds.popleft()
        self._waiting_bytes -= len(pcm)
        return words, pcm

    def add(self, payload: bytes) -> bool:
        """Takes the payload of a SOUND frame. Returns False where too much has piled up."""
        (count,) = COUNT.unpack_from(payload)
        sound_at = COUNT.size + count * WORD.size
        words = [cast(tuple[int, int], word) for word in WORD.iter_unpack(payload[COUNT.size : sound_at])]
        pcm = payload[sound_at:]
        self._sounds.append((words, pcm))
        self._waiting_bytes += len(pcm)
        self._news.set()
        return self._waiting_bytes <= MAX_SOUND_BYTES

    def end(self, error: str | None = None) -> None:
        """Nothing more comes. A second call does nothing."""
        if not self.over:
            self.over = True
            self._error = error
            self._news.set()


class Helper(asyncio.SubprocessProtocol):
    """One helper process and the request it works on. `on_free` is called when that request is over, however it ended."""

    def __init__(self, command: Sequence[str], on_free: Callable[["Helper"], None]) -> None:
        self._command = command
        self._on_free = on_free
        self._transport: asyncio.SubprocessTransport | None = None
        self._ready: asyncio.Future[dict[str, Any]] | None = None
        self._gone: asyncio.Future[None] | None = None
        self._request: Request | None = None
        self._buffer = bytearray()
        self._complaints = b""
        self._watchdog: asyncio.TimerHandle | None = None
        self._silent = False

    @property
    def alive(self) -> bool:
        """Whether the process runs and may be given a request."""
        return self._transport is not None

    @property
    def pid(self) -> int | None:
        """The process's id, None while it does not run."""
        return self._transport.get_pid() if self._transport else None

    async def start(self) -> dict[str, Any]:
        """Starts the process and returns what it says of itself: `version` and `rate_hz`. Raises TTSError."""
        loop = asyncio.get_running_loop()
        self._ready, self._gone = loop.create_future(), loop.create_future()
        self._buffer.clear()
        self._complaints = b""
        environment = {key: os.environ[key] for key in _KEPT_ENVIRONMENT if key in os.environ}
        try:
            transport, _ = await loop.subprocess_exec(lambda: self, *self._command, env=environment)
        except OSError as error:
            raise TTSError(f"the espeak-ng helper could not be started: {error}") from None
        self._transport = transport
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                return await self._ready
        except TimeoutError:
            await self.stop()
            raise TTSError(f"the espeak-ng helper did not get ready within {START_TIMEOUT_S:.0f} s") from None
        except BaseException:
            await asyncio.shield(self.stop())
            raise

    def begin(self, request: Request, order: dict[str, Any]) -> None:
        """Hands the request over; its sound follows."""
        self._request = request
        self._send(SPEAK, request.number, json.dumps(order).encode())
        self._silent = True
        self._watchdog = asyncio.get_running_loop().call_later(STALL_TIMEOUT_S, self._check)

    def abort(self, request: Request) -> None:
        """The request is no longer wanted. The helper becomes free a few ms later."""
        if self._request is request:
            request.end()
            self._send(ABORT, request.number)

    async def stop(self) -> None:
        """Ends the process and waits until it is gone."""
        if self._transport is not None:
            self._kill()
        if self._gone is not None:
            await self._gone

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """Part of `asyncio.SubprocessProtocol`."""
        self._silent = False
        if fd == 2:
            self._complaints = (self._complaints + data)[-2000:]
            return
        self._buffer += data
        while len(self._buffer) >= HEAD.size:
            kind, number, length = HEAD.unpack_from(self._buffer)
            if length > MAX_PAYLOAD_BYTES:
                self._kill()
                return
            if len(self._buffer) < HEAD.size + length:
                return
            payload = bytes(self._buffer[HEAD.size : HEAD.size + length])
            del self._buffer[: HEAD.size + length]
            self._take(kind, number, payload)

    def connection_lost(self, exc: Exception | None) -> None:
        """Part of `asyncio.SubprocessProtocol`: the process is gone and its pipes are read to the end."""
        status = self._transport.get_returncode() if self._transport else None
        self._transport = None
        lines = self._complaints.decode("utf-8", "replace").strip().splitlines()
        error = f"the espeak-ng helper died ({_status(status)}); the next sentence starts a new one"
        if lines:
            error += f". It said: {lines[-1][:200]}"
        if self._ready is not None and not self._ready.done():
            self._ready.set_exception(TTSError(error))
        if self._gone is not None and not self._gone.done():
            self._gone.set_result(None)
        self._finish(error)

    def _take(self, kind: int, number: int, payload: bytes) -> None:
        request = self._request
        if number == 0:
            self._greet(kind, payload)
        elif request is None or number != request.number:
            return
        elif kind == SOUND:
            if not request.over and not request.add(payload):
                self.abort(request)
        elif kind == END:
            self._finish(None)
        elif kind == ERROR:
            self._finish(payload.decode("utf-8", "replace"))

    def _greet(self, kind: int, payload: bytes) -> None:
        if self._ready is None or self._ready.done():
            return
        if kind == READY:
            self._ready.set_result(json.loads(payload))
        elif kind == ERROR:
            self._ready.set_exception(TTSError(f"espeak-ng did not load: {payload.decode('utf-8', 'replace')}"))

    def _finish(self, error: str | None) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()
            self._watchdog = None
        request, self._request = self._request, None
        if request is not None:
            request.end(error)
            self._on_free(self)

    def _check(self) -> None:
        if self._silent:
            self._kill()
            return
        self._silent = True
        self._watchdog = asyncio.get_running_loop().call_later(STALL_TIMEOUT_S, self._check)

    def _send(self, kind: int, number: int, payload: bytes = b"") -> None:
        pipe = self._transport.get_pipe_transport(0) if self._transport else None
        if pipe is not None:
            cast(asyncio.WriteTransport, pipe).write(HEAD.pack(kind, number, len(payload)) + payload)

    def _kill(self) -> None:
        if self._transport is not None:
            self._transport.close()  # kills the process where it still runs


class HelperPool:
    """A few helpers, lent in the order of asking."""

    def __init__(self, library: str, data_folder: str | None, size: int) -> None:
        script = Path(__file__).with_name("espeak_helper.py")
        command = [sys.executable, "-I", "-S", str(script), library, *([data_folder] if data_folder else [])]
        self._helpers = [Helper(command, self._freed) for _ in range(size)]
        self._free = list(self._helpers)
        self._waiting: deque[asyncio.Future[Helper]] = deque()
        self._closed = False

    @property
    def pids(self) -> list[int]:
        """Ids of the processes that run."""
        return [helper.pid for helper in self._helpers if helper.pid is not None]

    async def start(self) -> dict[str, Any]:
        """Starts all helpers and returns what one of them says of itself. Raises TTSError."""
        results = await asyncio.gather(*(helper.start() for helper in self._helpers), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                await self.close()
                raise result
        return cast(dict[str, Any], results[0])

    async def borrow(self) -> Helper:
        """A running helper for one request; it comes back by itself when the request is over. Raises TTSError."""
        helper = await self._next_free()
        if not helper.alive:
            try:
                await helper.start()
            except BaseException:
                self._freed(helper)
                raise
        return helper

    def give_back(self, helper: Helper) -> None:
        """Returns a borrowed helper that was given no request."""
        self._freed(helper)

    async def close(self) -> None:
        """Ends all processes. Whoever waits for a helper gets a TTSError."""
        self._closed = True
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_exception(TTSError("the speech engine was closed"))
        await asyncio.gather(*(helper.stop() for helper in self._helpers))

    async def _next_free(self) -> Helper:
        if self._closed:
            raise TTSError("the speech engine was closed")
        if self._free:
            # A running one where there is one: a restart takes 0.1 s.
            helper = next((helper for helper in self._free if helper.alive), self._free[0])
            self._free.remove(helper)
            return helper
        future: asyncio.Future[Helper] = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                self._freed(future.result())
            raise

    def _freed(self, helper: Helper) -> None:
        while self._waiting:
            future = self._waiting.popleft()
            if not future.done():
                future.set_result(helper)
                return
        self._free.append(helper)


def _status(status: int | None) -> str:
    if status is None:
        return "its exit status is not known"
    if status < 0:
        try:
            return f"by {signal.Signals(-status).name}"
        except ValueError:
            return f"by signal {-status}"
    return f"exit status {status}"
