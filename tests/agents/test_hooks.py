"""Hooks: ten kinds, on instances and classes, each run once, in order."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import AgentBase, InMemoryMemory, Msg, MsgHub, ReActAgent, TextBlock, Toolkit, ToolResultBlock
from hubbub.agents.agent.hooks import HOOK_TYPES
from hubbub.agents.testing import ScriptedModel, events_of, use


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


class Plain(AgentBase):
    """Overrides everything, as 1.x agents do."""

    def __init__(self) -> None:
        super().__init__("Plain", memory=InMemoryMemory())
        self.set_console_output_enabled(False)

    async def reply(self, msg: Any = None, *, loud: bool = False) -> Msg:
        text = msg.get_text_content() if msg else "?"
        return Msg(self.name, text.upper() if loud else text, "assistant")

    async def observe(self, msg: Any) -> None:
        await super().observe(msg)

    async def print(self, msg: Msg, last: bool = True, speech: Any = None) -> None:
        await super().print(msg, last)


class Child(Plain):
    async def reply(self, msg: Any = None, *, loud: bool = False) -> Msg:
        return await super().reply(msg, loud=loud)


class Grandchild(Child):
    async def reply(self, msg: Any = None, **kwargs: Any) -> Msg:
        return await super().reply(msg, **kwargs)


@pytest.fixture(autouse=True)
def no_class_hooks() -> Any:
    yield
    for cls in (AgentBase, ReActAgent, Plain, Child, Grandchild):
        cls.clear_class_hooks()


def noting(log: list[str], word: str) -> Any:
    def hook(agent: Any, kwargs: Any, *output: Any) -> None:
        log.append(word)

    return hook


def test_there_are_ten_kinds() -> None:
    assert set(HOOK_TYPES) == {f"{w}_{a}" for w in ("pre", "post") for a in ("reply", "print", "observe", "reasoning", "acting")}
    for bad in ("pre_dance", ""):
        with pytest.raises(ValueError, match="hook type"):
            AgentBase.register_class_hook(bad, "x", print)
        with pytest.raises(ValueError, match="hook type"):
            Plain().register_instance_hook(bad, "x", print)


async def test_order_is_instance_then_class_then_classes_above_each_as_registered() -> None:
    log: list[str] = []
    agent = Child()
    AgentBase.register_class_hook("pre_reply", "base", noting(log, "base"))
    Child.register_class_hook("pre_reply", "child", noting(log, "child"))
    agent.register_instance_hook("pre_reply", "one", noting(log, "one"))
    agent.register_instance_hook("pre_reply", "two", noting(log, "two"))
    Grandchild.register_class_hook("pre_reply", "grandchild", noting(log, "grandchild"))
    await agent(said("hi"))
    assert log == ["one", "two", "child", "base"]


@pytest.mark.parametrize("cls", [Plain, Child, Grandchild])
async def test_each_hook_runs_once_however_deep_the_overrides(cls: type[Plain]) -> None:
    log: list[str] = []
    agent = cls()
    agent.register_instance_hook("pre_reply", "x", noting(log, "pre"))
    agent.register_instance_hook("post_reply", "x", noting(log, "post"))
    await agent.reply(said("hi"))
    await agent(said("hi"))
    await events_of(agent.reply_stream(said("hi")))
    assert log == ["pre", "post"] * 3


async def test_hooks_of_an_agent_that_streams() -> None:
    log: list[str] = []

    class Override(ReActAgent):
        async def reply(self, *args: Any, **kwargs: Any) -> Msg:
            return await super().reply(*args, **kwargs)

    for cls in (ReActAgent, Override):
        agent = cls("Ada", "", ScriptedModel(then="Hi."))
        agent.register_instance_hook("pre_reply", "x", noting(log, "pre"))
        agent.register_instance_hook("post_reply", "x", noting(log, "post"))
        await agent.reply(said("hi"))
        await agent(said("hi"))
        await events_of(agent.reply_stream(said("hi")))
        assert log == ["pre", "post"] * 3
        log.clear()


@pytest.mark.parametrize("kind", ["plain", "streaming"])
async def test_hooks_may_change_what_goes_in_and_comes_out(kind: str) -> None:
    model = ScriptedModel(then="Hi.")
    agent: Any = Plain() if kind == "plain" else ReActAgent("Ada", "", model)

    def before(agent: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {**kwargs, "msg": said(kwargs["msg"].get_text_content() + "!")}

    async def after(agent: Any, kwargs: dict[str, Any], output: Msg) -> Msg:
        return Msg(output.name, f"{output.get_text_content()} (to {kwargs['msg'].get_text_content()})", "assistant")

    agent.register_instance_hook("pre_reply", "x", before)
    agent.register_instance_hook("post_reply", "x", after)
    answer = await agent(said("hello"))
    assert answer.get_text_content() == ("hello! (to hello!)" if kind == "plain" else "Hi. (to hello!)")
    if kind == "streaming":
        assert "hello!" in model.calls[0].text
        events = await events_of(agent.reply_stream(said("hello")))
        assert events[-1].message.get_text_content() == "Hi. (to hello!)"


async def test_hooks_get_arguments_by_name() -> None:
    seen: list[Any] = []
    agent = Plain()
    agent.register_instance_hook("pre_reply", "x", lambda agent, kwargs: seen.append(kwargs) or {**kwargs, "loud": True})
    assert (await agent.reply(said("hi"))).get_text_content() == "HI"
    assert set(seen[0]) == {"msg", "loud"} and seen[0]["loud"] is False

    class Open(AgentBase):
        async def reply(self, *args: Any, **kwargs: Any) -> Msg:
            return Msg("Open", f"{len(args)} {sorted(kwargs)}", "assistant")

    opened = Open("Open")
    opened.register_instance_hook("pre_reply", "x", lambda agent, kwargs: {**kwargs, "more": 1})
    assert (await opened.reply(1, 2, key=3)).get_text_content() == "2 ['key', 'more']"


async def test_observe_and_print_hooks() -> None:
    log: list[str] = []
    one, two = Plain(), ReActAgent("Ada", "", ScriptedModel(then="Hi."))

    def censor(agent: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        log.append("observe")
        return {**kwargs, "msg": said("***")}

    for agent in (one, two):
        agent.register_instance_hook("pre_observe", "x", censor)
        agent.register_instance_hook("post_observe", "x", noting(log, "observed"))
        agent.register_instance_hook("post_print", "x", noting(log, "printed"))
        async with MsgHub([agent]) as hub:
            await hub.broadcast(said("secret"))
            await hub.settled()
        assert [m.get_text_content() for m in agent.memory.messages()] == ["***"]
        assert log == ["observe", "observed"]
        log.clear()
        await agent(said("hi"))
        assert set(log) == {"printed"}
        log.clear()


async def test_reasoning_and_acting_hooks() -> None:
    def add(a: int, b: int) -> str:
        """Adds.

        Args:
            a: One.
            b: Another.
        """
        return str(a + b)

    toolkit = Toolkit()
    toolkit.register_tool_function(add)
    model = ScriptedModel([["Hm. ", use("add", a=1, b=1)], "two"])
    agent = ReActAgent("Ada", "", model, toolkit=toolkit)

    def no_tools(agent: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
        return {"tool_choice": "auto"}

    def rewrite(agent: Any, kwargs: dict[str, Any], output: Msg) -> Msg | None:
        if output.get_text_content() == "two":
            return output.copy_with(content=[TextBlock("TWO")])
        return None

    def other_arguments(agent: Any, kwargs: dict[str, Any]) -> None:
        kwargs["tool_call"].input = {"a": 2, "b": 3}

    def louder(agent: Any, kwargs: dict[str, Any], output: ToolResultBlock) -> ToolResultBlock:
        return ToolResultBlock(output.id, output.name, output.text + "!", output.state)

    agent.register_instance_hook("pre_reasoning", "x", no_tools)
    agent.register_instance_hook("post_reasoning", "x", rewrite)
    agent.register_instance_hook("pre_acting", "x", other_arguments)
    agent.register_instance_hook("post_acting", "x", louder)
    answer = await agent(said("1+1?"))
    assert answer.get_text_content("") == "Hm. TWO"
    assert model.calls[0].tool_choice == "auto"
    assert [b.text for m in agent.memory.messages() for b in m.blocks() if isinstance(b, ToolResultBlock)] == ["5!"]


async def test_a_hook_that_fails_ends_the_reply_and_the_next_one_works() -> None:
    def fails(agent: Any, kwargs: Any) -> None:
        raise LookupError("bad hook")

    for agent in (Plain(), ReActAgent("Ada", "", ScriptedModel(then="Hi."))):
        log: list[str] = []
        agent.register_instance_hook("pre_reply", "count", noting(log, "x"))
        agent.register_instance_hook("pre_reply", "bad", fails)
        for _ in range(2):
            with pytest.raises(LookupError):
                await agent.reply(said("hi"))
        agent.remove_instance_hook("pre_reply", "bad")
        assert (await agent.reply(said("hi"))).get_text_content()
        assert log == ["x"] * 3


async def test_removing_and_clearing() -> None:
    log: list[str] = []
    agent = Plain()
    for name in ("a", "b"):
        agent.register_instance_hook("pre_reply", name, noting(log, name))
        Plain.register_class_hook("pre_reply", name, noting(log, name.upper()))
    agent.remove_instance_hook("pre_reply", "a")
    Plain.remove_class_hook("pre_reply", "b")
    await agent(said("hi"))
    assert log == ["b", "A"]
    with pytest.raises(ValueError, match="no pre_reply"):
        agent.remove_instance_hook("pre_reply", "a")
    with pytest.raises(ValueError, match="Plain"):
        Plain.remove_class_hook("pre_reply", "zz")
    agent.clear_instance_hooks("pre_reply")
    Plain.clear_class_hooks("pre_reply")
    await agent(said("hi"))
    agent.register_instance_hook("pre_reply", "a", noting(log, "a"))
    agent.clear_instance_hooks()
    await agent(said("hi"))
    assert log == ["b", "A"]


async def test_agents_that_work_at_the_same_time_do_not_share_their_guards() -> None:
    log: list[str] = []
    agents = [Child() for _ in range(5)]
    Plain.register_class_hook("pre_reply", "x", noting(log, "x"))
    await asyncio.gather(*(agent(said("hi")) for agent in agents), *(agents[0].observe(said("hi")) for _ in range(3)))
    assert len(log) == 5


async def test_an_agent_that_asks_another_runs_the_hooks_of_both() -> None:
    log: list[str] = []
    inner = Child()

    class Outer(AgentBase):
        async def reply(self, msg: Any = None) -> Msg:
            return await inner(msg)

    Plain.register_class_hook("pre_reply", "x", noting(log, "inner"))
    Outer.register_class_hook("pre_reply", "x", noting(log, "outer"))
    await Outer("O")(said("hi"))
    assert log == ["outer", "inner"]
