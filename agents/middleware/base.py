"""The onion: layers around a reply, a reasoning step, a model call, a tool call, and the system prompt.

A layer is an async generator that gets a call and `next`, and yields what it wants to come out:

    class Polite(MiddlewareBase):
        async def on_model_call(self, call, next):
            async for delta in next():          # or next(replace(call, tool_choice="none"))
                yield delta

The first middleware of an agent is the outermost. Hooks that a class does not override cost nothing. A layer may be shared
by many agents; what it wants to keep for one of them goes into `call.state`, which is saved with the agent's state.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ..event import AgentEvent
from ..message import Msg, ToolUseBlock

if TYPE_CHECKING:
    from ..agent.base import AgentBase
    from ..agent.run import Run
    from ..model.base import ChatDelta
    from ..tool.base import ToolChunk


@dataclass(slots=True)
class _Call:
    run: Run
    """The reply in flight: its id, what it said so far, `run.hint` to tell the model something."""

    @property
    def agent(self) -> AgentBase:
        """The agent that replies."""
        return self.run.agent


@dataclass(slots=True)
class ReplyCall(_Call):
    """One reply. `messages` is what it answers (empty when a waiting reply goes on)."""

    messages: list[Msg]


@dataclass(slots=True)
class ReasoningCall(_Call):
    """One step of thought: the prompt is built and the model asked. `hints` are shown to the model in this step only."""

    tool_choice: str | None
    hints: list[str]


@dataclass(slots=True)
class ModelCall(_Call):
    """One request to the model, as it is sent."""

    model: Any
    """The `ChatModelBase` to ask; a layer may pass on another one."""
    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    tool_choice: str | None
    answer_schema: dict[str, Any] | None = None
    """Where the answer is to fit a schema and no tool is offered but the one that takes it: the schema of its arguments, to
    which a provider that can may hold the answer itself. The layers see a call of that tool either way."""


@dataclass(slots=True)
class ActingCall(_Call):
    """One tool call. Layers around concurrent tools run concurrently."""

    tool_call: ToolUseBlock


C = TypeVar("C")
T = TypeVar("T")
Next: TypeAlias = Callable[..., AsyncIterator[T]]
"""`next(call)` goes on to the inner layers; without an argument with the call as it came."""


class MiddlewareBase:
    """Does nothing; override what is wanted.

    What an `on_…` generator does not pass on does not happen outside. An end event that `on_reply` swallows makes the agent
    go through another round with its memory as it is then.
    """

    def key(self) -> str:
        """The name of this layer's state in the agent's state; two layers of one class on one agent need different ones."""
        return type(self).__name__

    def state_of(self, agent: AgentBase) -> dict[str, Any]:
        """What this layer keeps for one agent: plain JSON values, saved and restored with the agent."""
        return agent.middleware_state(self.key())

    def on_reply(self, call: ReplyCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Around a reply: everything between its start and its end, and the end."""
        raise NotImplementedError

    def on_reasoning(self, call: ReasoningCall, next: Next[AgentEvent]) -> AsyncIterator[AgentEvent]:
        """Around a step of thought."""
        raise NotImplementedError

    def on_model_call(self, call: ModelCall, next: Next[ChatDelta]) -> AsyncIterator[ChatDelta]:
        """Around a request to the model."""
        raise NotImplementedError

    def on_acting(self, call: ActingCall, next: Next[ToolChunk]) -> AsyncIterator[ToolChunk]:
        """Around a tool call."""
        raise NotImplementedError

    async def on_system_prompt(self, agent: AgentBase, prompt: str) -> str:
        """The system prompt that the next layer gets; called before each model call."""
        raise NotImplementedError


def overriding(layers: Sequence[MiddlewareBase], hook: str) -> list[MiddlewareBase]:
    """The layers that have something to say at `hook`, outermost first."""
    plain = getattr(MiddlewareBase, hook)
    return [layer for layer in layers if getattr(type(layer), hook, plain) is not plain]


def onion(
    layers: Sequence[MiddlewareBase], hook: str, core: Callable[[C], AsyncIterator[T]]
) -> Callable[[C], AsyncIterator[T]]:
    """`core` with the layers around it. Closing the result closes every layer inside, from the outside in."""
    handler = core
    for layer in reversed(overriding(layers, hook)):
        handler = _around(getattr(layer, hook), handler)
    return handler


def _around(
    hook: Callable[[C, Next[T]], AsyncIterator[T]], inner: Callable[[C], AsyncIterator[T]]
) -> Callable[[C], AsyncIterator[T]]:
    async def run(call: C) -> AsyncIterator[T]:
        opened: list[AsyncIterator[T]] = []

        def follow(changed: C | None = None) -> AsyncIterator[T]:
            opened.append(inner(call if changed is None else changed))
            return opened[-1]

        opened.append(hook(call, follow))
        try:
            async for item in opened[0]:
                yield item
        finally:
            for stream in opened:
                await close(stream)

    return run


async def close(stream: Any) -> None:
    """Closes an async iterator that can be closed."""
    aclose = getattr(stream, "aclose", None)
    if aclose is not None:
        await aclose()
