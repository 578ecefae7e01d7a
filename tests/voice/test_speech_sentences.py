"""Cutting text into pieces: the same pieces whatever the chunks, and no piece lost."""

import pytest
from hubbub.voice.speech import SentenceCutter
from hypothesis import given
from hypothesis import strategies as st


def cut(text: str, size: int = 1) -> list[str]:
    cutter = SentenceCutter()
    pieces = []
    for start in range(0, len(text), size):
        pieces += cutter.push(text[start : start + size])
    pieces += cutter.flush()
    assert "".join(piece.text for piece in pieces) == text
    assert all(text[piece.start : piece.end] == piece.text for piece in pieces)
    return [piece.text.strip() for piece in pieces if piece.text.strip()]


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("Hello. How are you? Fine!", ["Hello.", "How are you?", "Fine!"]),
        ("It is noon, I think, or later. Yes.", ["It is noon,", "I think, or later.", "Yes."]),
        ("Well, that is it. Done.", ["Well, that is it.", "Done."]),
        ("Dr. Smith paid 3.14 dollars, e.g. today. Ok.", ["Dr. Smith paid 3.14 dollars,", "e.g. today.", "Ok."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("First line\nSecond line", ["First line", "Second line"]),
        ("1. Wake up\n2. Eat", ["1. Wake up", "2. Eat"]),
        ("你好。今天天气很好，我们去公园吧！", ["你好。", "今天天气很好，我们去公园吧！"]),
        ("好的，我来讲。开始", ["好的，我来讲。", "开始"]),
        ("Look: ```a. b. c``` That was it. Yes.", ["Look: ```a. b. c``` That was it.", "Yes."]),
        ("J. R. Tolkien wrote it. I did not.", ["J. R. Tolkien wrote it.", "I did not."]),
        ("So did I. You too.", ["So did I.", "You too."]),
        ("Wait... what? Yes.", ["Wait...", "what?", "Yes."]),
    ],
)
def test_pieces(text, pieces):
    assert cut(text) == pieces
    assert cut(text, 7) == pieces
    assert cut(text, len(text)) == pieces


def test_a_first_piece_without_punctuation_is_cut_at_a_space():
    words = "and so on " * 20
    assert 60 <= len(cut(words)[0]) <= 75


def test_a_very_long_sentence_is_cut_at_a_clause():
    text = "Yes. " + "one two three four five six seven, " * 20 + "end."
    pieces = cut(text)
    assert pieces[0] == "Yes."
    assert all(len(piece) <= 290 for piece in pieces) and pieces[1].endswith(",")


def test_hurry_takes_the_words_that_are_there():
    cutter = SentenceCutter()
    assert cutter.push("I think that it mig") == []
    (piece,) = cutter.hurry()
    assert piece.text == "I think that it "
    assert cutter.hurry() == []


TEXTS = st.text(st.sampled_from("ab .,!?\n。，`*\"'1"), max_size=120)


@given(TEXTS, st.lists(st.integers(1, 30), min_size=1, max_size=30))
def test_any_chunks_give_the_same_pieces(text, sizes):
    cutter, pieces, start, turn = SentenceCutter(), [], 0, 0
    while start < len(text):
        size = sizes[turn % len(sizes)]
        pieces += cutter.push(text[start : start + size])
        start, turn = start + size, turn + 1
    pieces += cutter.flush()
    whole = SentenceCutter()
    assert pieces == whole.push(text) + whole.flush()
    assert "".join(piece.text for piece in pieces) == text
