"""Sessions, as AgentScope 1.x has them: the states of several objects under one id, in a file.

For conversations that are to be written as they happen, use `SqlMemory`; a session is a snapshot that the program takes.
"""

import asyncio
import json
import os
import re
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, Protocol


class Stateful(Protocol):
    """What can be saved: agents, memories, toolkits."""

    def state_dict(self) -> dict[str, Any]:
        """All that makes it what it is, as plain JSON values."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over such a state."""


class SessionBase(ABC):
    """Saves and restores the states of several objects under one id."""

    @abstractmethod
    async def save_session_state(self, session_id: str, user_id: str = "", **modules: Stateful) -> None:
        """Saves the state of each object under its keyword."""

    @abstractmethod
    async def load_session_state(
        self, session_id: str, user_id: str = "", allow_not_exist: bool = True, **modules: Stateful
    ) -> None:
        """Restores them. Raises FileNotFoundError where there is no such session, unless `allow_not_exist`; KeyError where it
        lacks one of the objects; then nothing is restored."""


class JSONSession(SessionBase):
    """One JSON file a session, in `save_dir`. A file is replaced as a whole, so that a crash leaves the old one."""

    def __init__(self, save_dir: str | Path = "./") -> None:
        self.save_dir = Path(save_dir)

    async def save_session_state(self, session_id: str, user_id: str = "", **modules: Stateful) -> None:
        """Saves the state of each object under its keyword."""
        text = json.dumps({name: module.state_dict() for name, module in modules.items()}, ensure_ascii=False)
        await asyncio.to_thread(_replace, self._path(session_id, user_id), text)

    async def load_session_state(
        self, session_id: str, user_id: str = "", allow_not_exist: bool = True, **modules: Stateful
    ) -> None:
        """Restores them; see the base class."""
        path = self._path(session_id, user_id)
        try:
            saved = json.loads(await asyncio.to_thread(path.read_text, "utf-8"))
        except FileNotFoundError:
            if allow_not_exist:
                return
            raise
        missing = modules.keys() - saved.keys()
        if missing:
            raise KeyError(f"the session {session_id} has no state of {', '.join(sorted(missing))}")
        for name, module in modules.items():
            module.load_state_dict(saved[name])

    def _path(self, session_id: str, user_id: str) -> Path:
        name = f"{user_id}_{session_id}" if user_id else session_id
        if not re.fullmatch(r"[\w.@-]+", name) or name.startswith("."):
            raise ValueError(f"a session id is letters, digits, '_', '-', '@' and '.', got {name!r}")
        return self.save_dir / f"{name}.json"


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_text(text, "utf-8")
    os.replace(part, path)
