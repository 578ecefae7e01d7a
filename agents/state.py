"""The state of an agent as one object: what it takes to go on in another process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

from .message import Block, Msg, ToolUseBlock

if TYPE_CHECKING:
    from .agent.base import AgentBase


class WaitingReply(BaseModel):
    """A reply that stopped to ask: a person for a confirmation, or somebody outside to run a tool."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    reply_id: str
    iteration: int = 0
    calls: list[ToolUseBlock]
    """The tool calls that have no result yet, in order."""
    said: list[Block] = Field(default_factory=list)
    structured_schema: dict[str, Any] | None = None
    """The JSON schema of the structured output that was asked for."""


class AgentState(BaseModel):
    """An agent's memory, tools in use, plan, waiting reply, and what its middleware keeps.

    `AgentState.model_validate_json(state.model_dump_json())` gives an equal state; loaded into a new agent that is built the
    same way, it gives the same next prompt.
    """

    version: int = 1
    name: str = ""
    memory: dict[str, Any] | None = None
    toolkit: dict[str, Any] | None = None
    plan: dict[str, Any] | None = None
    waiting: WaitingReply | None = None
    held: list[dict[str, Any]] = Field(default_factory=list)
    """What was heard while the reply waits, and is not in memory yet."""
    middleware: dict[str, dict[str, Any]] = Field(default_factory=dict)


def take_state(agent: AgentBase) -> AgentState:
    """The state of an agent, independent of what the agent does next."""
    state = AgentState(
        name=agent.name,
        memory=agent.memory.state_dict() if agent.memory is not None else None,
        toolkit=_ask(agent, "toolkit"), plan=_ask(agent, "plan"),
        waiting=agent._parked,
        held=[msg.to_dict() for msg in agent._held or ()],
        middleware=agent._middleware_states or {},
    )  # fmt: skip
    return state.model_copy(deep=True)


def put_state(agent: AgentBase, state: AgentState) -> None:
    """Loads a state into an agent. Raises RuntimeError while it replies, ValueError for a state of a newer version."""
    if agent.replying:
        raise RuntimeError(f"{agent.name} is replying; its state can be loaded when it is idle")
    if state.version > 1:
        raise ValueError(f"this state is of version {state.version}; this version of hubbub reads up to 1")
    state = state.model_copy(deep=True)
    held = [Msg.from_dict(data) for data in state.held]
    if agent.memory is not None and state.memory is not None:
        agent.memory.load_state_dict(state.memory)
    for part, saved in (("toolkit", state.toolkit), ("plan", state.plan)):
        owner = getattr(agent, part, None)
        if owner is not None and saved is not None:
            owner.load_state_dict(saved)
    agent._parked = state.waiting
    agent._held = held or None
    agent._middleware_states = state.middleware or None


def _ask(agent: AgentBase, part: str) -> dict[str, Any] | None:
    owner = getattr(agent, part, None)
    take = getattr(owner, "state_dict", None)
    return dict(take()) if take is not None else None
