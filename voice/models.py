"""Which chat model an agent thinks with: the configured one, or the best that the environment offers."""

import os
from collections.abc import Mapping
from typing import Any

from ..agents.model.base import ChatModelBase
from .config import ModelConfig
from .event import EngineInfo

OLLAMA_URL = "http://127.0.0.1:11434/v1"


async def make_model(config: ModelConfig, environ: Mapping[str, str] = os.environ) -> tuple[ChatModelBase, EngineInfo]:
    """The model that `config` asks for, with the reason for the log. Raises ImportError where its package is missing."""
    sampling: dict[str, Any] = {"temperature": config.temperature, "max_tokens": config.max_tokens}
    key = config.api_key.get_secret_value() if config.api_key is not None else None
    match config.provider:
        case "auto":
            from ..agents.model.detect import detect_model

            found = await detect_model(environ)
            return found.model, EngineInfo(name=found.name, why=found.why, note=found.note)
        case "embedded":
            from ..agents.model.embedded import EmbeddedModel

            return EmbeddedModel(), EngineInfo(name="embedded", why="configured", note=EMBEDDED_NOTE)
        case "dashscope":
            from ..agents.model.dashscope import DashScopeChatModel

            dashscope = DashScopeChatModel(config.name or "qwen-plus", key or environ.get("DASHSCOPE_API_KEY"), **sampling)
            return dashscope, EngineInfo(name=f"dashscope {dashscope.name}", why="configured")
        case _:
            from ..agents.model.openai import OpenAIChatModel

            ollama = config.provider == "ollama"
            url = config.base_url or (OLLAMA_URL if ollama else environ.get("OPENAI_BASE_URL"))
            secret = key or ("ollama" if ollama else environ.get("OPENAI_API_KEY"))
            name = config.name or ("llama3.2" if ollama else "gpt-4o-mini")
            model = OpenAIChatModel(name, secret, url, **sampling)
            return model, EngineInfo(name=f"{config.provider} {name}", why="configured")


EMBEDDED_NOTE = "a small rule-based program, not a language model"
