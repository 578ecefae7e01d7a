"""What looks complete, and what looks open."""

import pytest
from hubbub.voice.turn.complete import SilenceEndOfTurn, TextEndOfTurn


@pytest.mark.parametrize(
    "text",
    [
        "what time is it", "tell me a story", "stop", "yes", "how are you", "count to twenty", "go on", "book a room",
        "my name is alice", "what is twelve times seven", "thank you", "two thirty p m", "the red one", "Is it raining?",
        "现在几点", "你好", "讲个故事", "one two three four five six seven eight nine zero",
    ],
)
def test_complete(text):
    assert TextEndOfTurn().probability(text) >= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "", "um", "my name is", "I would like", "what is twelve times", "and so", "because", "I went to the", "can you",
        "tell me", "five five five one", "call me at", "my email is john dot", "count to", "so I was thinking that",
        "我想", "因为", "我叫", "一个苹果和",
    ],
)
def test_open(text):
    assert TextEndOfTurn().probability(text) < 0.5


def test_silence_never_looks_complete():
    assert SilenceEndOfTurn().probability("what time is it") == 0.0
