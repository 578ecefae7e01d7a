"""What looks complete, and what looks open."""

import numpy as np
import pytest
from hubbub.voice.turn.complete import CombinedEndOfTurn, SilenceEndOfTurn, TextEndOfTurn
from hubbub.voice.turn.prosody import ProsodyEndOfTurn
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    "text",
    [
        "what time is it", "tell me a story", "stop", "yes", "how are you", "count to twenty", "go on", "book a room",
        "my name is alice", "what is twelve times seven", "thank you", "two thirty p m", "the red one", "Is it raining?",
        "现在几点", "讲个故事", "one two three four five six seven eight nine zero",
        # numbers, dates and addresses that are whole
        "my number is five five five one two three four five six seven", "double five five one two three four five six seven",
        "the code is four two one nine", "on the fifth of march", "half past ten", "at ten p m", "twenty march two thousand",
        "my email is john dot smith at gmail dot com", "see you in december",
        "我的电话是13800138000", "三点半", "我的电话是一三八零零一三八零零零",
        # clauses that have found their end
        "if it rains we stay at home", "when is the next train", "how old is the bridge", "it's big", "what's the weather like",
        "i'd like to book a table for four", "如果下雨我就不去了", "可以了", "谢谢", "I want a new one.",
    ],
)  # fmt: skip
def test_complete(text):
    assert TextEndOfTurn().probability(text) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "", "um", "my name is", "I would like", "what is twelve times", "and so", "because", "I went to the", "can you",
        "tell me", "five five five one", "call me at", "my email is john dot", "count to", "so I was thinking that",
        "我想", "因为", "我叫", "一个苹果和",
        # half dictated
        "my number is five five five", "five five double", "my number is five five five one two three four five", "it's 555 123",
        "my card number is four one two three four five six seven", "on the twenty", "the meeting is at ten p", "a quarter",
        "twenty december", "my email is john at gmail", "my email is john", "my email address is john dot smith at example",
        "it is spelled a b", "我的电话是138", "一三八零零一", "我的邮箱是张三艾特", "三月",
        # open clauses, conjunctions and fillers at the end
        "if it rains tomorrow", "when you get home", "i want a big", "she bought the red", "how old", "the child almost",
        "i'd like to book", "i need it but", "it costs, um", "i think you know", "let me see", "three plus",
        "如果明天下雨", "我觉得", "帮我", "苹果，", "我想去的地方的", "他不", "wait,", "My name is.", "hold on...",
        # a short greeting may go on
        "hello", "hi there", "good morning", "你好", "喂",
    ],
)  # fmt: skip
def test_open(text):
    assert TextEndOfTurn().probability(text) < 0.5


def test_a_greeting_is_less_open_than_a_half_sentence():
    assert TextEndOfTurn().probability("hello") > 2 * TextEndOfTurn().probability("my name is")


def test_more_digits_look_more_like_a_whole_telephone_number():
    digits = "five five five one two three four five six seven".split()
    half, most, whole = (TextEndOfTurn().probability("call " + " ".join(digits[:count])) for count in (3, 7, 10))
    assert half < most < whole


def test_silence_never_looks_complete():
    assert SilenceEndOfTurn().probability("what time is it", falling()) == 0.0


def voice(semitones: list[float], levels: list[float]) -> bytes:
    """A buzz at 120 Hz with overtones, moved by `semitones` and shaped by `levels`, both spread evenly over 900 ms; then silence."""
    samples = 900 * 16
    along = np.linspace(0, 1, samples)
    pitch = 120 * 2 ** (np.interp(along, np.linspace(0, 1, len(semitones)), semitones) / 12)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    buzz = sum(np.sin(phase * overtone) / overtone for overtone in range(1, 9))
    loudness = np.interp(along, np.linspace(0, 1, len(levels)), levels)
    return np.round(4000 * buzz * loudness).astype(np.int16).tobytes() + bytes(160 * 32)


def falling() -> bytes:
    """The voice falls by six semitones and dies away."""
    return voice([2, 1, 0, -2, -6], [1, 1, 1, 0.6, 0.1])


def level() -> bytes:
    """The voice stays where it is and breaks off."""
    return voice([0, 0, 0.5, 0.5, 1.5], [0.7, 0.8, 0.9, 1, 1])


def test_sound_moves_the_judgement_of_the_words():
    model = CombinedEndOfTurn()
    for text in ("book a room", "hello"):
        assert model.probability(text, falling()) > model.probability(text, level()) + 0.05
    assert model.probability("hello", falling()) >= 0.5 > model.probability("hello", level())


def test_no_fall_of_the_voice_makes_open_words_whole():
    assert CombinedEndOfTurn().probability("my name is", falling()) < 0.5


def test_dictated_digits_are_counted_not_listened_to():
    model = CombinedEndOfTurn()
    for text in ("five five five one two three", "five five five one two three four five six seven"):
        assert model.probability(text, falling()) == model.probability(text, level()) == TextEndOfTurn().probability(text)


def test_without_sound_the_words_decide_and_without_words_nothing_is_complete():
    model = CombinedEndOfTurn()
    assert model.probability("what time is it") == TextEndOfTurn().probability("what time is it")
    assert model.probability("", falling()) == 0.0 and model.probability("um", falling()) == 0.0


def test_prosody_alone_knows_nothing_of_silence():
    assert ProsodyEndOfTurn().probability("what time is it", bytes(32_000)) == 0.5


_PIECES = st.sampled_from(
    "my email number card is at dot double five 5 twenty the of march quarter half p a j o hello if when um how"
    " , . ? 我 三 零零 月 @ 点 的".split()
)


@given(st.lists(_PIECES, max_size=12).map(" ".join) | st.text(max_size=40))
def test_any_words_give_a_probability(text):
    words, both = TextEndOfTurn().probability(text), CombinedEndOfTurn().probability(text, level())
    assert 0 <= words < 1 and 0 <= both < 1
    assert (words == 0) == (both == 0)
