"""The tools of one toolkit under their names, and which of them can be seen."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Iterable, Iterator
from typing import Any

from .base import NamesakeStrategy
from .group import BASIC, ToolGroups
from .registered import RegisteredTool

logger = logging.getLogger(__name__)

_MAX_NAME = 64


class ToolRegistry:
    """Tools by name, in the order in which they came."""

    __slots__ = ("_groups", "_tools")

    def __init__(self) -> None:
        self._tools: dict[str, RegisteredTool] = {}
        self._groups: ToolGroups | None = None

    @property
    def groups(self) -> ToolGroups:
        """The groups, made on first use: most toolkits have none, and there is one toolkit for every agent."""
        if self._groups is None:
            self._groups = ToolGroups()
        return self._groups

    @property
    def active_groups(self) -> list[str]:
        """Names of the active groups, without the basic one."""
        return self._groups.active if self._groups is not None else []

    def __contains__(self, name: object) -> bool:
        return name in self._tools

    def __len__(self) -> int:
        return len(self._tools)

    def __iter__(self) -> Iterator[RegisteredTool]:
        return iter(list(self._tools.values()))

    def get(self, name: str) -> RegisteredTool | None:
        """The tool of that name, seen or not."""
        return self._tools.get(name)

    def known(self, name: str) -> RegisteredTool:
        """The tool of that name. Raises ValueError where there is none."""
        found = self._tools.get(name)
        if found is None:
            raise ValueError(f"there is no tool {name!r}")
        return found

    def add(self, item: RegisteredTool, namesake_strategy: NamesakeStrategy) -> tuple[str, bool]:
        """Adds a tool: (the name it got, whether it was added). Raises ValueError where the name is taken."""
        name = item.name
        if name in self._tools:
            match namesake_strategy:
                case "override":
                    pass
                case "skip":
                    logger.info("tool %s is there already; the new one is left out", name)
                    return name, False
                case "rename":
                    while item.name in self._tools:
                        item.name = f"{name[: _MAX_NAME - 6]}_{secrets.token_hex(3)[:5]}"
                case "raise":
                    raise ValueError(f"there is already a tool {name!r}; see namesake_strategy")
                case _:
                    raise ValueError(f"namesake_strategy is raise, override, skip or rename, not {namesake_strategy!r}")
        self._tools[item.name] = item
        return item.name, True

    def remove(self, name: str) -> None:
        """Takes a tool out; nothing happens where there is none of that name."""
        self._tools.pop(name, None)

    def remove_groups(self, names: Iterable[str]) -> None:
        """Takes groups out, with their tools. Raises ValueError for unknown ones and the basic one."""
        removed = self.groups.remove(names)
        self._tools = {name: item for name, item in self._tools.items() if item.group not in removed}

    def remove_sources(self, names: set[str]) -> None:
        """Takes out the tools of MCP servers."""
        self._tools = {name: item for name, item in self._tools.items() if item.source is None or item.source.name not in names}

    def check_group(self, name: str) -> None:
        """Raises ValueError where there is no such group."""
        if name != BASIC and name not in self.groups:
            raise ValueError(f"there is no tool group {name!r}; create it with create_tool_group")

    def active(self, item: RegisteredTool) -> bool:
        """Whether the tool's group is switched on."""
        return item.group == BASIC or self.groups.is_active(item.group)

    def visible(self, item: RegisteredTool) -> bool:
        """Whether a model sees it: its group is switched on and its server answers."""
        return self.active(item) and (item.source is None or item.source.available)

    def names(self, *, visible: bool = False) -> list[str]:
        """The names of all tools, or of those that a model sees now."""
        return [name for name, item in self._tools.items() if not visible or self.visible(item)]

    def schemas(self) -> list[dict[str, Any]]:
        """The tools that a model sees now, in OpenAI's function-tool format."""
        return [item.json_schema() for item in self._tools.values() if self.visible(item)]
