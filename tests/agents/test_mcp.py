"""MCP clients against real servers: a program on stdio, and HTTP servers on the loopback."""

import asyncio
import contextlib
import socket
import sys
from pathlib import Path

import pytest
from hubbub.agents.message import ImageBlock, TextBlock, ToolUseBlock
from hubbub.agents.tool import Toolkit, ToolResponse
from hubbub.agents.tool.mcp import (
    HttpStatefulClient,
    HttpStatelessClient,
    MCPUnavailable,
    StdIOStatefulClient,
)
from hubbub.agents.tool.mcp.base import result_blocks

pytest.importorskip("mcp", reason="the MCP SDK is not installed")
uvicorn = pytest.importorskip("uvicorn")

SCRIPT = Path(__file__).parent / "servers" / "mcp_server.py"
PLAIN = SCRIPT.with_name("plain_mcp_server.py")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def stdio(name="shop", script=PLAIN, **options):
    return StdIOStatefulClient(name, sys.executable, ["-S", str(script)], **options)


async def run(toolkit, name, /, **arguments):
    chunks = [chunk async for chunk in toolkit.call(ToolUseBlock("1", name, arguments))]
    assert [chunk.is_last for chunk in chunks].count(True) == 1 and chunks[-1].is_last
    return chunks[-1].state, "".join(block.text for chunk in chunks for block in chunk.content)


def app_of(transport):
    sys.path.insert(0, str(SCRIPT.parent))
    try:
        import mcp_server
    finally:
        sys.path.pop(0)
    server = mcp_server.build()
    return server.sse_app() if transport == "sse" else server.streamable_http_app()


class HttpServer:
    """An MCP server on a port of the loopback, in this process; it can be stopped and started again."""

    def __init__(self, transport):
        self.transport = transport
        self.silent = False
        self.wake = asyncio.Event()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/{'sse' if transport == 'sse' else 'mcp'}"

    async def start(self):
        app = app_of(self.transport)

        async def mutable(scope, receive, send):
            if scope["type"] == "http" and self.silent:
                await self.wake.wait()
            await app(scope, receive, send)

        config = uvicorn.Config(mutable, port=self.port, log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None
        self._server.capture_signals = contextlib.nullcontext
        self._task = asyncio.create_task(self._server.serve())
        while not self._server.started:
            assert not self._task.done(), "the server did not start"
            await asyncio.sleep(0.01)

    async def stop(self):
        self._server.should_exit = True
        await self._task

    async def __aenter__(self):
        await self.start()
        return self

    async def __aexit__(self, *_):
        await self.stop()


async def until(condition, timeout_s=15.0):
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.01)


async def test_stdio_server_of_the_sdk():
    async with StdIOStatefulClient("shop", sys.executable, [str(SCRIPT)]) as client, Toolkit() as toolkit:
        names = await toolkit.register_mcp_client(client)
        assert names == ["add", "look", "fail"]
        schema = next(s for s in toolkit.schemas() if s["function"]["name"] == "add")["function"]
        assert schema["description"] == "Adds two numbers."
        assert set(schema["parameters"]["required"]) == {"a", "b"}
        assert await run(toolkit, "add", a=2, b="3") == ("success", "5")
        state, text = await run(toolkit, "fail")
        assert state == "error" and "fail" in text
        state, text = await run(toolkit, "add", a="x")
        assert state == "error" and "'b' is a required property" in text


async def test_stdio_server_does_not_inherit_secrets(monkeypatch):
    monkeypatch.setenv("HUBBUB_TEST_SECRET", "hush")
    async with stdio(env={"GIVEN": "yes"}) as client, Toolkit() as toolkit:
        await toolkit.register_mcp_client(client, enable_funcs=["env.get"])
        assert await run(toolkit, "env_get", name="HUBBUB_TEST_SECRET") == ("success", "(unset)")
        assert await run(toolkit, "env_get", name="GIVEN") == ("success", "yes")


async def test_client_and_function_level_control():
    async with stdio() as client, Toolkit() as toolkit:
        toolkit.create_tool_group("maths", "numbers")

        def shout(tool_call, response):
            return ToolResponse([TextBlock(response.content[0].text + "!")])

        names = await toolkit.register_mcp_client(
            client,
            group_name="maths",
            enable_funcs=["add", "look"],
            preset_kwargs_mapping={"add": {"b": 10}},
            postprocess_func={"add": shout},
        )
        assert names == ["add", "look"] and toolkit.schemas() == []
        toolkit.update_tool_groups(["maths"], True)
        assert set(toolkit.schemas()[0]["function"]["parameters"]["properties"]) == {"a"}
        assert await run(toolkit, "add", a=1) == ("success", "11!")
        assert await run(toolkit, "look") == ("success", "seen")
        with pytest.raises(ValueError, match="already has tools"):
            await toolkit.register_mcp_client(client, enable_funcs=["look"])
        with pytest.raises(ValueError, match="no tool nothing"):
            await toolkit.register_mcp_client(client, enable_funcs=["nothing"])
        await toolkit.remove_mcp_clients(["shop"])
        assert toolkit.names() == []

        others = await toolkit.register_mcp_client(client, disable_funcs=["add", "die"])
        # All pages of the list, and without the tool whose schema no model could follow.
        assert others == ["look", "slow", "env_get"]


async def test_callable_function():
    async with stdio() as client:
        add = await client.get_callable_function("add")
        assert add.name == "add" and add.json_schema["function"]["name"] == "add"
        response = await add(a=1, b=2)
        assert isinstance(response, ToolResponse) and response.content[0].text == "3"
        raw = await (await client.get_callable_function("add", wrap_tool_result=False))(a=1, b=2)
        assert raw.content[0].text == "3" and not isinstance(raw, ToolResponse)
        toolkit = Toolkit()
        toolkit.register_tool_function(add, func_name="sum", preset_kwargs={"a": 40})
        assert await run(toolkit, "sum", b=2) == ("success", "42")
        with pytest.raises(ValueError, match="no tool 'nope'"):
            await client.get_callable_function("nope")


async def test_execution_timeout_leaves_the_connection_usable():
    async with stdio() as client, Toolkit() as toolkit:
        await toolkit.register_mcp_client(client, enable_funcs=["slow"], execution_timeout=0.2)
        await toolkit.register_mcp_client(client, enable_funcs=["add"])
        state, text = await run(toolkit, "slow")
        assert state == "error" and "0.2 seconds" in text
        assert await run(toolkit, "add", a=1, b=1) == ("success", "2")
        slow = await client.get_callable_function("slow", execution_timeout=0.1)
        with pytest.raises(TimeoutError):
            await slow()


async def test_read_only_hints_count_only_when_trusted():
    async with stdio() as client, stdio("trusted", trust_annotations=True) as trusted:
        toolkit = Toolkit()
        await toolkit.register_mcp_client(client, enable_funcs=["look"])
        assert toolkit.flags("look").side_effects and not toolkit.flags("look").read_only
        await toolkit.register_mcp_client(trusted, enable_funcs=["look"], namesake_strategy="override")
        assert toolkit.flags("look").read_only and not toolkit.flags("look").side_effects


async def test_stdio_server_that_dies_is_started_again():
    async with stdio() as client, Toolkit() as toolkit:
        await toolkit.register_mcp_client(client)
        state, text = await run(toolkit, "die")
        assert state == "error" and "may or may not have been done" in text
        assert await run(toolkit, "add", a=2, b=2) == ("success", "4")


async def test_broken_server_withdraws_only_its_tools(tmp_path):
    script = tmp_path / "server.py"
    script.write_text(PLAIN.read_text())
    async with stdio("fragile", script) as fragile, stdio() as steady, Toolkit() as toolkit:
        await toolkit.register_mcp_client(fragile, enable_funcs=["die", "look"])
        await toolkit.register_mcp_client(steady, enable_funcs=["add"])
        script.write_text("raise SystemExit(3)")
        await run(toolkit, "die")
        await until(lambda: not fragile.available)
        assert toolkit.names(visible=True) == ["add"]
        state, text = await run(toolkit, "look")
        assert state == "error" and "cannot be reached" in text
        assert await run(toolkit, "add", a=1, b=2) == ("success", "3")
        script.write_text(PLAIN.read_text())
        await until(lambda: fragile.available)
        assert await run(toolkit, "look") == ("success", "seen")


async def test_server_that_cannot_be_started(tmp_path):
    script = tmp_path / "server.py"
    script.write_text("raise SystemExit(3)")
    client = stdio("broken", script)
    with pytest.raises(MCPUnavailable, match="broken"):
        await client.connect()
    assert not client.available and not client.is_connected
    with pytest.raises(MCPUnavailable, match="connect"):
        await Toolkit().register_mcp_client(client)
    missing = StdIOStatefulClient("missing", "/nonexistent/program")
    with pytest.raises(MCPUnavailable, match="missing"):
        await missing.connect()
    await missing.close()


async def test_connecting_can_be_cancelled():
    client = StdIOStatefulClient("mute", sys.executable, ["-c", "import time; time.sleep(60)"])
    connecting = asyncio.create_task(client.connect())
    await asyncio.sleep(0.3)
    connecting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await connecting
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "mcp mute"]


async def test_interrupted_call_stops_and_connection_stays():
    async with stdio() as client, Toolkit() as toolkit:
        await toolkit.register_mcp_client(client, enable_funcs=["slow", "add"])
        call = asyncio.create_task(run(toolkit, "slow"))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert await run(toolkit, "add", a=1, b=2) == ("success", "3")


async def test_toolkit_closes_what_it_owns():
    toolkit = Toolkit()
    client = stdio()
    await client.connect()
    await toolkit.register_mcp_client(client, close_with_toolkit=True)
    with pytest.raises(RuntimeError, match="connected already"):
        await client.connect()
    await toolkit.close()
    assert not client.is_connected and not client.available
    await client.close()


@pytest.mark.parametrize("transport", ["streamable_http", "sse"])
@pytest.mark.parametrize("kind", [HttpStatefulClient, HttpStatelessClient])
async def test_http_transports(transport, kind):
    async with HttpServer(transport) as server, Toolkit() as toolkit:
        client = kind("web", transport, server.url, headers={"X-Test": "1"})
        if kind is HttpStatefulClient:
            await client.connect()
        try:
            await toolkit.register_mcp_client(client, enable_funcs=["add", "fail"])
            assert await run(toolkit, "add", a=20, b=22) == ("success", "42")
            state, text = await run(toolkit, "fail")
            assert state == "error" and "fail" in text
            results = await asyncio.gather(*(run(toolkit, "add", a=i, b=i) for i in range(5)))
            assert results == [("success", str(2 * i)) for i in range(5)]
        finally:
            await client.close()


@pytest.mark.parametrize("transport", ["streamable_http", "sse"])
async def test_http_server_that_restarts(transport):
    server = HttpServer(transport)
    await server.start()
    client = HttpStatefulClient("web", transport, server.url)
    await client.connect()
    toolkit = Toolkit()
    await toolkit.register_mcp_client(client, enable_funcs=["add"])
    await server.stop()
    state, _ = await run(toolkit, "add", a=1, b=2)
    assert state == "error"
    await until(lambda: not client.available)
    assert toolkit.schemas() == []
    await server.start()
    await until(lambda: client.is_connected)
    assert await run(toolkit, "add", a=1, b=2) == ("success", "3")
    await client.close()
    await server.stop()


async def test_http_server_that_falls_silent(monkeypatch):
    monkeypatch.setattr("hubbub.agents.tool.mcp.client.HEALTH_TIMEOUT_S", 0.2)
    async with HttpServer("streamable_http") as server, Toolkit() as toolkit:
        client = HttpStatefulClient("web", "streamable_http", server.url, connect_timeout_s=2)
        await client.connect()
        await toolkit.register_mcp_client(client, enable_funcs=["add"], execution_timeout=0.2, close_with_toolkit=True)
        server.silent = True
        state, text = await run(toolkit, "add", a=1, b=2)
        assert state == "error" and "0.2 seconds" in text
        await until(lambda: not client.available)
        assert toolkit.schemas() == []
        server.silent = False
        server.wake.set()
        await until(lambda: client.is_connected)
        assert toolkit.names(visible=True) == ["add"]


async def test_stateless_client_notices_absence_and_return(monkeypatch):
    server = HttpServer("streamable_http")
    client = HttpStatelessClient("web", "streamable_http", server.url)
    with pytest.raises(MCPUnavailable, match="web"):
        await client.list_tools()
    assert not client.available
    async with server:
        await until(lambda: client.available)
        assert "add" in [info.name for info in await client.list_tools()]


def test_unknown_transport_is_refused():
    with pytest.raises(ValueError, match="streamable_http"):
        HttpStatelessClient("x", "carrier pigeon", "http://127.0.0.1/")


def test_content_of_all_kinds():
    from types import SimpleNamespace as Thing

    result = Thing(
        content=[
            Thing(type="text", text="a"),
            Thing(type="text", text="b"),
            Thing(type="image", data="aWNvbg==", mimeType="image/png"),
            Thing(type="resource_link", uri="file:///x.txt", name="x", mime_type="text/plain"),
            Thing(type="resource", resource=Thing(text="inside", uri="x:y")),
        ]
    )
    blocks = result_blocks(result)
    assert [block.text for block in blocks if isinstance(block, TextBlock)] == ["a", "\nb", "inside"]
    assert isinstance(blocks[2], ImageBlock) and blocks[2].source.media_type == "image/png"
    assert blocks[3].source.url == "file:///x.txt"
    structured_only = result_blocks(Thing(content=[], structured_content={"n": 1}))
    assert structured_only[0].text == '{"n": 1}'
