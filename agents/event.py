"""The events of a reply: what an agent does while it answers, as it does it.

A stream begins with one `ReplyStartEvent` and ends with one `ReplyEndEvent`. Between them, blocks and tool calls open, grow
by incremental deltas, and close; blocks of one kind never overlap, tool results of concurrent tools may. The same classes
carry what a person answers to a question of the agent (`UserConfirmResultEvent`, …).

Events are slotted dataclasses, since every token of every reply is one. `to_json` and `parse_event` are the edge, where
pydantic checks what came from elsewhere.
"""

import itertools
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Annotated, Any, Literal

from .message import Msg, ToolResultBlock, ToolState, ToolUseBlock

FinishedReason = Literal["completed", "interrupted", "exceeded", "error", "waiting"]
"""Why a stream ended. `exceeded`: the agent ran out of iterations or of budget. `waiting`: the reply is not over, it waits
for a person's confirmation or an outside executor, and goes on in a later stream with the same `reply_id`."""

_counter = itertools.count(1)
_prefix = os.urandom(5).hex()


def _fork() -> None:
    global _prefix
    _prefix = os.urandom(5).hex()


os.register_at_fork(after_in_child=_fork)


def _event_id() -> str:
    # A random prefix for each process and a number: a random id for every token would cost more than the rest of the event.
    return f"{_prefix}-{next(_counter):x}"


@dataclass(slots=True)
class AgentEvent:
    """The base of all events. `created_at` is the wall clock in seconds since 1970."""

    type: str = field(default="", kw_only=True)
    id: str = field(default_factory=_event_id, kw_only=True)
    created_at: float = field(default_factory=time.time, kw_only=True)

    def to_json(self) -> str:
        """The event as JSON text; `parse_event` gives an equal event back."""
        data: bytes = _adapter().dump_json(self)
        return data.decode()

    def to_dict(self) -> dict[str, Any]:
        """The event as plain JSON values."""
        data: dict[str, Any] = _adapter().dump_python(self, mode="json")
        return data


@dataclass(slots=True)
class Usage:
    """What one model call cost."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    """Money, in the currency of the price list; None where the price is unknown."""


@dataclass(slots=True)
class ConfirmResult:
    """A person's word on one tool call."""

    tool_call_id: str
    confirmed: bool
    input: dict[str, Any] | None = None
    """Other arguments, where the person changed them."""
    reason: str = ""
    """Why not, in the person's words; the model reads it."""


@dataclass(slots=True)
class ReplyStartEvent(AgentEvent):
    """A reply of the agent `name` begins, or goes on after it waited."""

    reply_id: str
    name: str
    type: Literal["reply_start"] = field(default="reply_start", kw_only=True)


@dataclass(slots=True)
class ModelCallStartEvent(AgentEvent):
    """A model is asked."""

    reply_id: str
    model: str = ""
    type: Literal["model_call_start"] = field(default="model_call_start", kw_only=True)


@dataclass(slots=True)
class ModelCallEndEvent(AgentEvent):
    """A model has answered."""

    reply_id: str
    usage: Usage | None = None
    type: Literal["model_call_end"] = field(default="model_call_end", kw_only=True)


@dataclass(slots=True)
class TextBlockStartEvent(AgentEvent):
    """Words begin."""

    reply_id: str
    block_id: str
    type: Literal["text_block_start"] = field(default="text_block_start", kw_only=True)


@dataclass(slots=True)
class TextBlockDeltaEvent(AgentEvent):
    """More words."""

    reply_id: str
    block_id: str
    delta: str
    type: Literal["text_block_delta"] = field(default="text_block_delta", kw_only=True)


@dataclass(slots=True)
class TextBlockEndEvent(AgentEvent):
    """The words of this block are complete, or were cut."""

    reply_id: str
    block_id: str
    type: Literal["text_block_end"] = field(default="text_block_end", kw_only=True)


@dataclass(slots=True)
class ThinkingBlockStartEvent(AgentEvent):
    """A thought begins."""

    reply_id: str
    block_id: str
    type: Literal["thinking_block_start"] = field(default="thinking_block_start", kw_only=True)


@dataclass(slots=True)
class ThinkingBlockDeltaEvent(AgentEvent):
    """More of a thought."""

    reply_id: str
    block_id: str
    delta: str
    type: Literal["thinking_block_delta"] = field(default="thinking_block_delta", kw_only=True)


@dataclass(slots=True)
class ThinkingBlockEndEvent(AgentEvent):
    """A thought is complete, or was cut."""

    reply_id: str
    block_id: str
    type: Literal["thinking_block_end"] = field(default="thinking_block_end", kw_only=True)


@dataclass(slots=True)
class DataBlockStartEvent(AgentEvent):
    """Media begin."""

    reply_id: str
    block_id: str
    media_type: str
    name: str = ""
    type: Literal["data_block_start"] = field(default="data_block_start", kw_only=True)


@dataclass(slots=True)
class DataBlockDeltaEvent(AgentEvent):
    """A piece of media: bytes in base64, or the address where they lie (then there is one delta)."""

    reply_id: str
    block_id: str
    data: str = ""
    url: str = ""
    type: Literal["data_block_delta"] = field(default="data_block_delta", kw_only=True)


@dataclass(slots=True)
class DataBlockEndEvent(AgentEvent):
    """The media of this block are complete, or were cut."""

    reply_id: str
    block_id: str
    type: Literal["data_block_end"] = field(default="data_block_end", kw_only=True)


@dataclass(slots=True)
class ToolCallStartEvent(AgentEvent):
    """The model begins to ask for a tool."""

    reply_id: str
    tool_call_id: str
    tool_name: str
    type: Literal["tool_call_start"] = field(default="tool_call_start", kw_only=True)


@dataclass(slots=True)
class ToolCallDeltaEvent(AgentEvent):
    """More of a tool call's arguments, as JSON text."""

    reply_id: str
    tool_call_id: str
    delta: str
    type: Literal["tool_call_delta"] = field(default="tool_call_delta", kw_only=True)


@dataclass(slots=True)
class ToolCallEndEvent(AgentEvent):
    """The arguments are complete, or were cut."""

    reply_id: str
    tool_call_id: str
    type: Literal["tool_call_end"] = field(default="tool_call_end", kw_only=True)


@dataclass(slots=True)
class ToolResultStartEvent(AgentEvent):
    """A tool begins to answer (or is answered for)."""

    reply_id: str
    tool_call_id: str
    tool_name: str
    type: Literal["tool_result_start"] = field(default="tool_result_start", kw_only=True)


@dataclass(slots=True)
class ToolResultTextDeltaEvent(AgentEvent):
    """More words of a tool's answer."""

    reply_id: str
    tool_call_id: str
    delta: str
    type: Literal["tool_result_text_delta"] = field(default="tool_result_text_delta", kw_only=True)


@dataclass(slots=True)
class ToolResultDataDeltaEvent(AgentEvent):
    """Media in a tool's answer: bytes in base64, or an address."""

    reply_id: str
    tool_call_id: str
    media_type: str
    data: str = ""
    url: str = ""
    name: str = ""
    type: Literal["tool_result_data_delta"] = field(default="tool_result_data_delta", kw_only=True)


@dataclass(slots=True)
class ToolResultEndEvent(AgentEvent):
    """A tool call is over."""

    reply_id: str
    tool_call_id: str
    state: ToolState
    type: Literal["tool_result_end"] = field(default="tool_result_end", kw_only=True)


@dataclass(slots=True)
class HintBlockEvent(AgentEvent):
    """Something was told to the model from outside the conversation."""

    reply_id: str
    block_id: str
    text: str
    source: str = ""
    type: Literal["hint_block"] = field(default="hint_block", kw_only=True)


@dataclass(slots=True)
class RequireUserConfirmEvent(AgentEvent):
    """The agent wants a person's word before it uses these tools; the stream ends. Answer with `UserConfirmResultEvent`."""

    reply_id: str
    tool_calls: list[ToolUseBlock]
    type: Literal["require_user_confirm"] = field(default="require_user_confirm", kw_only=True)


@dataclass(slots=True)
class RequireExternalExecutionEvent(AgentEvent):
    """Somebody outside must run these tools; the stream ends. Answer with `ExternalExecutionResultEvent`."""

    reply_id: str
    tool_calls: list[ToolUseBlock]
    type: Literal["require_external_execution"] = field(default="require_external_execution", kw_only=True)


@dataclass(slots=True)
class UserConfirmResultEvent(AgentEvent):
    """What a person said about the tool calls of a reply that waits. Given to `reply_stream` to go on."""

    reply_id: str
    results: list[ConfirmResult]
    type: Literal["user_confirm_result"] = field(default="user_confirm_result", kw_only=True)


@dataclass(slots=True)
class ExternalExecutionResultEvent(AgentEvent):
    """What tools answered that were run outside. Given to `reply_stream` to go on."""

    reply_id: str
    results: list[ToolResultBlock]
    type: Literal["external_execution_result"] = field(default="external_execution_result", kw_only=True)


@dataclass(slots=True)
class UserInterruptEvent(AgentEvent):
    """A person wants the agent to stop. Given to `reply_stream`, it ends a reply that waits."""

    reply_id: str = ""
    """The reply that is meant; "" for whichever there is."""
    message: Msg | None = None
    """What the person said, if anything."""
    type: Literal["user_interrupt"] = field(default="user_interrupt", kw_only=True)


@dataclass(slots=True)
class CustomEvent(AgentEvent):
    """Whatever a middleware or a tool has to tell the reader of the stream. `value` is a plain JSON value."""

    reply_id: str
    name: str
    value: Any = None
    type: Literal["custom"] = field(default="custom", kw_only=True)


@dataclass(slots=True)
class ReplyEndEvent(AgentEvent):
    """The stream is over. `message` is what the agent said in this reply (text and media); what it thought and did is in
    the events, and in its memory."""

    reply_id: str
    finished_reason: FinishedReason
    error: str | None = None
    """What went wrong, where the reason is `error`."""
    message: Msg | None = None
    type: Literal["reply_end"] = field(default="reply_end", kw_only=True)


Event = (
    ReplyStartEvent | ModelCallStartEvent | ModelCallEndEvent | TextBlockStartEvent | TextBlockDeltaEvent
    | TextBlockEndEvent | ThinkingBlockStartEvent | ThinkingBlockDeltaEvent | ThinkingBlockEndEvent | DataBlockStartEvent
    | DataBlockDeltaEvent | DataBlockEndEvent | ToolCallStartEvent | ToolCallDeltaEvent | ToolCallEndEvent
    | ToolResultStartEvent | ToolResultTextDeltaEvent | ToolResultDataDeltaEvent | ToolResultEndEvent | HintBlockEvent
    | RequireUserConfirmEvent | RequireExternalExecutionEvent | UserConfirmResultEvent | ExternalExecutionResultEvent
    | UserInterruptEvent | CustomEvent | ReplyEndEvent
)  # fmt: skip
"""Every event there is."""


@cache
def _adapter() -> Any:
    from pydantic import Field, TypeAdapter

    return TypeAdapter(Annotated[Event, Field(discriminator="type")])


def parse_event(data: str | bytes | dict[str, Any]) -> AgentEvent:
    """Reads an event from JSON text or a mapping. Raises pydantic.ValidationError, which says what was expected."""
    read: Callable[..., Any] = _adapter().validate_python if isinstance(data, dict) else _adapter().validate_json
    event: AgentEvent = read(data)
    return event
