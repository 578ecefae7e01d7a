"""Letter-to-sound rules for names."""

import pytest
from hubbub.voice.asr.spelling import pronounce
from hypothesis import given
from hypothesis import strategies as st

PHONES = set(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)


@pytest.mark.parametrize(
    ("word", "phones"),
    [
        ("hubbub", "HH AH B AH B"),
        ("Jake", "JH EY K"),
        ("rose", "R OW Z"),
        ("shelly", "SH EH L IY"),
        ("phoenix", "F OW N IH K S"),
        ("qwen", "K W EH N"),
        ("xavier", "Z AE V IY R"),
        ("knight", "N AY T"),
        ("o'brien", "AA B R IY N"),
    ],
)
def test_names_sound_as_they_are_spelled(word: str, phones: str) -> None:
    assert pronounce(word) == phones


@given(st.text())
def test_anything_gives_known_phones_only(word: str) -> None:
    assert set(pronounce(word).split()) <= PHONES


@given(st.text("abcdefghijklmnopqrstuvwxyz", min_size=2).filter(lambda word: set(word) & set("aiou")))
def test_every_word_with_a_vowel_can_be_said(word: str) -> None:
    assert pronounce(word)
