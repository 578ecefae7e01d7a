"""Chat models: one file a provider, plus the embedded rule-based model. Providers' packages are imported only when used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .base import (
    ChatDelta,
    ChatModelBase,
    ChatModelError,
    ChatUsage,
    Message,
    Price,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
)
from .fallback import FallbackModel
from .retry import NO_RETRY, RetryPolicy

if TYPE_CHECKING:
    from .dashscope import DashScopeChatModel
    from .detect import Detection, detect_model
    from .embedded import EmbeddedModel
    from .openai import OpenAIChatModel

FallbackChatModel = FallbackModel
"""`FallbackModel` by a name that goes with the others'."""

__all__ = [
    "NO_RETRY", "ChatDelta", "ChatModelBase", "ChatModelError", "ChatUsage", "DashScopeChatModel", "Detection",
    "EmbeddedModel", "FallbackChatModel", "FallbackModel", "Message", "OpenAIChatModel", "Price", "RetryPolicy", "TextDelta",
    "ThinkingDelta", "ToolCallDelta", "detect_model",
]  # fmt: skip

_HOMES = {
    "DashScopeChatModel": ("dashscope", "DashScopeChatModel"),
    "Detection": ("detect", "Detection"),
    "EmbeddedChatModel": ("embedded", "EmbeddedModel"),
    "EmbeddedModel": ("embedded", "EmbeddedModel"),
    "OpenAIChatModel": ("openai", "OpenAIChatModel"),
    "detect_model": ("detect", "detect_model"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        home, attribute = _HOMES[name]
        return getattr(import_module(f".{home}", __name__), attribute)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
