"""Rebuilds a message from the events of its reply, as a client does that only sees the stream."""

from collections.abc import Iterable

from .event import (
    AgentEvent,
    DataBlockDeltaEvent,
    DataBlockStartEvent,
    HintBlockEvent,
    ReplyStartEvent,
    TextBlockDeltaEvent,
    TextBlockStartEvent,
    ThinkingBlockDeltaEvent,
    ThinkingBlockStartEvent,
    ToolCallDeltaEvent,
    ToolCallEndEvent,
    ToolCallStartEvent,
    ToolResultDataDeltaEvent,
    ToolResultEndEvent,
    ToolResultStartEvent,
    ToolResultTextDeltaEvent,
)
from .message import (
    Base64Source,
    Block,
    DataBlock,
    HintBlock,
    Msg,
    Source,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    URLSource,
)


class MessageBuilder:
    """Takes the events of one reply and has, at any time, the message so far.

    It holds everything that is in the stream: words, thoughts, media, tool calls and their results, in order. Events of
    unknown blocks are ignored, so that a reader may join late.
    """

    def __init__(self, name: str = "") -> None:
        self._name = name
        self._reply_id = ""
        self._blocks: dict[str, Block] = {}

    def add(self, event: AgentEvent) -> bool:
        """Takes an event; whether the message changed."""
        match event:
            case ReplyStartEvent():
                self._name, self._reply_id = event.name or self._name, event.reply_id
                return False
            case TextBlockStartEvent():
                self._blocks[event.block_id] = TextBlock("", event.block_id)
            case ThinkingBlockStartEvent():
                self._blocks[event.block_id] = ThinkingBlock("", event.block_id)
            case HintBlockEvent():
                self._blocks[event.block_id] = HintBlock(event.text, event.source, event.block_id)
            case DataBlockStartEvent():
                self._blocks[event.block_id] = DataBlock(Base64Source("", event.media_type), event.name, event.block_id)
            case ToolCallStartEvent():
                self._blocks[event.tool_call_id] = ToolUseBlock(event.tool_call_id, event.tool_name)
            case ToolResultStartEvent():
                self._blocks[f"result of {event.tool_call_id}"] = ToolResultBlock(
                    event.tool_call_id, event.tool_name, [], "running"
                )
            case _:
                return self._grow(event)
        return True

    def message(self) -> Msg:
        """The message so far, whose id is the reply's. Its blocks are the builder's own, and grow on."""
        return Msg(self._name, list(self._blocks.values()), "assistant", id=self._reply_id, reply_id=self._reply_id)

    def _grow(self, event: AgentEvent) -> bool:
        match event:
            case TextBlockDeltaEvent() if isinstance(text := self._blocks.get(event.block_id), TextBlock):
                text.text += event.delta
            case ThinkingBlockDeltaEvent() if isinstance(thought := self._blocks.get(event.block_id), ThinkingBlock):
                thought.thinking += event.delta
            case DataBlockDeltaEvent() if isinstance(data := self._blocks.get(event.block_id), DataBlock):
                data.source = _grown(data, event)
            case ToolCallDeltaEvent() if isinstance(call := self._blocks.get(event.tool_call_id), ToolUseBlock):
                call.raw_input += event.delta
            case ToolCallEndEvent() if isinstance(call := self._blocks.get(event.tool_call_id), ToolUseBlock):
                from .agent.writer import parse_arguments

                call.input = parse_arguments(call.raw_input)
            case ToolResultTextDeltaEvent() | ToolResultDataDeltaEvent() | ToolResultEndEvent():
                return self._grow_result(event)
            case _:
                return False
        return True

    def _grow_result(self, event: ToolResultTextDeltaEvent | ToolResultDataDeltaEvent | ToolResultEndEvent) -> bool:
        result = self._blocks.get(f"result of {event.tool_call_id}")
        if not isinstance(result, ToolResultBlock) or isinstance(result.output, str):
            return False
        if isinstance(event, ToolResultEndEvent):
            result.state = event.state
        elif isinstance(event, ToolResultDataDeltaEvent):
            source: Source = (
                URLSource(event.url, event.media_type) if event.url else Base64Source(event.data, event.media_type)
            )
            result.output.append(DataBlock(source, event.name))
        elif result.output and isinstance(result.output[-1], TextBlock):
            result.output[-1].text += event.delta
        else:
            result.output.append(TextBlock(event.delta))
        return True


def _grown(block: DataBlock, event: DataBlockDeltaEvent) -> Source:
    if event.url:
        return URLSource(event.url, block.source.media_type)
    so_far = block.source.data if isinstance(block.source, Base64Source) else ""
    return Base64Source(so_far + event.data, block.source.media_type)


def message_from_events(events: Iterable[AgentEvent]) -> Msg:
    """The message that the events of one reply make."""
    builder = MessageBuilder()
    for event in events:
        builder.add(event)
    return builder.message()
