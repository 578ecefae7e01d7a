"""What a call's messages travel over: a WebSocket, or the TCP connection of an AudioSocket."""

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import SplitResult, urlsplit, urlunsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidMessage, InvalidStatus, InvalidURI

from .errors import CannotConnectError, ConnectionLostError, RefusedError
from .trunk import Data

OPEN_TIMEOUT_S = 10.0
MAX_MESSAGE_BYTES = 1024 * 1024
READ_BYTES = 16 * 1024

NORMAL_CLOSES = (1000, 1001, 1005)


class Transport(Protocol):
    """A connection to a server. `closed` says how the server ended it, once it has."""

    closed: str

    async def receive(self) -> Data | None:
        """The next message; None when the server has closed. Raises ConnectionLostError where the connection broke."""

    async def send(self, data: Data) -> None:
        """Raises ConnectionLostError."""

    async def close(self) -> None: ...


class WebSocketTransport:
    """A WebSocket of either side."""

    def __init__(self, socket: ClientConnection | ServerConnection) -> None:
        self._socket = socket
        self.closed = ""

    async def receive(self) -> Data | None:
        try:
            return await self._socket.recv()
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd is not None else 1006
            reason = f" ({error.rcvd.reason})" if error.rcvd is not None and error.rcvd.reason else ""
            self.closed = f"it closed the stream with {code}{reason}"
            if code not in NORMAL_CLOSES and error.rcvd is None:
                raise ConnectionLostError("the connection broke in the middle of the call") from None
            return None

    async def send(self, data: Data) -> None:
        try:
            await self._socket.send(data)
        except ConnectionClosed:
            raise ConnectionLostError("the server has closed the stream") from None

    async def close(self) -> None:
        await self._socket.close()


class TcpTransport:
    """A TCP connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.closed = ""

    async def receive(self) -> Data | None:
        try:
            data = await self._reader.read(READ_BYTES)
        except ConnectionError as error:
            raise ConnectionLostError(f"the connection broke in the middle of the call: {error}") from None
        if not data:
            self.closed = "it closed the connection"
            return None
        return data

    async def send(self, data: Data) -> None:
        if isinstance(data, str):
            raise TypeError("AudioSocket has no text")
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError as error:
            raise ConnectionLostError(f"the server has closed the connection: {error}") from None

    async def close(self) -> None:
        self._writer.close()
        try:
            async with asyncio.timeout(1):
                await self._writer.wait_closed()
        except (ConnectionError, TimeoutError):
            pass


def real_address(via: str) -> SplitResult:
    """Where a server is really reached whose public address leads elsewhere: it is tested without a tunnel. Signatures and the Host header
    keep the public one. Raises ValueError."""
    real = urlsplit(via)
    if real.scheme not in ("http", "https") or not real.hostname or real.path.strip("/"):
        raise ValueError(f"the address behind the public one is written like http://127.0.0.1:8080, not {via!r}")
    return real


async def open_websocket(
    url: str, *, headers: Mapping[str, str] | None = None, subprotocol: str | None = None, via: str | None = None,
    timeout_s: float = OPEN_TIMEOUT_S,
) -> WebSocketTransport:  # fmt: skip
    """Dials a media stream; `via` is where the server is really reached.

    Raises CannotConnectError, RefusedError, ValueError for an address that is none.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ValueError(f"a media stream's address begins with wss:// or ws://, not {url!r}")
    where: dict[str, Any] = {}
    if via is not None:
        real = real_address(via)
        url = urlunsplit(parts._replace(scheme="wss" if real.scheme == "https" else "ws"))
        where = {"host": real.hostname, "port": real.port or (443 if real.scheme == "https" else 80)}
    protocols: list[str] | None = [subprotocol] if subprotocol else None
    try:
        socket = await connect(
            url, additional_headers=dict(headers or {}), subprotocols=protocols,  # type: ignore[arg-type]
            compression=None, open_timeout=timeout_s, close_timeout=2, max_size=MAX_MESSAGE_BYTES, **where,
        )  # fmt: skip
    except InvalidStatus as error:
        status = error.response.status_code
        body = " ".join((error.response.body or b"").decode("utf-8", "replace").split())[:200]
        if 400 <= status < 500:
            raise RefusedError(str(status), f"the server refused the stream {url} with {status}: {body or 'it says no more'}") from None
        raise CannotConnectError(f"the server answered the stream {url} with {status}, not with a WebSocket: {body}") from None
    except (InvalidHandshake, InvalidMessage, EOFError) as error:
        raise CannotConnectError(f"who answers at {url} speaks no WebSocket: {error}") from None
    except InvalidURI as error:
        raise ValueError(f"the address {url!r} is none: {error}") from None
    except TimeoutError:
        raise CannotConnectError(f"nobody answers at {url} within {timeout_s:g} s") from None
    except OSError as error:
        raise CannotConnectError(f"nobody answers at {url}: {error.strerror or error}") from None
    return WebSocketTransport(socket)


async def open_tcp(host: str, port: int, *, timeout_s: float = OPEN_TIMEOUT_S) -> TcpTransport:
    """Connects to an AudioSocket server. Raises CannotConnectError."""
    try:
        async with asyncio.timeout(timeout_s):
            reader, writer = await asyncio.open_connection(host, port)
    except TimeoutError:
        raise CannotConnectError(f"nobody answers at {host}:{port} within {timeout_s:g} s") from None
    except OSError as error:
        raise CannotConnectError(f"nobody answers at {host}:{port}: {error.strerror or error}") from None
    return TcpTransport(reader, writer)
