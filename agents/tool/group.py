"""Groups of tools that an agent switches on and off, so that a model reads only the schemas it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

BASIC = "basic"
"""The group that is always active and cannot be created, switched off or removed."""


@dataclass(slots=True)
class ToolGroup:
    """A named set of tools."""

    name: str
    description: str
    """What the model reads to decide whether to switch it on."""

    active: bool = False
    notes: str = ""
    """How to use these tools; told to the model when the group is switched on."""


class ToolGroups:
    """The groups of one toolkit, without the basic one."""

    __slots__ = ("_groups",)

    def __init__(self) -> None:
        self._groups: dict[str, ToolGroup] = {}

    def __iter__(self) -> Iterable[ToolGroup]:
        return iter(list(self._groups.values()))

    def __contains__(self, name: object) -> bool:
        return name == BASIC or name in self._groups

    def __bool__(self) -> bool:
        return bool(self._groups)

    def is_active(self, name: str) -> bool:
        """Whether the tools of the group may be seen and called."""
        return name == BASIC or (name in self._groups and self._groups[name].active)

    def create(self, group: ToolGroup) -> None:
        """Adds a group. Raises ValueError where the name is taken."""
        if group.name in self:
            raise ValueError(f"there is already a tool group {group.name!r}")
        self._groups[group.name] = group

    def update(self, names: Iterable[str], active: bool) -> None:
        """Switches groups on or off. Raises ValueError for a name that is not a group's; then nothing
        changes."""
        wanted = [self._known(name) for name in _listed(names) if name != BASIC]
        for group in wanted:
            group.active = active

    def remove(self, names: Iterable[str]) -> set[str]:
        """Takes groups out and returns their names. Raises ValueError for the basic one and unknown ones."""
        listed = _listed(names)
        if BASIC in listed:
            raise ValueError("the basic group cannot be removed")
        for name in listed:
            self._known(name)
        for name in listed:
            self._groups.pop(name, None)
        return set(listed)

    def reset(self, active: Iterable[str]) -> None:
        """Makes exactly these groups active."""
        wanted = {*_listed(active)} - {BASIC}
        for name in wanted:
            self._known(name)
        for group in self._groups.values():
            group.active = group.name in wanted

    @property
    def active(self) -> list[str]:
        """Names of the active groups."""
        return [group.name for group in self._groups.values() if group.active]

    def notes(self) -> str:
        """The notes of all active groups, each under its name."""
        told = [group for group in self._groups.values() if group.active and group.notes]
        return "\n".join(f"## About Tool Group '{group.name}'\n{group.notes}" for group in told)

    def switch_schema(self) -> dict[str, Any]:
        """The JSON schema of the meta tool: one truth value for each group."""
        return {
            "type": "object",
            "properties": {
                group.name: {"type": "boolean", "description": group.description, "default": False} for group in self._groups.values()
            },
            "additionalProperties": False,
        }

    def copy(self) -> ToolGroups:
        """The same groups with a state of their own."""
        other = ToolGroups()
        for group in self._groups.values():
            other.create(ToolGroup(group.name, group.description, group.active, group.notes))
        return other

    def _known(self, name: str) -> ToolGroup:
        if name not in self._groups:
            known = ", ".join([BASIC, *self._groups])
            raise ValueError(f"there is no tool group {name!r}; there are {known}")
        return self._groups[name]


def _listed(names: Iterable[str]) -> list[str]:
    return [names] if isinstance(names, str) else list(names)
