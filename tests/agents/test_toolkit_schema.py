"""What a model reads of a function, and what becomes of the arguments it writes."""

import functools
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Annotated, Any, Literal, Optional

import pytest
from hubbub.agents.message import ToolUseBlock
from hubbub.agents.tool import Tool, ToolFlags, Toolkit, tool
from hubbub.agents.tool.arguments import BadArguments, check_arguments, parse_arguments, read_arguments
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field


def schema_of(func, **options):
    toolkit = Toolkit()
    toolkit.register_tool_function(func, **options)
    return toolkit.schemas()[0]["function"]


async def result_of(func, arguments=None, raw="", **options):
    toolkit = Toolkit()
    name = toolkit.register_tool_function(func, **options)
    chunks = [chunk async for chunk in toolkit.call(ToolUseBlock("1", name, arguments or {}, raw))]
    return chunks[-1].state, "".join(block.text for chunk in chunks for block in chunk.content)


class Size(Enum):
    SMALL = "s"
    LARGE = "l"


class Item(BaseModel):
    name: str
    count: int = Field(1, ge=1, description="how many")


@dataclass
class Address:
    street: str
    number: int


def order(
    item: Item,
    address: Address,
    size: Size = Size.SMALL,
    speed: Literal["slow", "fast"] = "slow",
    when: date | None = None,
    note: Annotated[str, "for the driver"] = "",
    weight: Annotated[float, Field(gt=0)] = 1.0,
    tags: Optional[list[str]] = None,  # noqa: UP045 (the older spelling must work too)
) -> str:
    """Orders something.

    It is delivered the next day.

    Args:
        item: What is wanted.
        address: Where it goes.
        weight: In kilograms.
    """
    assert isinstance(item, Item) and isinstance(address, Address) and isinstance(size, Size)
    assert when is None or isinstance(when, date)
    return f"{item.count} {item.name} to {address.street} {address.number}, {size.name}, {when}, {tags}"


def test_schema_of_rich_types():
    function = schema_of(order)
    assert function["name"] == "order"
    assert function["description"] == "Orders something.\n\nIt is delivered the next day."
    parameters = function["parameters"]
    properties = parameters["properties"]
    assert parameters["type"] == "object" and parameters["additionalProperties"] is False
    assert parameters["required"] == ["item", "address"]
    assert properties["speed"]["enum"] == ["slow", "fast"] and properties["speed"]["default"] == "slow"
    assert properties["note"]["description"] == "for the driver"
    assert properties["weight"] == {
        "default": 1.0, "description": "In kilograms.", "exclusiveMinimum": 0, "type": "number"
    }  # fmt: skip
    assert properties["item"]["description"] == "What is wanted."
    assert parameters["$defs"]["Item"]["properties"]["count"]["minimum"] == 1
    assert parameters["$defs"]["Size"]["enum"] == ["s", "l"]
    assert '"title"' not in str(parameters).replace("'", '"')
    assert schema_of(order, include_long_description=False)["description"] == "Orders something."


async def test_arguments_become_python_values():
    given = {"item": {"name": "tea"}, "address": {"street": "Elm", "number": 3}, "size": "l", "when": "2026-01-02"}
    assert await result_of(order, given) == ("success", "1 tea to Elm 3, LARGE, 2026-01-02, None")


@pytest.mark.parametrize(
    "doc",
    [
        "Adds.\n\n    Args:\n        a (int): the first\n        b: the second\n    ",
        "Adds.\n\n    Parameters\n    ----------\n    a : int\n        the first\n    b\n        the second\n    ",
        "Adds.\n\n    :param a: the first\n    :param int b: the second\n    ",
    ],
    ids=["google", "numpy", "rest"],
)
def test_docstring_styles(doc):
    def add(a: int, b: int = 0):
        return a + b

    add.__doc__ = doc
    function = schema_of(add)
    assert function["description"] == "Adds."
    assert [p["description"] for p in function["parameters"]["properties"].values()] == ["the first", "the second"]


class Greeter:
    """Makes greeters."""

    def __init__(self, greeting="Hello"):
        self.greeting = greeting

    def __call__(self, name: str) -> str:
        """Greets somebody."""
        return f"{self.greeting}, {name}"

    async def later(self, name: str) -> str:
        """Greets later."""
        return f"Later: {self.greeting}, {name}"

    @classmethod
    def kind(cls) -> str:
        """Names itself."""
        return cls.__name__

    @staticmethod
    def twice(text: str) -> str:
        """Says it twice."""
        return text * 2


async def test_everything_that_can_be_called():
    greeter = Greeter()
    assert await result_of(greeter, {"name": "Ann"}) == ("success", "Hello, Ann")
    assert schema_of(greeter)["name"] == "Greeter" and schema_of(greeter)["description"] == "Greets somebody."
    assert await result_of(greeter.later, {"name": "Ann"}) == ("success", "Later: Hello, Ann")
    assert await result_of(Greeter.kind) == ("success", "Greeter")
    assert await result_of(Greeter.twice, {"text": "ha"}) == ("success", "haha")
    partial = functools.partial(order, address=Address("Oak", 1))
    assert "address" not in schema_of(partial)["parameters"]["properties"]
    assert (await result_of(partial, {"item": {"name": "tea"}}))[1].startswith("1 tea to Oak 1")
    assert await result_of(functools.partial(pow, 2), {"exp": 5}, json_schema=POW) == ("success", "32")
    async_partial = functools.partial(greeter.later, "Bob")
    assert await result_of(async_partial) == ("success", "Later: Hello, Bob")
    assert await result_of(lambda text: text.upper(), {"text": "a"}, func_name="upper") == ("success", "A")


async def test_a_class_makes_its_instances():
    assert schema_of(Address)["parameters"]["properties"]["number"]["type"] == "integer"
    assert await result_of(Address, {"street": "Elm", "number": 3}) == ("success", '{"street": "Elm", "number": 3}')


POW = {"type": "object", "properties": {"exp": {"type": "integer"}}, "required": ["exp"]}


async def test_tool_classes():
    class Dice(Tool):
        name = "roll"
        description = "Rolls dice."
        input_schema = POW
        flags = ToolFlags(read_only=True)

        async def call(self, **arguments: Any) -> AsyncIterator[str]:
            for number in range(arguments["exp"]):
                yield f"{number} "

    assert await result_of(Dice, {"exp": 3}) == ("success", "0 1 2 ")
    toolkit = Toolkit([Dice()])
    assert toolkit.flags("roll") == ToolFlags(read_only=True, concurrency_safe=True, side_effects=False)


def test_flags():
    @tool(ToolFlags(read_only=True), timeout_s=3)
    def look():
        "Looks."

    toolkit = Toolkit([look])
    assert toolkit.flags("look").read_only and toolkit.flags("look").concurrency_safe
    toolkit.register_tool_function(look, func_name="act", flags=ToolFlags(requires_confirmation=True))
    assert toolkit.flags("act").side_effects and not toolkit.flags("act").concurrency_safe
    with pytest.raises(ValueError, match="read_only"):
        ToolFlags(read_only=True, side_effects=True)


async def test_preset_arguments_are_hidden_and_win():
    def ask(question: str, key: str, retries: int = 3) -> str:
        """Asks."""
        return f"{question} {key} {retries}"

    preset = {"key": "hush", "retries": 1}
    parameters = schema_of(ask, preset_kwargs=preset)["parameters"]
    assert list(parameters["properties"]) == ["question"] and parameters["required"] == ["question"]
    assert await result_of(ask, {"question": "why"}, preset_kwargs=preset) == ("success", "why hush 1")
    state, text = await result_of(ask, {"question": "why", "key": "mine"}, preset_kwargs=preset)
    assert state == "error" and "'key' was unexpected" in text and "hush" not in text
    only = schema_of(ask, preset_kwargs={"question": "why", "key": "hush"})["parameters"]
    assert "required" not in only
    with pytest.raises(TypeError, match="no such parameter"):
        schema_of(ask, preset_kwargs={"colour": "red"})


async def test_open_ended_parameters():
    def join(first: str, *rest: str, **labels: int) -> str:
        """Joins.

        Args:
            rest: the others
        """
        return f"{first} {rest} {labels}"

    assert list(schema_of(join)["parameters"]["properties"]) == ["first"]
    options = {"include_var_positional": True, "include_var_keyword": True}
    parameters = schema_of(join, **options)["parameters"]
    assert parameters["properties"]["rest"]["items"] == {"type": "string"}
    assert parameters["additionalProperties"] == {"type": "integer"}
    assert await result_of(join, {"first": "a", "rest": ["b", "c"], "x": 1}, **options) == (
        "success",
        "a ('b', 'c') {'x': 1}",
    )


def test_parameters_named_like_parts_of_a_model():
    def awkward(schema: str, model_config: int, _id: str, json: bool = False, copy: Any = None):
        "Awkward."

    assert list(schema_of(awkward)["parameters"]["properties"]) == ["schema", "model_config", "_id", "json", "copy"]


async def test_parameters_named_like_parts_of_a_model_are_passed():
    def awkward(schema: str, _id: str, model_config: int = 0):
        return f"{schema} {_id} {model_config}"

    assert await result_of(awkward, {"schema": "s", "_id": "i", "model_config": 3}) == ("success", "s i 3")


def test_what_cannot_be_a_tool():
    class Opaque:
        pass

    def takes(thing: Opaque):
        "Takes."

    with pytest.raises(TypeError, match="without a JSON schema"):
        schema_of(takes)
    assert schema_of(takes, preset_kwargs={"thing": Opaque()})["parameters"]["properties"] == {}
    with pytest.raises(TypeError, match="not 3"):
        schema_of(3)
    with pytest.raises(ValueError, match="cannot be the name"):
        schema_of(lambda: None)
    with pytest.raises(ValueError, match="cannot be the name"):
        schema_of(takes, func_name="no spaces", preset_kwargs={"thing": None})
    with pytest.raises(ValueError, match="an object"):
        schema_of(takes, json_schema={"type": "string"})
    with pytest.raises(ValueError, match="not a JSON schema"):
        schema_of(takes, json_schema={"type": "object", "properties": {"a": {"type": "nonsense"}}})

    def unresolvable(a: "Nowhere"):  # noqa: F821
        "Unresolvable."

    with pytest.raises(TypeError, match="cannot be resolved"):
        schema_of(unresolvable)


def test_schema_by_hand():
    full = {"type": "function", "function": {"name": "power", "description": "Raises.", "parameters": POW}}
    assert schema_of(lambda exp: exp, json_schema=full) == full["function"]
    assert schema_of(lambda exp: exp, json_schema=full, func_name="p", func_description="d")["name"] == "p"


async def test_extended_model():
    class Answer(BaseModel):
        mood: Literal["good", "bad"]
        score: int = 0

    def finish(response: str, **more: Any) -> str:
        return f"{response} {more}"

    toolkit = Toolkit()
    toolkit.register_tool_function(finish)
    toolkit.set_extended_model("finish", Answer)
    parameters = toolkit.schemas()[0]["function"]["parameters"]
    assert parameters["required"] == ["response", "mood"] and set(parameters["properties"]) == {
        "response", "mood", "score"
    }  # fmt: skip

    async def call(**arguments):
        return [c async for c in toolkit.call(ToolUseBlock("1", "finish", arguments))][-1]

    assert (await call(response="r", mood="good")).content[0].text == "r {'mood': 'good'}"
    assert (await call(response="r", mood="so-so")).state == "error"
    toolkit.set_extended_model("finish", None)
    assert list(toolkit.schemas()[0]["function"]["parameters"]["properties"]) == ["response"]

    class Clash(BaseModel):
        response: int

    with pytest.raises(ValueError, match="already defines 'response'"):
        toolkit.set_extended_model("finish", Clash)
    with pytest.raises(ValueError, match="no tool"):
        toolkit.set_extended_model("nothing", Answer)


# Arguments


@pytest.mark.parametrize(
    ("raw", "parsed"),
    [
        ('{"a": 1}', {"a": 1}),
        ('{"a": 1', {"a": 1}),
        ('{"a": "cut of', {"a": "cut of"}),
        ("{'a': 1}", {"a": 1}),
        ('```json\n{"a": 1}\n```', {"a": 1}),
        ('{"a": 1,}', {"a": 1}),
        ('{"a": 1, ', {"a": 1}),
        ('{"a": [1, {"b": "c\\', {"a": [1, {"b": "c"}]}),
        ('{"a": 1, "b', {"a": 1}),
        ('{"a": 1, "b":', {"a": 1}),
        ('{"a": 1, "a', {"a": 1}),
        ('{"a": "b\\u00', {"a": "b"}),
        ('Sure: {"a": 1} I hope this helps }', {"a": 1}),
        ('{"a": 1, "b": tru', {"a": 1}),
        ("{a: 1, b: two}", {"a": 1, "b": "two"}),
        ('"{\\"a\\": 1}"', {"a": 1}),
        ("", {}),
        ("  ", {}),
    ],
)
def test_damaged_json_is_repaired(raw, parsed):
    assert parse_arguments(raw) == parsed


@pytest.mark.parametrize("raw", ["nonsense", "[1, 2]", "3", "null", 7, ["a"], "{" * 2_000_000])
def test_what_is_no_object(raw):
    with pytest.raises(BadArguments):
        parse_arguments(raw)


SCHEMA = {
    "type": "object",
    "properties": {
        "count": {"type": "integer"},
        "ratio": {"type": "number"},
        "flag": {"type": "boolean"},
        "names": {"type": "array", "items": {"type": "integer"}},
        "where": {"$ref": "#/$defs/Place"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "text": {"type": "string"},
        "kind": {"enum": ["a", "b"]},
    },
    "required": ["text"],
    "additionalProperties": False,
    "$defs": {"Place": {"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"]}},
}


def arguments_of(**given):
    return read_arguments(ToolUseBlock("1", "t", {"text": "t", **given}), SCHEMA)


@pytest.mark.parametrize(
    ("given", "mended"),
    [
        ({"count": "5"}, {"count": 5}),
        ({"count": 5.0}, {"count": 5}),
        ({"ratio": "1e3"}, {"ratio": 1000.0}),
        ({"flag": "True"}, {"flag": True}),
        ({"names": "[1, 2]"}, {"names": [1, 2]}),
        ({"names": ["1", 2]}, {"names": [1, 2]}),
        ({"where": '{"x": "3"}'}, {"where": {"x": 3}}),
        ({"maybe": "null"}, {"maybe": None}),
        ({"maybe": None}, {"maybe": None}),
        ({"count": None}, {}),
        ({"kind": "a"}, {"kind": "a"}),
        ({"text": "5"}, {"text": "5"}),
        ({"text": '{"a": 1}'}, {"text": '{"a": 1}'}),
    ],
)
def test_values_are_mended_where_it_takes_no_guessing(given, mended):
    expected = {"text": "t", **mended}
    assert arguments_of(**given) == expected


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"count": "many"}, "count: 'many' is not of type 'integer'"),
        ({"count": 5.5}, "count: 5.5"),
        ({"count": True}, "count: True is not of type 'integer'"),
        ({"flag": "perhaps"}, "flag: 'perhaps'"),
        ({"kind": "c"}, "kind: 'c' is not one of"),
        ({"where": {}}, "where: 'x' is a required property"),
        ({"names": [1, "b"]}, "names.1: 'b'"),
        ({"other": 1}, "'other' was unexpected"),
    ],
)
def test_values_that_cannot_be_used_are_named(given, told):
    with pytest.raises(BadArguments) as caught:
        arguments_of(**given)
    assert told in str(caught.value)


def test_remote_references_are_not_fetched():
    schema = {"type": "object", "properties": {"a": {"$ref": "http://127.0.0.1:9/schema.json"}}}
    with pytest.raises(BadArguments, match="refers to"):
        check_arguments({"a": 1}, schema)


def test_references_in_a_circle_end():
    schema = {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"$ref": "#/$defs/A"}}}
    assert read_arguments(ToolUseBlock("1", "t", {}), schema) == {}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)  # how long an example takes says nothing on a busy machine
@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "other"]), json_values))
def test_arguments_either_satisfy_the_schema_or_are_refused(arguments):
    try:
        read = read_arguments(ToolUseBlock("1", "t", arguments), SCHEMA)
    except BadArguments:
        return
    check_arguments(read, SCHEMA)
    assert set(read) <= set(arguments)


@settings(deadline=None)  # how long an example takes says nothing on a busy machine
@given(st.dictionaries(st.text(max_size=5), st.text(max_size=9) | st.lists(st.text(max_size=5))), st.data())
def test_an_object_that_breaks_off_keeps_what_was_whole(arguments, data):
    text = json.dumps(arguments)
    read = parse_arguments(text[: data.draw(st.integers(1, len(text)))])
    assert len(read) <= len(arguments)
    for index, (key, value) in enumerate(arguments.items()):
        if index < len(read) - 1:
            assert read[key] == value
        elif index == len(read) - 1:
            assert key in read  # this one may be cut
            assert isinstance(read[key], type(value))


async def test_half_a_value_is_enough_to_look_but_not_to_act():
    def go(path: str, depth: int = 1) -> str:
        return path

    cut = '{"path": "/tmp/scratch/o'
    assert await result_of(go, raw=cut, flags=ToolFlags(read_only=True)) == ("success", "/tmp/scratch/o")
    for raw in (cut, '{"path": "/tmp", "depth": 1'):
        state, text = await result_of(go, raw=raw)
        assert state == "error" and "break off" in text
    assert await result_of(go, raw='{"path": "/tmp"') == ("success", "/tmp")
    assert await result_of(go, raw='```{"path": "/tmp"}``` is what I mean 1') == ("success", "/tmp")


@pytest.mark.parametrize("text", ["{" * 50_000, '{"a":[' * 8_000, '{"a": "' + '"x ' * 16_000, '{"a' * 16_000])
def test_deep_nonsense_ends(text):
    """The repair library alone would take minutes for some of these, on the event loop."""
    try:
        assert parse_arguments(text) == {}
    except BadArguments as error:
        assert len(str(error)) < 400


@settings(deadline=None)  # how long an example takes says nothing on a busy machine
@given(st.text(max_size=60))
def test_any_text_is_an_object_or_refused(text):
    try:
        assert isinstance(parse_arguments(text), dict)
    except BadArguments as error:
        assert str(error)
