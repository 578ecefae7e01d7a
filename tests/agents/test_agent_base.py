"""What every agent can do: answers by override or by events, observing, interruption, printing, adapters, users."""

import asyncio
import io
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hubbub.agents import (
    AgentBase,
    Base64Source,
    ConfirmResult,
    DataBlock,
    InMemoryMemory,
    Msg,
    MsgHub,
    ReActAgent,
    TerminalUserInput,
    TextBlock,
    ThinkingBlock,
    ToolFlags,
    Toolkit,
    UserAgent,
    UserConfirmResultEvent,
    UserInputBase,
    UserInputData,
    from_callable,
)
from hubbub.agents.testing import ScriptedModel, Use, events_of


def said(text: str, name: str = "Bob") -> Msg:
    return Msg(name, text, "user")


class Echo(AgentBase):
    """The simple way: override `reply`."""

    def __init__(self) -> None:
        super().__init__("Echo", memory=InMemoryMemory())

    async def reply(self, msg: Msg) -> Msg:
        await self.memory.add(msg)
        answer = Msg(self.name, msg.get_text_content().upper(), "assistant")
        await self.memory.add(answer)
        return answer


async def test_an_agent_that_overrides_reply_streams_and_remembers() -> None:
    agent = Echo()
    events = await events_of(agent.reply_stream(said("hi")))
    assert [e.type for e in events] == [
        "reply_start", "text_block_start", "text_block_delta", "text_block_end", "reply_end",
    ]  # fmt: skip
    assert events[-1].message.get_text_content() == "HI"
    assert (await agent(said("again"))).get_text_content() == "AGAIN"
    assert [m.get_text_content() for m in agent.memory.messages()] == ["hi", "HI", "again", "AGAIN"]


async def test_a_class_without_reply_says_so() -> None:
    events = await events_of(AgentBase("Nobody").reply_stream(said("hi")))
    assert [e.type for e in events] == ["reply_start", "reply_end"]
    assert events[-1].finished_reason == "error" and "reply" in events[-1].error
    with pytest.raises(NotImplementedError):
        await AgentBase("Nobody").reply(said("hi"))


async def test_an_override_that_asks_its_base_streams_once() -> None:
    entered: list[str] = []

    class Careful(ReActAgent):
        async def reply(self, msg: Any = None) -> Msg:
            entered.append("reply")
            answer = await super().reply(msg)
            return answer.copy_with(metadata={**answer.metadata, "checked": True})

    agent = Careful("Ada", "", ScriptedModel(["Hello there."], then="Again."))
    events = await events_of(agent.reply_stream(said("hi")))
    assert sum(e.type == "reply_start" for e in events) == sum(e.type == "reply_end" for e in events) == 1
    assert "".join(e.delta for e in events if e.type == "text_block_delta") == "Hello there."
    assert events[-1].message.metadata == {"checked": True}
    assert (await agent.reply(said("hi"))).metadata == {"checked": True}
    assert len(agent.memory.messages()) == 4 and len(entered) == 2


async def test_errors_are_in_the_stream_and_raised_by_reply() -> None:
    class Broken(AgentBase):
        async def reply(self, msg: Any = None) -> Msg:
            raise LookupError("no idea")

    events = await events_of(Broken("B").reply_stream())
    assert (events[-1].finished_reason, events[-1].error) == ("error", "LookupError: no idea")
    agent = Broken("B")
    with pytest.raises(LookupError, match="no idea"):
        await agent()
    assert not agent.replying


async def test_interrupting_an_override() -> None:
    class Slow(AgentBase):
        async def reply(self, msg: Any = None) -> Msg:
            await asyncio.sleep(60)
            raise AssertionError

        async def handle_interrupt(self, msg: Msg | None = None) -> Msg:
            assert msg is not None
            return Msg(self.name, f"Yes, {msg.name}?", "assistant")

    agent = Slow("Slow", memory=InMemoryMemory())
    task = asyncio.create_task(agent())
    await asyncio.sleep(0.01)
    await agent.interrupt(said("wait"))
    assert (await task).get_text_content() == "Yes, Bob?"
    assert agent.memory.messages()[-1].get_text_content() == "Yes, Bob?"


async def test_who_asks_while_it_answers_waits() -> None:
    model = ScriptedModel([["one", 0.01], ["two", 0.01], ["three"]])
    agent = ReActAgent("Ada", "", model)
    answers = await asyncio.gather(*(agent(said(str(n))) for n in range(3)))
    assert [a.get_text_content() for a in answers] == ["one", "two", "three"]
    assert [m.get_text_content() for m in agent.memory.messages()] == ["0", "one", "1", "two", "2", "three"]


async def test_an_agent_that_waits_for_itself_is_told() -> None:
    class Mirror(AgentBase):
        async def reply(self, msg: Any = None) -> Msg:
            return await self(msg)

    with pytest.raises(RuntimeError, match="inside its own reply"):
        await asyncio.wait_for(Mirror("M")(), 5)


async def test_observe_takes_what_is_public_and_no_own_words() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["Hi."]))
    await agent.observe(None)
    await agent.observe([Msg("Eve", [ThinkingBlock("secret"), TextBlock("hello")], "assistant"), said("hi")])
    await agent.observe(Msg("Eve", [ThinkingBlock("secret")], "assistant"))
    answer = await agent()
    await agent.observe(answer)
    assert [m.get_text_content() for m in agent.memory.messages()] == ["hello", "hi", "Hi."]
    with pytest.raises(TypeError):
        await agent.observe("hi")  # type: ignore[arg-type]


async def test_printing_grows_and_ends() -> None:
    agent = ReActAgent("Ada", "", ScriptedModel(["one two"]))
    agent.set_msg_queue_enabled(True)
    answer = await agent(said("hi"))
    assert agent.msg_queue is not None
    printed = [agent.msg_queue.get_nowait() for _ in range(agent.msg_queue.qsize())]
    assert [last for _, last, _ in printed] == [False] * (len(printed) - 1) + [True]
    assert {msg.id for msg, _, _ in printed} == {answer.id}
    assert [msg.get_text_content() for msg, _, _ in printed][-1] == "one two"


async def test_the_console(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(AgentBase, "print_to", out)
    agent = ReActAgent("Ada", "", ScriptedModel(["one two"], then="x"))
    agent.set_console_output_enabled(True)
    await agent(said("hi"))
    assert out.getvalue() == "Ada: one two\n"
    agent.set_console_output_enabled(False)
    await agent(said("hi"))
    assert out.getvalue() == "Ada: one two\n"


async def test_the_console_shows_each_word_of_a_reply_that_waited_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def send() -> str:
        """Sends."""
        return "sent"

    out = io.StringIO()
    monkeypatch.setattr(AgentBase, "print_to", out)
    toolkit = Toolkit()
    toolkit.register_tool_function(send, flags=ToolFlags(requires_confirmation=True))
    agent = ReActAgent("Ada", "", ScriptedModel([["I will. ", Use("send", {}, "s")], "Done."]), toolkit=toolkit)
    agent.set_console_output_enabled(True)
    await agent.reply(said("send it"))
    answer = await agent.reply(UserConfirmResultEvent("", [ConfirmResult("s", True)]))
    assert answer.get_text_content("") == "I will. Done."
    assert out.getvalue() == "Ada: I will. \nAda: Done.\n"


# Functions as agents


async def test_an_async_function_is_an_agent() -> None:
    async def shout(text: str) -> str:
        return text.upper()

    agent = from_callable(shout)
    assert agent.name == "shout"
    assert (await agent(said("hi"))).get_text_content() == "HI"
    assert [m.get_text_content() for m in agent.memory.messages()] == ["hi", "HI"]


async def test_an_async_generator_streams_and_is_closed_when_interrupted() -> None:
    closed = asyncio.Event()

    async def count(text: str) -> AsyncIterator[str]:
        try:
            for n in range(1000):
                yield f"{n} "
                await asyncio.sleep(0.001)
        finally:
            closed.set()

    agent = from_callable(count, name="Counter")
    seen = ""
    stream = agent.reply_stream(said("count"))
    async for event in stream:
        if event.type == "text_block_delta":
            seen += event.delta
            if event.delta == "5 ":
                break
    await stream.aclose()
    assert closed.is_set()
    assert agent.memory.messages()[-1].get_text_content() == seen == "0 1 2 3 4 5 "
    assert "interrupted" in agent.memory.messages()[-1].metadata


async def test_functions_get_what_they_ask_for() -> None:
    async def by_message(msg: Msg) -> str:
        return f"{msg.name} said {msg.get_text_content()}"

    async def by_messages(msgs: list[Msg], history: list[Msg]) -> Msg:
        return Msg("x", f"{len(msgs)} of {len(history)}", "assistant")

    def plain(text: str) -> str:
        return text[::-1]

    assert (await from_callable(by_message)(said("hi"))).get_text_content() == "Bob said hi"
    agent = from_callable(by_messages)
    await agent.observe([said("one"), said("two")])
    assert (await agent()).get_text_content() == "2 of 2"
    assert (await agent(said("three"))).get_text_content() == "1 of 4"
    assert (await from_callable(plain)(said("abc"))).get_text_content() == "cba"

    def pieces(text: str) -> Any:
        yield from text.split()

    events = await events_of(from_callable(pieces).reply_stream(said("a b c")))
    assert [e.delta for e in events if e.type == "text_block_delta"] == ["a", "b", "c"]
    talk = from_callable(lambda text: text, name="Same")
    assert (await talk([said("a"), said("b", "Eve")])).get_text_content() == "Bob: a\nEve: b"
    with pytest.raises(ValueError, match="name"):
        from_callable(lambda text: text)


async def test_a_function_agent_goes_on_where_it_was_cut() -> None:
    agent = from_callable(lambda text: "one two three four", name="Counter")
    reply = await agent(said("count"))
    await agent.record_heard(reply.id, "one", " two three four", by="Bob")
    assert (await agent(said("Go on!"))).get_text_content() == "two three four"
    assert (await agent(said("Go on!"))).get_text_content() == "one two three four"  # nothing was left


# People


class Canned(UserInputBase):
    async def __call__(self, agent_id: str, agent_name: str, *args: Any, structured_model: Any = None, **kwargs: Any) -> UserInputData:
        return UserInputData([TextBlock(f"I am {agent_name}")], {"n": 1} if structured_model else None)


async def test_the_users_input_can_be_replaced() -> None:
    user = UserAgent("Bob")
    user.override_instance_input_method(Canned())
    msg = await user()
    assert (msg.role, msg.content, msg.name) == ("user", "I am Bob", "Bob")
    with pytest.raises(TypeError):
        user.override_instance_input_method(input)  # type: ignore[arg-type]

    class Guest(UserAgent):
        pass

    Guest.override_class_input_method(Canned())
    assert (await Guest("Eve")()).content == "I am Eve"
    assert isinstance(UserAgent("x")._input, TerminalUserInput)


async def test_a_user_who_enters_more_than_text() -> None:
    picture = DataBlock(Base64Source("AA==", "image/png"))

    class Picture(UserInputBase):
        async def __call__(self, *args: Any, **kwargs: Any) -> UserInputData:
            return UserInputData([TextBlock("look"), picture])

    assert (await UserAgent("Bob", input_method=Picture())()).content == [TextBlock("look"), picture]


async def test_the_terminal_asks_until_the_fields_fit() -> None:
    from pydantic import BaseModel

    class Order(BaseModel):
        dish: str
        count: int

    lines = iter(["two soups", "soup", "many", "soup", "2"])
    user = UserAgent("Bob", input_method=TerminalUserInput(read=lambda hint: next(lines)))
    msg = await user.reply(structured_model=Order)
    assert msg.content == "two soups" and msg.metadata == {"dish": "soup", "count": 2}


async def test_a_waiting_terminal_does_not_stop_the_others() -> None:
    import threading

    gate = threading.Event()

    def read(hint: str) -> str:
        gate.wait(5)
        return "done"

    user, ada = UserAgent("Bob", input_method=TerminalUserInput(read=read)), ReActAgent("Ada", "", ScriptedModel(["Hi."]))
    async with MsgHub([user, ada]):
        waiting = asyncio.create_task(user())
        assert (await ada()).get_text_content() == "Hi."
        gate.set()
        await waiting
    assert ada.memory.messages()[-1].get_text_content() == "done"


def test_importing_is_cheap() -> None:
    import subprocess
    import sys

    code = (
        "import sys, hubbub.agents; heavy = {'openai', 'dashscope', 'mcp', 'pydantic', 'jsonschema', 'numpy'} & set(sys.modules);"
        "assert not heavy, heavy; hubbub.agents.Msg; hubbub.agents.ReActAgent; hubbub.agents.MsgHub;"
        "heavy = {'openai', 'dashscope', 'mcp', 'jsonschema', 'opentelemetry'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there() -> None:
    import hubbub.agents as agents

    missing = [name for name in agents.__all__ if not hasattr(agents, name)]
    assert not missing
    with pytest.raises(AttributeError):
        getattr(agents, "no_such_name")  # noqa: B009
