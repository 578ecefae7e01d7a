"""Middleware: layers around what an agent does."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import ActingCall, MiddlewareBase, ModelCall, ReasoningCall, ReplyCall
    from .budget import Budget, BudgetMiddleware
    from .hints import ContextHintMiddleware, TimeHintMiddleware
    from .tracing import TracingMiddleware

__all__ = [
    "ActingCall", "Budget", "BudgetMiddleware", "ContextHintMiddleware", "MiddlewareBase", "ModelCall", "ReasoningCall",
    "ReplyCall", "TimeHintMiddleware", "TracingMiddleware",
]  # fmt: skip

_HOMES = {
    "ActingCall": "base", "Budget": "budget", "BudgetMiddleware": "budget", "ContextHintMiddleware": "hints",
    "MiddlewareBase": "base", "ModelCall": "base", "ReasoningCall": "base", "ReplyCall": "base",
    "TimeHintMiddleware": "hints", "TracingMiddleware": "tracing",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
