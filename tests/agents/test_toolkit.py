"""A toolkit: what tools return, errors, groups, names, and what it costs."""

import asyncio
import gc

import pytest
from hubbub.agents.message import Base64Source, ImageBlock, TextBlock
from hubbub.agents.tool import (
    ToolChunk,
    ToolError,
    ToolFlags,
    Toolkit,
    ToolResponse,
)
from pydantic import BaseModel
from tool_calls import async_generator_tool, async_tool, call_of, chunks_of, error_of, generator_tool, result, sync_tool


async def returns_a_generator():
    return generator_tool()


@pytest.mark.parametrize(
    ("func", "text", "count"),
    [
        (sync_tool, "sync", 1),
        (async_tool, "async", 1),
        (generator_tool, "generator", 3),
        (async_generator_tool, "async generator", 3),
        (returns_a_generator, "generator", 3),
    ],
)
async def test_all_kinds_of_functions_become_one_stream(func, text, count):
    toolkit = Toolkit([func])
    chunks = await chunks_of(toolkit, func.__name__)
    assert len(chunks) == count and chunks[-1].state == "success"
    assert "".join(block.text for chunk in chunks for block in chunk.content) == text


class Point(BaseModel):
    x: int


IMAGE = ImageBlock(Base64Source("aWNvbg==", "image/png"))


@pytest.mark.parametrize(
    ("value", "blocks"),
    [
        ("text", [TextBlock("text")]),
        ("", [TextBlock("The tool ran and returned nothing.")]),
        (None, [TextBlock("The tool ran and returned nothing.")]),
        (42, [TextBlock("42")]),
        ({"a": [1, "é"]}, [TextBlock('{"a": [1, "é"]}')]),
        ([], [TextBlock("[]")]),
        ([1, 2], [TextBlock("[1, 2]")]),
        (Point(x=1), [TextBlock('{"x":1}')]),
        ([Point(x=1)], [TextBlock('[{"x": 1}]')]),
        ({1: {2}}, [TextBlock('{"1": [2]}')]),
        (TextBlock("t"), [TextBlock("t")]),
        ([TextBlock("t"), IMAGE], [TextBlock("t"), IMAGE]),
        ({"type": "text", "text": "1.x"}, [TextBlock("1.x")]),
        ({"type": "pizza", "size": 3}, [TextBlock('{"type": "pizza", "size": 3}')]),
        (ToolResponse([TextBlock("r")]), [TextBlock("r")]),
        (ToolChunk([TextBlock("c")], True, "success"), [TextBlock("c")]),
    ],
)
async def test_whatever_a_tool_returns(value, blocks):
    async def give():
        return value

    [chunk] = await chunks_of(Toolkit([give]), "give")
    assert chunk.content == blocks and chunk.state == "success"


async def test_cumulative_responses_become_increments():
    async def count():
        for number in range(3):
            blocks = [TextBlock("".join(map(str, range(number + 1))))]
            yield ToolResponse([*blocks, IMAGE] if number == 2 else blocks, stream=True)

    chunks = await chunks_of(Toolkit([count]), "count")
    assert [chunk.content for chunk in chunks] == [[TextBlock("0")], [TextBlock("1")], [TextBlock("2"), IMAGE], []]


async def test_agentscope_form_of_a_call():
    toolkit = Toolkit([generator_tool])
    call = {"type": "tool_use", "id": "1", "name": "generator_tool", "input": {}}
    responses = [r async for r in await toolkit.call_tool_function(call)]
    assert [r.content[0]["text"] for r in responses] == ["gen", "generator", "generator"]
    assert [r.is_last for r in responses] == [False, False, True]
    assert toolkit.get_json_schemas() == toolkit.schemas()


async def test_errors_are_results():
    def broken():
        raise ValueError("the pump is dry")

    async def told():
        raise ToolError("Fill the pump first.")

    async def half():
        yield "begun"
        raise KeyError("gone")

    def leaves():
        raise SystemExit(1)

    async def leaves_too():
        raise SystemExit(2)

    async def cancelled_inside():
        raise asyncio.CancelledError

    def stops():
        raise StopIteration

    toolkit = Toolkit([broken, told, half, leaves, leaves_too, cancelled_inside, stops])
    assert await error_of(toolkit, "broken") == ("exception", "Error: ValueError: the pump is dry")
    assert await error_of(toolkit, "told") == ("exception", "Error: Fill the pump first.")
    assert await error_of(toolkit, "half") == ("exception", "begun\nError: KeyError: 'gone'")
    for name in ("leaves", "leaves_too", "cancelled_inside", "stops"):
        kind, text = await error_of(toolkit, name)
        assert kind == "exception" and text.startswith("Error: RuntimeError")


async def test_unknown_and_inactive_tools_are_told_apart():
    toolkit = Toolkit([sync_tool])
    toolkit.create_tool_group("more", "more tools")
    toolkit.register_tool_function(async_tool, "more")
    kind, text = await error_of(toolkit, "fly")
    assert kind == "not_found" and "FunctionNotFoundError" in text and "sync_tool" in text
    assert "async_tool" not in text, "what the agent does not see is not offered"
    kind, text = await error_of(toolkit, "async_tool")
    assert kind == "inactive" and "FunctionInactiveError" in text and "'more'" in text


async def test_bad_arguments_say_what_is_wrong():
    def f(a: int):
        return a

    kind, text = await error_of(Toolkit([f]), "f", a="x", b=1)
    assert kind == "bad_arguments" and "'x' is not of type 'integer'" in text and "a (required)" in text
    chunks = [c async for c in Toolkit([f]).call(call_of("f", "{a: 1}"))]
    assert chunks[-1].content == [TextBlock("1")]
    chunks = [c async for c in Toolkit([f]).call(call_of("f", "gibberish"))]
    assert chunks[-1].metadata["error"] == "bad_arguments" and "gibberish" in chunks[-1].content[0].text


# Groups


async def test_groups_and_the_meta_tool():
    toolkit = Toolkit([sync_tool])
    toolkit.create_tool_group("maths", "numbers", notes="Round to two digits.")
    toolkit.create_tool_group("travel", "trains", active=True, notes="Ask for the date.")
    toolkit.register_tool_function(async_tool, "maths")
    toolkit.register_tool_function(generator_tool, "travel")
    toolkit.register_tool_function(toolkit.reset_equipped_tools)

    def seen():
        return [schema["function"]["name"] for schema in toolkit.schemas()]

    assert seen() == ["sync_tool", "generator_tool", "reset_equipped_tools"]
    assert toolkit.get_activated_notes() == "## About Tool Group 'travel'\nAsk for the date."
    parameters = toolkit.schemas()[-1]["function"]["parameters"]
    assert {name: p["type"] for name, p in parameters["properties"].items()} == {
        "maths": "boolean", "travel": "boolean"
    }  # fmt: skip

    state, text = await result(toolkit, "reset_equipped_tools", maths=True)
    assert state == "success" and "Round to two digits" in text and "Ask for the date" not in text
    assert seen() == ["sync_tool", "async_tool", "reset_equipped_tools"] and toolkit.active_groups == ["maths"]
    kind, text = await error_of(toolkit, "reset_equipped_tools", cooking=True)
    assert kind == "bad_arguments" and toolkit.active_groups == ["maths"]
    await result(toolkit, "reset_equipped_tools")
    assert toolkit.active_groups == []

    toolkit.create_tool_group("late", "made later")
    assert "late" in toolkit.schemas()[-1]["function"]["parameters"]["properties"]
    toolkit.remove_tool_groups(["maths"])
    assert "async_tool" not in toolkit and "maths" not in str(toolkit.schemas())


def test_wrong_group_names():
    toolkit = Toolkit()
    toolkit.create_tool_group("a", "")
    for wrong in (
        lambda: toolkit.create_tool_group("a", ""),
        lambda: toolkit.create_tool_group("basic", ""),
        lambda: toolkit.update_tool_groups(["a", "b"], True),
        lambda: toolkit.remove_tool_groups(["basic"]),
        lambda: toolkit.remove_tool_groups(["b"]),
        lambda: toolkit.register_tool_function(sync_tool, "b"),
    ):
        with pytest.raises(ValueError, match="group"):
            wrong()
    assert toolkit.active_groups == []


def test_state_survives_in_a_new_process():
    def build():
        toolkit = Toolkit()
        toolkit.create_tool_group("a", "")
        toolkit.create_tool_group("b", "")
        return toolkit

    first, second = build(), build()
    first.update_tool_groups("b", True)
    second.load_state_dict(first.state_dict())
    assert second.active_groups == ["b"] and second.state_dict() == first.state_dict()
    other = Toolkit()
    with pytest.raises(ValueError, match="no tool group 'b'"):
        other.load_state_dict(first.state_dict())
    other.load_state_dict(first.state_dict(), strict=False)
    assert other.active_groups == []


# Names


def test_name_clashes():
    def make(text):
        def same():
            return text

        return same

    toolkit = Toolkit([make("first")])
    with pytest.raises(ValueError, match="already a tool 'same'"):
        toolkit.register_tool_function(make("second"))
    assert toolkit.register_tool_function(make("second"), namesake_strategy="skip") == "same"
    assert toolkit._registry.get("same").func() == "first"
    assert toolkit.register_tool_function(make("third"), namesake_strategy="override") == "same"
    assert toolkit._registry.get("same").func() == "third"
    renamed = toolkit.register_tool_function(make("fourth"), namesake_strategy="rename")
    assert renamed.startswith("same_") and toolkit._registry.get(renamed).func() == "fourth"
    assert toolkit.schemas()[-1]["function"]["name"] == renamed
    with pytest.raises(ValueError, match="namesake_strategy"):
        toolkit.register_tool_function(make("fifth"), namesake_strategy="guess")
    toolkit.remove_tool_function("same")
    assert toolkit.names() == [renamed]


# Closing, and what a toolkit costs


async def test_closed_and_external():
    toolkit = Toolkit([sync_tool])
    toolkit.register_tool_function(
        lambda: "never", func_name="outside", flags=ToolFlags(external=True), func_description="Runs elsewhere."
    )
    assert toolkit.flags("outside").external
    assert (await error_of(toolkit, "outside"))[0] == "external"
    async with toolkit:
        assert await result(toolkit, "sync_tool") == ("success", "sync")
    assert (await error_of(toolkit, "sync_tool"))[0] == "closed"
    await toolkit.close()


def test_an_empty_toolkit_is_small():
    import tracemalloc

    gc.collect()
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    toolkits = [Toolkit() for _ in range(1000)]
    used = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert len(toolkits) == 1000 and used / 1000 < 1024
