"""Who gets past the door of a toolkit: which calls are run, refused, or put to a person first."""

from __future__ import annotations

from dataclasses import replace

from ..message import ToolUseBlock
from .arguments import BadArguments, read_arguments
from .base import ToolChunk
from .output import error_chunk
from .permission import PermissionDecision, Permissions
from .registered import RegisteredTool

_ALLOWED = PermissionDecision("allow")


def decide(tool: RegisteredTool | None, tool_call: ToolUseBlock, permissions: Permissions | None) -> PermissionDecision:
    """Whether a call is allowed, denied, or has to be put to a person.

    A call that cannot run anyway, because there is no such tool or its arguments are wrong, is allowed:
    the model should see that error, and nobody should be asked about it.
    """
    if tool is None or (permissions is None and not tool.flags.requires_confirmation):
        return _ALLOWED
    try:
        arguments = read_arguments(tool_call, tool.parameters(), allow_cut=tool.flags.read_only)
    except BadArguments:
        return _ALLOWED
    return (permissions or Permissions()).decide(tool.name, arguments, tool.flags)


def refusal(tool: RegisteredTool, tool_call: ToolUseBlock, permissions: Permissions | None) -> ToolChunk | None:
    """The chunk that refuses a call, or None where it may run. Consent is `tool_call.state == "allowed"`."""
    decision = decide(tool, tool_call, permissions)
    if decision.behavior == "allow" or (decision.behavior == "ask" and tool_call.state == "allowed"):
        return None
    because = f" ({decision.reason})" if decision.reason else ""
    if decision.behavior == "ask":
        told = f"Not run: a person has to agree to this call of {tool.name!r} first{because}."
        return replace(error_chunk("confirmation", told), state="denied")
    told = f"Not run: this call of {tool.name!r} is not permitted{because}. Do not try again."
    return replace(error_chunk("denied", told), state="denied")


def not_found(name: str, known: list[str]) -> ToolChunk:
    """What a call of an unknown tool gets."""
    there = ", ".join(known) or "none"
    return error_chunk("not_found", f"FunctionNotFoundError: there is no tool {name!r}. There are: {there}.")


def inactive(tool: RegisteredTool) -> ToolChunk:
    """What a call of a tool gets whose group is switched off."""
    return error_chunk(
        "inactive",
        f"FunctionInactiveError: the tool {tool.name!r} belongs to the group {tool.group!r}, which is not at hand "
        "now. Switch it on with reset_equipped_tools, if you have that tool.",
    )


def unavailable(tool: RegisteredTool, server: str) -> ToolChunk:
    """What a call of a tool gets whose server has been lost."""
    return error_chunk("unavailable", f"Error: {tool.name!r} cannot be reached just now (server {server!r}).")


def closed() -> ToolChunk:
    """What any call gets after the toolkit was closed."""
    return error_chunk("closed", "Error: the tools of this conversation have been closed.")
