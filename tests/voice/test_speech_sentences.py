"""Cutting text into pieces: the same pieces whatever the chunks, and no piece lost."""

import pytest
from hubbub.voice.speech import SentenceCutter
from hubbub.voice.speech.sentences import LONGEST_CODE_CHARS
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
        ("Yes, I am. The answer is no. I see. See no. 5.", ["Yes, I am.", "The answer is no.", "I see.", "See no. 5."]),
        ("We met at 5 p.m. It was late, at 11 p.m. and cold.", ["We met at 5 p.m.", "It was late, at 11 p.m. and cold."]),
        ('It is "Stop!" he said. Fine.', ['It is "Stop!" he said.', "Fine."]),
        ("Go to www.example.org/a.b now. Ok.", ["Go to www.example.org/a.b now.", "Ok."]),
        ("Use `a. b. c` here. Then [see. this](http://x.y). End.", ["Use `a. b. c` here.", "Then [see. this](http://x.y).", "End."]),
        ("Plan:\n\n# Title\n* one\n* two\n\n| a | b |\n|---|---|", ["Plan:", "# Title", "* one", "* two", "| a | b |", "|---|---|"]),
        ("他说：“你好。”然后走了。", ["他说：“你好。”", "然后走了。"]),
        ("Code:\n```py\na = 1. \n\nb\n```\nThat is all.", ["Code:", "```py\na = 1. \n\nb\n```", "That is all."]),
        ("Ok.\n~~~\nx. y\n~~~\nBye.", ["Ok.", "~~~\nx. y\n~~~", "Bye."]),
    ],
)
def test_pieces(text, pieces):
    assert cut(text) == pieces
    assert cut(text, 7) == pieces
    assert cut(text, len(text)) == pieces


def test_a_first_piece_without_punctuation_is_cut_at_a_space():
    words = "and so on " * 20
    assert 50 <= len(cut(words)[0]) <= 60


def test_a_very_long_sentence_is_cut_at_a_clause():
    text = "Yes. " + "one two three four five six seven, " * 20 + "end."
    pieces = cut(text)
    assert pieces[0] == "Yes."
    assert all(len(piece) <= 290 for piece in pieces) and pieces[1].endswith(",")


def test_hurry_takes_the_words_that_are_there():
    cutter = SentenceCutter()
    assert cutter.push("I think that it mig") == []
    (piece,) = cutter.hurry()
    assert (piece.text, piece.kind) == ("I think that it", "words")
    assert cutter.hurry() == []


def test_a_line_that_its_writer_wrapped_is_one_sentence():
    text = "Yes. This line is so long that whoever wrote it put a break into it after some\nsixty letters or more. Then it ends."
    assert cut(text) == ["Yes.", text[5:].split(" Then")[0], "Then it ends."]


def test_a_first_piece_is_no_title_and_no_bracket():
    cutter = SentenceCutter()
    assert cutter.push("See [the long ") == [] and cutter.hurry() == []


def test_a_long_block_of_code_is_handed_on_in_parts():
    code = "```\n" + "x = 1. \n" * 2000 + "```"
    cutter = SentenceCutter()
    pieces = cutter.push("Look:\n")
    for start in range(0, len(code), 9):
        pieces += cutter.push(code[start : start + 9])
        assert len(cutter._text) <= LONGEST_CODE_CHARS + 9
    pieces += cutter.push("\nDone. ") + cutter.flush()
    assert {piece.kind for piece in pieces[1:-2]} == {"code"}
    assert [piece.text for piece in pieces if piece.kind != "code"] == ["Look:", "\nDone.", " "]


def test_the_first_piece_never_waits_for_more_than_its_room():
    cutter, text = SentenceCutter(), "word " * 40
    pieces = [piece for character in text for piece in cutter.push(character)]
    assert pieces[0].kind == "words" and len(pieces[0].text) <= 60


def test_chinese_without_punctuation_is_cut_too():
    text = "好" * 300
    pieces = cut(text)
    assert all(len(piece) <= 81 for piece in pieces) and len(pieces[0]) <= 21


PARTS = [*"abA .,!?\n。，`*\"'1-[](<>…~#|", "```", "~~~\n", "etc. ", "word ", "a line of some length that goes on and on ", "好的"]
TEXTS = st.lists(st.sampled_from(PARTS), max_size=80).map("".join)


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
