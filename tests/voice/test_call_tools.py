"""The tools by which agents treat a telephone call."""

import json

import pytest
from hubbub.agents.message import ToolUseBlock
from hubbub.agents.tool import Toolkit
from hubbub.voice.call_tools import NAMES, Telephones, add_tools
from hubbub.voice.phone import PhoneError


class Line:
    """A call that notes what is done with it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.done: list[str] = []

    def hold(self) -> None:
        self.done.append("hold")

    def resume(self) -> None:
        self.done.append("resume")

    def hang_up(self) -> None:
        self.done.append("hang_up")

    def send_digits(self, digits: str) -> None:
        self.done.append(f"keys {digits}")

    async def transfer(self, number: str) -> None:
        if number != "+1":
            raise PhoneError("calls may not be put through to that number")
        self.done.append(f"transfer {number}")


async def use(toolkit: Toolkit, name: str, **arguments: str) -> str:
    said = ""
    async for response in await toolkit.call_tool_function(ToolUseBlock(id="1", name=name, input=arguments)):
        said = json.dumps([str(block) for block in response.content])
    return said


async def test_an_agent_treats_the_one_call_there_is():
    line = Line("Kim")
    toolkit = add_tools(Toolkit(), lambda: [line])
    assert set(NAMES) <= set(toolkit.names())
    await use(toolkit, "hold_call")
    await use(toolkit, "send_keys", digits="12#")
    await use(toolkit, "transfer_call", number="+1")
    await use(toolkit, "hang_up_call")
    assert line.done == ["hold", "keys 12#", "transfer +1", "hang_up"]
    assert "may not be put through" in await use(toolkit, "transfer_call", number="+2")


async def test_of_several_calls_one_is_named():
    lines = [Line("Kim"), Line("Lou")]
    toolkit = add_tools(Toolkit(), lambda: lines)
    assert "Kim, Lou" in await use(toolkit, "hold_call")
    await use(toolkit, "hold_call", caller="lou")
    assert (lines[0].done, lines[1].done) == ([], ["hold"])
    lines.clear()
    assert "nobody is on the telephone" in await use(toolkit, "hang_up_call")


class Seat:
    def __init__(self, agent: object) -> None:
        self.agent = agent


class Agent:
    toolkit: Toolkit | None = None


@pytest.mark.parametrize("own", [True, False])
async def test_the_tools_are_there_while_somebody_is_on_the_telephone(own):
    agent = Agent()
    agent.toolkit = Toolkit() if own else None

    class Room:
        name = "lobby"
        seats = (Seat(agent), Seat(object()))

    telephones = Telephones()
    first = telephones.offer(Room(), Line("Kim"))
    second = telephones.offer(Room(), Line("Lou"))
    assert set(NAMES) <= set(agent.toolkit.names())
    first()
    assert set(NAMES) <= set(agent.toolkit.names())
    second()
    assert not set(NAMES) & set(agent.toolkit.names())
