"""Schemas in the strict form to which providers can hold an answer."""

from __future__ import annotations

from typing import Any

_KEPT = ("type", "description", "enum", "const")
"""What is taken over as it is. Limits of length and size are left out: providers differ in what they take of them, and the answer
is checked against the whole schema afterwards."""


def strict_schema(schema: dict[str, Any]) -> dict[str, Any] | None:
    """A schema in which every object has exactly its named fields, all of them required; None where this one cannot be put so.

    That is what OpenAI's structured outputs take (its guide, "Supported schemas"), and others after it: no free mappings, no
    tuples, no conditions. Every answer that fits it has the shape of the schema it was made from.
    """
    try:
        strict = _strict(schema)
        if "$defs" in schema:
            strict["$defs"] = {name: _strict(part) for name, part in schema["$defs"].items()}
    except _NotExpressible:
        return None
    return strict if "properties" in strict else None


class _NotExpressible(Exception):
    pass


def _strict(schema: Any) -> dict[str, Any]:
    if not isinstance(schema, dict):
        raise _NotExpressible
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}  # what stands beside a reference is not taken
    strict = {name: schema[name] for name in _KEPT if name in schema}
    choices = schema.get("anyOf") or schema.get("oneOf") or (schema["allOf"] if len(schema.get("allOf", ())) == 1 else None)
    if choices:
        return {**strict, "anyOf": [_strict(choice) for choice in choices]}
    match schema.get("type"):
        case "object":
            if not schema.get("properties") or schema.get("additionalProperties"):
                raise _NotExpressible
            strict["properties"] = {name: _strict(part) for name, part in schema["properties"].items()}
            strict["required"] = list(strict["properties"])
            strict["additionalProperties"] = False
        case "array":
            if "prefixItems" in schema:
                raise _NotExpressible
            strict["items"] = _strict(schema.get("items"))
        case None if "enum" not in schema and "const" not in schema:
            raise _NotExpressible
    return strict
