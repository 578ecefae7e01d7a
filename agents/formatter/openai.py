"""Prompts for OpenAI's chat completions, and for the many servers that speak the same."""

from typing import Any

from ..message import Base64Source, DataBlock, URLSource
from .chat import ChatFormatter

_SOUND_FORMATS = {"wav": "wav", "x-wav": "wav", "wave": "wav", "mpeg": "mp3", "mp3": "mp3"}


class OpenAIChatFormatter(ChatFormatter):
    """For one person and one agent."""

    def text_part(self, text: str) -> dict[str, Any]:
        """See `ChatFormatter`."""
        return {"type": "text", "text": text}

    def media_part(self, block: DataBlock) -> dict[str, Any] | None:
        """Images by address or data, sounds as wav or mp3 data. Videos and files are not taken."""
        source = block.source
        if block.kind == "image":
            url = source.url if isinstance(source, URLSource) else f"data:{block.media_type};base64,{source.data}"
            return {"type": "image_url", "image_url": {"url": url}}
        if block.kind == "audio" and isinstance(source, Base64Source):
            form = _SOUND_FORMATS.get(block.media_type.partition("/")[2].partition(";")[0])
            return {"type": "input_audio", "input_audio": {"data": source.data, "format": form}} if form else None
        return None


class OpenAIMultiAgentFormatter(OpenAIChatFormatter):
    """For any number of people and agents; with one of each it gives what `OpenAIChatFormatter` gives."""

    many_speakers = True
