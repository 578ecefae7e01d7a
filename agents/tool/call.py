"""The way of one tool call: refuse, wait for certainty, middleware, arguments, run, post-process.

Nothing on this way raises to the caller but cancellation: whatever goes wrong becomes a chunk with state
"error" and a text that tells the model what to do.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any

from ..draft import Draft, DraftDiscarded
from ..message import Block, TextBlock, ToolState, ToolUseBlock
from .arguments import BadArguments, read_arguments
from .background import BackgroundTasks
from .base import NextHandler, ToolChunk, ToolError, ToolMiddleware, ToolResponse, ToolStream
from .compat import add_increment
from .output import OutputReader, TooMuchOutput, error_chunk
from .registered import RegisteredTool
from .run import Abandon, ToolTimeout, bounded, is_async, values_of
from .thread import Threads

logger = logging.getLogger(__name__)

_MAX_ERROR_CHARS = 2000
"""Characters of an exception's message that the model reads."""

_RAW_FACTOR = 16
"""What a tool may return in front of a post-processing function, as a multiple of what may come out of it."""


@dataclass(slots=True)
class CallContext:
    """What a call needs from its toolkit."""

    find: Callable[[ToolUseBlock], RegisteredTool | ToolChunk]
    """The tool for a call, or the chunk that refuses it."""

    middlewares: list[ToolMiddleware]
    background: Callable[[], BackgroundTasks]
    threads: Callable[[], Threads]
    abandon: Abandon
    timeout_s: float
    background_timeout_s: float
    output_chars: int
    output_bytes: int


async def call_tool(context: CallContext, tool_call: ToolUseBlock, draft: Draft | None = None) -> AsyncGenerator[ToolChunk]:
    """Runs a call. Exactly one chunk, the last, has `is_last`; errors are chunks; cancellation passes
    through."""
    found = context.find(tool_call)
    if isinstance(found, ToolChunk):
        yield found
        return
    refusal = await _certain(found, draft)
    if refusal is not None:
        yield refusal
        return
    said_something = False
    state: ToolState = "success"
    chunks = _onion(context, found, tool_call, draft)
    try:
        async for chunk in chunks:
            said_something = said_something or bool(chunk.content)
            if chunk.is_last:
                yield chunk if said_something else replace(chunk, content=_nothing(chunk))
                return
            if chunk.state != "running":
                state = chunk.state  # said before the end: it holds at the end
            if chunk.content:
                yield replace(chunk, state="running")
    except Exception as error:  # of a middleware: those of tools are chunks by now
        logger.warning("a middleware of tool %s failed", tool_call.name, exc_info=True)
        yield _failed(error)
        return
    finally:
        await chunks.aclose()
    done = ToolChunk([], True, state)
    yield done if said_something else replace(done, content=_nothing(done))


def _nothing(chunk: ToolChunk) -> list[Block]:
    told = "The tool ran and returned nothing." if chunk.state == "success" else f"The tool ended: {chunk.state}."
    return [TextBlock(told)]


def _failed(error: Exception, gap: str = "") -> ToolChunk:
    kind = "" if isinstance(error, ToolError) else f"{type(error).__name__}: "
    told = f"{gap}Error: {kind}{str(error)[:_MAX_ERROR_CHARS]}"
    return error_chunk("exception", told, exception=type(error).__name__)


async def _certain(tool: RegisteredTool, draft: Draft | None) -> ToolChunk | None:
    if draft is None or not tool.flags.side_effects:
        return None
    try:
        await draft.wait()
    except DraftDiscarded:
        text = "The tool was not run: the turn it belonged to did not come."
        return ToolChunk([TextBlock(text)], True, "interrupted", {"error": "discarded"})
    return None


def _onion(context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock, draft: Draft | None) -> AsyncGenerator[ToolChunk]:
    """The chunks of a call through the middleware, the first registered outermost."""
    layers = [*context.middlewares, *tool.middlewares]
    if not layers:
        return _run(context, tool, tool_call)

    def innermost(tool_call: ToolUseBlock = tool_call, **_: Any) -> ToolStream:
        return ToolStream(_reconsidered(context, tool, tool_call, draft))

    handler: NextHandler = innermost
    for layer in reversed(layers):
        handler = _wrap(layer, handler, {"tool_call": tool_call})
    return _unwrapped(handler())


def _wrap(layer: ToolMiddleware, inner: NextHandler, outer_kwargs: dict[str, Any]) -> NextHandler:
    def handler(**kwargs: Any) -> ToolStream:
        given = {**outer_kwargs, **kwargs}

        def go_on(**changed: Any) -> ToolStream:
            return inner(**{**given, **changed})

        return ToolStream(_read_layer(layer(dict(given), go_on)))

    return handler


async def _unwrapped(stream: ToolStream) -> AsyncGenerator[ToolChunk]:
    try:
        async for chunk in stream:
            yield chunk
    finally:
        await stream.aclose()


async def _read_layer(layer: AsyncIterator[Any]) -> AsyncGenerator[ToolChunk]:
    """What a middleware yields, as chunks. Its limits are its own business."""
    reader = OutputReader(limit_chars=2**62, limit_bytes=2**62)
    try:
        async for item in layer:
            if isinstance(item, ToolChunk):
                yield item
            else:
                yield ToolChunk(reader.read(item, streamed=True))
    finally:
        close = getattr(layer, "aclose", None)
        if close is not None:
            await close()
    if reader.state != "success":
        yield ToolChunk([], True, reader.state, reader.metadata)


async def _reconsidered(
    context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock, draft: Draft | None
) -> AsyncGenerator[ToolChunk]:
    """The call as middleware left it: it may have changed the arguments, or the tool itself."""
    found = context.find(tool_call)
    if isinstance(found, ToolChunk):
        yield found
        return
    refusal = await _certain(found, draft) if found is not tool else None
    if refusal is not None:
        yield refusal
        return
    chunks = _run(context, found, tool_call)
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        await chunks.aclose()


async def _run(context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock) -> AsyncGenerator[ToolChunk]:
    if tool.flags.external:
        yield error_chunk("external", f"Error: {tool.name} is run outside of this program.")
        return
    schema = tool.parameters()
    try:
        args, kwargs = tool.bind(read_arguments(tool_call, schema, allow_cut=tool.flags.read_only))
    except BadArguments as error:
        yield error_chunk("bad_arguments", f"Error: wrong arguments for {tool.name}: {error}. {_usage(schema)}")
        return

    def run(timeout_s: float) -> AsyncGenerator[ToolChunk]:
        return _results(context, tool, tool_call, args, kwargs, timeout_s)

    if tool.background:
        yield _started(context, tool, tool_call, run)
        return
    chunks = run(context.timeout_s if tool.timeout_s is None else tool.timeout_s)
    try:
        async for chunk in chunks:
            yield chunk
    finally:
        await chunks.aclose()


def _usage(schema: dict[str, Any]) -> str:
    required = schema.get("required", ())
    named = [f"{name} (required)" if name in required else name for name in schema.get("properties", {})]
    return f"Its arguments are: {', '.join(named)}." if named else "It takes no arguments."


def _started(
    context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock, run: Callable[[float], AsyncIterator[ToolChunk]]
) -> ToolChunk:
    timeout_s = context.background_timeout_s if tool.timeout_s is None else tool.timeout_s
    try:
        record = context.background().start(tool_call, lambda: run(timeout_s))
    except ToolError as error:
        return error_chunk("exception", f"Error: {error}")
    text = (
        f"{tool.name} runs in the background as task {record.id}. The result will be told when it is there; go on "
        "meanwhile. view_task, wait_task and cancel_task take this id."
    )
    return ToolChunk([TextBlock(text)], True, "success", {"task_id": record.id})


async def _results(
    context: CallContext,
    tool: RegisteredTool,
    tool_call: ToolUseBlock,
    args: list[Any],
    kwargs: dict[str, Any],
    timeout_s: float,
) -> AsyncGenerator[ToolChunk]:
    source = values_of(tool.func, args, kwargs, context.threads())
    values = bounded(source, None if math.isinf(timeout_s) else timeout_s, context.abandon)
    chunks = _read_tool(context, tool, tool_call, values)
    gap = ""
    try:
        async for chunk in chunks:
            gap = "\n"  # between what the tool had said and why it stopped
            yield chunk
    except ToolTimeout:
        told = f"Error: {tool.name} did not finish within {timeout_s:g} seconds and was stopped."
        yield error_chunk("timeout", gap + told)
    except TooMuchOutput as error:
        yield error_chunk("too_much_output", f"{gap}[{error}]")
    except Exception as error:
        logger.info("tool %s failed", tool.name, exc_info=True)
        yield _failed(error, gap)
    finally:
        await chunks.aclose()
        await values.aclose()


async def _read_tool(
    context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock, values: AsyncGenerator[tuple[Any, bool]]
) -> AsyncGenerator[ToolChunk]:
    factor = 1 if tool.postprocess is None else _RAW_FACTOR
    reader = OutputReader(context.output_chars * factor, context.output_bytes * factor)
    whole: list[Block] = []
    single: list[Block] = []
    async for value, streamed in values:
        blocks = reader.read(value, streamed=streamed)
        if tool.postprocess is not None:
            whole += blocks
        elif streamed and blocks:
            yield ToolChunk(blocks, metadata=dict(reader.metadata))
        else:
            single = blocks
        if reader.overflowed:
            break
    if tool.postprocess is not None:
        reader, single = await _postprocessed(context, tool, tool_call, reader, whole)
    if reader.overflowed:
        single = [*single, TextBlock(reader.overflow_note())]
        yield ToolChunk(single, True, "error", {**reader.metadata, "error": "too_much_output"})
        return
    yield ToolChunk(single, True, reader.state, reader.metadata)


async def _postprocessed(
    context: CallContext, tool: RegisteredTool, tool_call: ToolUseBlock, raw: OutputReader, blocks: list[Block]
) -> tuple[OutputReader, list[Block]]:
    assert tool.postprocess is not None
    whole: list[Block] = []
    add_increment(whole, blocks)
    response = ToolResponse(whole, raw.metadata, is_interrupted=raw.state == "interrupted")
    answer: Any
    if is_async(tool.postprocess):
        answer = tool.postprocess(tool_call, response)
    else:
        answer = await context.threads().run(tool.postprocess, tool_call, response)
    if inspect.isawaitable(answer):
        answer = await asyncio.wait_for(answer, context.timeout_s)
    reader = OutputReader(context.output_chars, context.output_bytes)
    reader.state, reader.metadata = raw.state, dict(raw.metadata)
    return reader, reader.read(response if answer is None else answer)
