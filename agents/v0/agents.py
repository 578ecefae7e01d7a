"""The agents of 0.x: `DialogAgent` and `UserAgent`, and the models that they are configured with."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..agent.react import ReActAgent
from ..agent.user import UserAgent as AsyncUserAgent
from ..agent.user import UserInputBase
from ..model.base import ChatModelBase
from .bridge import SyncAgent

_configs: dict[str, Mapping[str, Any]] = {}  # 0.x names models in a registry of the process, filled by `init`


def init(model_configs: Any = None, **_: Any) -> None:
    """Reads model configurations: a path to a JSON file, one mapping, or a list of them. Everything else that 0.x's `init` took
    is accepted and without effect.

    A configuration has `config_name`, `model_type` (`openai_chat` or `dashscope_chat`), `model_name`, and optionally `api_key`
    and `client_args`; or `model` with a chat model of hubbub.
    """
    if isinstance(model_configs, (str, Path)):
        model_configs = json.loads(Path(model_configs).read_text("utf-8"))
    for config in [model_configs] if isinstance(model_configs, Mapping) else model_configs or ():
        if "config_name" not in config:
            raise ValueError(f"a model configuration has a config_name; got {sorted(config)}")
        _configs[config["config_name"]] = config


def model_named(config_name: str) -> ChatModelBase:
    """The model of a configuration. Raises ValueError for an unknown name or type."""
    config = _configs.get(config_name)
    if config is None:
        raise ValueError(f"no model configuration is called {config_name!r}; there are {sorted(_configs)}")
    if isinstance(model := config.get("model"), ChatModelBase):
        return model
    options: dict[str, Any] = {"api_key": config["api_key"]} if config.get("api_key") else {}
    match config.get("model_type", "openai_chat"):
        case "openai_chat":
            from ..model import OpenAIChatModel

            base_url = config.get("client_args", {}).get("base_url")
            return OpenAIChatModel(config["model_name"], **options, **({"base_url": base_url} if base_url else {}))
        case "dashscope_chat":
            from ..model import DashScopeChatModel

            return DashScopeChatModel(config["model_name"], **options)
        case other:
            raise ValueError(f"the model type {other!r} is not supported; there are openai_chat and dashscope_chat")


class DialogAgent(SyncAgent):
    """A system prompt, a memory, and one model call for each answer."""

    def __init__(self, name: str, sys_prompt: str = "", model_config_name: str = "", use_memory: bool = True, **_: Any) -> None:
        super().__init__(ReActAgent(name, sys_prompt, model_named(model_config_name)))
        self._use_memory = use_memory

    def __call__(self, x: Any = None) -> Any:
        """Answers; without `use_memory` what was said before is forgotten first."""
        if not self._use_memory and self.agent.memory is not None:
            self.agent.memory.remove([msg.id for msg in self.agent.memory.messages()])
        return super().__call__(x)


class UserAgent(SyncAgent):
    """The person at the keyboard."""

    def __init__(self, name: str = "User", input_method: UserInputBase | None = None, **_: Any) -> None:
        super().__init__(AsyncUserAgent(name, input_method=input_method))
