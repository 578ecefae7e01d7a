"""Calling tools: results, errors, limits, cancellation, groups, middleware, post-processing."""

import asyncio
import gc
import threading
import time

import pytest
from hubbub.agents.draft import Draft
from hubbub.agents.message import Base64Source, ImageBlock, TextBlock, ToolUseBlock
from hubbub.agents.tool import (
    Threads,
    ToolChunk,
    ToolError,
    ToolFlags,
    Toolkit,
    ToolResponse,
    tool,
    tool_cancelled,
)
from hubbub.agents.tool.base import ToolStream
from pydantic import BaseModel


def call_of(name, raw="", /, **arguments):
    return ToolUseBlock("1", name, arguments, raw)


async def chunks_of(toolkit, name, /, *, draft=None, **arguments):
    chunks = [chunk async for chunk in toolkit.call(call_of(name, **arguments), draft=draft)]
    assert [chunk.is_last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
    assert all(chunk.state == "running" for chunk in chunks[:-1])
    return chunks


async def result(toolkit, name, /, **arguments):
    chunks = await chunks_of(toolkit, name, **arguments)
    return chunks[-1].state, "".join(b.text for c in chunks for b in c.content if isinstance(b, TextBlock))


async def error_of(toolkit, name, /, **arguments):
    chunks = await chunks_of(toolkit, name, **arguments)
    assert chunks[-1].state == "error"
    return chunks[-1].metadata["error"], "".join(block.text for chunk in chunks for block in chunk.content)


def sync_tool():
    return "sync"


async def async_tool():
    return "async"


def generator_tool():
    yield "gen"
    yield "erator"


async def async_generator_tool():
    yield "async gen"
    yield "erator"


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


# Errors


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


# Time and size


async def test_a_tool_that_hangs_is_stopped():
    ended = []

    async def hangs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async def drips():
        while True:
            yield "x"
            await asyncio.sleep(0.01)

    toolkit = Toolkit([hangs, drips], timeout_s=0.1)
    kind, text = await error_of(toolkit, "hangs")
    assert kind == "timeout" and "0.1 seconds" in text and ended == ["cleaned up"]
    kind, text = await error_of(toolkit, "drips")
    assert kind == "timeout" and text.startswith("xx")


async def test_a_tool_that_will_not_stop_is_left_to_itself(monkeypatch):
    monkeypatch.setattr("hubbub.agents.tool.run.CLEANUP_GRACE_S", 0.05)
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    toolkit = Toolkit([stubborn], timeout_s=0.05)
    assert (await error_of(toolkit, "stubborn"))[0] == "timeout"
    release.set()
    async with asyncio.timeout(5):
        while toolkit._abandoned:
            await asyncio.sleep(0.01)


async def test_a_sync_tool_can_notice_that_nobody_waits():
    noticed = threading.Event()

    def works():
        while not tool_cancelled():
            time.sleep(0.005)
        noticed.set()

    def steps():
        try:
            while True:
                yield "."
                time.sleep(0.005)
        finally:
            closed.set()

    closed = threading.Event()
    toolkit = Toolkit([works, steps], timeout_s=0.1)
    assert (await error_of(toolkit, "works"))[0] == "timeout"
    assert (await error_of(toolkit, "steps"))[0] == "timeout"
    assert await asyncio.to_thread(noticed.wait, 5) and await asyncio.to_thread(closed.wait, 5)


async def test_too_much_text_is_cut_and_said():
    async def large():
        return "x" * 1000

    async def endless():
        while True:
            yield "y" * 30

    def endless_sync():
        while True:
            yield "z" * 30

    toolkit = Toolkit([large, endless, endless_sync], output_chars=100)
    kind, text = await error_of(toolkit, "large")
    assert kind == "too_much_output" and text.startswith("x" * 100 + "\n[The output was cut")
    assert "100 of 1000 characters" in text
    for name, letter in (("endless", "y"), ("endless_sync", "z")):
        kind, text = await error_of(toolkit, name)
        assert kind == "too_much_output" and text.count(letter) >= 100 and text.startswith(letter * 100 + "\n[")


async def test_text_that_just_fits_is_whole():
    async def fits():
        yield "x" * 60
        yield "x" * 40

    assert await result(Toolkit([fits], output_chars=100), "fits") == ("success", "x" * 100)


async def test_too_much_media_is_refused():
    async def picture():
        return ImageBlock(Base64Source("A" * 5000, "image/png"))

    kind, text = await error_of(Toolkit([picture], output_bytes=1000), "picture")
    assert kind == "too_much_output" and "media" in text
    [chunk] = await chunks_of(Toolkit([picture]), "picture")
    assert chunk.state == "success"


async def test_a_sync_tool_does_not_stop_the_heartbeat():
    """Each beat of a 10 ms heart has to come before the tool has run on for long: the loop never waits for the tool.

    Beats are counted and not timed, as a busy machine may delay any of them: on a blocked loop there is none at all.
    """

    def slow():
        time.sleep(0.5)
        return "done"

    def slow_steps():
        for _ in range(5):
            time.sleep(0.1)
            yield "."

    for func in (slow, slow_steps):
        beats = 0

        async def heart():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.create_task(heart())
        state, _ = await result(Toolkit([func]), func.__name__)
        beating.cancel()
        assert state == "success" and beats >= 10  # 50 on an idle machine, at most 6 if each step blocked the loop


async def test_threads_are_bounded():
    running, most = 0, 0
    lock = threading.Lock()

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    toolkit = Toolkit([work], threads=Threads(2))
    await asyncio.gather(*(result(toolkit, "work") for _ in range(8)))
    assert most <= 2
    with pytest.raises(ValueError, match="at least one"):
        Threads(0)


# Cancellation


async def test_cancelling_waits_for_the_tools_cleanup():
    log = []

    async def works():
        try:
            log.append("begun")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    task = asyncio.create_task(result(Toolkit([works]), "works"))
    while not log:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["begun", "cleaned up"]


@pytest.mark.parametrize("func", ["async", "sync"])
async def test_closing_the_stream_closes_the_generator_and_leaves_no_task(func):
    closed = threading.Event()

    async def ticks():
        try:
            while True:
                yield "t"
                await asyncio.sleep(0)
        finally:
            closed.set()

    def sync_ticks():
        try:
            while True:
                yield "t"
        finally:
            closed.set()

    before = asyncio.all_tasks()
    toolkit = Toolkit([ticks, sync_ticks])
    stream = toolkit.call(call_of("ticks" if func == "async" else "sync_ticks"))
    assert (await anext(stream)).content == [TextBlock("t")]
    await stream.aclose()
    assert await asyncio.to_thread(closed.wait, 5)
    assert asyncio.all_tasks() == before


async def test_a_fast_generator_waits_for_its_reader():
    made = 0

    async def fast():
        nonlocal made
        for _ in range(1000):
            made += 1
            yield "x"

    stream = Toolkit([fast]).call(call_of("fast"))
    await anext(stream)
    for _ in range(50):
        await asyncio.sleep(0)
    assert made < 20
    await stream.aclose()


# Drafts


async def test_side_effects_wait_for_the_commit():
    done = []

    def act():
        done.append("act")

    @tool(ToolFlags(read_only=True))
    def look():
        done.append("look")

    toolkit = Toolkit([act, look])
    draft = Draft()
    acting = asyncio.create_task(chunks_of(toolkit, "act", draft=draft))
    await chunks_of(toolkit, "look", draft=draft)
    for _ in range(10):
        await asyncio.sleep(0)
    assert done == ["look"] and not acting.done()
    draft.commit()
    assert (await acting)[-1].state == "success" and done == ["look", "act"]


async def test_a_discarded_draft_runs_nothing():
    done = []

    def act():
        done.append("act")

    def middleware(kwargs, next_handler):
        done.append("middleware")
        return next_handler(**kwargs)

    toolkit = Toolkit([act], timeout_s=0.01)
    toolkit.register_middleware(middleware)
    draft = Draft()
    acting = asyncio.create_task(chunks_of(toolkit, "act", draft=draft))
    await asyncio.sleep(0.05)  # waiting for a draft is no running time
    assert not acting.done()
    draft.discard()
    [chunk] = await acting
    assert chunk.state == "interrupted" and done == []


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


# Post-processing and middleware


async def test_postprocessing_may_replace_or_keep():
    def replace(tool_call, response):
        assert tool_call.name and response.content == [TextBlock("generator")]
        return ToolResponse([TextBlock(response.content[0].text.upper())])

    async def keep(tool_call, response):
        return None

    async def breaks(tool_call, response):
        raise RuntimeError("cannot read this")

    async def shorten(tool_call, response):
        return response.content[0].text[:3]

    toolkit = Toolkit(output_chars=100)
    toolkit.register_tool_function(generator_tool, func_name="a", postprocess_func=replace)
    toolkit.register_tool_function(generator_tool, func_name="b", postprocess_func=keep)
    toolkit.register_tool_function(generator_tool, func_name="c", postprocess_func=breaks)
    toolkit.register_tool_function(lambda: "x" * 1000, func_name="d", postprocess_func=shorten)
    assert await result(toolkit, "a") == ("success", "GENERATOR")
    assert await result(toolkit, "b") == ("success", "generator")
    assert (await error_of(toolkit, "c"))[1] == "Error: RuntimeError: cannot read this"
    assert await result(toolkit, "d") == ("success", "xxx")


def wrap(mark, log=None):
    async def middleware(kwargs, next_handler):
        if log is not None:
            log.append(mark)
        async for chunk in await next_handler(**kwargs):
            for block in chunk.content:
                block.text = f"{mark}({block.text})"
            yield chunk

    return middleware


async def test_middleware_order_first_is_outermost():
    log = []
    toolkit = Toolkit()
    toolkit.register_tool_function(sync_tool, middlewares=[wrap("own", log)])
    toolkit.register_tool_function(async_tool)
    toolkit.register_middleware(wrap("first", log))
    toolkit.register_middleware(wrap("second", log))
    toolkit.register_middleware(wrap("named", log), tools=["async_tool"])
    assert await result(toolkit, "sync_tool") == ("success", "first(second(own(sync)))")
    assert log == ["first", "second", "own"]
    assert await result(toolkit, "async_tool") == ("success", "first(second(named(async)))")
    with pytest.raises(ValueError, match="no tool 'x'"):
        toolkit.register_middleware(wrap("w"), tools=["x"])


async def test_middleware_may_do_anything():
    def echo(text: str):
        return text

    async def changes_arguments(kwargs, next_handler):
        call = kwargs["tool_call"]
        async for chunk in next_handler(tool_call=ToolUseBlock(call.id, call.name, {"text": "changed"})):
            yield chunk

    async def omits_arguments(kwargs, next_handler):
        async for chunk in next_handler():
            yield chunk

    async def skips(kwargs, next_handler):
        yield ToolResponse([TextBlock("from the cache")])

    async def adds(kwargs, next_handler):
        yield "before "
        async for chunk in next_handler(**kwargs):
            yield chunk

    async def swallows(kwargs, next_handler):
        async for _ in next_handler(**kwargs):
            pass
        return
        yield

    async def breaks(kwargs, next_handler):
        raise LookupError("no such shelf")
        yield

    async def redirects(kwargs, next_handler):
        async for chunk in next_handler(tool_call=ToolUseBlock("1", "nothing", {})):
            yield chunk

    expected = {
        changes_arguments: "changed", omits_arguments: "hi", skips: "from the cache", adds: "before hi",
        swallows: "The tool ran and returned nothing.", breaks: "Error: LookupError: no such shelf",
        redirects: "FunctionNotFoundError: there is no tool 'nothing'. There are: echo.",
    }  # fmt: skip
    for middleware, text in expected.items():
        toolkit = Toolkit([echo])
        toolkit.register_middleware(middleware)
        state, got = await result(toolkit, "echo", text="hi")
        assert got == text and state == ("error" if middleware in (breaks, redirects) else "success")


async def test_a_state_that_middleware_gives_too_early_is_not_lost():
    async def judges(kwargs, next_handler):
        yield ToolChunk([TextBlock("no")], state="denied")
        yield ToolChunk([TextBlock("!")])

    toolkit = Toolkit([sync_tool])
    toolkit.register_middleware(judges)
    chunks = await chunks_of(toolkit, "sync_tool")
    assert [chunk.state for chunk in chunks] == ["running", "running", "denied"]


async def test_an_outer_middleware_catches_what_an_inner_one_raises():
    async def breaks(kwargs, next_handler):
        raise LookupError
        yield

    async def catches(kwargs, next_handler):
        try:
            async for chunk in next_handler(**kwargs):
                yield chunk
        except LookupError:
            yield "caught"

    toolkit = Toolkit([sync_tool])
    toolkit.register_middleware(catches)
    toolkit.register_middleware(breaks)
    assert await result(toolkit, "sync_tool") == ("success", "caught")


async def test_cancelling_goes_through_middleware_to_the_tool():
    log = []

    async def waits():
        try:
            await asyncio.Event().wait()
        finally:
            log.append("tool")

    async def outer(kwargs, next_handler):
        try:
            async for chunk in next_handler(**kwargs):
                yield chunk
        finally:
            log.append("middleware")

    toolkit = Toolkit([waits])
    toolkit.register_middleware(outer)
    task = asyncio.create_task(result(toolkit, "waits"))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["tool", "middleware"]


async def test_a_stream_can_be_awaited_or_not():
    async def chunks():
        yield ToolChunk([], True, "success")

    stream = ToolStream(chunks())
    assert await stream is stream
    assert [chunk.is_last async for chunk in stream] == [True]


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
