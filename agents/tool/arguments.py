"""Makes arguments out of what a model wrote: repair first, then judge by the JSON schema.

Models cut JSON short, quote numbers, and wrap objects in strings. What can be mended without guessing is
mended; what cannot becomes an error that names each fault, so that the model's next attempt can be right.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jsonschema.protocols import Validator

    from ..message import ToolUseBlock

_MAX_FAULTS = 5
"""Faults told at once: enough to mend a call, few enough to read."""

_MAX_RAW_CHARS = 200_000
"""Arguments longer than this are refused: reading them would hold up the event loop."""

_MAX_REPAIRED_CHARS = 4_000
"""Text of this length goes to json-repair, which takes up to 50 ms for it (measured); longer text only to `completions`."""

_BROKEN_ESCAPE = re.compile(r"(\\u[dD][89abAB][0-9a-fA-F]{2})?(\\u[0-9a-fA-F]{0,3}|(?<!\\)(?:\\\\)*\\)?$")
"""The beginning of an escape at the end of a string, with the first half of the pair that it was to complete."""

_MAX_DEPTH = 64
"""Objects and arrays within each other, beyond which a text is not repaired."""

_TRUTHS = {"true": True, "false": False}


class BadArguments(ValueError):
    """The arguments cannot be used; the message tells the model what to change."""


def read_arguments(tool_call: ToolUseBlock, schema: Mapping[str, Any], *, allow_cut: bool = True) -> dict[str, Any]:
    """The arguments of a call, repaired and checked against the schema of the tool.

    The text the model wrote (`raw_input`) counts where `input` is empty. With `allow_cut=False` a text that ends in the middle
    of a value is refused: half a path or half a command is not what anybody meant. Raises BadArguments.
    """
    given: Any = tool_call.input
    if not given:
        given = getattr(tool_call, "raw_input", None) or given or {}
    arguments = parse_arguments(given)
    if not allow_cut and isinstance(given, str) and breaks_off(given):
        raise BadArguments("the arguments break off in the middle of a value; give all of them again")
    mended = {key: mend(value, schema.get("properties", {}).get(key), schema) for key, value in arguments.items()}
    required = schema.get("required", ())
    for key in [key for key, value in mended.items() if value is None and key not in required]:
        if not _accepts_null(schema.get("properties", {}).get(key), schema):
            del mended[key]  # "no value" for an optional argument is the same as leaving it out
    check_arguments(mended, schema)
    return mended


def parse_arguments(given: Any) -> dict[str, Any]:
    """A dictionary from what a model gave: a dictionary, or JSON text that may be damaged.

    Raises BadArguments where nothing like an object can be read.
    """
    if isinstance(given, Mapping):
        return dict(given)
    if not isinstance(given, str):
        raise BadArguments(f"expected a JSON object with the arguments, got {type(given).__name__}")
    if not given.strip():
        return {}
    if len(given) > _MAX_RAW_CHARS:
        raise BadArguments(f"the arguments have {len(given)} characters; at most {_MAX_RAW_CHARS} are read")
    parsed = _loads(given)
    if isinstance(parsed, str) and parsed != given:
        parsed = _loads(parsed)  # an object that was encoded twice
    if isinstance(parsed, dict):
        return parsed
    raise BadArguments(f"expected a JSON object with the arguments, got: {given[:200]}")


def _loads(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    if "{" not in text:
        return text
    for candidate in completions(text):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return _repaired(text)


def completions(text: str) -> Iterator[str]:
    """The object that a text begins, with what is missing at its end: the damage that models do most, mended in linear time.

    What stands before the object and after it (a fence, a remark) is left out.
    """
    start = text.index("{")
    end = _scan(text, start)
    if not end.closers:
        yield text[start : end.index + 1]
        return
    if len(end.closers) > _MAX_DEPTH:
        return
    ending = "".join(reversed(end.closers))
    whole = text[start:]
    if end.in_string:
        yield _BROKEN_ESCAPE.sub("", whole) + '"' + ending
    else:
        yield whole.rstrip().removesuffix(",") + ending
    # It broke off in a key, behind one, or in a number or word: that member is left out.
    kept = end.member if text[end.member] == "," else end.member + 1
    yield text[start:kept] + ending


@dataclass(slots=True)
class _End:
    """How a text stands at its end, or where its object is complete."""

    index: int
    closers: list[str]
    in_string: bool
    member: int
    """Where the last member of the innermost object or array begins: a comma, or a bracket."""


def _scan(text: str, start: int) -> _End:
    closers: list[str] = []
    in_string = escaped = False
    member = start
    for index in range(start, len(text)):
        char = text[index]
        if escaped:
            escaped = False
        elif in_string:
            escaped, in_string = char == "\\", char != '"'
        elif char == '"':
            in_string = True
        elif char in "{[,":
            member = index
            if char != ",":
                closers.append("}" if char == "{" else "]")
        elif char in "}]" and closers:
            member = index
            closers.pop()
            if not closers:
                return _End(index, closers, False, member)
    return _End(len(text), closers, in_string, member)


def breaks_off(text: str) -> bool:
    """Whether a text ends in the middle of a value, so that what is there may not be what was meant.

    An object that lacks only its closing brackets does not.
    """
    if "{" not in text:
        return False
    end = _scan(text, text.index("{"))
    return bool(end.closers) and (end.in_string or text.rstrip()[-1:] not in tuple('"}]{[,'))


def _repaired(text: str) -> Any:
    # The library guesses well, but takes seconds of the event loop for a few thousand characters of deep nonsense.
    if len(text) <= _MAX_REPAIRED_CHARS and text.count("{") + text.count("[") <= _MAX_DEPTH:
        import json_repair

        try:
            return json_repair.loads(text)
        except (ValueError, RecursionError):
            pass
    raise BadArguments(f"the arguments are not JSON and cannot be repaired: {text[:200]}")


def mend(value: Any, schema: Any, root: Mapping[str, Any]) -> Any:
    """The value as the schema wants it, where that takes no guessing; otherwise the value as it is.

    Text becomes a number, a truth value, an object or an array where only that is allowed and the text
    spells exactly one.
    """
    schema = _resolve(schema, root)
    if not isinstance(schema, Mapping):
        return value
    if isinstance(value, str):
        return _mend_text(value, schema, root)
    if isinstance(value, float) and value.is_integer() and _types(schema, root) == {"integer"}:
        return int(value)
    if isinstance(value, dict) and "properties" in schema:
        return {key: mend(part, schema["properties"].get(key), root) for key, part in value.items()}
    if isinstance(value, list) and isinstance(schema.get("items"), Mapping):
        return [mend(part, schema["items"], root) for part in value]
    return value


def _mend_text(value: str, schema: Mapping[str, Any], root: Mapping[str, Any]) -> Any:
    wanted = _types(schema, root)
    if not wanted or "string" in wanted:
        return value
    text = value.strip()
    if "boolean" in wanted and text.lower() in _TRUTHS:
        return _TRUTHS[text.lower()]
    if "null" in wanted and text.lower() in ("null", "none", ""):
        return None
    if wanted & {"integer", "number", "object", "array"}:
        try:
            parsed = json.loads(text)
        except (ValueError, RecursionError):
            return value
        if not isinstance(parsed, str | bool) and parsed is not None:
            return mend(parsed, schema, root)
    return value


def _resolve(schema: Any, root: Mapping[str, Any]) -> Any:
    for _ in range(8):  # a chain of references longer than this is a circle
        reference = schema.get("$ref") if isinstance(schema, Mapping) else None
        if not isinstance(reference, str) or not reference.startswith("#/"):
            return schema
        schema = root
        for part in reference[2:].split("/"):
            schema = schema.get(part) if isinstance(schema, Mapping) else None
    return None


def _types(schema: Any, root: Mapping[str, Any], depth: int = 0) -> set[str]:
    """The JSON types a schema allows, empty where it does not say."""
    schema = _resolve(schema, root)
    if not isinstance(schema, Mapping) or depth > 8:
        return set()
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return set(kind)
    allowed: set[str] = set()
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        types = _types(part, root, depth + 1)
        if not types:
            return set()
        allowed |= types
    return allowed


def _accepts_null(schema: Any, root: Mapping[str, Any]) -> bool:
    types = _types(schema, root)
    if types:
        return "null" in types
    resolved = _resolve(schema, root)
    if isinstance(resolved, Mapping) and "enum" in resolved:
        return None in resolved["enum"]
    return True


def check_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Raises BadArguments, naming each fault, where the arguments do not satisfy the schema."""
    from referencing.exceptions import Unresolvable

    validator = _validator(json.dumps(schema, sort_keys=True, default=str))
    try:
        faults = sorted(validator.iter_errors(dict(arguments)), key=lambda fault: list(map(str, fault.path)))
    except Unresolvable as error:
        raise BadArguments(f"this tool's schema refers to what it does not define: {error}") from error
    if not faults:
        return
    told = [f"{'.'.join(map(str, fault.absolute_path)) or 'arguments'}: {fault.message[:300]}" for fault in faults[:_MAX_FAULTS]]
    if len(faults) > _MAX_FAULTS:
        told.append(f"and {len(faults) - _MAX_FAULTS} more")
    raise BadArguments("; ".join(told))


def check_schema(schema: Mapping[str, Any]) -> None:
    """Raises ValueError where this is not a JSON schema of an object."""
    from jsonschema import SchemaError
    from jsonschema.validators import validator_for

    if schema.get("type") != "object":
        raise ValueError(f"the arguments of a tool are an object; the schema says {schema.get('type')!r}")
    try:
        validator_for(schema, default=_draft()).check_schema(dict(schema))
    except SchemaError as error:
        raise ValueError(f"not a JSON schema: {error.message}") from error


@lru_cache(maxsize=512)
def _validator(schema_json: str) -> Validator:
    from jsonschema.validators import validator_for
    from referencing import Registry

    schema = json.loads(schema_json)
    # The empty registry keeps a schema that a server sent from making us fetch what its `$ref` names.
    validator: Validator = validator_for(schema, default=_draft())(schema, registry=Registry())
    return validator


def _draft() -> type[Validator]:
    from jsonschema import Draft202012Validator

    return Draft202012Validator
