"""What is wrong with a configuration, said so that it can be mended: file, line, field."""

from collections.abc import Iterable
from dataclasses import dataclass

MAX_PROBLEMS_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Problem:
    """One fault. `line` counts from 1; `field` is a path such as `rooms.kitchen.agents[0].name`, or empty."""

    line: int | None
    field: str
    message: str


class ConfigError(Exception):
    """A configuration that cannot be used. Its text has one line for each problem, in the file's order."""

    def __init__(self, file: str, problems: Iterable[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line or 0))
        lines = [self._line(problem) for problem in self.problems[:MAX_PROBLEMS_SHOWN]]
        if len(self.problems) > MAX_PROBLEMS_SHOWN:
            lines.append(f"{file}: and {len(self.problems) - MAX_PROBLEMS_SHOWN} more problems")
        super().__init__("\n".join(lines))

    def _line(self, problem: Problem) -> str:
        place = self.file if problem.line is None else f"{self.file}:{problem.line}"
        return f"{place}: {problem.field + ': ' if problem.field else ''}{problem.message}"
