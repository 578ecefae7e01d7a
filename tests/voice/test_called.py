"""Who is called by name."""

import pytest
from hubbub.voice.called import addressed, everybody, sounds_like

NAMES = ("Ava", "Ben", "Clara")

CALLS = [
    ("Ava what time is it", ("Ava",)),
    ("hey ben tell me a story", ("Ben",)),
    ("what do you think ben", ("Ben",)),
    ("ava and ben what do you think", ("Ava", "Ben")),
    ("Ava, Ben and Clara, introduce yourselves.", ("Ava", "Ben", "Clara")),
    ("And you, Ben, what do you say?", ("Ben",)),
    ("I agree. Clara, your turn.", ("Clara",)),
    ("what do you think ava and ben", ("Ava", "Ben")),
    ("ask Ben about it", ()),
    ("tell me about ben", ()),
    ("I have met Ava before", ()),
    ("what time is it", ()),
    ("", ()),
    ("...", ()),
    # misrecognised
    ("eva what time is it", ("Ava",)),
    ("klara tell me a story", ("Clara",)),
    ("hello claire how are you", ("Clara",)),
    ("benn what do you say", ("Ben",)),
    ("clarah", ("Clara",)),
    # ordinary words are never stolen
    ("then what time is it", ()),
    ("over there is a house", ()),
    ("been there", ()),
    ("when is it", ()),
    ("ever since", ()),
    ("clear the table", ()),
    ("what has been", ()),
    ("it is over", ()),
    ("bin it", ()),
]


@pytest.mark.parametrize(("text", "called"), CALLS)
def test_who_is_called(text, called):
    assert addressed(text, NAMES) == called


def test_two_names_that_are_as_near_are_not_guessed_between():
    assert addressed("jen what do you say", ("Jean", "Jan")) == ()
    assert addressed("jean what do you say", ("Jean", "Jan")) == ("Jean",)


def test_who_is_there_is_not_taken_for_another():
    assert addressed("eva what time is it", NAMES) == ("Ava",)
    assert addressed("eva what time is it", NAMES, others=["Eva", "Kim"]) == ()
    assert addressed("eva and ben what do you think", NAMES, others=["Eva"]) == ("Ben",)


def test_what_an_agent_wrote_is_taken_as_written():
    assert addressed("Thank you, Ben. I have nothing to add.", NAMES, sure=True) == ()
    assert addressed("I think so. Ben, do you agree?", NAMES, sure=True) == ("Ben",)
    assert addressed("Claire would not say so.", NAMES, sure=True) == ()
    assert addressed("That was Ben", NAMES, sure=True) == ()


def test_names_of_several_words_and_of_other_scripts():
    assert addressed("doctor smith can you help", ("Doctor Smith", "Nurse")) == ("Doctor Smith",)
    assert addressed("小美，现在几点", ("小美", "大山")) == ("小美",)
    assert addressed("你好大山 讲个故事", ("小美", "大山")) == ("大山",)
    assert addressed("你觉得呢，小美？", ("小美", "大山")) == ("小美",)
    assert addressed("我喜欢小美的故事", ("小美", "大山")) == ()


def test_everybody_is_called_together():
    assert everybody("all of you what do you think") and everybody("what do you think everybody") and everybody("大家好")
    assert not everybody("tell everybody about it")


@pytest.mark.parametrize("name", ["Ava", "Ben", "Carl", "Dora", "Emma", "Frank", "Judge", "Tom", "Rita", "Max", "Sam", "Kim", "Lee"])
def test_no_ordinary_word_sounds_like_a_name(name):
    from hubbub.voice.called import ORDINARY

    taken = [word for word in ORDINARY if word != name.casefold() and sounds_like(word, name)]
    assert not taken
