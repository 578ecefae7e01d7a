"""Prompts for DashScope (Alibaba Model Studio): Generation and MultiModalConversation."""

from typing import Any

from ..message import DataBlock, URLSource
from .chat import ChatFormatter


class DashScopeChatFormatter(ChatFormatter):
    """For one person and one agent."""

    def text_part(self, text: str) -> dict[str, Any]:
        """See `ChatFormatter`."""
        return {"text": text}

    def media_part(self, block: DataBlock) -> dict[str, Any] | None:
        """Images, sounds and videos by address or data; files are not taken."""
        if block.kind == "file":
            return None
        source = block.source
        return {block.kind: source.url if isinstance(source, URLSource) else f"data:{block.media_type};base64,{source.data}"}


class DashScopeMultiAgentFormatter(DashScopeChatFormatter):
    """For any number of people and agents; with one of each it gives what `DashScopeChatFormatter` gives."""

    many_speakers = True
