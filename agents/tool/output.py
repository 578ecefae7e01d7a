"""Makes chunks out of whatever a tool returns or yields, and stops when it is too much."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..message import Base64Source, Block, DataBlock, MessageFormatError, TextBlock, ToolState, as_block
from .base import DEFAULT_OUTPUT_BYTES, DEFAULT_OUTPUT_CHARS, ToolChunk, ToolResponse


class TooMuchOutput(Exception):
    """A tool returned more than it may; the message tells the model what it got and what to do."""


class OutputReader:
    """Reads the values of one call and turns each into the blocks that are new in it.

    Text, blocks (or their dictionaries), lists of blocks and `ToolChunk`s are increments; a `ToolResponse`
    from a generator is cumulative, as in AgentScope 1.x. Anything else becomes JSON.
    """

    __slots__ = ("_bytes_left", "_chars_left", "_limit_chars", "_seen", "metadata", "state")

    def __init__(self, limit_chars: int = DEFAULT_OUTPUT_CHARS, limit_bytes: int = DEFAULT_OUTPUT_BYTES) -> None:
        self._limit_chars = self._chars_left = limit_chars
        self._bytes_left = limit_bytes
        self._seen: list[Block] = []
        self.state: ToolState = "success"
        """How the call ends, as far as the tool has said."""
        self.metadata: dict[str, Any] = {}

    def read(self, value: Any, *, streamed: bool = False) -> list[Block]:
        """The new blocks in a value. Text that fills the limit is cut there, and the next text raises
        TooMuchOutput."""
        return [kept for block in self._blocks(value, streamed) if (kept := self._admit(block)) is not None]

    def _blocks(self, value: Any, streamed: bool) -> list[Block]:
        if isinstance(value, ToolChunk):
            self._note(value.state, value.metadata)
            return blocks_of(value.content)
        if isinstance(value, ToolResponse) or _looks_like_response(value):
            self._note("interrupted" if value.is_interrupted else "running", value.metadata or {})
            blocks = blocks_of(value.content)
            return self._increment(blocks) if streamed else blocks
        return blocks_of(value)

    def _note(self, state: ToolState, metadata: Mapping[str, Any]) -> None:
        if state != "running":
            self.state = state
        self.metadata.update(metadata)

    def _increment(self, blocks: list[Block]) -> list[Block]:
        fresh: list[Block] = []
        for index, block in enumerate(blocks):
            before = self._seen[index] if index < len(self._seen) else None
            if before is None:
                fresh.append(block)
            elif isinstance(block, TextBlock) and isinstance(before, TextBlock):
                if block.text.startswith(before.text):
                    fresh.append(TextBlock(block.text[len(before.text) :]))
                elif block.text != before.text:
                    # The tool replaced what it had said. What was sent cannot be taken back: say the new
                    # text after it.
                    fresh.append(TextBlock("\n" + block.text))
            elif block != before:
                fresh.append(block)
        # Copies, as a tool may go on changing the blocks that it gave us.
        self._seen = [dataclasses.replace(block) for block in blocks]
        return [block for block in fresh if not (isinstance(block, TextBlock) and not block.text)]

    def _admit(self, block: Block) -> Block | None:
        if isinstance(block, TextBlock):
            return self._admit_text(block)
        if isinstance(block, DataBlock) and isinstance(block.source, Base64Source):
            self._bytes_left -= len(block.source.data)
            if self._bytes_left < 0:
                raise TooMuchOutput("the tool returned more media than fits in a message; ask for less of it")
        return block

    def _admit_text(self, block: TextBlock) -> Block | None:
        if not block.text:
            return None
        if self._chars_left <= 0:
            raise TooMuchOutput(f"the output was cut after {self._limit_chars} characters; ask for less, or for a part of it")
        kept = block.text[: self._chars_left]
        self._chars_left -= len(block.text)
        return block if len(kept) == len(block.text) else dataclasses.replace(block, text=kept)

    @property
    def overflowed(self) -> bool:
        """Whether text was cut."""
        return self._chars_left < 0

    def overflow_note(self) -> str:
        """What to tell the model when text was cut."""
        cut, limit = -self._chars_left, self._limit_chars
        return f"\n[The output was cut: these are the first {limit} of {limit + cut} characters. Ask for less, or for a part of it.]"


def blocks_of(value: Any) -> list[Block]:
    """Any value as blocks: text as text, blocks as they are, nothing for None, and JSON for everything
    else."""
    if value is None:
        return []
    if isinstance(value, str):
        return [TextBlock(value)] if value else []
    if isinstance(value, Block):
        return [value]
    if isinstance(value, Mapping) and "type" in value:
        try:
            return [as_block(value)]
        except MessageFormatError:
            pass  # some other dictionary that happens to have a type
    if isinstance(value, list | tuple) and value and all(map(_is_block, value)):
        return [as_block(item) for item in value]
    if isinstance(value, list | tuple) and not value:
        return [TextBlock("[]")]
    return [TextBlock(as_json(value))]


def as_json(value: Any) -> str:
    """The value as JSON text; what JSON does not know is written as Python prints it."""
    if hasattr(value, "model_dump_json"):
        return str(value.model_dump_json())
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    try:
        return json.dumps(value, ensure_ascii=False, default=_plain)
    except (TypeError, ValueError):  # keys that are not text, or a circle
        return str(value)


def text_of(blocks: Iterable[Block]) -> str:
    """The text in some blocks, joined as increments."""
    return "".join(block.text for block in blocks if isinstance(block, TextBlock))


def error_chunk(kind: str, text: str, **metadata: Any) -> ToolChunk:
    """The one chunk of a call that failed. `kind` is one of those that `ToolChunk` lists."""
    return ToolChunk([TextBlock(text)], True, "error", {"error": kind, **metadata})


def _plain(value: Any) -> Any:
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json")
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, bytes | bytearray):
        return bytes(value).decode("utf-8", "replace")
    return str(value)


def _is_block(value: Any) -> bool:
    if isinstance(value, Block):
        return True
    if not isinstance(value, Mapping) or "type" not in value:
        return False
    try:
        as_block(value)
    except MessageFormatError:
        return False
    return True


def _looks_like_response(value: Any) -> bool:
    """Whether this is a `ToolResponse` of AgentScope itself, so that its tools work here unchanged."""
    return type(value).__name__ == "ToolResponse" and hasattr(value, "content") and hasattr(value, "is_interrupted")
