"""AgentScope 1.x forms of calls and results, on top of ours."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from ..message import Block, TextBlock, ToolUseBlock, as_block
from .base import ToolChunk, ToolResponse


def as_call(tool_call: ToolUseBlock | Mapping[str, Any]) -> ToolUseBlock:
    """A ToolUseBlock from itself or from the typed dictionary that AgentScope used.

    Raises ValueError where it is neither.
    """
    if isinstance(tool_call, ToolUseBlock):
        return tool_call
    block = as_block({"type": "tool_use", **tool_call})
    if not isinstance(block, ToolUseBlock):
        raise ValueError(f"expected a tool_use block, got {block.type}")
    return block


async def cumulative(chunks: AsyncGenerator[ToolChunk]) -> AsyncGenerator[ToolResponse]:
    """Increments as AgentScope's responses: each holds everything so far, and the last has `is_last`."""
    whole: list[Block] = []
    metadata: dict[str, Any] = {}
    try:
        async for chunk in chunks:
            add_increment(whole, chunk.content)
            metadata |= chunk.metadata
            yield ToolResponse(list(whole), metadata, True, chunk.is_last, chunk.state == "interrupted")
    finally:
        await chunks.aclose()


def add_increment(whole: list[Block], fresh: list[Block]) -> None:
    """Appends new blocks to a result, making one text block of neighbouring ones."""
    for block in fresh:
        if isinstance(block, TextBlock) and whole and isinstance(whole[-1], TextBlock):
            whole[-1] = TextBlock(whole[-1].text + block.text)
        else:
            whole.append(block)
