"""Agent skills: folders with a `SKILL.md` that a model reads when it needs them.

Only name and description are in front of the model all the time. The rest it reads through a tool, which
can reach the files of the skill and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import ToolError, ToolFlags, tool
from .builtin.folder import Folder, PathRefused

MAX_SKILL_CHARS = 100_000
"""A `SKILL.md` longer than this is not read: it would fill a model's context."""


@dataclass(frozen=True, slots=True)
class Skill:
    """A skill that was registered."""

    name: str
    description: str
    folder: Path


def read_skill(folder: str | Path) -> Skill:
    """Reads the front matter of the `SKILL.md` in a folder.

    Raises ValueError, saying what is missing, where it is no skill.
    """
    path = Path(folder)
    try:
        text = (path / "SKILL.md").read_text(encoding="utf-8")[:MAX_SKILL_CHARS]
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"a skill is a folder with a SKILL.md; {str(path)!r} has none to read: {error}") from error
    fields = _front_matter(text, path)
    for name in ("name", "description"):
        if not isinstance(fields.get(name), str) or not fields[name].strip():
            raise ValueError(f"the front matter of {path / 'SKILL.md'} needs a {name!r}")
    return Skill(fields["name"].strip(), fields["description"].strip(), path.resolve())


def _front_matter(text: str, path: Path) -> dict[str, Any]:
    import yaml

    lines = text.splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        raise ValueError(f"{path / 'SKILL.md'} must begin with YAML front matter between two lines of ---")
    end = [line.strip() for line in lines[1:]].index("---") + 1
    try:
        fields = yaml.safe_load("\n".join(lines[1:end]))
    except yaml.YAMLError as error:
        raise ValueError(f"the front matter of {path / 'SKILL.md'} is not YAML: {error}") from error
    return fields if isinstance(fields, dict) else {}


class Skills:
    """The skills of one toolkit, and the tool that reads them."""

    __slots__ = ("_skills",)

    def __init__(self) -> None:
        self._skills: dict[str, Skill] = {}

    def __len__(self) -> int:
        return len(self._skills)

    def add(self, folder: str | Path) -> Skill:
        """Registers the skill in a folder. Raises ValueError where it is none, or its name is taken."""
        skill = read_skill(folder)
        if skill.name in self._skills:
            raise ValueError(f"there is already a skill {skill.name!r}")
        self._skills[skill.name] = skill
        return skill

    def remove(self, name: str) -> None:
        """Takes a skill out. Raises ValueError where there is none of that name."""
        if self._skills.pop(name, None) is None:
            raise ValueError(f"there is no skill {name!r}")

    def prompt(self) -> str | None:
        """The part of the system prompt that names the skills; None where there are none."""
        if not self._skills:
            return None
        listed = "\n".join(f"- {skill.name}: {skill.description}" for skill in self._skills.values())
        return (
            "# Agent skills\n"
            "You have skills: instructions and resources for special tasks. Before you do what one of them is about, "
            f"read it with the tool `view_skill` and follow it.\n{listed}"
        )

    def viewer(self) -> Callable[..., Any]:
        """The tool that reads the skills registered at the time of each call."""

        @tool(ToolFlags(read_only=True))
        def view_skill(name: str, path: str = "SKILL.md") -> str:
            """Reads a skill: its instructions, or another file that they mention.

            Args:
                name: The name of the skill.
                path: The file in the skill's folder; a folder's path lists what is in it.
            """
            skill = self._skills.get(name)
            if skill is None:
                raise ToolError(f"There is no skill {name!r}. There are: {', '.join(self._skills) or 'none'}.")
            folder = Folder(skill.folder)
            try:
                if folder.is_folder(path):
                    return "\n".join(folder.listing(path)) or "(nothing)"
                return folder.read(path)
            except PathRefused as error:
                raise ToolError(str(error)) from error

        return view_skill
