"""The programs of AgentScope's 1.x README, line for line but for the import root, on local servers that speak for the providers."""

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import pytest_asyncio
from hubbub.agents import TextBlock, UserInputBase, UserInputData
from test_model_contract import no_pool_left, saying  # noqa: F401 - a fixture that each test here uses, too
from wire_chat import KEY, DashScopeWire, OpenAIWire
from wire_http import WireServer

HELLO_AGENTSCOPE = '''
from agentscope.agent import ReActAgent, UserAgent
from agentscope.model import DashScopeChatModel
from agentscope.formatter import DashScopeChatFormatter
from agentscope.memory import InMemoryMemory
from agentscope.tool import Toolkit, execute_python_code, execute_shell_command
import os, asyncio


async def main():
    toolkit = Toolkit()
    toolkit.register_tool_function(execute_python_code)
    toolkit.register_tool_function(execute_shell_command)

    agent = ReActAgent(
        name="Friday",
        sys_prompt="You're a helpful assistant named Friday.",
        model=DashScopeChatModel(
            model_name="qwen-max",
            api_key=os.environ["DASHSCOPE_API_KEY"],
            stream=True,
        ),
        memory=InMemoryMemory(),
        formatter=DashScopeChatFormatter(),
        toolkit=toolkit,
    )

    user = UserAgent(name="user")

    msg = None
    while True:
        msg = await agent(msg)
        msg = await user(msg)
        if msg.get_text_content() == "exit":
            break
'''

FINE_GRAINED_MCP_CONTROL = '''
from agentscope.mcp import HttpStatelessClient
from agentscope.tool import Toolkit
import os

async def fine_grained_mcp_control():
    # Initialize the MCP client
    client = HttpStatelessClient(
        name="gaode_mcp",
        transport="streamable_http",
        url=f"https://mcp.amap.com/mcp?key={os.environ['GAODE_API_KEY']}",
    )

    # Obtain the MCP tool as a **local callable function**, and use it anywhere
    func = await client.get_callable_function(func_name="maps_geo")

    # Option 1: Call directly
    await func(address="Tiananmen Square", city="Beijing")

    # Option 2: Pass to agent as a tool
    toolkit = Toolkit()
    toolkit.register_tool_function(func)
'''

MULTI_AGENT = '''
from agentscope.agent import ReActAgent
from agentscope.formatter import OpenAIMultiAgentFormatter
from agentscope.message import Msg
from agentscope.model import OpenAIChatModel
from agentscope.pipeline import MsgHub, sequential_pipeline


async def multi_agent_conversation():
    model = OpenAIChatModel(model_name="gpt-4o")
    agent1, agent2, agent3, agent4 = (
        ReActAgent(name=name, sys_prompt=f"You are {name}.", model=model, formatter=OpenAIMultiAgentFormatter())
        for name in ("Alice", "Bob", "Charlie", "David")
    )
    # Create a message hub to manage multi-agent conversation
    async with MsgHub(
        participants=[agent1, agent2, agent3],
        announcement=Msg("Host", "Introduce yourselves.", "assistant")
    ) as hub:
        # Speak sequentially
        await sequential_pipeline([agent1, agent2, agent3])
        # Dynamic manage the participants
        hub.add(agent4)
        hub.delete(agent3)
        await hub.broadcast(Msg("Host", "Goodbye!", "assistant"))
    return agent1, agent4
'''


class Lines(UserInputBase):
    """A person who says one line after the other."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    async def __call__(self, *args: Any, **kwargs: Any) -> UserInputData:
        return UserInputData([TextBlock(self.lines.pop(0))])


def program(text: str) -> dict[str, Any]:
    """The names that a program of the README defines, its import root changed and nothing else."""
    names: dict[str, Any] = {}
    exec(re.sub(r"\bfrom agentscope\.", "from hubbub.agents.", text), names)
    return names


@pytest_asyncio.fixture
async def server() -> AsyncIterator[WireServer]:
    server = WireServer()
    server.address = await server.start()  # type: ignore[attr-defined]
    yield server
    await server.close()


async def test_hello_agentscope(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    dashscope = pytest.importorskip("dashscope")
    monkeypatch.setenv("DASHSCOPE_API_KEY", KEY)
    monkeypatch.setattr(dashscope, "base_http_api_url", f"{server.address}/api/v1")  # type: ignore[attr-defined]
    wire = DashScopeWire()
    code = json.dumps({"code": "print(6*7)"})
    server.answers = [
        saying(wire.text("Hi, I'm Friday."), wire.finish(), wire.end),
        saying(wire.call(0, "call_1", "execute_python_code", code), wire.finish("tool_calls"), wire.end),
        saying(wire.text("Done."), wire.finish(), wire.end),
    ]
    names = program(HELLO_AGENTSCOPE)
    person = Lines("run 6*7", "exit")
    made = names["UserAgent"]

    def user_agent(name: str) -> Any:
        user = made(name=name)
        user.override_instance_input_method(person)
        return user

    names["UserAgent"] = user_agent  # a test has no keyboard
    async with asyncio.timeout(30):
        await names["main"]()
    first, *_, last = (exchange.body for exchange in server.exchanges)
    assert first["model"] == "qwen-max"
    assert first["input"]["messages"][0]["content"] == "You're a helpful assistant named Friday."
    assert [tool["function"]["name"] for tool in first["parameters"]["tools"]] == ["execute_python_code", "execute_shell_command"]
    assert last["input"]["messages"][-1]["role"] == "tool"
    assert person.lines == []


async def test_a_conversation_in_a_hub(server: WireServer, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.address}/v1")  # type: ignore[attr-defined]
    wire = OpenAIWire()
    server.answers = [saying(wire.text(f"I'm {n}."), wire.finish(), wire.end) for n in ("Alice", "Bob", "Charlie")]
    alice, david = await program(MULTI_AGENT)["multi_agent_conversation"]()
    assert [m.get_text_content() for m in alice.memory.messages()] == [
        "Introduce yourselves.", "I'm Alice.", "I'm Bob.", "I'm Charlie.", "Goodbye!",
    ]  # fmt: skip
    assert [m.get_text_content() for m in david.memory.messages()] == ["Goodbye!"]
    third = server.exchanges[2]
    assert third.body["model"] == "gpt-4o" and third.headers["authorization"] == f"Bearer {KEY}"
    told = str(third.body["messages"])
    assert "Alice: I'm Alice." in told and "Bob: I'm Bob." in told
    await alice.model.close()


async def test_fine_grained_mcp_control(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("mcp", reason="the MCP SDK is not installed")
    asked: list[dict[str, str]] = []

    async with geo_server(asked) as address:
        monkeypatch.setenv("GAODE_API_KEY", "k")
        text = FINE_GRAINED_MCP_CONTROL.replace("https://mcp.amap.com/mcp", f"{address}/mcp")
        async with asyncio.timeout(30):
            await program(text)["fine_grained_mcp_control"]()
    assert asked == [{"address": "Tiananmen Square", "city": "Beijing"}]


@asynccontextmanager
async def geo_server(asked: list[dict[str, str]]) -> AsyncIterator[str]:
    """An MCP server over streamable HTTP with the one tool of the README."""
    try:
        from mcp.server.mcpserver import MCPServer as Server
    except ImportError:  # version 1 of the SDK
        from mcp.server.fastmcp import FastMCP as Server
    import uvicorn

    geo: Any = Server("geo")

    @geo.tool()
    def maps_geo(address: str, city: str = "") -> str:
        asked.append({"address": address, "city": city})
        return "116.39,39.90"

    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(geo.streamable_http_app(), log_level="error", timeout_graceful_shutdown=1)
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext  # type: ignore[method-assign,assignment]
        serving = asyncio.create_task(server.serve([listening]))
        while not server.started:
            assert not serving.done(), "the server did not start"
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


def test_a_name_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    from hubbub.agents import OpenAIChatModel

    assert OpenAIChatModel(model_name="gpt-4o", api_key=KEY, stream=False).name == "gpt-4o"
    with pytest.raises(TypeError, match="differ"):
        OpenAIChatModel("gpt-4o", KEY, model_name="gpt-5")
    with pytest.raises(TypeError, match="name"):
        OpenAIChatModel(api_key=KEY)
