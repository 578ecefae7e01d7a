"""Compression: between turns, whole pairs, and the conversation goes on when it fails."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import CompressionConfig, InMemoryMemory, Msg, ReActAgent, TextBlock, Toolkit, ToolResultBlock, ToolUseBlock
from hubbub.agents.memory.base import COMPRESSED
from hubbub.agents.memory.compression import estimate_tokens, split_before
from hubbub.agents.testing import ScriptedModel, use
from hypothesis import given
from hypothesis import strategies as st

FIELDS = {
    "task_overview": "Tea.", "current_state": "Brewing.", "important_discoveries": "Likes green.", "next_steps": "Pour.",
    "context_to_preserve": "",
}  # fmt: skip


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def summarising(*answers: Any) -> ScriptedModel:
    return ScriptedModel(answers or [[use("generate_response", **FIELDS)]])


async def test_nothing_happens_below_the_threshold() -> None:
    writer = summarising()
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), compression=CompressionConfig(trigger_tokens=1000, model=writer))
    for n in range(5):
        await agent(said(f"question {n}"))
    await agent.compressed()
    assert writer.calls == [] and agent.memory.compressed_summary == ""


async def test_many_short_messages_are_summed_up_before_they_are_forgotten() -> None:
    writer = ScriptedModel(then=[use("generate_response", **FIELDS)])
    config = CompressionConfig(trigger_messages=10, keep_recent=4, model=writer)
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), memory=InMemoryMemory(keep=16), compression=config)
    told: set[str] = set()
    for n in range(60):
        await agent(said(f"question {n}"))
        await agent.compressed()
        shown = {msg.id for msg in agent.memory.messages(exclude_mark=COMPRESSED)}
        assert len(shown) <= 12
        told |= shown
    assert len(agent.memory.messages()) <= 16 and "Likes green." in agent.memory.compressed_summary
    summed_up = " ".join(call.text for call in writer.calls)
    assert all(f"question {n}\n" in summed_up for n in range(40)), "nothing was forgotten that was not summed up"


async def test_the_older_part_gives_way_to_a_summary_after_the_turn() -> None:
    model, writer = ScriptedModel(then="Yes."), summarising()
    config = CompressionConfig(trigger_tokens=60, keep_recent=2, model=writer)
    agent = ReActAgent("Ada", "", model, compression=config)
    await agent(said("question 0 about green tea, please"))
    assert writer.calls == []
    for n in range(1, 4):
        await agent(said(f"question {n} about green tea, please"))
    await agent.compressed()
    assert len(writer.calls) == 1 and "Bob: question 0" in writer.calls[0].text
    shown = agent.memory.prompt()
    assert "Likes green." in shown[0].get_text_content() and "Context to preserve" not in shown[0].get_text_content()
    assert len(agent.memory.messages()) == 8 and len(shown) < 8
    await agent(said("and now?"))
    assert "Likes green." in model.calls[-1].text and "question 0" not in model.calls[-1].text
    await agent.aclose()


async def test_a_caller_never_waits_for_it_and_the_next_turn_sees_one_or_the_other() -> None:
    gate = asyncio.Event()

    class Slow(ScriptedModel):
        async def stream(self, *args: Any, **kwargs: Any) -> Any:  # type: ignore[override]
            await gate.wait()
            async for delta in super().stream(*args, **kwargs):
                yield delta

    model, writer = ScriptedModel(then="Yes."), Slow([[use("generate_response", **FIELDS)]])
    agent = ReActAgent("Ada", "", model, compression=CompressionConfig(trigger_tokens=1, keep_recent=1, model=writer))
    await agent(said("one"))
    await agent(said("two"))
    assert "one" in model.calls[1].text and agent.memory.compressed_summary == ""
    gate.set()
    await agent.compressed()
    assert "Likes green." in agent.memory.compressed_summary
    assert [m.get_text_content() for m in agent.memory.messages(exclude_mark=COMPRESSED)] == ["Yes.", "two", "Yes."]
    await agent.aclose()


async def test_a_summary_builds_on_the_one_before() -> None:
    writer = summarising([use("generate_response", **FIELDS)], [use("generate_response", **{**FIELDS, "next_steps": "Drink."})])
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), compression=CompressionConfig(10**6, 1, writer))
    await agent(said("one"))
    assert await agent.compress()
    await agent(said("two"))
    assert await agent.compress()
    assert "Pour." in writer.calls[1].text and "Drink." in agent.memory.compressed_summary
    assert not await ReActAgent("Ada", "", ScriptedModel()).compress()


@pytest.mark.parametrize("answer", [RuntimeError("down"), "No summary today."])
async def test_when_it_fails_the_oldest_are_left_out(answer: Any) -> None:
    writer = ScriptedModel(then=answer)
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), compression=CompressionConfig(1, 2, writer))
    await agent(said("one"))
    await agent(said("two"))
    await agent.compressed()
    assert [m.get_text_content() for m in agent.memory.prompt()] == ["two", "Yes."]
    assert agent.memory.compressed_summary == "" and len(agent.memory.messages()) == 4


async def test_closing_the_agent_ends_it() -> None:
    writer = ScriptedModel([[60]])
    agent = ReActAgent("Ada", "", ScriptedModel(then="Yes."), compression=CompressionConfig(1, 1, writer))
    await agent(said("one"))
    await asyncio.sleep(0)
    await agent.aclose()
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
    assert writer.open_streams == 0 and len(agent.memory.prompt()) == 2


async def test_pairs_of_a_real_conversation_are_never_parted() -> None:
    async def look() -> str:
        """Looks."""
        return "tea"

    toolkit = Toolkit()
    toolkit.register_tool_function(look)
    model = ScriptedModel([[use("look"), use("look")], "Tea.", [use("look")], "Tea again."], then="Yes.")
    for keep in range(1, 9):
        agent = ReActAgent("Ada", "", ScriptedModel(list(model._answers), then="Yes."), toolkit=toolkit)
        await agent(said("what is there?"))
        await agent(said("and now?"))
        agent.compression = CompressionConfig(1, keep, summarising())
        await agent.compress()
        shown = agent.memory.messages(exclude_mark=COMPRESSED)
        assert len(shown) >= keep
        calls = [call.id for m in shown for call in m.tool_uses()]
        assert calls == [b.id for m in shown for b in m.blocks() if isinstance(b, ToolResultBlock)]


KINDS = st.lists(st.tuples(st.sampled_from(["words", "call", "result"]), st.integers(0, 3)), max_size=14)


@given(KINDS, st.integers(0, 14))
def test_no_split_parts_a_pair(kinds: list[tuple[str, int]], place: int) -> None:
    messages: list[Msg] = []
    called: list[str] = []
    for index, (kind, number) in enumerate(kinds):
        if kind == "call":
            called.append(str(index))
            messages.append(Msg("Ada", [ToolUseBlock(str(index), "f")], "assistant"))
        elif kind == "result" and called:
            one = called.pop(number % len(called))
            messages.append(Msg("system", [ToolResultBlock(one, "f", "x")], "system"))
        else:
            messages.append(said("words"))
    place = min(place, len(messages))
    cut = split_before(messages, place)
    assert 0 <= cut <= place
    before = {call.id for m in messages[:cut] for call in m.tool_uses()}
    after = {b.id for m in messages[cut:] for b in m.blocks() if isinstance(b, ToolResultBlock)}
    assert not before & after and before <= {
        b.id for m in messages[:cut] for b in m.blocks() if isinstance(b, ToolResultBlock)
    }


def test_tokens_are_estimated() -> None:
    assert estimate_tokens([]) == 0
    assert 20 <= estimate_tokens([Msg("a", "x" * 80, "user")]) <= 30
    assert estimate_tokens([Msg("a", [TextBlock("世" * 40)], "user")]) > 25
    memory = InMemoryMemory()
    assert memory.compressed_summary == ""
