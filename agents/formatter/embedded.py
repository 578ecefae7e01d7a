"""Messages for the embedded rule-based model, and prompts for a chain of models."""

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

from ..message import Msg, ToolResultBlock
from ..model.fallback import FallbackPrompt
from .base import FormatterBase
from .told import Told


class EmbeddedFormatter(FormatterBase):
    """Dictionaries with role, name, content (text) and, for a reply that was cut off, `interrupted`.

    What the embedded model cannot use (media, thinking, hints, most of tools) is left out; of a tool that has just answered it is told
    the answer.
    """

    def _build(self, msgs: Sequence[Msg], speaker: str | None) -> list[dict[str, Any]]:
        prompt = [{"role": "system", "name": "system", "content": f"You are {speaker}."}] if speaker else []
        for msg in msgs:
            text = msg.get_text_content()
            cut = msg.metadata.get("interrupted")
            if not text and not cut:
                continue
            data: dict[str, Any] = {"role": msg.role, "name": msg.name, "content": text}
            if isinstance(cut, dict):
                data["interrupted"] = dict(cut)
            prompt.append(data)
        for block in msgs[-1].blocks() if msgs else ():
            if isinstance(block, ToolResultBlock):
                prompt.append({"role": "tool", "name": block.name, "content": block.text})
        return prompt


class FallbackFormatter(FormatterBase):
    """Makes the first model's prompt, and the others' when they are asked. See `FallbackModel`."""

    def __init__(self, formatters: Sequence[FormatterBase]) -> None:
        super().__init__()
        self.formatters = tuple(formatters)
        """One for each model of the chain, in its order."""

    async def format(
        self, msgs: Iterable[Msg], *, speaker: str | None = None, told: Told | None = None
    ) -> list[dict[str, Any]]:
        """See `FormatterBase.format`."""
        shown = list(msgs)
        first, *others = self.formatters
        prompt = await first.format(shown, speaker=speaker, told=told)
        return FallbackPrompt(prompt, [partial(other.format, shown, speaker=speaker) for other in others])

    def _build(self, msgs: Sequence[Msg], speaker: str | None) -> list[dict[str, Any]]:
        return self.formatters[0]._build(msgs, speaker)
