"""AudioSocket's frames: what the documents say, any chunking, and what is not allowed."""

from uuid import UUID

import pytest
from hubbub.voice.gateway.asterisk.frames import (
    KIND_OF_RATE,
    CallId,
    Fault,
    Frame,
    FrameError,
    HangUp,
    Key,
    Message,
    Sound,
    Unpacker,
    frame_bytes,
    parse,
)
from hypothesis import given
from hypothesis import strategies as st

CALL = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")

GOLDEN: list[tuple[str, Message]] = [
    ("00 0000", HangUp()),
    ("01 0010 40325ec25efd4bd3805f53576e581d13", CallId(CALL)),
    ("03 0001 35", Key("5")),
    ("03 0001 23", Key("#")),
    ("10 0004 0100ffff", Sound(8_000, b"\x01\x00\xff\xff")),
    ("12 0002 0080", Sound(16_000, b"\x00\x80")),
    ("18 0002 0000", Sound(192_000, b"\0\0")),
    ("ff 0001 02", Fault(2)),
]
"""Made from Asterisk's documentation of the protocol."""


@pytest.mark.parametrize(("wire", "message"), GOLDEN)
def test_each_message_is_as_documented_both_ways(wire: str, message: Message) -> None:
    data = bytes.fromhex(wire)
    assert message.frame().pack() == data
    (frame,) = Unpacker().feed(data)
    assert parse(frame) == message


def test_all_rates_have_their_kind() -> None:
    assert KIND_OF_RATE == {
        8_000: 0x10, 12_000: 0x11, 16_000: 0x12, 24_000: 0x13, 32_000: 0x14, 44_100: 0x15, 48_000: 0x16, 96_000: 0x17, 192_000: 0x18,
    }  # fmt: skip
    assert [frame_bytes(rate) for rate in (8_000, 16_000, 44_100, 192_000)] == [320, 640, 1764, 7680]


@given(st.lists(st.builds(Frame, st.integers(0, 255), st.binary(max_size=700)), max_size=8), st.data())
def test_any_chunking_gives_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    wire = b"".join(frame.pack() for frame in frames)
    unpacker, got, at = Unpacker(), [], 0
    while at < len(wire):
        size = data.draw(st.integers(1, max(1, len(wire) - at)))
        got += list(unpacker.feed(wire[at : at + size]))
        at += size
    assert got == frames
    assert unpacker.waiting == 0


@given(st.integers(0, 255), st.binary(max_size=40))
def test_any_frame_is_a_message_or_explained(kind: int, payload: bytes) -> None:
    try:
        message = parse(Frame(kind, payload))
    except FrameError as error:
        assert str(error)
    else:
        assert parse(message.frame()) == message


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (Frame(0x01, b"short"), "as 16 bytes, not 5"),
        (Frame(0x03, b"55"), "a key is one of"),
        (Frame(0x03, b"x"), "a key is one of"),
        (Frame(0x10, b""), "must not be empty"),
        (Frame(0x10, b"\0\0\0"), "3 bytes is an odd number"),
        (Frame(0x02, b""), "kind 0x02"),
        (Frame(0x19, b"\0\0"), "kind 0x19"),
    ],
)
def test_what_is_not_allowed_is_explained(frame: Frame, words: str) -> None:
    with pytest.raises(FrameError) as caught:
        parse(frame)
    assert words in str(caught.value)


def test_a_fault_says_what_it_means() -> None:
    assert "forwarded" in Fault(2).meaning
    assert "0x7f" in Fault(0x7F).meaning
    assert parse(Frame(0xFF, b"")) == Fault(0), "an error without a code is an error all the same"


def test_a_payload_that_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="65536"):
        Frame(0x10, bytes(65_536)).pack()
