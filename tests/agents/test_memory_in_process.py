"""The working memory of a process: marks, doubles, filters, the summary, its state."""

import json

import pytest
from hubbub.agents import InMemoryMemory, MessageFormatError, Msg, TextBlock, ToolResultBlock, ToolUseBlock
from hubbub.agents.memory.base import COMPRESSED
from hypothesis import given
from hypothesis import strategies as st


def said(text: str, one: str = "") -> Msg:
    return Msg("Bob", text, "user", id=one or text)


def texts(messages: object) -> list[str]:
    return [m.get_text_content() for m in messages]  # type: ignore[attr-defined]


async def test_adding_with_marks_and_filtering() -> None:
    memory = InMemoryMemory()
    await memory.add(None)
    await memory.add(said("a"), marks="hint")
    await memory.add([said("b"), said("c")], marks=["hint", "old"])
    await memory.add(said("d"))
    assert texts(await memory.get_memory()) == ["a", "b", "c", "d"]
    assert texts(await memory.get_memory(mark="hint")) == ["a", "b", "c"]
    assert texts(await memory.get_memory(mark="hint", exclude_mark="old")) == ["a"]
    assert texts(await memory.get_memory(exclude_mark="hint")) == ["d"]
    assert await memory.size() == 4


async def test_doubles() -> None:
    memory = InMemoryMemory()
    await memory.add([said("a"), said("a")])
    assert await memory.size() == 1
    await memory.add(said("a"), allow_duplicates=True)
    assert texts(memory.messages()) == ["a", "a"] and memory.messages()[1].id != "a"


async def test_deleting() -> None:
    memory = InMemoryMemory()
    await memory.add([said(x) for x in "abcd"], marks="m")
    assert await memory.delete(["a", "zz"]) == 1 and await memory.delete("b") == 1
    assert await memory.delete_by_mark("nope") == 0
    await memory.add(said("e"), marks="n")
    assert await memory.delete_by_mark(["m", "n"]) == 3 and await memory.size() == 0


async def test_changing_marks() -> None:
    memory = InMemoryMemory()
    await memory.add([said(x) for x in "abc"], marks="old")
    assert await memory.update_messages_mark("new", old_mark="old", msg_ids=["a", "b"]) == 2
    assert texts(memory.messages(mark="new")) == ["a", "b"] and texts(memory.messages(mark="old")) == ["c"]
    assert await memory.update_messages_mark(None, old_mark="new") == 2
    assert texts(memory.messages(mark="new")) == []
    assert await memory.update_messages_mark("all") == 3
    assert await memory.update_messages_mark("all") == 0  # has it already


async def test_the_summary_and_that_clearing_clears_it() -> None:
    memory = InMemoryMemory()
    await memory.add([said("a"), said("b")])
    memory.mark(["a"], COMPRESSED)
    await memory.update_compressed_summary("before: a")
    assert texts(memory.prompt()) == ["before: a", "b"]
    assert texts(await memory.get_memory()) == ["before: a", "a", "b"]
    assert texts(await memory.get_memory(prepend_summary=False)) == ["a", "b"]
    await memory.clear()
    assert await memory.get_memory() == [] and memory.compressed_summary == "" and memory.prompt() == []
    await memory.add(said("a"))
    assert texts(memory.messages(mark=COMPRESSED)) == []  # nor does a mark come back


async def test_replacing_keeps_place_and_marks() -> None:
    memory = InMemoryMemory()
    await memory.add([said("a"), said("b")], marks="m")
    assert memory.replace(Msg("Bob", "A", "user", id="a")) and not memory.replace(said("zz"))
    assert texts(memory.messages(mark="m")) == ["A", "b"]


async def test_its_state_goes_through_json() -> None:
    memory = InMemoryMemory()
    await memory.add([said("a"), said("b")], marks="m")
    memory.summarise("s")
    fresh = InMemoryMemory()
    fresh.load_state_dict(json.loads(json.dumps(memory.state_dict())))
    assert fresh.messages() == memory.messages() and fresh.messages(mark="m") == memory.messages(mark="m")
    assert fresh.compressed_summary == "s" and fresh.state_dict() == memory.state_dict()


def test_states_of_agentscope_and_bad_ones() -> None:
    memory = InMemoryMemory()
    data = said("a").to_dict()
    memory.load_state_dict({"content": [data]})
    assert texts(memory.messages()) == ["a"]
    memory.load_state_dict({"content": [[data, ["m"]]], "_compressed_summary": "s"})
    assert texts(memory.messages(mark="m")) == ["a"] and memory.compressed_summary == "s"
    with pytest.raises(KeyError):
        memory.load_state_dict({})
    with pytest.raises(MessageFormatError):
        memory.load_state_dict({"content": [data, {"name": "x"}]})
    assert texts(memory.messages()) == ["a"]  # what failed changed nothing
    memory.load_state_dict({}, strict=False)
    assert memory.messages() == []


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.sampled_from(["add", "remove", "mark", "unmark"])), max_size=30))
def test_it_behaves_like_a_list_with_sets(steps: list[tuple[str, str]]) -> None:
    memory, order, marked = InMemoryMemory(), list[str](), set[str]()
    for one, step in steps:
        if step == "add":
            memory.append(said(one))
            order += [one] if one not in order else []
        elif step == "remove":
            memory.remove([one])
            order = [x for x in order if x != one]
            marked.discard(one)
        elif one in order:
            memory.mark([one], "m" if step == "mark" else None, None if step == "mark" else "m")
            marked = marked | {one} if step == "mark" else marked - {one}
        assert texts(memory.messages()) == order
        assert texts(memory.messages(mark="m")) == [x for x in order if x in marked]


async def test_a_memory_with_a_bound_forgets_the_oldest() -> None:
    memory = InMemoryMemory(keep=32)
    for n in range(1000):
        await memory.add(said(str(n)), marks="old" if n % 2 else None)
        assert len(memory.messages()) <= 32
    kept = texts(memory.messages())
    assert kept == [str(n) for n in range(1000 - len(kept), 1000)] and len(kept) >= 30
    assert len(memory.messages(mark="old")) <= 16 and len(memory._marks) <= 16, "no mark is left of what was forgotten"
    fresh = InMemoryMemory(keep=8)
    fresh.load_state_dict(memory.state_dict())
    assert texts(fresh.messages()) == kept[-8:]
    with pytest.raises(ValueError, match="keep=1"):
        InMemoryMemory(keep=1)


@given(st.lists(st.sampled_from(["words", "call", "answer", "both"]), max_size=80), st.integers(2, 20))
def test_a_result_is_never_kept_without_its_call(kinds: list[str], keep: int) -> None:
    memory, waiting = InMemoryMemory(keep=keep), []
    for n, kind in enumerate(kinds):
        blocks: list[ToolUseBlock | ToolResultBlock | TextBlock] = [TextBlock(str(n))]
        if kind in ("call", "both"):
            blocks, waiting = [ToolUseBlock(id=str(n), name="look", input={})], [*waiting, str(n)]
        remembered = {call.id for msg in memory.messages() for call in msg.tool_uses()} | {str(n)}
        waiting = [one for one in waiting if one in remembered]
        if kind in ("answer", "both") and waiting:
            blocks.append(ToolResultBlock(id=waiting.pop(0), name="look", output="seen"))
        memory.append(Msg("Ada", blocks, "assistant"))
        assert len(memory.messages()) <= keep
        known: set[str] = set()
        for msg in memory.messages():
            known |= {call.id for call in msg.tool_uses()}
            assert {block.id for block in msg.blocks() if isinstance(block, ToolResultBlock)} <= known
