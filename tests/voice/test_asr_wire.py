"""The messages between the pool and its workers."""

import pytest
from hubbub.voice.asr import wire
from hubbub.voice.asr.base import ASRContext, RecognisedWord
from hypothesis import given
from hypothesis import strategies as st

messages = st.lists(st.tuples(st.sampled_from([wire.OPEN, wire.SOUND, wire.FINAL]), st.binary(max_size=300)))


@given(messages, st.integers(1, 64))
def test_any_pieces_of_the_same_bytes_give_the_same_messages(sent: list[tuple[bytes, bytes]], piece: int) -> None:
    stream = b"".join(wire.pack(kind, body) for kind, body in sent)
    unpacker = wire.Unpacker()
    got = [message for at in range(0, len(stream), piece) for message in unpacker.feed(stream[at : at + piece])]
    assert got == sent


def test_an_absurd_length_is_refused_before_it_is_believed() -> None:
    with pytest.raises(wire.WireError, match="at most"):
        wire.Unpacker().feed(b"F" + (wire.MAX_BODY_BYTES + 1).to_bytes(4, "big"))


@pytest.mark.parametrize("body", [b"", b"[1]", b"\xff", b"{"])
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(wire.WireError):
        wire.parse_json(body)


def test_contexts_and_words_survive_the_way() -> None:
    context = ASRContext("en", ("what's up", "“quoted”"), ("Zoë",))
    assert wire.context_from_json(wire.parse_json(wire.pack_json(b"O", wire.context_to_json(context))[5:])) == context
    words = (RecognisedWord("go", 10, 200), RecognisedWord("on", 200, 410))
    assert wire.words_from_json(wire.words_to_json(words)) == words
