"""The configuration of a server: one YAML file, checked with errors that name file, line and field.

`load_config("rooms.yaml")` gives a `Config` or raises `ConfigError`; `default_config()` is what is
served without a file. The format is described in docs/configuration.md.
"""

from .access import AccessConfig, KeyConfig, ShareConfig
from .errors import ConfigError, Problem
from .floor import FloorConfig
from .load import load_config, parse_config
from .model import (
    DEFAULT_HOST,
    DEFAULT_PORT,
    AgentConfig,
    Config,
    EnginesConfig,
    LimitsConfig,
    MemoryConfig,
    ModelConfig,
    RoomConfig,
    ServerConfig,
    VoiceConfig,
    default_config,
)

__all__ = [
    "DEFAULT_HOST",
    "DEFAULT_PORT",
    "AccessConfig",
    "AgentConfig",
    "Config",
    "ConfigError",
    "EnginesConfig",
    "FloorConfig",
    "KeyConfig",
    "LimitsConfig",
    "MemoryConfig",
    "ModelConfig",
    "Problem",
    "RoomConfig",
    "ServerConfig",
    "ShareConfig",
    "VoiceConfig",
    "default_config",
    "load_config",
    "parse_config",
]
