"""What the rooms' API takes in bodies."""

from typing import Any

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from ..config import AgentConfig, RoomConfig
from ..config.section import Name, Section
from ..event import Role
from ..protocol import MAX_TEXT_CHARS


def _from_outside(agent: AgentConfig, where: str) -> None:
    """What only the server's own file may say is refused from outside: addresses to call and keys to show there."""
    if agent.model is not None and (agent.model.base_url is not None or agent.model.api_key is not None):
        part = "base_url" if agent.model.base_url is not None else "api_key"
        message = "is taken from the server's own file only; name a provider and a model here"
        raise PydanticCustomError("part", message, {"where": f"{where}model.{part}"})


class RoomBody(RoomConfig):
    """A room that is to be made: its name, and what a room has in the file."""

    name: str = Field(pattern=r"^[\w.-]{1,64}$")

    @model_validator(mode="after")
    def _bounded(self) -> "RoomBody":
        if self.floor.script is not None:
            raise PydanticCustomError("part", "is taken from the server's own file only", {"where": "floor.script"})
        for number, agent in enumerate(self.agents):
            _from_outside(agent, f"agents.{number}.")
        return self

    def as_config(self) -> RoomConfig:
        """The room without its name."""
        return RoomConfig.model_construct(**{name: getattr(self, name) for name in RoomConfig.model_fields})


class AgentBody(AgentConfig):
    """An agent that is invited."""

    @model_validator(mode="after")
    def _bounded(self) -> "AgentBody":
        _from_outside(self, "")
        return self


class AgentChange(Section):
    """What is to be changed about an agent; at least one field."""

    muted: bool | None = None
    quiet: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _something(cls, value: Any) -> Any:
        return _not_empty(value, cls)


class CallerChange(Section):
    """What is to be changed about a caller; at least one field."""

    role: Role | None = None
    muted: bool | None = None

    @model_validator(mode="before")
    @classmethod
    def _something(cls, value: Any) -> Any:
        return _not_empty(value, cls)


class Say(Section):
    """Words that an agent is to say; None for the room's first."""

    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)
    agent: Name | None = None


class AsideBody(Section):
    """With whom an agent is to speak alone, and whether the others wait for them."""

    caller: Name
    others_wait: bool = False


def _not_empty(value: Any, kind: type[Section]) -> Any:
    if isinstance(value, dict) and not value:
        message = "the body must have at least one of {known}"
        raise PydanticCustomError("empty", message, {"known": ", ".join(kind.model_fields)})
    return value
