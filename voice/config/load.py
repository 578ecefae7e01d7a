"""From a YAML file to a checked `Config`, or to errors that name file, line and field."""

import difflib
import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from ..turn.policy import TurnPolicy
from .errors import ConfigError, Problem
from .model import Config
from .source import MAX_FILE_BYTES, Source, dotted, read_source
from .source import Path as FieldPath

MAX_SHOWN_CHARS = 60

SECRETS = ("api_key", "key", "password", "auth_token", "api_token", "signing_key", "signature_secret", "private_key")
"""Fields that may only come from the environment."""


def load_config(path: str | Path, *, environ: Mapping[str, str] | None = None) -> Config:
    """Reads and checks the file at `path`. `environ` (default: the process's) fills in `${VARIABLE}`.

    Raises ConfigError.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        message = f"the file cannot be read: {(error.strerror or str(error)).lower()}"
        raise ConfigError(str(path), [Problem(None, "", message)]) from None
    return parse_config(data, str(path), environ=environ)


def parse_config(
    data: bytes | str, file: str = "rooms.yaml", *, environ: Mapping[str, str] | None = None
) -> Config:
    """Checks YAML that was read already; `file` is its name in errors. Raises ConfigError."""
    raw = data.encode() if isinstance(data, str) else data
    source = read_source(raw, file, os.environ if environ is None else environ)
    if not isinstance(source.values, dict):
        what = "is empty" if source.values is None else f"holds {_kind(source.values)}"
        message = f"the file {what}; it must be a mapping with the field 'rooms'"
        raise ConfigError(file, [Problem(None, "", message)])
    _refuse_written_secrets(source)
    _find_scripts(source, Path(file).parent)
    try:
        config = Config.model_validate(_with_turn_defaults(source.values))
    except ValidationError as error:
        raise ConfigError(file, _explain(error, source)) from None
    return config


def _with_turn_defaults(values: dict[str, Any]) -> dict[str, Any]:
    """`values` with the house's `turn` under each room's own."""
    house, rooms = values.get("turn"), values.get("rooms")
    if not isinstance(house, dict) or not isinstance(rooms, dict):
        return values
    merged = dict(rooms)
    for name, room in rooms.items():
        if isinstance(room, dict) and isinstance(room.get("turn", {}), dict):
            merged[name] = {**room, "turn": {**house, **room.get("turn", {})}}
    return {**values, "rooms": merged}


def _refuse_written_secrets(source: Source) -> None:
    message = "a key must not stand in the file: put it into the environment and write ${VARIABLE} here"
    problems = [
        Problem(line, dotted(path), message)
        for path, line in source.lines.items()
        if path and path[-1] in SECRETS and path not in source.secrets and _at(source.values, path) is not None
    ]
    if problems:
        raise ConfigError(source.file, problems)


def _find_scripts(source: Source, folder: Path) -> None:
    """Makes the paths of scripts, which are written as seen from the file, whole. Raises ConfigError for one that is not there."""
    problems = []
    for path, line in source.lines.items():
        if len(path) == 4 and path[0] == "rooms" and path[2:] == ("floor", "script"):
            value = _at(source.values, path)
            if isinstance(value, str) and value.strip():
                script = folder / value.strip()
                if not script.is_file():
                    problems.append(Problem(line, dotted(path), f"there is no file {str(script)!r}"))
                _at(source.values, path[:-1])["script"] = str(script)
    if problems:
        raise ConfigError(source.file, problems)


def _at(values: Any, path: FieldPath) -> Any:
    for part in path:
        values = values[part]
    return values


def _explain(error: ValidationError, source: Source) -> list[Problem]:
    problems: list[Problem] = []
    house_turn_is_wrong = False
    for detail in error.errors(include_url=False):
        path: FieldPath = detail["loc"]
        inherited = len(path) > 2 and path[0] == "rooms" and path[2] == "turn" and path not in source.lines
        house_turn_is_wrong = house_turn_is_wrong or path[:1] == ("turn",)
        if inherited and house_turn_is_wrong:
            continue  # said already, where it is written
        problems.append(_problem(detail, path, source))
    return problems


def _problem(detail: ErrorDetails, path: FieldPath, source: Source) -> Problem:
    kind, context = detail["type"], detail.get("ctx", {})
    if kind in ("extra_forbidden", "unexpected_keyword_argument"):
        return Problem(source.line_of(path), dotted(path), _unknown(str(path[-1]), _model_at(path[:-1])))
    if kind == "missing":
        return Problem(source.line_of(path), dotted(path), "is missing")
    if kind == "value_error":
        message = str(context["error"])
        child = (*path, message.split(" ", 1)[0])
        if child in source.lines:
            return Problem(source.line_of(child), dotted(child), message.split(" ", 1)[1])
        return Problem(source.line_of(path), dotted(path), message)
    if kind == "part":  # found by looking at a whole section, told where it is written
        path = (*path, *(int(part) if part.isdigit() else part for part in context["where"].split(".")))
        return Problem(source.line_of(path), dotted(path), detail["msg"])
    if kind in ("agents", "name", "room_name", "network", "uuid", "number", "origins", "trusted_proxies", "key"):
        return Problem(source.line_of(path), dotted(path), detail["msg"])
    while path not in source.lines and path:
        path = path[:-1]  # `model: foo` is checked as `model.provider`
    got = f"the value of {source.secrets[path]}" if path in source.secrets else _short(detail["input"])
    return Problem(source.line_of(path), dotted(path), f"{_expected(kind, context, detail)}; got {got}")


def _expected(kind: str, context: Mapping[str, Any], detail: ErrorDetails) -> str:
    if kind == "literal_error":
        choices = re.findall(r"'([^']*)'", context["expected"])
        return f"must be one of {', '.join(choices)}{_did_you_mean(str(detail['input']), choices)}"
    limit = next(iter(context.values()), None)
    sentences = {
        "greater_than": f"must be greater than {_number(limit)}",
        "greater_than_equal": f"must be at least {_number(limit)}",
        "less_than_equal": f"must be at most {_number(limit)}",
        "string_type": "must be text (in quotes where it looks like a number)",
        "string_too_short": f"must have at least {limit} character{'' if limit == 1 else 's'}",
        "string_too_long": f"must have at most {limit} characters",
        "too_short": f"must have at least {context.get('min_length')} entry",
        "too_long": f"must have at most {context.get('max_length')} entries",
        "tuple_type": "must be a list",
        "dict_type": "must be a mapping",
        "model_type": "must be a mapping",
        "dataclass_type": "must be a mapping",
        "int_type": "must be a whole number",
        "int_parsing": "must be a whole number",
        "int_from_float": "must be a whole number",
        "float_type": "must be a number",
        "float_parsing": "must be a number",
        "finite_number": "must be a finite number",
    }
    if kind == "string_pattern_mismatch" and "http" in str(limit):
        return "must begin with http:// or https://"
    if kind == "string_pattern_mismatch" and "wss?" in str(limit):
        return "must begin with ws:// or wss://"
    return sentences.get(kind, detail["msg"][:1].lower() + detail["msg"][1:])


def _number(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)


def _unknown(name: str, section: type | None) -> str:
    if section is None:
        return "is not a known field"
    known = list(_fields_of(section))
    return f"is not a known field{_did_you_mean(name, known)}; known here: {', '.join(known)}"


def _did_you_mean(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name.lower(), known, n=1, cutoff=0.6)
    return f" (did you mean '{close[0]}'?)" if close else ""


def _fields_of(section: type) -> Iterable[str]:
    return section.model_fields if issubclass(section, BaseModel) else TurnPolicy.__dataclass_fields__


def _model_at(path: FieldPath) -> type | None:
    """The section that stands at `path`, found by walking the types of the fields."""
    here: Any = Config
    for part in path:
        if isinstance(here, type) and issubclass(here, BaseModel):
            if part not in here.model_fields:
                return None
            here = here.model_fields[str(part)].annotation
        else:
            here = next(arg for arg in get_args(here) if isinstance(arg, type) and arg is not str)
        here = next((arg for arg in get_args(here) if type(None) in get_args(here)), here)  # `X | None`
    return here if isinstance(here, type) else None


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else f"only {_short(value)}"


def _short(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list | tuple):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = repr(value) if isinstance(value, str) else str(value)
    return text if len(text) <= MAX_SHOWN_CHARS else f"{text[:MAX_SHOWN_CHARS]}…"
