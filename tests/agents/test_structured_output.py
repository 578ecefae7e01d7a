"""Structured output where the provider itself can hold an answer to a schema."""

from typing import Any, Literal

import jsonschema
import pytest
from hubbub.agents import Msg, ReActAgent
from hubbub.agents.agent.strict import strict_schema
from hubbub.agents.event import TextBlockDeltaEvent
from hubbub.agents.model.base import ChatModelError
from hubbub.agents.testing import ScriptedModel, events_of, use
from hubbub.agents.tool import Toolkit
from pydantic import BaseModel, Field


class Place(BaseModel):
    city: str = Field(min_length=2)
    floor: int | None = None


class Trip(BaseModel):
    """A journey."""

    to: Place
    kind: Literal["train", "bus"] = "train"
    stops: list[Place] = Field(default_factory=list, max_length=3)


RIGHT = '{"to": {"city": "Oslo", "floor": null}, "kind": "bus", "stops": [], "response": "By bus to Oslo."}'
WRONG = '{"to": {"city": "O", "floor": null}, "kind": "bus", "stops": [], "response": "By bus."}'
VALUE = {"to": {"city": "Oslo", "floor": None}, "kind": "bus", "stops": []}


def holding(answers: list[Any]) -> ScriptedModel:
    model = ScriptedModel(answers)
    model.supports_response_schema = True
    return model


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


async def test_the_answer_is_taken_from_the_schema_and_its_json_is_not_said() -> None:
    model = holding([[RIGHT[:20], RIGHT[20:41], RIGHT[41:]]])
    agent = ReActAgent("Ada", "", model)
    events = await events_of(agent.reply_stream(said("to Oslo"), structured_model=Trip))
    message = events[-1].message
    assert message.metadata == VALUE and events[-1].finished_reason == "completed"
    assert "".join(event.delta for event in events if isinstance(event, TextBlockDeltaEvent)) == "By bus to Oslo."
    (call,) = model.calls
    assert call.tools is None and call.response_schema is not None
    jsonschema.Draft202012Validator.check_schema(call.response_schema)
    results = [block for msg in agent.memory.messages() for block in msg.get_content_blocks("tool_result")]
    assert [block.state for block in results] == ["success"]


async def test_an_answer_that_does_not_fit_is_asked_for_again_as_a_tool_call() -> None:
    model = holding([[WRONG], [use("generate_response", **VALUE)]])
    answer = await ReActAgent("Ada", "", model).reply(said("to Oslo"), structured_model=Trip)
    assert answer.metadata == VALUE
    assert model.calls[1].response_schema is None and model.calls[1].tool_names == ["generate_response"]
    assert "to.city" in model.calls[1].text


async def test_a_server_that_refuses_the_schema_is_asked_for_the_tool_from_then_on() -> None:
    refusal = ChatModelError("no such thing", status=400)
    model = holding([refusal, [use("generate_response", **VALUE)], [use("generate_response", **VALUE)]])
    agent = ReActAgent("Ada", "", model)
    for _ in range(2):
        assert (await agent.reply(said("to Oslo"), structured_model=Trip)).metadata == VALUE
    assert [call.response_schema is not None for call in model.calls] == [True, False, False]


async def test_other_failures_are_not_taken_for_a_refusal() -> None:
    model = holding([ChatModelError("down", transient=True, status=503)])
    with pytest.raises(ChatModelError, match="down"):
        await ReActAgent("Ada", "", model).reply(said("to Oslo"), structured_model=Trip)
    assert model.supports_response_schema and len(model.calls) == 1


async def test_with_other_tools_at_hand_the_answer_is_a_tool_call() -> None:
    def look() -> str:
        """Looks."""
        return "seen"

    model = holding([[use("look")], [use("generate_response", **VALUE)]])
    answer = await ReActAgent("Ada", "", model, toolkit=Toolkit([look])).reply(said("to Oslo"), structured_model=Trip)
    assert answer.metadata == VALUE
    assert all(call.response_schema is None and "generate_response" in call.tool_names for call in model.calls)


def test_a_strict_schema_names_all_fields_and_allows_no_others() -> None:
    strict = strict_schema(Trip.model_json_schema())
    assert strict is not None
    assert strict["required"] == ["to", "kind", "stops"] and strict["additionalProperties"] is False
    assert strict["$defs"]["Place"]["required"] == ["city", "floor"]
    assert "minLength" not in str(strict) and "default" not in str(strict) and "maxItems" not in str(strict)
    jsonschema.validate(VALUE, strict)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**VALUE, "more": 1}, strict)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"kind": "bus", "stops": []}, strict)


class Free(BaseModel):
    counts: dict[str, int]


class Anything(BaseModel):
    value: Any


class Pair(BaseModel):
    pair: tuple[int, str]


class Empty(BaseModel):
    pass


@pytest.mark.parametrize("model", [Free, Anything, Pair, Empty])
def test_what_cannot_be_put_strictly_is_left_to_the_tool(model: type[BaseModel]) -> None:
    assert strict_schema(model.model_json_schema()) is None
