"""The person at the keyboard, as an agent."""

from __future__ import annotations

import asyncio
import json
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from ..memory.base import MemoryBase
from ..message import Block, Msg, TextBlock
from .base import AgentBase

if TYPE_CHECKING:
    from pydantic import BaseModel


@dataclass(slots=True)
class UserInputData:
    """What a person entered."""

    blocks_input: list[Block] = field(default_factory=list)
    structured_input: dict[str, Any] | None = None


class UserInputBase(ABC):
    """Where a person's words come from."""

    @abstractmethod
    async def __call__(
        self, agent_id: str, agent_name: str, *args: Any, structured_model: type[BaseModel] | None = None, **kwargs: Any
    ) -> UserInputData:
        """Waits for the person; with `structured_model` also asks for its fields."""


class TerminalUserInput(UserInputBase):
    """Reads a line from the terminal, in a thread: the event loop goes on."""

    def __init__(self, input_hint: str = "User: ", read: Callable[[str], str] = input) -> None:
        self._hint = input_hint
        self._read = read

    async def __call__(
        self, agent_id: str, agent_name: str, *args: Any, structured_model: type[BaseModel] | None = None, **kwargs: Any
    ) -> UserInputData:
        """Waits for a line, and for one more for each field of `structured_model`, until they fit."""
        line = await asyncio.to_thread(self._read, self._hint)
        return UserInputData([TextBlock(line)], await self._fields(structured_model) if structured_model else None)

    async def _fields(self, model: type[BaseModel]) -> dict[str, Any]:
        while True:
            given = {name: await asyncio.to_thread(self._read, f"  {name}: ") for name in model.model_fields}
            try:
                return model.model_validate({name: _value(text) for name, text in given.items()}).model_dump(mode="json")
            except ValueError as error:
                sys.stdout.write(f"{error}\n")


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


class UserAgent(AgentBase):
    """A person who takes part like any agent: asked to reply, it waits for their input.

    Where the input comes from can be replaced for one agent (`override_instance_input_method`) or for all
    (`override_class_input_method`).
    """

    _input: ClassVar[UserInputBase] = TerminalUserInput()
    _own_input: UserInputBase | None = None

    def __init__(self, name: str = "User", *, memory: MemoryBase | None = None, input_method: UserInputBase | None = None) -> None:
        super().__init__(name, memory=memory)
        if input_method is not None:
            self.override_instance_input_method(input_method)

    async def reply(self, msg: Any = None, structured_model: type[BaseModel] | None = None) -> Msg:
        """Waits for the person's input. What was said to them is remembered where there is a memory."""
        await self.observe(msg)
        source = self._own_input or type(self)._input
        given = await source(self.id, self.name, structured_model=structured_model)
        only = given.blocks_input[0] if len(given.blocks_input) == 1 else None
        content: str | list[Block] = only.text if isinstance(only, TextBlock) else list(given.blocks_input)
        answer = Msg(self.name, content, "user", given.structured_input or {})
        self._keep(answer)
        return answer

    def override_instance_input_method(self, input_method: UserInputBase) -> None:
        """Replaces where this agent's input comes from. Raises TypeError for anything but a UserInputBase."""
        self._own_input = _checked(input_method)

    @classmethod
    def override_class_input_method(cls, input_method: UserInputBase) -> None:
        """Replaces where the input of all agents of this class comes from. Raises TypeError as above."""
        cls._input = _checked(input_method)


def _checked(method: UserInputBase) -> UserInputBase:
    if not isinstance(method, UserInputBase):
        raise TypeError(f"an input method is a UserInputBase, got {type(method).__name__}")
    return method
