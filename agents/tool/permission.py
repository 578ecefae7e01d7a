"""Who may call which tool with which arguments: rules that allow, deny or ask.

A rule names a tool, or several by a shell pattern, and may name patterns for arguments:

    Permissions([
        PermissionRule("read_file", "allow"),
        PermissionRule("write_file", "ask", {"path": "drafts/*"}),
        PermissionRule("write_file", "deny"),
        PermissionRule("*", "ask"),
    ])

The first rule that matches decides. What no rule matches falls to `otherwise`, whose default is "allow": a
toolkit holds only what its developer put in. A tool whose flag `requires_confirmation` is set asks unless
a rule says otherwise.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any, Literal

from .base import ToolFlags

PermissionBehavior = Literal["allow", "deny", "ask"]
"""What a rule says about a call: run it, refuse it, or ask a person first."""

_WILDCARDS = str.maketrans({"[": "[[]", "*": "[*]", "?": "[?]"})


@dataclass(frozen=True, slots=True)
class PermissionRule:
    """One rule. All patterns are shell patterns (`*`, `?`, `[...]`) and match case-sensitively.

    `arguments` maps names of arguments to patterns, and all of them must match. A value that is not text
    is matched as JSON. An argument that the call does not have matches no pattern, except in a `deny` rule
    with the pattern `*`, so that leaving an argument out is no way around a refusal. A dot leads into
    objects: `"options.path": "/tmp/*"`.

    Note that a pattern for a path matches text, not files: `work/*` also matches `work/../secret`. The
    built-in file tools check where a path really leads; a tool of your own must do so itself.
    """

    tool: str
    behavior: PermissionBehavior
    arguments: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""
    """Told to the model with a refusal, and to the person who is asked."""

    exactly: bool = False
    """The rule speaks only about calls that have no other arguments than those it names."""

    def __post_init__(self) -> None:
        if self.behavior not in ("allow", "deny", "ask"):
            raise ValueError(f"a rule says allow, deny or ask, not {self.behavior!r}")

    def matches(self, tool: str, arguments: Mapping[str, Any]) -> bool:
        """Whether the rule speaks about this call."""
        if not fnmatchcase(tool, self.tool) or (self.exactly and set(arguments) - set(self.arguments)):
            return False
        return all(self._fits(arguments, name, pattern) for name, pattern in self.arguments.items())

    def _fits(self, arguments: Mapping[str, Any], name: str, pattern: str) -> bool:
        found, value = _find(arguments, name)
        if not found:
            return self.behavior == "deny" and pattern == "*"
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True)
        return fnmatchcase(text, pattern)

    def to_dict(self) -> dict[str, Any]:
        """The rule as plain data, for `from_dict` in another process."""
        return {
            "tool": self.tool,
            "behavior": self.behavior,
            "arguments": dict(self.arguments),
            "reason": self.reason,
            "exactly": self.exactly,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> PermissionRule:
        """Reads what `to_dict` wrote. Raises ValueError where it is something else."""
        unknown = set(data) - {"tool", "behavior", "arguments", "reason", "exactly"}
        if unknown or not isinstance(data.get("tool"), str) or "behavior" not in data:
            raise ValueError(f"not a permission rule: {dict(data)!r}")
        return cls(
            data["tool"],
            data["behavior"],
            dict(data.get("arguments", {})),
            data.get("reason", ""),
            bool(data.get("exactly", False)),
        )


@dataclass(frozen=True, slots=True)
class PermissionDecision:
    """What the rules say about one call."""

    behavior: PermissionBehavior
    reason: str = ""
    suggested_rules: tuple[PermissionRule, ...] = ()
    """With "ask": rules a person may add so as not to be asked again, the narrowest first."""


class Permissions:
    """An ordered list of rules, and what holds where none of them matches."""

    __slots__ = ("otherwise", "rules")

    def __init__(self, rules: Iterable[PermissionRule] = (), otherwise: PermissionBehavior = "allow") -> None:
        self.rules = list(rules)
        self.otherwise: PermissionBehavior = otherwise

    def add(self, rule: PermissionRule) -> None:
        """Puts a rule in front of all others, so that what a person just agreed to counts."""
        if rule not in self.rules:
            self.rules.insert(0, rule)

    def decide(self, tool: str, arguments: Mapping[str, Any], flags: ToolFlags) -> PermissionDecision:
        """The decision about one call. `arguments` are those the model gave, repaired, without presets."""
        for rule in self.rules:
            if rule.matches(tool, arguments):
                return self._decision(rule.behavior, rule.reason, tool, arguments)
        if flags.requires_confirmation and self.otherwise != "deny":
            return self._decision("ask", "this tool asks before each call", tool, arguments)
        return self._decision(self.otherwise, "no rule allows it", tool, arguments)

    def _decision(self, behavior: PermissionBehavior, reason: str, tool: str, arguments: Mapping[str, Any]) -> PermissionDecision:
        if behavior == "allow":
            return PermissionDecision("allow")
        suggested = suggest_rules(tool, arguments) if behavior == "ask" else ()
        return PermissionDecision(behavior, reason, suggested)


def suggest_rules(tool: str, arguments: Mapping[str, Any]) -> tuple[PermissionRule, ...]:
    """Rules that would allow this call from now on: with exactly these arguments, and with any."""
    exact = {
        key: (value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, sort_keys=True))
        for key, value in arguments.items()
    }
    name = tool.translate(_WILDCARDS)
    anything = PermissionRule(name, "allow")
    if not exact:
        return (anything,)
    patterns = {key: value.translate(_WILDCARDS) for key, value in exact.items()}
    return (PermissionRule(name, "allow", patterns, exactly=True), anything)


def _find(arguments: Mapping[str, Any], name: str) -> tuple[bool, Any]:
    if name in arguments:
        return True, arguments[name]
    value: Any = arguments
    for part in name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            return False, None
        value = value[part]
    return True, value
