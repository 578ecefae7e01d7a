"""Opens MCP sessions with whichever version of the SDK is installed, and gives both the same face.

Version 1 has `ClientSession` with camel-case results, and time limits as `timedelta`; version 2 has
`Client`, snake case, and an HTTP library of its own. We use no time limits of the SDK: whoever calls is
cancelled from outside.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Transport = AbstractAsyncContextManager[Any]
HttpTransport = Literal["streamable_http", "sse"]

MAX_PAGES = 64
"""Pages of tools asked of a server: one that never ends its list cannot hang us."""


def sdk() -> Any:
    """The `mcp` package. Raises ImportError, saying what to install."""
    try:
        import mcp
    except ImportError as error:
        raise ImportError("MCP servers need the official SDK: pip install mcp") from error
    return mcp


@dataclass(frozen=True, slots=True)
class StdioServer:
    """A server that is started as a program and spoken to through its standard input and output."""

    command: str
    args: tuple[str, ...] = ()
    env: dict[str, str] | None = None
    cwd: str | Path | None = None
    encoding: str = "utf-8"
    encoding_error_handler: Literal["strict", "ignore", "replace"] = "strict"

    def transport(self) -> Transport:
        """A new process, as the SDK's transport."""
        sdk()
        from mcp import StdioServerParameters
        from mcp.client.stdio import stdio_client

        parameters = StdioServerParameters(
            command=self.command,
            args=list(self.args),
            env=self.env,
            cwd=self.cwd,
            encoding=self.encoding,
            encoding_error_handler=self.encoding_error_handler,
        )
        return stdio_client(parameters)


@dataclass(frozen=True, slots=True)
class HttpServer:
    """A server at a URL."""

    kind: HttpTransport
    url: str
    headers: dict[str, str] | None = None
    timeout_s: float = 30.0
    read_timeout_s: float = 300.0
    options: dict[str, Any] = field(default_factory=dict)
    """More keyword arguments for the SDK's transport, such as `auth`."""

    def transport(self) -> Transport:
        """A new connection, as the SDK's transport."""
        sdk()
        if self.kind == "sse":
            from mcp.client.sse import sse_client

            return sse_client(
                self.url,
                headers=self.headers,
                timeout=self.timeout_s,
                sse_read_timeout=self.read_timeout_s,
                **self.options,
            )
        return self._streamable()

    @asynccontextmanager
    async def _streamable(self) -> AsyncGenerator[Any]:
        from mcp.client import streamable_http as module

        if not hasattr(module, "streamable_http_client"):
            raise ImportError("streamable HTTP needs version 1.24 or later of the MCP SDK: pip install -U mcp")
        options = dict(self.options)
        auth = options.pop("auth", None)
        # The time limits have the type of the HTTP library that this version of the SDK uses: httpx, or
        # httpx2.
        http: Any = getattr(module, "httpx2", None) or getattr(module, "httpx", None)
        timeout = http.Timeout(self.timeout_s, read=self.read_timeout_s)
        async with (
            _http_client_factory()(headers=self.headers, timeout=timeout, auth=auth) as client,
            module.streamable_http_client(self.url, http_client=client, **options) as streams,
        ):
            yield streams


def _http_client_factory() -> Callable[..., Any]:
    from mcp.shared._httpx_utils import create_mcp_http_client

    return create_mcp_http_client


class Watched:
    """A read stream that tells when the other side has closed it; the SDKs keep that to themselves."""

    def __init__(self, stream: Any, ended: Callable[[], None]) -> None:
        self._stream = stream
        self._ended = ended

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._stream.__anext__()
        except StopAsyncIteration:
            self._ended()
            raise

    async def __aenter__(self) -> Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> Any:
        return await self._stream.__aexit__(*details)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


@asynccontextmanager
async def open_session(server: StdioServer | HttpServer, ended: Callable[[], None] = lambda: None) -> AsyncGenerator[Session]:
    """A session that is ready for calls. `ended` is called when the server hangs up.

    Has to be entered and left in the same task: the SDK keeps cancel scopes open inside it.
    """
    mcp = sdk()

    @asynccontextmanager
    async def watched() -> AsyncGenerator[Any]:
        async with server.transport() as streams:
            yield Watched(streams[0], ended), streams[1]

    if hasattr(mcp, "Client"):
        async with mcp.Client(watched()) as client:
            yield Session(client)
    else:
        async with watched() as (read, write), mcp.ClientSession(read, write) as session:
            await session.initialize()
            yield Session(session)


@dataclass(frozen=True, slots=True)
class ToolInfo:
    """A tool as its server describes it."""

    name: str
    description: str
    input_schema: dict[str, Any]
    read_only_hint: bool = False


class Session:
    """An open session of either version."""

    __slots__ = ("_session",)

    def __init__(self, session: Any) -> None:
        self._session = session

    async def list_tools(self) -> list[ToolInfo]:
        """All tools of the server, page by page."""
        found: list[ToolInfo] = []
        cursor: str | None = None
        for _ in range(MAX_PAGES):
            page = await self._session.list_tools(**({"cursor": cursor} if cursor else {}))
            found += [_tool_info(tool) for tool in page.tools]
            cursor = _either(page, "next_cursor", "nextCursor")
            if not cursor:
                break
        return found

    async def call_tool(self, name: str, arguments: dict[str, Any]) -> Any:
        """The SDK's CallToolResult. Raises what the SDK raises."""
        return await self._session.call_tool(name, arguments)


def _tool_info(tool: Any) -> ToolInfo:
    hints = getattr(tool, "annotations", None)
    read_only = _either(hints, "read_only_hint", "readOnlyHint") if hints is not None else False
    schema = _either(tool, "input_schema", "inputSchema") or {"type": "object", "properties": {}}
    return ToolInfo(tool.name, tool.description or "", dict(schema), bool(read_only))


def _either(thing: Any, new: str, old: str) -> Any:
    return getattr(thing, new) if hasattr(thing, new) else getattr(thing, old, None)


def is_error(result: Any) -> bool:
    """Whether a tool's result says that the tool failed."""
    return bool(_either(result, "is_error", "isError"))


def structured(result: Any) -> Any:
    """The structured content of a tool's result, or None."""
    return _either(result, "structured_content", "structuredContent")


def media_type(content: Any) -> str:
    """The MIME type of a piece of content."""
    return _either(content, "mime_type", "mimeType") or "application/octet-stream"
