"""The events of a reply: through JSON and back, and messages rebuilt from them."""

import json
import typing
from dataclasses import MISSING, fields

import pytest
from hubbub.agents import (
    Base64Source,
    DataBlock,
    Msg,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    event,
    message_from_events,
    parse_event,
)
from hubbub.agents.event import AgentEvent
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

EVENTS = typing.get_args(event.Event)
SAMPLES = {
    "tool_calls": [ToolUseBlock("1", "f", {"a": 1})], "value": {"n": [1, "x", None]}, "finished_reason": "interrupted",
    "state": "interrupted", "message": Msg("a", [TextBlock("hé"), ToolUseBlock("1", "f")], "assistant", {"interrupted": {"by": None}}),
    "usage": event.Usage(3, 4, 0.01),
}  # fmt: skip


def sample(cls: type[AgentEvent]) -> AgentEvent:
    values: dict[str, object] = {}
    for one in fields(cls):
        if one.name in SAMPLES:
            values[one.name] = SAMPLES[one.name]
        elif one.name == "results":
            confirm = cls is event.UserConfirmResultEvent
            values["results"] = [event.ConfirmResult("1", True, {"a": 2}) if confirm else ToolResultBlock("1", "f", "ok")]
        elif one.default is MISSING and one.default_factory is MISSING:
            values[one.name] = f"some {one.name}"
    return cls(**values)


@pytest.mark.parametrize("cls", EVENTS, ids=lambda cls: cls.__name__)
def test_every_event_goes_through_json(cls: type[AgentEvent]) -> None:
    one = sample(cls)
    back = parse_event(one.to_json())
    assert back == one and type(back) is cls
    assert parse_event(one.to_dict()) == one
    assert json.loads(one.to_json())["type"] == one.type


def test_types_and_ids_are_distinct() -> None:
    assert len({sample(cls).type for cls in EVENTS}) == len(EVENTS) == 27
    assert len({event.ReplyStartEvent("r", "a").id for _ in range(100)}) == 100


@pytest.mark.parametrize("text", ['{"type": "reply_party"}', '{"reply_id": "r"}', "[]", "nonsense", '{"type": "text_block_delta"}'])
def test_what_is_not_an_event_is_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        parse_event(text)


def test_a_message_is_rebuilt_from_its_events() -> None:
    events = [
        event.ReplyStartEvent("r", "Ada"),
        event.ThinkingBlockStartEvent("r", "b1"), event.ThinkingBlockDeltaEvent("r", "b1", "hm"),
        event.ThinkingBlockEndEvent("r", "b1"), event.TextBlockStartEvent("r", "b2"),
        event.TextBlockDeltaEvent("r", "b2", "one "), event.TextBlockDeltaEvent("r", "b2", "two"),
        event.TextBlockEndEvent("r", "b2"), event.ToolCallStartEvent("r", "c", "f"),
        event.ToolCallDeltaEvent("r", "c", '{"a"'), event.ToolCallDeltaEvent("r", "c", ": 1}"), event.ToolCallEndEvent("r", "c"),
        event.ToolResultStartEvent("r", "c", "f"), event.ToolResultTextDeltaEvent("r", "c", "o"),
        event.ToolResultTextDeltaEvent("r", "c", "k"), event.ToolResultDataDeltaEvent("r", "c", "image/png", data="AA=="),
        event.ToolResultEndEvent("r", "c", "success"), event.DataBlockStartEvent("r", "d", "audio/wav"),
        event.DataBlockDeltaEvent("r", "d", "AA"), event.DataBlockDeltaEvent("r", "d", "BB"), event.DataBlockEndEvent("r", "d"),
        event.ReplyEndEvent("r", "completed"),
    ]  # fmt: skip
    msg = message_from_events(events)
    assert msg.id == "r" and msg.name == "Ada" and msg.role == "assistant"
    assert msg.blocks() == [
        ThinkingBlock("hm", "b1"), TextBlock("one two", "b2"), ToolUseBlock("c", "f", {"a": 1}, '{"a": 1}'),
        ToolResultBlock("c", "f", [TextBlock("ok"), DataBlock(Base64Source("AA==", "image/png"))], "success"),
        DataBlock(Base64Source("AABB", "audio/wav"), id="d"),
    ]  # fmt: skip


@given(st.lists(st.text("ab é世", min_size=1, max_size=4), min_size=1, max_size=8), st.integers(0, 5))
def test_any_cut_of_a_text_rebuilds_the_same_text(pieces: list[str], skipped: int) -> None:
    events = [event.TextBlockStartEvent("r", "b"), *(event.TextBlockDeltaEvent("r", "b", piece) for piece in pieces)]
    assert message_from_events(events).get_text_content() == "".join(pieces)
    assert message_from_events(events[1:]).get_text_content() == ""  # who joins after the start sees nothing of the block
