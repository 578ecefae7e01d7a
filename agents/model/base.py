"""What a chat model is.

A model takes the message dictionaries that its formatter made and answers with a stream of small deltas. The stream is an
async generator: whoever reads it closes it (`contextlib.aclosing`), and closing it, or cancelling the task that waits in it,
closes the provider's connection at once, so that a caller who breaks in does not pay for words that nobody hears.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
"""One message in the provider's own form, made by a formatter."""


@dataclass(frozen=True, slots=True)
class TextDelta:
    """A further piece of the answer's text; pieces are added up, never repeated."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """A further piece of the model's thinking. Never spoken, never shown to others."""

    text: str


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A further piece of one tool call. The first piece of a call carries `id` and `name`, later ones may leave them empty."""

    index: int
    """Which of the calls of this answer the piece belongs to, from 0."""

    id: str = ""
    name: str = ""
    arguments: str = ""
    """A fragment of the arguments' JSON text; may end anywhere."""


@dataclass(frozen=True, slots=True)
class ChatUsage:
    """What one call consumed, sent at most once, last."""

    input_tokens: int
    output_tokens: int
    cost: float | None = None
    """In the currency of the model's `Price`; None where no price is known."""

    model: str = ""
    """The model that answered, which in a fallback chain need not be the first."""


ChatDelta = TextDelta | ThinkingDelta | ToolCallDelta | ChatUsage


@dataclass(frozen=True, slots=True)
class Price:
    """What a model costs. None is built in, because prices change: give the one that you pay."""

    input_per_million: float
    output_per_million: float
    """For a million tokens, in one currency of the user's choice."""

    def cost(self, input_tokens: int, output_tokens: int) -> float:
        """What one call costs, in the price's own currency."""
        return (input_tokens * self.input_per_million + output_tokens * self.output_per_million) / 1_000_000


class ChatModelError(Exception):
    """The provider failed, refused or broke off. The message names the model and what to do, and holds no key."""

    def __init__(
        self, message: str, transient: bool = False, status: int | None = None, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.transient = transient
        """Whether the provider (or the network) says that the same call may succeed if it is made again."""
        self.status = status
        """The HTTP status, where there was one."""
        self.retry_after_s = retry_after_s
        """How long the provider asked to wait, in seconds."""


class ChatModelBase(ABC):
    """A model that answers a conversation with a stream of deltas."""

    name: str = ""
    """The model's name at its provider, such as `qwen-plus`."""

    provider: str = ""
    """Who runs it, such as `openai`, for the log and for choosing a formatter."""

    phrases: tuple[str, ...] = ()
    """Whole phrases that callers are likely to say to this model; they steer recognisers that can be steered."""

    vocabulary: tuple[str, ...] = ()
    """Single words that this model understands, for the same use."""

    note: str = ""
    """A plain sentence for users about what this model cannot do, or empty."""

    can_sum_up: bool = True
    """Whether it can put a conversation into a few words of its own."""

    supports_response_schema: bool = False
    """Whether the provider itself holds the answer to a JSON schema. Where it does not, `response_schema` is ignored."""

    @abstractmethod
    def stream(
        self,
        messages: list[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """Answers the conversation.

        `tools` are JSON schemas in OpenAI's form (`{"type": "function", "function": {...}}`), `tool_choice` is `auto`, `none`,
        `required` or a tool's name, `response_schema` a JSON schema that the text is to follow. Raises `ChatModelError` out of
        the iteration; deltas that came before it stay valid.
        """

    async def close(self) -> None:  # noqa: B027 - most models hold nothing
        """Closes idle connections. Open streams are their readers' to close."""

    def __repr__(self) -> str:
        # Written out here so that no subclass shows a key by accident.
        return f"{type(self).__name__}({self.name!r})"


def normalised_tool_choice(tool_choice: str | None, tools: Sequence[dict[str, Any]] | None) -> str | dict[str, Any] | None:
    """Turns `tool_choice` into OpenAI's form, which DashScope shares; None where there is nothing to choose.

    Raises ValueError for a name that is not among the tools.
    """
    if not tools or tool_choice is None:
        return None
    if tool_choice in ("auto", "none", "required"):
        return tool_choice
    names = [tool["function"]["name"] for tool in tools]
    if tool_choice not in names:
        raise ValueError(f"tool_choice must be 'auto', 'none', 'required' or one of {names}, not {tool_choice!r}")
    return {"type": "function", "function": {"name": tool_choice}}
