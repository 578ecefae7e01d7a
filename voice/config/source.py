"""Reads the YAML of a configuration into plain values, remembering the line of each.

Only a small, safe part of YAML is taken: mappings with text keys, lists, scalars, and anchors. Tags are refused,
so nothing in a file can name a Python object. Scalars follow the core schema of YAML 1.2: `yes`, `no` and `12:30`
are text, which they are not for PyYAML's own constructors (a room in Norwegian has `language: no`).

`${NAME}` in a text is replaced from the environment, `${NAME:-other}` by `other` where NAME is not set or empty;
`$${` stands for a plain `${`.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from .errors import ConfigError, Problem

MAX_FILE_BYTES = 256 * 1024
MAX_DEPTH = 16
MAX_VALUES = 20_000
"""Bounds the values after anchors are expanded: a few lines of nested aliases can stand for billions."""

Path = tuple[str | int, ...]

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_MAX_DIGITS = 300
"""Longer numerals are left as text: Python refuses to convert more than some thousand digits."""
_VARIABLE = re.compile(r"\$(\$?)\{([^}]*)\}")
_VARIABLE_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


@dataclass(slots=True)
class Source:
    """The plain values of a file and where each stands in it."""

    file: str
    values: Any = None
    lines: dict[Path, int] = field(default_factory=dict)
    secrets: dict[Path, str] = field(default_factory=dict)
    """The texts that came from the environment, as they are written in the file. Their values are not to be
    printed."""

    def line_of(self, path: Path) -> int | None:
        """The line of the value at `path`, or of the nearest value around it."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path)

    def error(self, path: Path, message: str) -> ConfigError:
        """A ConfigError with the one problem `message` at `path`."""
        return ConfigError(self.file, [Problem(self.line_of(path), dotted(path), message)])


def dotted(path: Path) -> str:
    """A path as people write it: `rooms.kitchen.agents[0].name`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


def read_source(data: bytes, file: str, environ: Mapping[str, str]) -> Source:
    """Reads YAML from `data`; `file` is its name in errors. Raises ConfigError."""
    if len(data) > MAX_FILE_BYTES:
        message = f"the file is longer than {MAX_FILE_BYTES // 1024} KiB, more than a configuration needs"
        raise ConfigError(file, [Problem(None, "", message)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(file, [Problem(line, "", "the file is not UTF-8 text")]) from None
    source = Source(file)
    try:
        _Builder(text, source, environ).build()
    except yaml.MarkedYAMLError as error:
        raise ConfigError(file, [_syntax_problem(error)]) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"character U+{ord(text[error.position]):04X} is not allowed in YAML"
        raise ConfigError(file, [Problem(line, "", message)]) from None
    return source


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark or error.context_mark
    message = " ".join(part for part in (error.context, error.problem) if part)
    if "found character '\\t'" in message:
        message = "a tab cannot indent YAML: use spaces"
    return Problem(mark.line + 1 if mark else None, "", f"not valid YAML: {message or 'unreadable'}")


class _Builder:
    """Turns the parser's events into values. PyYAML's composer and constructors recurse without a bound and
    expand aliases; walking the events keeps both in hand."""

    def __init__(self, text: str, source: Source, environ: Mapping[str, str]) -> None:
        self._events = yaml.parse(text, Loader=yaml.SafeLoader)
        self._source = source
        self._environ = environ
        self._anchors: dict[str, tuple[Any, int]] = {}
        self._count = 0

    def build(self) -> None:
        next(self._events)  # the stream's start
        event = next(self._events)
        if isinstance(event, yaml.StreamEndEvent):
            return
        self._source.values = self._value(next(self._events), ())
        next(self._events)  # the document's end
        event = next(self._events)
        if not isinstance(event, yaml.StreamEndEvent):
            raise self._error(event, (), "the file holds more than one document ('---'): keep one")

    def _error(self, event: yaml.Event, path: Path, message: str) -> ConfigError:
        return ConfigError(self._source.file, [Problem(_line(event), dotted(path), message)])

    def _value(self, event: yaml.Event, path: Path) -> Any:
        self._source.lines.setdefault(path, _line(event))
        if len(path) > MAX_DEPTH:
            raise self._source.error(path, f"values are nested more than {MAX_DEPTH} deep")
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.tag is not None:
            raise self._source.error(path, f"the tag {event.tag} is not supported: write plain values")
        before = self._count
        self._spend(1, path)
        if isinstance(event, yaml.ScalarEvent):
            value: Any = self._scalar(event, path)
        else:
            value = self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, self._count - before)
        return value

    def _spend(self, values: int, path: Path) -> None:
        self._count += values
        if self._count > MAX_VALUES:
            raise self._source.error(path, f"the file stands for more than {MAX_VALUES} values")

    def _alias(self, event: yaml.AliasEvent, path: Path) -> Any:
        if event.anchor not in self._anchors:
            raise self._source.error(path, f"the alias *{event.anchor} has no anchor before it")
        value, values = self._anchors[event.anchor]
        self._spend(values, path)
        return value

    def _mapping(self, path: Path) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                raise self._error(event, path, "a field's name must be plain text")
            if event.value == "<<" and event.style is None:
                raise self._error(event, path, "merge keys ('<<') are not supported")
            here = (*path, event.value)
            if event.value in mapping:
                raise self._error(event, here, f"is given twice; first in line {self._source.lines[here]}")
            self._source.lines[here] = _line(event)
            mapping[event.value] = self._value(next(self._events), here)
        return mapping

    def _sequence(self, path: Path) -> list[Any]:
        values: list[Any] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            values.append(self._value(event, (*path, len(values))))
        return values

    def _scalar(self, event: yaml.ScalarEvent, path: Path) -> Any:
        text: str = _VARIABLE.sub(lambda match: self._variable(match, path), event.value)
        if text != event.value:
            self._source.secrets[path] = event.value
            return text  # text even where it looks like a number: a key may be all digits
        return text if event.style else _plain(text)

    def _variable(self, match: re.Match[str], path: Path) -> str:
        escaped, inside = match.groups()
        if escaped:
            return f"${{{inside}}}"
        parts = _VARIABLE_NAME.fullmatch(inside)
        if parts is None:
            message = f"{match[0]} does not name an environment variable; write $${{ for a plain ${{"
            raise self._source.error(path, message)
        name, other = parts.groups()
        value = self._environ.get(name, "")
        if value or other is not None:
            return value or other or ""
        state = "is empty" if name in self._environ else "is not set"
        message = f"the environment variable {name} {state}: set it, or write ${{{name}:-default}}"
        raise self._source.error(path, message)


def _line(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _plain(text: str) -> Any:
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE"):
        return True
    if text in ("false", "False", "FALSE"):
        return False
    if len(text) <= _MAX_DIGITS and _INT.fullmatch(text):
        return int(text)
    if len(text) <= _MAX_DIGITS and _FLOAT.fullmatch(text):
        return float(text)
    return text
