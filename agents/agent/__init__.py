"""Agents: who answers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import CallableAgent, from_callable
    from .base import AgentBase
    from .react import ReActAgent
    from .user import TerminalUserInput, UserAgent, UserInputBase, UserInputData

__all__ = [
    "AgentBase", "CallableAgent", "ReActAgent", "TerminalUserInput", "UserAgent", "UserInputBase", "UserInputData",
    "from_callable",
]  # fmt: skip

_HOMES = {
    "AgentBase": "base", "CallableAgent": "adapter", "ReActAgent": "react", "TerminalUserInput": "user", "UserAgent": "user",
    "UserInputBase": "user", "UserInputData": "user", "from_callable": "adapter",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
