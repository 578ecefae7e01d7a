"""Turns what a model streams into blocks of a message, and into the events that say so."""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

from ..event import (
    AgentEvent,
    TextBlockDeltaEvent,
    TextBlockEndEvent,
    TextBlockStartEvent,
    ThinkingBlockDeltaEvent,
    ThinkingBlockEndEvent,
    ThinkingBlockStartEvent,
    ToolCallDeltaEvent,
    ToolCallEndEvent,
    ToolCallStartEvent,
)
from ..message import Block, TextBlock, ThinkingBlock, ToolUseBlock, new_id


@dataclass(slots=True)
class _Words:
    kind: Literal["text", "thinking"]
    id: str
    parts: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Call:
    id: str
    name: str = ""
    parts: list[str] = field(default_factory=list)
    announced: bool = False


class BlockWriter:
    """One assistant message in the making: feed it deltas, emit what `take` gives, keep the blocks at the end.

    No input or output. `close` may be called at any moment and leaves a message that is valid as far as it goes. Events wait
    in `untaken` until they are taken, so that words and events agree wherever their reader is stopped.
    """

    __slots__ = ("_calls", "_open", "_pieces", "_reply_id", "untaken")

    def __init__(self, reply_id: str) -> None:
        self._reply_id = reply_id
        self.untaken: deque[AgentEvent] = deque()
        self._pieces: list[_Words | _Call] = []
        self._open: _Words | None = None
        self._calls: dict[int, _Call] = {}

    def take(self) -> Iterator[AgentEvent]:
        """The events that came up and were not taken yet."""
        while self.untaken:
            yield self.untaken.popleft()

    def text(self, delta: str) -> None:
        """More words of the answer."""
        self._words("text", delta)

    def thinking(self, delta: str) -> None:
        """More of a thought."""
        self._words("thinking", delta)

    def tool_call(self, index: int, call_id: str, name: str, arguments: str) -> None:
        """More of the tool call number `index`; the id and the name may come with any piece, the start waits for the name."""
        self._close_words()
        call = self._calls.get(index)
        if call is None:
            call = self._calls[index] = _Call(call_id or f"call-{new_id()}")
            self._pieces.append(call)
        elif call_id and not call.announced:
            call.id = call_id
        call.name = call.name or name
        call.parts.append(arguments)
        if not call.name:
            return
        if not call.announced:
            call.announced = True
            self.untaken.append(ToolCallStartEvent(self._reply_id, call.id, call.name))
            arguments = "".join(call.parts)
        if arguments:
            self.untaken.append(ToolCallDeltaEvent(self._reply_id, call.id, arguments))

    def close(self) -> None:
        """Ends whatever is open."""
        self._close_words()
        self.untaken.extend(ToolCallEndEvent(self._reply_id, call.id) for call in self._calls.values() if call.announced)
        self._calls = {}

    def blocks(self, unread: dict[str, int] | None = None) -> list[Block]:
        """What there is so far. `unread` says how many characters at the end of a block (by id) never reached the reader."""
        blocks: list[Block] = []
        for piece in self._pieces:
            text = "".join(piece.parts)
            if isinstance(piece, _Call):
                if piece.announced:
                    blocks.append(ToolUseBlock(piece.id, piece.name, parse_arguments(text), text))
                continue
            if unread and piece.id in unread:
                text = text[: max(0, len(text) - unread[piece.id])]
            if text:
                blocks.append(TextBlock(text, piece.id) if piece.kind == "text" else ThinkingBlock(text, piece.id))
        return blocks

    def _words(self, kind: Literal["text", "thinking"], delta: str) -> None:
        if not delta:
            return
        words = self._open
        if words is None or words.kind != kind:
            self._close_words()
            words = self._open = _Words(kind, new_id())
            self._pieces.append(words)
            start = TextBlockStartEvent if kind == "text" else ThinkingBlockStartEvent
            self.untaken.append(start(self._reply_id, words.id))
        words.parts.append(delta)
        more = TextBlockDeltaEvent if kind == "text" else ThinkingBlockDeltaEvent
        self.untaken.append(more(self._reply_id, words.id, delta))

    def _close_words(self) -> None:
        words, self._open = self._open, None
        if words is not None:
            end = TextBlockEndEvent if words.kind == "text" else ThinkingBlockEndEvent
            self.untaken.append(end(self._reply_id, words.id))


def parse_arguments(text: str) -> dict[str, Any]:
    """The arguments of a tool call; {} where the text is not a JSON object (the toolkit then repairs `raw_input`)."""
    try:
        value = json.loads(text) if text.strip() else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
