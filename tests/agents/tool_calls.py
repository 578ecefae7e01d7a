"""Calling tools of a toolkit, for its tests."""


from hubbub.agents.message import TextBlock, ToolUseBlock


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
