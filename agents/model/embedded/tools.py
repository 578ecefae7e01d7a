"""The few tools that these rules can use: handing a caller over, and choosing by structured output. All others they let alone."""

import json
import re
from random import Random
from typing import Any

from ..base import Message
from .conversation import Conversation, Line

HAND_OVER = "hand_over"
FINISH = "generate_response"

_ASKED_FOR = re.compile(
    r"\b(?:put me through|connect me|transfer me|hand me over|speak (?:to|with)|talk (?:to|with)|can i (?:have|get)|pass me)\b",
    re.IGNORECASE,
)
_LITTLE = frozenset("about with from that this what when where have need want help please would could your they there".split())


def call_for(messages: list[Message], tools: list[dict[str, Any]] | None, talk: Conversation, chance: Random) -> tuple[str, str] | None:
    """The tool to call now, with its arguments as JSON; None for words."""
    schemas = {tool["function"]["name"]: tool["function"] for tool in tools or ()}
    if FINISH in schemas:
        return FINISH, json.dumps(_fill(schemas[FINISH]["parameters"], talk, chance), ensure_ascii=False)
    if HAND_OVER in schemas and messages and messages[-1].get("role") != "tool":
        return _hand_over(schemas[HAND_OVER], talk.last)
    return None


def after_tool(messages: list[Message]) -> str | None:
    """What is said when a tool has answered just now."""
    last = messages[-1] if messages else {}
    if last.get("role") != "tool":
        return None
    if last.get("name") == HAND_OVER:
        to, done, _ = str(last.get("content", "")).partition(" has the floor")
        return f"I am putting you through to {to}." if done else "I cannot put you through just now."
    return "That is done."


def _hand_over(schema: dict[str, Any], line: Line | None) -> tuple[str, str] | None:
    """Hands over to whom the person asks for by name, or to who knows about what he says."""
    if line is None or line.agent or not line.text:
        return None
    words = _stems(line.text)
    names = schema["parameters"]["properties"]["to"]["enum"]
    asked = next((name for name in names if re.search(rf"\b{re.escape(name)}\b", line.text, re.IGNORECASE)), None)
    if asked is None or not _ASKED_FOR.search(line.text):
        about = _about(schema["description"], names)
        asked = max(names, key=lambda name: len(words & about[name]))
        if not words & about[asked]:
            return None
    return HAND_OVER, json.dumps({"to": asked, "reason": line.text}, ensure_ascii=False)


def _about(description: str, names: list[str]) -> dict[str, frozenset[str]]:
    """What each colleague knows about, as the tool's description tells it."""
    told = description.rsplit("knows better:", 1)[-1]
    found: dict[str, frozenset[str]] = {}
    for part in told.split(";"):
        name, _, about = part.partition(":")
        found[name.strip().rstrip(".")] = _stems(about)
    return {name: found.get(name, frozenset()) for name in names}


def _stems(text: str) -> frozenset[str]:
    words = re.findall(r"[^\W\d_]{4,}", text.casefold())
    return frozenset(re.sub(r"(?:ing|ed|es|e|s)$", "", word) for word in words if word not in _LITTLE)


def _fill(schema: dict[str, Any], talk: Conversation, chance: Random) -> dict[str, Any]:
    """Values for the required fields of a small schema: who was called or was silent for longest, else by lot."""
    wanted = schema.get("properties", {})
    return {name: _value(wanted[name], talk, chance) for name in schema.get("required", list(wanted)) if name in wanted}


def _value(schema: dict[str, Any], talk: Conversation, chance: Random) -> Any:
    if "enum" in schema:
        return _choose([value for value in schema["enum"] if value is not None], talk, chance)
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type", "string")
    if kind == "boolean":
        return chance.random() < 0.5
    if kind in ("integer", "number"):
        return schema.get("minimum", 0)
    if kind == "array":
        return []
    return ""


def _choose(values: list[Any], talk: Conversation, chance: Random) -> Any:
    question = talk.lines[-1].text if talk.lines else ""
    spoken = [line.name for line in talk.lines]
    if "speaks next" in question:
        before = next((line.text for line in reversed(talk.lines[:-1]) if line.text), "")
        called = [value for value in values if re.search(rf"\b{re.escape(str(value))}\b", before, re.IGNORECASE)]
        candidates = called or [value for value in values if value != "nobody"] or values
        return min(candidates, key=lambda value: max((n for n, name in enumerate(spoken) if name == value), default=-1))
    return chance.choice(values)
