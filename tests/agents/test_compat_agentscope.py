"""Programs written for AgentScope, with the import root changed."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest
from hubbub.agents import TextBlock, UserInputBase, UserInputData
from hubbub.agents.testing import ScriptedModel, use


class Lines(UserInputBase):
    """A person who says one line after the other."""

    def __init__(self, *lines: str) -> None:
        self.lines = list(lines)

    async def __call__(self, *args: Any, **kwargs: Any) -> UserInputData:
        return UserInputData([TextBlock(self.lines.pop(0))])


async def test_hello_agentscope_1x() -> None:
    from hubbub.agents.agent import ReActAgent, UserAgent
    from hubbub.agents.formatter import DashScopeChatFormatter
    from hubbub.agents.memory import InMemoryMemory
    from hubbub.agents.tool import Toolkit, ToolResponse

    async def execute_python_code(code: str) -> ToolResponse:
        """Run the code.

        Args:
            code: The Python code to run.
        """
        return ToolResponse(content=[TextBlock(type="text", text=f"ran {code}")])

    toolkit = Toolkit()
    toolkit.register_tool_function(execute_python_code)
    model = ScriptedModel(["Hi, I'm Friday.", [use("execute_python_code", code="1+1")], "Done."])
    agent = ReActAgent(
        name="Friday",
        sys_prompt="You're a helpful assistant named Friday.",
        model=model,
        memory=InMemoryMemory(),
        formatter=DashScopeChatFormatter(),
        toolkit=toolkit,
    )
    user = UserAgent(name="user")
    user.override_instance_input_method(Lines("run 1+1", "exit"))

    msg = None
    while True:
        msg = await agent(msg)
        msg = await user(msg)
        if msg.get_text_content() == "exit":
            break
    assert len(model.calls) == 3 and "ran 1+1" in json.dumps(model.calls[2].messages)


async def test_conversation_in_a_hub_1x() -> None:
    from hubbub.agents.agent import ReActAgent
    from hubbub.agents.message import Msg
    from hubbub.agents.pipeline import MsgHub, sequential_pipeline

    agent1, agent2, agent3, agent4 = (
        ReActAgent(name=f"agent{n}", sys_prompt="", model=ScriptedModel(then=f"I am {n}.")) for n in range(1, 5)
    )
    async with MsgHub(
        participants=[agent1, agent2, agent3],
        announcement=Msg("Host", "Introduce yourselves.", "assistant"),
    ) as hub:
        await sequential_pipeline([agent1, agent2, agent3])
        hub.add(agent4)
        hub.delete(agent3)
        await hub.broadcast(Msg("Host", "Goodbye!", "assistant"))
    said = [m.get_text_content() for m in await agent1.memory.get_memory()]
    assert said == ["Introduce yourselves.", "I am 1.", "I am 2.", "I am 3.", "Goodbye!"]
    assert [m.get_text_content() for m in await agent4.memory.get_memory()] == ["Goodbye!"]
    assert "Goodbye!" not in repr(await agent3.memory.get_memory())


async def test_a_custom_agent_1x() -> None:
    from hubbub.agents.agent import AgentBase
    from hubbub.agents.memory import InMemoryMemory
    from hubbub.agents.message import Msg

    class MyAgent(AgentBase):
        def __init__(self) -> None:
            super().__init__()
            self.name = "Friday"
            self.memory = InMemoryMemory()

        async def reply(self, msg: Msg | list[Msg] | None) -> Msg:
            await self.memory.add(msg)
            answer = Msg(self.name, f"{await self.memory.size()} heard", "assistant")
            await self.print(answer)
            await self.memory.add(answer)
            return answer

        async def observe(self, msg: Msg | list[Msg] | None) -> None:
            await self.memory.add(msg)

        async def handle_interrupt(self, *args: Any, **kwargs: Any) -> Msg:
            return Msg(self.name, "Interrupted.", "assistant")

    agent = MyAgent()
    await agent.observe(Msg("Bob", "one", "user"))
    assert (await agent(Msg("Bob", "two", "user"))).get_text_content() == "2 heard"


def test_mcp_clients_are_where_1x_has_them() -> None:
    from hubbub.agents.mcp import HttpStatefulClient, HttpStatelessClient, StdIOStatefulClient

    client = HttpStatelessClient(name="gaode_mcp", transport="streamable_http", url="https://mcp.example.org/mcp?key=1")
    assert callable(client.get_callable_function)
    assert HttpStatefulClient and StdIOStatefulClient


async def test_fine_grained_mcp_control_1x() -> None:
    pytest.importorskip("mcp", reason="the MCP SDK is not installed")
    from hubbub.agents.agent import ReActAgent
    from hubbub.agents.mcp import StdIOStatefulClient
    from hubbub.agents.message import Msg
    from hubbub.agents.tool import Toolkit

    server = Path(__file__).parent / "servers" / "mcp_server.py"
    client = StdIOStatefulClient("shop", command=sys.executable, args=[str(server)])
    await client.connect()
    func = await client.get_callable_function(func_name="add", wrap_tool_result=True)
    assert (await func(a=1, b=2)).content[0]["text"] == "3"
    toolkit = Toolkit()
    toolkit.register_tool_function(func)
    model = ScriptedModel([[use("add", a=2, b=2)], lambda call: call.messages[-1]["content"]])
    assert (await ReActAgent("Ada", "", model, toolkit=toolkit)(Msg("Bob", "2+2?", "user"))).get_text_content() == "4"
    await client.close()


async def test_sessions_1x(tmp_path: Path) -> None:
    from hubbub.agents import Msg
    from hubbub.agents.agent import ReActAgent
    from hubbub.agents.session import JSONSession

    agent = ReActAgent("Ada", "", ScriptedModel(then="Hi."))
    await agent(Msg("Bob", "hello", "user"))
    session = JSONSession(save_dir=tmp_path / "sessions")
    await session.save_session_state("s-1", user_id="bob", ada=agent)
    fresh = ReActAgent("Ada", "", ScriptedModel())
    await session.load_session_state("s-1", user_id="bob", ada=fresh)
    assert fresh.memory.messages() == agent.memory.messages()
    await session.load_session_state("unknown", ada=fresh)
    with pytest.raises(FileNotFoundError):
        await session.load_session_state("unknown", allow_not_exist=False, ada=fresh)
    with pytest.raises(KeyError, match="eve"):
        await session.load_session_state("s-1", user_id="bob", eve=fresh)
    for bad in ("../x", "", ".hidden", "a/b"):
        with pytest.raises(ValueError, match="session id"):
            await session.save_session_state(bad, ada=agent)


# 0.x


def test_the_conversation_of_0x(tmp_path: Path) -> None:
    from hubbub.agents import v0 as agentscope
    from hubbub.agents.v0.agents import DialogAgent, UserAgent
    from hubbub.agents.v0.pipelines.functional import sequentialpipeline

    agentscope.init(model_configs=[{"config_name": "my_model", "model": ScriptedModel(then="Hello!")}], project="ignored")
    dialog_agent = DialogAgent(name="assistant", sys_prompt="You're helpful.", model_config_name="my_model")
    user_agent = UserAgent(input_method=Lines("one", "exit", "two", "exit"))

    x = None
    while x is None or x.content != "exit":
        x = dialog_agent(x)
        assert x.content == "Hello!"
        x = user_agent(x)

    x = None
    while x is None or x.content != "exit":
        x = sequentialpipeline([dialog_agent, user_agent], x)


def test_the_hub_of_0x() -> None:
    from hubbub.agents import msghub
    from hubbub.agents.message import Msg
    from hubbub.agents.v0 import init
    from hubbub.agents.v0.agents import DialogAgent

    init(model_configs={"config_name": "m", "model": ScriptedModel(then="Hi.")})
    a, b, c = (DialogAgent(name, model_config_name="m") for name in "abc")
    with msghub(participants=[a, b], announcement=Msg("host", "Begin.", "system")) as hub:
        a()
        hub.add(c)
        hub.broadcast(Msg("host", "Welcome, c.", "system"))
        hub.delete(a)
        b()
        a()
    assert [m.get_text_content() for m in a.agent.memory.messages()] == ["Begin.", "Hi.", "Welcome, c.", "Hi."]
    assert [m.get_text_content() for m in c.agent.memory.messages()] == ["Welcome, c.", "Hi."]
    c.observe(Msg("host", "Bye.", "system"))
    forgetful = DialogAgent("d", model_config_name="m", use_memory=False)
    forgetful(Msg("x", "one", "user"))
    forgetful(Msg("x", "two", "user"))
    assert "one" not in repr(forgetful.agent.memory.messages())


def test_models_of_0x_from_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.agents.v0.agents import DialogAgent, init, model_named

    path = tmp_path / "models.json"
    path.write_text(json.dumps([
        {"config_name": "gpt", "model_type": "openai_chat", "model_name": "gpt-4o", "api_key": "sk-none"},
        {"config_name": "odd", "model_type": "mystery", "model_name": "x"},
    ]))  # fmt: skip
    init(str(path))
    assert model_named("gpt").name == "gpt-4o"
    with pytest.raises(ValueError, match="mystery"):
        model_named("odd")
    with pytest.raises(ValueError, match="unknown"):
        DialogAgent("a", model_config_name="unknown")
    with pytest.raises(ValueError, match="config_name"):
        init([{"model_name": "x"}])


async def test_the_bridge_refuses_to_block_a_loop() -> None:
    from hubbub.agents.v0 import DialogAgent, init

    init(model_configs={"config_name": "m", "model": ScriptedModel(then="Hi.")})
    agent = await asyncio.to_thread(DialogAgent, "a", "", "m")
    with pytest.raises(RuntimeError, match="await"):
        agent()
    assert (await asyncio.to_thread(agent)).content == "Hi."
