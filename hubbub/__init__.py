"""Hubbub: a realtime voice agent server.

The public names are loaded when first used, so that `import hubbub` stays cheap.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .agents import Msg, MsgHub, ReActAgent
    from .voice.room import VoiceRoom
    from .voice.server import serve

__version__ = "0.1.0"
__all__ = ["Msg", "MsgHub", "ReActAgent", "VoiceRoom", "__version__", "serve"]

_HOMES = {
    "Msg": "hubbub.agents",
    "MsgHub": "hubbub.agents",
    "ReActAgent": "hubbub.agents",
    "VoiceRoom": "hubbub.voice.room",
    "serve": "hubbub.voice.server",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'hubbub' has no attribute {name!r}")
