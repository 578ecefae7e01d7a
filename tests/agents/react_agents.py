"""Agents with scripted models, for the tests of `ReActAgent`."""

from typing import Any

from hubbub.agents import (
    Msg,
    ReActAgent,
    ToolFlags,
    Toolkit,
    ToolResultBlock,
)
from hubbub.agents.testing import ScriptedModel
from pydantic import BaseModel, Field

READ = ToolFlags(read_only=True)


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


def agent_with(model: ScriptedModel, *tools: Any, flags: ToolFlags | None = None, **options: Any) -> ReActAgent:
    toolkit = Toolkit()
    for tool in tools:
        toolkit.register_tool_function(tool, flags=flags)
    return ReActAgent("Ada", "You are Ada.", model, toolkit=toolkit, **options)


def add(a: int, b: int) -> str:
    """Adds.

    Args:
        a: One.
        b: Another.
    """
    return str(a + b)


def kinds(events: list[Any]) -> list[str]:
    return [e.type for e in events]


def results(agent: ReActAgent) -> dict[str, list[ToolResultBlock]]:
    """The results in memory by call; fails where a call has not exactly one."""
    calls = [call.id for m in agent.memory.messages() for call in m.tool_uses()]
    found: dict[str, list[ToolResultBlock]] = {one: [] for one in calls}
    for msg in agent.memory.messages():
        for block in msg.blocks():
            if isinstance(block, ToolResultBlock):
                found[block.id].append(block)
    assert all(len(some) == 1 for some in found.values()), found
    return found


class Weather(BaseModel):
    """What the weather is."""

    city: str
    degrees: int = Field(ge=-100, le=100)
