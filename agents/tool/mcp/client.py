"""The three MCP clients: a program on this machine, a server with a lasting session, a server with a
session for each call.

A lasting session lives in one task, from its opening to its end, because the SDK keeps cancel scopes open
inside it. When the server hangs up that task opens a new session, at once and then at growing intervals;
while it fails, `available` is False.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from ..base import ToolError
from .base import MCPClient, MCPUnavailable
from .wire import HttpServer, HttpTransport, Session, StdioServer, ToolInfo, open_session

T = TypeVar("T")
logger = logging.getLogger(__name__)

CONNECT_TIMEOUT_S = 30.0
"""How long opening a session may take: a stdio server may have to be installed first (npx, uvx)."""

RECONNECT_WAIT_S = 10.0
"""How long a call waits for a connection that has just been lost."""

HEALTH_TIMEOUT_S = 5.0
"""How long a server may take to list its tools when a failed call made us doubt the connection."""

STABLE_S = 5.0
"""A session that ends sooner than this counts as one more failed attempt."""

CLOSE_TIMEOUT_S = 10.0
"""How long the SDK may take to end a session, before it is cancelled."""

FIRST_DELAY_S, LAST_DELAY_S = 0.5, 30.0
"""Pauses between attempts to reconnect: doubled from the first to the last."""


class _StatefulClient(MCPClient):
    """A session that lasts from `connect` to `close`, opened again whenever it breaks."""

    def __init__(self, name: str, server: StdioServer | HttpServer, *, connect_timeout_s: float, trust_annotations: bool) -> None:
        super().__init__(name, trust_annotations=trust_annotations)
        self._server = server
        self._connect_timeout_s = connect_timeout_s
        self._task: asyncio.Task[None] | None = None
        self._session: Session | None = None
        self._check: asyncio.Task[bool] | None = None
        self._up = asyncio.Event()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._failures = 0
        self._short = 0
        """Sessions in a row that ended soon after they were opened."""

    @property
    def is_connected(self) -> bool:
        """Whether a session is open at this moment."""
        return self._session is not None

    @property
    def available(self) -> bool:
        """False before `connect`, after `close`, and while reconnecting fails."""
        return self._task is not None and not self._task.done() and self._failures == 0

    async def connect(self) -> None:
        """Opens the session. Raises MCPUnavailable where that fails, RuntimeError where it is open
        already."""
        if self._task is not None and not self._task.done():
            raise RuntimeError(f"MCP client {self.name!r} is connected already")
        self._closing.clear()
        self._failures = 0
        opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._own(opened), name=f"mcp {self.name}")
        try:
            await opened
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Closes the session; a program that was started is ended."""
        task, self._task = self._task, None
        if task is None:
            return
        if self._check is not None:
            self._check.cancel()
            await asyncio.wait({self._check})
        self._closing.set()
        self._wake.set()
        if self._session is None:
            task.cancel()  # it is still opening a session, and may be for long
        await asyncio.wait({task}, timeout=CLOSE_TIMEOUT_S)
        if not task.done():
            task.cancel()
            await asyncio.wait({task}, timeout=CLOSE_TIMEOUT_S)

    async def __aenter__(self) -> Self:
        await self.connect()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def list_tools(self) -> list[ToolInfo]:
        """The tools of the server. Raises MCPUnavailable."""
        found: list[ToolInfo] = await self._ask(lambda session: session.list_tools(), "listing its tools", repeatable=True)
        return found

    async def call_tool(self, name: str, arguments: dict[str, Any], *, repeatable: bool = False) -> Any:
        """Calls a tool, waiting a moment where the connection was just lost."""
        return await self._ask(lambda session: session.call_tool(name, arguments), name, repeatable=repeatable)

    async def _ask(self, use: Callable[[Session], Awaitable[Any]], what: str, *, repeatable: bool) -> Any:
        session = await self._live()
        try:
            return await self._until_hung_up(use(session))
        except Exception as error:
            if not await self._broken(session):
                raise ToolError(f"the server {self.name!r} refused {what}: {error}") from error
            # A server that does not know the session any more, having been restarted, has not run the call.
            if not repeatable and "session terminated" not in str(error).lower():
                raise MCPUnavailable(
                    f"the connection to {self.name!r} broke during {what}; it may or may not have been done"
                ) from error
        session = await self._live()
        try:
            return await self._until_hung_up(use(session))
        except Exception as error:
            raise MCPUnavailable(f"the server {self.name!r} failed twice at {what}: {error}") from error

    async def _until_hung_up(self, asking: Awaitable[T]) -> T:
        """The answer, or ConnectionError as soon as the server hangs up: version 1 of the SDK would wait
        for ever."""
        answer = asyncio.ensure_future(asking)
        hung_up = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({answer, hung_up}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ConnectionError("the server hung up")
            return answer.result()
        except asyncio.CancelledError:
            # Interrupted, or out of time. A server that stays silent may be gone, which HTTP does not tell.
            if self._session is not None and (self._check is None or self._check.done()):
                self._check = asyncio.create_task(self._broken(self._session), name=f"mcp check {self.name}")
            raise
        finally:
            hung_up.cancel()
            if not answer.done():
                answer.cancel()
                await asyncio.wait({answer})

    async def _live(self) -> Session:
        if self._task is None or self._task.done():
            raise MCPUnavailable(f"MCP client {self.name!r} is not connected; await its connect() first")
        if self._session is None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RECONNECT_WAIT_S):
                    await self._up.wait()
        if self._session is None:
            raise MCPUnavailable(f"the server {self.name!r} cannot be reached just now")
        return self._session

    async def _broken(self, session: Session) -> bool:
        if self._session is not session:
            return True
        wake = self._wake
        try:
            async with asyncio.timeout(HEALTH_TIMEOUT_S):
                await session.list_tools()
        except Exception:
            self._hang_up(wake)
            return True
        return False

    def _hang_up(self, wake: asyncio.Event) -> None:
        """The session that `wake` belongs to is over. One that has been replaced already changes nothing."""
        if wake is self._wake:
            self._session = None
            self._up.clear()
            wake.set()

    async def _own(self, opened: asyncio.Future[None]) -> None:
        while not self._closing.is_set():
            try:
                await self._hold(opened)
            except Exception as error:
                if not opened.done():
                    opened.set_exception(MCPUnavailable(f"cannot reach MCP server {self.name!r}: {_told(error)}"))
                    opened.exception()  # whoever connects may be gone; then nobody else needs to hear of it
                    return
                logger.warning("MCP server %s: %s", self.name, _told(error))
            finally:
                self._session = None
                self._up.clear()
            await self._pause()
        if not opened.done():
            opened.set_exception(MCPUnavailable(f"MCP client {self.name!r} was closed while it connected"))

    async def _hold(self, opened: asyncio.Future[None]) -> None:
        """Opens one session and keeps it until it breaks or is closed."""
        self._wake = wake = asyncio.Event()
        self._failures += 1  # taken back when it is open
        async with AsyncExitStack() as stack:
            async with asyncio.timeout(self._connect_timeout_s):
                session = await stack.enter_async_context(open_session(self._server, lambda: self._hang_up(wake)))
            self._failures = 0
            if self._closing.is_set() or wake.is_set():
                return
            self._session = session
            self._up.set()
            if not opened.done():
                opened.set_result(None)
            began = time.monotonic()
            await wake.wait()
            self._short = self._short + 1 if time.monotonic() - began < STABLE_S else 0
            if not self._closing.is_set():
                logger.info("MCP server %s hung up; connecting again", self.name)

    async def _pause(self) -> None:
        # The first hang-up is answered at once. A server that hangs up again and again is not.
        rounds = max(self._failures, self._short - 1)
        if rounds <= 0 or self._closing.is_set():
            return
        delay_s = min(FIRST_DELAY_S * 2 ** min(rounds - 1, 16), LAST_DELAY_S)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(delay_s):
                await self._closing.wait()


class StdIOStatefulClient(_StatefulClient):
    """Starts an MCP server as a program and speaks to it through its standard input and output.

    The program sees the variables in `env` and a few harmless ones of ours (PATH, HOME, ...), no others.
    `await connect()` and `await close()`, or `async with`.
    """

    def __init__(
        self,
        name: str,
        command: str,
        args: list[str] | None = None,
        env: dict[str, str] | None = None,
        cwd: str | Path | None = None,
        encoding: str = "utf-8",
        encoding_error_handler: Literal["strict", "ignore", "replace"] = "strict",
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        trust_annotations: bool = False,
    ) -> None:
        server = StdioServer(command, tuple(args or ()), env, cwd, encoding, encoding_error_handler)
        super().__init__(name, server, connect_timeout_s=connect_timeout_s, trust_annotations=trust_annotations)


class HttpStatefulClient(_StatefulClient):
    """Speaks to an MCP server at a URL, through one session that lasts from `connect` to `close`.

    `transport` is "streamable_http" or "sse". `timeout` and `sse_read_timeout` are seconds;
    `client_kwargs` go to the SDK's transport (`auth`).
    """

    def __init__(
        self,
        name: str,
        transport: HttpTransport,
        url: str,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
        sse_read_timeout: float = 300,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        trust_annotations: bool = False,
        **client_kwargs: Any,
    ) -> None:
        server = HttpServer(_known(transport), url, headers, timeout, sse_read_timeout, client_kwargs)
        super().__init__(name, server, connect_timeout_s=connect_timeout_s, trust_annotations=trust_annotations)


class HttpStatelessClient(MCPClient):
    """Speaks to an MCP server at a URL, through a session of its own for each call: nothing to connect or
    to close.

    The arguments are those of HttpStatefulClient.
    """

    def __init__(
        self,
        name: str,
        transport: HttpTransport,
        url: str,
        headers: dict[str, str] | None = None,
        timeout: float = 30,
        sse_read_timeout: float = 300,
        *,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
        trust_annotations: bool = False,
        **client_kwargs: Any,
    ) -> None:
        super().__init__(name, trust_annotations=trust_annotations)
        self._server = HttpServer(_known(transport), url, headers, timeout, sse_read_timeout, client_kwargs)
        self._connect_timeout_s = connect_timeout_s
        self._failures = 0
        self._retry_at = 0.0

    @property
    def available(self) -> bool:
        """False for a growing while after a failed attempt to reach the server."""
        return not self._failures or time.monotonic() >= self._retry_at

    async def list_tools(self) -> list[ToolInfo]:
        """The tools of the server. Raises MCPUnavailable."""
        found: list[ToolInfo] = await self._ask(lambda session: session.list_tools(), "listing its tools")
        return found

    async def call_tool(self, name: str, arguments: dict[str, Any], *, repeatable: bool = False) -> Any:
        """Calls a tool in a session of its own."""
        return await self._ask(lambda session: session.call_tool(name, arguments), name)

    async def close(self) -> None:
        """Nothing is open between calls."""

    async def _ask(self, use: Callable[[Session], Awaitable[Any]], what: str) -> Any:
        result: Any = None
        refused: Exception | None = None
        done = opened = False
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._connect_timeout_s):
                    session = await stack.enter_async_context(open_session(self._server))
                opened = True
                try:
                    result, done = await use(session), True
                except Exception as error:
                    # Kept aside: on its way out through the SDK's task groups it would be wrapped beyond
                    # recognition.
                    refused = error
        except Exception as error:
            if not done and refused is None:
                self._failed()
                during = f"broke during {what}; it may or may not have been done" if opened else "failed"
                raise MCPUnavailable(f"the connection to {self.name!r} {during}: {_told(error)}") from error
            logger.debug("MCP server %s: closing the session failed: %s", self.name, _told(error))
        self._failures = 0
        if refused is not None:
            raise ToolError(f"the server {self.name!r} refused {what}: {refused}") from refused
        return result

    def _failed(self) -> None:
        delay_s = min(FIRST_DELAY_S * 2 ** min(self._failures, 16), LAST_DELAY_S)
        self._failures += 1
        self._retry_at = time.monotonic() + delay_s


def _known(transport: HttpTransport) -> HttpTransport:
    if transport not in ("streamable_http", "sse"):
        raise ValueError(f"transport is 'streamable_http' or 'sse', not {transport!r}")
    return transport


def _told(error: BaseException) -> str:
    """The innermost reason: the SDK's task groups wrap what happened in groups of one."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
