"""A prompt that goes on from what was told before is the prompt that is told from the beginning."""

import asyncio
from typing import Any

from hubbub.agents import InMemoryMemory, ReActAgent
from hubbub.agents.formatter import (
    DashScopeMultiAgentFormatter,
    FormatterBase,
    OpenAIChatFormatter,
    OpenAIMultiAgentFormatter,
)
from hubbub.agents.formatter.told import PLACES, Told
from hubbub.agents.message import Base64Source, HintBlock, ImageBlock, Msg, TextBlock, ToolResultBlock, ToolUseBlock
from hubbub.agents.testing import ScriptedModel
from hypothesis import given
from hypothesis import strategies as st

IMAGE = ImageBlock(Base64Source("QUJD", "image/png"))


def _grow(msgs: list[Msg], what: str, number: int) -> None:
    id = f"c{number}"
    match what:
        case "anna" | "bob":
            msgs.append(Msg(what.title(), f"words {number}", "user"))
        case "ada" | "eve":
            msgs.append(Msg(what.title(), [TextBlock(f"words {number}")], "assistant"))
        case "image":
            msgs.append(Msg("Anna", [TextBlock("see"), IMAGE], "user"))
        case "call":
            msgs.append(Msg("Ada", [TextBlock("One moment."), ToolUseBlock(id, "look", {"n": number})], "assistant"))
        case "result":
            answered = {block.id for msg in msgs for block in msg.get_content_blocks("tool_result")}
            for call in [call for msg in msgs for call in msg.tool_uses() if call.id not in answered][:1]:
                msgs.append(Msg("system", [ToolResultBlock(call.id, "look", [TextBlock("seen"), IMAGE])], "system"))
        case "hint":
            msgs.append(Msg("hint", [HintBlock(f"hint {number}")], "user"))
        case "system":
            msgs.append(Msg("system", f"rule {number}", "system"))
        case "cut" if msgs:
            old = msgs[-1 - number % min(3, len(msgs))]
            cut = {"by": "Bob", "at": "", "unheard": f"rest {number}"}
            msgs[msgs.index(old)] = old.copy_with(content="heard", metadata={"interrupted": cut})
        case "forget":
            del msgs[len(msgs) - min(number % 3, len(msgs)) :]
        case "forget first":
            del msgs[:1]


STEPS = ("anna", "bob", "ada", "eve", "image", "call", "result", "hint", "system", "cut", "forget", "forget first")


@given(
    st.lists(st.sampled_from(STEPS), max_size=40),
    st.sampled_from([OpenAIChatFormatter, OpenAIMultiAgentFormatter, DashScopeMultiAgentFormatter]),
    st.sampled_from([None, 60]),
    st.booleans(),
)
def test_whatever_happens_to_a_conversation(steps: list[str], kind: type[Any], limit: int | None, named: bool) -> None:
    formatter: FormatterBase = kind(max_tokens=limit)
    told, msgs = Told(), list[Msg]()
    speaker = "Ada" if named else None

    async def run() -> None:
        for number, step in enumerate(steps):
            _grow(msgs, step, number)
            shown = [Msg("Ada", f"You are Ada. It is {number // 4}.", "system"), *msgs]
            prompt = await formatter.format(shown, speaker=speaker, told=told)
            assert prompt == await formatter.format(shown, speaker=speaker)
            for message in prompt:  # a reader may change what it is given
                message["content"] = "changed"
                for call in message.get("tool_calls", ()):
                    call["function"]["arguments"] = "changed"

    asyncio.run(run())


async def test_what_was_told_is_not_told_again() -> None:
    formed: list[str] = []

    class Noting(OpenAIChatFormatter):
        def text_part(self, text: str) -> dict[str, Any]:
            formed.append(text)
            return super().text_part(text)

    formatter, told = Noting(), Told()
    msgs = [Msg("Anna", f"words {n}", "user") if n % 2 else Msg("Ada", f"words {n}", "assistant") for n in range(100)]
    await formatter.format(msgs, speaker="Ada", told=told)
    formed.clear()
    msgs.append(Msg("Anna", "the newest", "user"))
    assert len(await formatter.format(msgs, speaker="Ada", told=told)) == 100  # two of Anna's in one
    assert "the newest" in formed and "words 97" not in formed
    msgs[-PLACES - 5] = msgs[-PLACES - 5].copy_with(content="another")
    assert await formatter.format(msgs, speaker="Ada", told=told) == await formatter.format(msgs, speaker="Ada")


async def test_an_agent_tells_what_was_heard_in_the_place_of_what_it_said() -> None:
    model = ScriptedModel(then="One two three.")
    agent = ReActAgent("Ada", "You are Ada.", model, OpenAIMultiAgentFormatter(), memory=InMemoryMemory())
    first = await agent(Msg("Bob", "count", "user"))
    await agent(Msg("Bob", "again", "user"))
    await agent.record_heard(first.reply_id, "One", " two three.", by="Bob")
    await agent(Msg("Bob", "and again", "user"))
    prompt = model.calls[-1].messages
    assert [m["content"] for m in prompt if m["role"] == "assistant"] == ["One", "One two three."]
    assert "Not heard" in prompt[3]["content"]
    agent.name = "Eva"
    assert agent.format_options()["speaker"] == "Eva"
    agent.formatter, agent.name = OpenAIChatFormatter(), "Ada"
    agent.memory = InMemoryMemory()
    await agent(Msg("Bob", "hello", "user"))
    assert [m["content"] for m in model.calls[-1].messages] == ["You are Ada.", "hello"]
