"""Working memory: what an agent has heard, said and done, in order."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import MemoryBase
    from .compression import CompressionConfig, Compressor
    from .in_process import InMemoryMemory
    from .sql import SqlMemory, SqlStore

__all__ = ["CompressionConfig", "Compressor", "InMemoryMemory", "MemoryBase", "SqlMemory", "SqlStore"]

_HOMES = {
    "CompressionConfig": "compression", "Compressor": "compression", "InMemoryMemory": "in_process", "MemoryBase": "base",
    "SqlMemory": "sql", "SqlStore": "sql",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
