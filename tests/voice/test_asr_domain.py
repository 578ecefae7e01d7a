"""The domain language model is a proper one: probabilities sum to one after every history, and its dictionary has its words."""

import math

import pytest
from hubbub.voice.asr.base import ASRContext
from hubbub.voice.asr.domain import build_domain, normalise
from hypothesis import given
from hypothesis import strategies as st

Grams = dict[tuple[str, ...], tuple[float, float]]


def lookup(word: str) -> list[str]:
    return {"tomato": ["T AH M EY T OW", "T AH M AA T OW"], "zorblax": []}.get(word, ["AH"])


def read_arpa(text: str) -> Grams:
    """n-grams with probability and back-off weight."""
    grams: Grams = {}
    order = 0
    for line in text.splitlines():
        if line.endswith("-grams:"):
            order = int(line[1])
        elif order and line and line != "\\end\\":
            first, *rest = line.split()
            back_off = float(rest[order]) if len(rest) > order else 0.0
            grams[tuple(rest[:order])] = (10 ** float(first), 10**back_off)
    return grams


def probability(grams: Grams, history: tuple[str, ...], word: str) -> float:
    if (*history, word) in grams:
        return grams[*history, word][0]
    weight = grams[history][1] if history in grams else 1.0
    return weight * probability(grams, history[1:], word)


phrases = st.lists(st.lists(st.sampled_from("go on stop what is it time".split()), min_size=1).map(" ".join), min_size=1)


@given(phrases)
def test_probabilities_sum_to_one_after_every_history(said: list[str]) -> None:
    model = build_domain(ASRContext(phrases=tuple(said)), lookup)
    assert model is not None
    grams = read_arpa(model.arpa)
    words = [*model.words, "</s>"]
    for history in [(), *(gram for gram in grams if len(gram) < 3 and gram[-1] != "</s>")]:
        if history == ("<s>",) or "<s>" not in history[1:]:
            total = sum(probability(grams, history, word) for word in words)
            assert total == pytest.approx(1, abs=2e-3), history  # four digits are written of each logarithm


@given(phrases)
def test_counts_in_the_header_are_those_of_the_sections(said: list[str]) -> None:
    model = build_domain(ASRContext(phrases=tuple(said)), lookup)
    assert model is not None
    grams = read_arpa(model.arpa)
    for order in (1, 2, 3):
        assert f"ngram {order}={sum(len(gram) == order for gram in grams)}\n" in model.arpa


def test_a_phrase_is_likelier_than_its_words_in_another_order() -> None:
    model = build_domain(ASRContext(phrases=("what time is it", "tell me a story")), lookup)
    assert model is not None
    grams = read_arpa(model.arpa)

    def log_p(sentence: str) -> float:
        words = ("<s>", *sentence.split(), "</s>")
        return sum(math.log(probability(grams, words[max(0, i - 2) : i], words[i])) for i in range(1, len(words)))

    assert log_p("what time is it") > log_p("it is what time") + 5


def test_the_dictionary_holds_every_pronunciation_and_no_other_word() -> None:
    model = build_domain(ASRContext(phrases=("a tomato",), vocabulary=("Basil",)), lookup)
    assert model is not None
    assert model.dictionary.splitlines() == [
        "a AH",
        "basil AH",
        "tomato T AH M EY T OW",
        "tomato(2) T AH M AA T OW",
    ]
    assert model.guessed == ()


def test_a_word_that_no_dictionary_has_is_pronounced_by_its_spelling() -> None:
    model = build_domain(ASRContext(vocabulary=("Zorblax",)), lookup)
    assert model is not None
    assert model.guessed == ("zorblax",)
    assert "zorblax Z AO R B L AE K S" in model.dictionary


@pytest.mark.parametrize("context", [ASRContext(), ASRContext(phrases=("...", "你好"), vocabulary=("",))])
def test_nothing_to_expect_gives_no_model(context: ASRContext) -> None:
    assert build_domain(context, lookup) is None


def test_phrases_with_what_cannot_be_said_are_left_out() -> None:
    model = build_domain(ASRContext(phrases=("go on", "go '")), lambda word: [])
    assert model is not None and model.words == {"go", "on"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("What's the time?", "what's the time"),
        ("Don’t stop!", "don't stop"),
        ("Room 42, please.", "room four two please"),
        ("Crème brûlée", "cr me br l e"),
        ("", ""),
    ],
)
def test_phrases_become_plain_words(text: str, words: str) -> None:
    assert " ".join(normalise(text)) == words
