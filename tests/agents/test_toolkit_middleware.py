"""What stands around a tool: post-processing and middleware."""

import asyncio

import pytest
from hubbub.agents.message import TextBlock, ToolUseBlock
from hubbub.agents.tool import (
    ToolChunk,
    Toolkit,
    ToolResponse,
)
from hubbub.agents.tool.base import ToolStream
from tool_calls import async_tool, chunks_of, error_of, generator_tool, result, sync_tool


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
