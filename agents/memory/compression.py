"""Compression: older messages give way to a summary, between turns.

A long conversation outgrows the model's context, or at least what one wants to pay for each turn. When a reply has ended and
the memory is longer than `trigger_tokens` (or `trigger_messages`), the agent asks a model for a summary of all but the newest
messages, in a task of its own: a caller never waits for it. What is summarised stays in memory, marked `compressed`, and is
not shown to the model any more; the summary is shown in its place. A tool call and its result are never parted.

If the summary fails, the oldest messages are marked all the same: the conversation goes on, without them.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, Field

from ..message import DataBlock, HintBlock, Msg, TextBlock, ThinkingBlock, ToolResultBlock, ToolUseBlock
from .base import COMPRESSED, MemoryBase

if TYPE_CHECKING:
    from ..model.base import ChatModelBase

logger = logging.getLogger(__name__)

MEDIA_TOKENS = 2000
"""What an image or a sound counts; AgentScope 2.x counts the same."""

PROMPT = (
    "Below is the older part of a conversation of the agent {name}. Sum it up, so that {name} can go on without reading it: "
    "names, facts, wishes, promises, results of tools, and what is still open. Write in the language of the conversation."
)


class Summary(BaseModel):
    """The summary of a conversation so far, field by field."""

    task_overview: str = Field(description="What the people want, and every condition they gave.")
    current_state: str = Field(description="What has been said, done and found so far.")
    important_discoveries: str = Field(description="Facts, names, numbers, decisions, and what did not work.")
    next_steps: str = Field(description="What is still open or was promised.")
    context_to_preserve: str = Field(description="Whatever else must not be lost, such as preferences and tone.")


def summary_text(fields: dict[str, Any]) -> str:
    """The summary as the model reads it later."""
    lines = [f"{name.replace('_', ' ').capitalize()}: {text}" for name, text in fields.items() if text]
    return "Summary of the conversation so far, which is not shown any more:\n" + "\n".join(lines)


def estimate_tokens(messages: Sequence[Msg]) -> int:
    """About how many tokens messages are: a quarter of their bytes (AgentScope 2.x's estimate), and so much for media."""
    total = 0
    for msg in messages:
        total += 4
        for block in msg.blocks():
            match block:
                case TextBlock() | HintBlock():
                    total += len(block.text.encode()) // 4 + 1
                case ThinkingBlock():
                    total += len(block.thinking.encode()) // 4 + 1
                case ToolUseBlock():
                    total += len(json.dumps(block.input).encode()) // 4 + 10
                case ToolResultBlock():
                    total += len(block.text.encode()) // 4 + 10
                    total += 0 if isinstance(block.output, str) else MEDIA_TOKENS * _media(block.output)
                case DataBlock():
                    total += MEDIA_TOKENS
    return total


def _media(output: Sequence[Any]) -> int:
    return sum(isinstance(block, DataBlock) for block in output)


@dataclass(slots=True)
class CompressionConfig:
    """When and how an agent compresses its memory."""

    trigger_tokens: int = 24_000
    """The length of the shown part of the memory beyond which it is compressed."""
    keep_recent: int = 6
    """How many of the newest messages stay as they are, at least."""
    model: ChatModelBase | None = None
    """Who writes the summary; None for the agent's own model."""
    formatter: Any = None
    prompt: str = PROMPT
    schema: type[BaseModel] = Summary
    template: Callable[[dict[str, Any]], str] = summary_text
    count: Callable[[Sequence[Msg]], int] = field(default=estimate_tokens)
    trigger_messages: int | None = None
    """The number of shown messages beyond which it is compressed, however short they are; None for any number."""


class Compressor:
    """Compresses one memory."""

    __slots__ = ("config", "formatter", "memory", "model", "name")

    def __init__(self, memory: MemoryBase, config: CompressionConfig, name: str, model: ChatModelBase, formatter: Any) -> None:
        self.memory = memory
        self.config = config
        self.name = name
        self.model = config.model or model
        self.formatter = config.formatter or (formatter if config.model is None else None)

    def due(self) -> bool:
        """Whether the memory is long enough."""
        shown = self.memory.messages(exclude_mark=COMPRESSED)
        most = self.config.trigger_messages
        if len(shown) <= self.config.keep_recent:
            return False
        if (most is None or len(shown) <= most) and self.config.count(shown) <= self.config.trigger_tokens:
            return False
        return bool(self._older())

    async def compress(self) -> bool:
        """Compresses, whether due or not; False where there is nothing to compress. Takes effect at once at its end, so that
        a reply which runs meanwhile sees the memory before or after it, never in between."""
        older = self._older()
        if not older:
            return False
        try:
            summary = await self._summarise(older)
        except Exception:
            logger.exception("the memory of %s could not be summed up; its oldest messages are left out without", self.name)
            summary = ""
        self.memory.mark([msg.id for msg in older], COMPRESSED)
        if summary:
            self.memory.summarise(summary)
        await self.memory.flush()
        return True

    def _older(self) -> list[Msg]:
        shown = list(self.memory.messages(exclude_mark=COMPRESSED))
        return shown[: split_before(shown, max(0, len(shown) - self.config.keep_recent))]

    async def _summarise(self, older: Sequence[Msg]) -> str:
        from ..agent.react import ReActAgent

        told = "\n".join(_line(msg) for msg in older)
        before = f"The summary of what was before it:\n{self.memory.compressed_summary}\n\n" if self.memory.compressed_summary else ""
        writer = ReActAgent("Summary", self.config.prompt.format(name=self.name), self.model, self.formatter)
        answer = await writer.reply(Msg("conversation", before + told, "user"), structured_model=self.config.schema)
        if not answer.metadata:
            raise RuntimeError("the model gave no summary in the form that was asked for")
        return self.config.template(answer.metadata)


def split_before(messages: Sequence[Msg], place: int) -> int:
    """The last place at or before `place` where messages can be parted without parting a tool call from its result."""
    answered: dict[str, int] = {}
    for index, msg in enumerate(messages):
        for block in msg.blocks():
            if isinstance(block, ToolResultBlock):
                answered[block.id] = index
    while place > 0:
        crossing = [
            index for index, msg in enumerate(messages[:place])
            if any(answered.get(call.id, len(messages)) >= place for call in msg.tool_uses())
        ]  # fmt: skip
        if not crossing:
            return place
        place = crossing[0]
    return 0


def _line(msg: Msg) -> str:
    parts: list[str] = []
    for block in msg.blocks():
        match block:
            case TextBlock() | HintBlock():
                parts.append(block.text)
            case ToolUseBlock():
                parts.append(f"[uses the tool {block.name} with {json.dumps(block.input, ensure_ascii=False)}]")
            case ToolResultBlock():
                parts.append(f"[the tool {block.name} answers: {block.text}]")
            case DataBlock():
                parts.append(f"[{block.kind} {block.name}]".replace(" ]", "]"))
    if isinstance(cut := msg.metadata.get("interrupted"), dict):
        parts.append("[was interrupted here]" + (f" [and did not get to say: {cut['unheard']}]" if cut.get("unheard") else ""))
    return f"{msg.name}: {' '.join(parts)}"
