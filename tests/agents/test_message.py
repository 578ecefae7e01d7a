"""Messages and their blocks: reading, writing, and what other versions wrote."""

import json

import pytest
from hubbub.agents import (
    Base64Source,
    DataBlock,
    HintBlock,
    ImageBlock,
    MessageFormatError,
    Msg,
    TextBlock,
    ThinkingBlock,
    ToolResultBlock,
    ToolUseBlock,
    URLSource,
)


def everything() -> Msg:
    return Msg(
        "Ada",
        [
            ThinkingBlock("hm", signature="s"),
            TextBlock("Look: "),
            ImageBlock(URLSource("https://example.org/cat.png")),
            DataBlock(Base64Source("UklGRg==", "audio/wav"), name="meow"),
            HintBlock("It is late.", "clock"),
            ToolUseBlock("1", "f", {"a": [1, None]}, '{"a": [1, null]}', state="finished"),
            ToolResultBlock("1", "f", [TextBlock("ok"), DataBlock(Base64Source("AA==", "image/png"))], "error"),
        ],
        "assistant",
        {"k": {"v": 1}},
        reply_id="r1",
    )


def test_a_message_survives_json() -> None:
    msg = everything()
    back = Msg.from_dict(json.loads(json.dumps(msg.to_dict())))
    assert back == msg
    assert type(back.blocks()[2]) is ImageBlock


def test_text_content() -> None:
    assert Msg("a", "hello", "user").get_text_content() == "hello"
    assert Msg("a", [TextBlock("one"), ThinkingBlock("no"), TextBlock("two")], "user").get_text_content() == "one\ntwo"
    assert Msg("a", [TextBlock("one"), TextBlock("two")], "user").get_text_content("") == "onetwo"
    assert Msg("a", [], "user").get_text_content() == ""


def test_blocks_by_type() -> None:
    msg = everything()
    assert [b.type for b in msg.get_content_blocks("image")] == ["image"]
    assert [b.kind for b in msg.get_content_blocks("audio")] == ["audio"]
    assert len(msg.get_content_blocks("data")) == 2
    assert [b.type for b in msg.get_content_blocks(["text", "hint"])] == ["text", "hint"]
    assert not msg.has_content_blocks("video")
    assert len(msg.get_content_blocks()) == 7
    assert Msg("a", "hi", "user").get_content_blocks("text") == [TextBlock("hi")]


def test_what_others_may_see() -> None:
    public = everything().public()
    assert [b.type for b in public.blocks()] == ["text", "image", "data"]
    assert public.id == everything().copy_with(id=public.id).id
    plain = Msg("a", "hi", "user")
    assert plain.public() is plain


def test_blocks_read_like_typed_dictionaries() -> None:
    block = TextBlock(type="text", text="hi")
    assert block["text"] == "hi" and block["type"] == "text"
    assert block.get("text") == "hi" and block.get("missing", 3) == 3
    assert "text" in block and "missing" not in block
    with pytest.raises(KeyError):
        block["missing"]


def test_dictionaries_of_agentscope_1x() -> None:
    msg = Msg.from_dict({
        "id": "x", "name": "Friday", "role": "assistant", "metadata": None, "timestamp": "2025-01-01 10:00:00.000",
        "content": [
            {"type": "text", "text": "Hm"},
            {"type": "tool_use", "id": "1", "name": "f", "input": {"a": 1}},
            {"type": "tool_result", "id": "1", "name": "f", "output": [{"type": "text", "text": "ok"}]},
            {"type": "image", "source": {"type": "url", "url": "https://example.org/a.jpg"}},
            {"type": "audio", "source": {"type": "base64", "media_type": "audio/wav", "data": "AAAA"}},
        ],
    })  # fmt: skip
    assert msg.id == "x" and msg.metadata == {}
    assert msg.tool_uses()[0].input == {"a": 1}
    assert isinstance(result := msg.blocks()[2], ToolResultBlock) and result.text == "ok"
    assert isinstance(image := msg.blocks()[3], DataBlock) and image.media_type == "image/jpeg"


def test_dictionaries_of_agentscope_2x() -> None:
    msg = Msg.from_dict({
        "name": "Friday", "role": "assistant", "created_at": "2026-01-01T10:00:00", "finished_at": None, "usage": {},
        "content": [
            {"type": "hint", "hint": "It is late."},
            {"type": "tool_call", "id": "1", "name": "f", "input": '{"a": 1}', "state": "finished", "suggested_rules": []},
        ],
    })  # fmt: skip
    assert msg.timestamp == "2026-01-01T10:00:00"
    assert msg.tool_uses()[0].input == {"a": 1}
    assert isinstance(hint := msg.blocks()[0], HintBlock) and hint.text == "It is late."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "name"), ([], "name, role and content"), ("text", "name, role and content"), ({"name": "a", "role": "user"}, "content"),
        ({"name": "a", "role": "robot", "content": "hi"}, "robot"), ({"name": "a", "role": "user", "content": 3}, "content"),
        ({"name": "a", "role": "user", "content": [{"type": "hologram"}]}, "hologram"),
        ({"name": "a", "role": "user", "content": [{"type": "text"}]}, "text"),
        ({"name": "a", "role": "user", "content": ["hi"]}, "hi"),
        ({"name": "a", "role": "user", "content": [{"type": "image", "source": {"type": "ftp"}}]}, "ftp"),
    ],
)  # fmt: skip
def test_what_is_not_a_message_says_so(data: object, words: str) -> None:
    with pytest.raises(MessageFormatError, match=words):
        Msg.from_dict(data)  # type: ignore[arg-type]


def test_roles_and_content_are_checked() -> None:
    with pytest.raises(ValueError, match="role"):
        Msg("a", "hi", "robot")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="content"):
        Msg("a", 3, "user")  # type: ignore[arg-type]
    assert Msg("a", [{"type": "text", "text": "hi"}], "user").blocks() == [TextBlock("hi")]  # type: ignore[list-item]


def test_ids_differ() -> None:
    assert len({Msg("a", "", "user").id for _ in range(1000)}) == 1000
