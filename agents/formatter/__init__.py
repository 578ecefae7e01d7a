"""Formatters: from messages to a provider's prompt, for one or for many speakers."""

from ..model.base import ChatModelBase
from ..model.fallback import FallbackModel
from .base import FormatterBase, estimated_tokens, interruption_note, truncated, units
from .chat import ChatFormatter
from .dashscope import DashScopeChatFormatter, DashScopeMultiAgentFormatter
from .embedded import EmbeddedFormatter, FallbackFormatter
from .openai import OpenAIChatFormatter, OpenAIMultiAgentFormatter

__all__ = [
    "ChatFormatter", "DashScopeChatFormatter", "DashScopeMultiAgentFormatter", "EmbeddedFormatter", "FallbackFormatter",
    "FormatterBase", "OpenAIChatFormatter", "OpenAIMultiAgentFormatter", "estimated_tokens", "formatter_for",
    "interruption_note", "truncated", "units",
]  # fmt: skip


def formatter_for(model: ChatModelBase, many_speakers: bool = True) -> FormatterBase:
    """The formatter that fits a model. Models of unknown providers are taken to speak OpenAI's form.

    With `many_speakers` everybody is named as soon as more than one person or agent has spoken.
    """
    if isinstance(model, FallbackModel):
        return FallbackFormatter([formatter_for(member, many_speakers) for member in model.models])
    if model.provider == "embedded":
        return EmbeddedFormatter()
    if model.provider == "dashscope":
        return DashScopeMultiAgentFormatter() if many_speakers else DashScopeChatFormatter()
    return OpenAIMultiAgentFormatter() if many_speakers else OpenAIChatFormatter()
