"""The floor, by tables: who answers, who speaks after, and what an interruption leaves."""

from dataclasses import replace

import pytest
from hubbub.voice.floor import Floor, FloorPolicy, Place, asks_to_stop, begin, bid, give, interrupted, reply, turn, without
from hypothesis import given
from hypothesis import strategies as st

AVA, BEN, CARL = Place("Ava"), Place("Ben", topics=frozenset({"money", "bill"})), Place("Carl")
ROOM = (AVA, BEN, CARL)

ADDRESSED = FloorPolicy()
MODERATED = FloorPolicy("moderator", moderator="Carl")
ORDER = FloorPolicy("order")
FIXED = FloorPolicy("order", order=("Carl", "Ava", "Ben"))
BIDDING = FloorPolicy("bidding")
SCRIPT = FloorPolicy("script")

TURNS = [
    # policy, who spoke last, what a person says -> who answers
    (ADDRESSED, None, "what time is it", ("Ava",)),
    (ADDRESSED, "Ben", "what time is it", ("Ben",)),
    (ADDRESSED, "Ben", "Carl, what time is it", ("Carl",)),
    (ADDRESSED, None, "ava and ben what do you think", ("Ava", "Ben")),
    (ADDRESSED, None, "what do you think everybody", ("Ava", "Ben", "Carl")),
    (MODERATED, "Ava", "what time is it", ("Carl",)),
    (MODERATED, "Carl", "Ben what do you say", ("Ben",)),
    (ORDER, None, "go", ("Ava",)),
    (ORDER, "Ava", "go", ("Ben",)),
    (ORDER, "Carl", "go", ("Ava",)),
    (FIXED, None, "go", ("Carl",)),
    (FIXED, "Ava", "go", ("Ben",)),
    (FIXED, "Ava", "Carl, again please", ("Carl",)),
    (BIDDING, "Ava", "how much money do I owe on my bill", ("Ben",)),
    (BIDDING, "Ava", "Carl how much money", ("Carl",)),
    (SCRIPT, None, "Ava what time is it", ()),
]


@pytest.mark.parametrize(("policy", "last", "text", "queue"), TURNS)
def test_who_answers_a_turn(policy, last, text, queue):
    floor = begin(Floor(), last) if last else Floor()
    assert turn(policy, floor, ROOM, text).queue == queue


REPLIES = [
    # policy, replies since a person, who spoke, what it said -> who speaks after it
    (ADDRESSED, 1, "Ava", "I think so.", ()),
    (ADDRESSED, 1, "Ava", "I think so. Ben, do you agree?", ("Ben",)),
    (ADDRESSED, 4, "Ava", "I think so. Ben, do you agree?", ()),
    (ADDRESSED, 1, "Ava", "Thank you, Ben.", ()),
    (MODERATED, 1, "Carl", "Ava, what do you say?", ("Ava",)),
    (MODERATED, 1, "Carl", "Let us begin.", ()),
    (MODERATED, 2, "Ava", "I am against it.", ("Carl",)),
    (MODERATED, 2, "Ava", "Ben, you are wrong.", ("Ben",)),
    (MODERATED, 4, "Ava", "I am against it.", ()),
    (ORDER, 1, "Ava", "One.", ("Ben",)),
    (ORDER, 2, "Ben", "Two, Ava?", ("Carl",)),
    (ORDER, 4, "Ava", "Four.", ()),
    (FIXED, 1, "Ava", "One.", ("Ben",)),
    (BIDDING, 1, "Ava", "It is all about money and the bill.", ("Ben",)),
    (BIDDING, 1, "Ava", "It is warm.", ()),
    (SCRIPT, 1, "Ava", "Ben, your turn.", ()),
]


@pytest.mark.parametrize(("policy", "turns", "speaker", "text", "queue"), REPLIES)
def test_who_speaks_after_an_agent(policy, turns, speaker, text, queue):
    floor = Floor(last=speaker, agent_turns=turns, spoke=(speaker,))
    assert reply(policy, floor, ROOM, speaker, text).queue == queue


def test_who_is_queued_speaks_before_anybody_new():
    floor = Floor(queue=("Ben", "Carl"), last="Ava", agent_turns=1)
    assert reply(ADDRESSED, floor, ROOM, "Ava", "Carl, what do you say?").queue == ("Ben", "Carl")
    assert reply(MODERATED, replace(floor, queue=("Ben",)), ROOM, "Carl", "Ava, what do you say?").queue == ("Ava", "Ben")


def test_a_muted_agent_never_speaks_and_a_quiet_one_only_when_called():
    muted, quiet = (Place("Ava", muted=True), BEN), (Place("Ava", quiet=True), BEN)
    for policy in (ADDRESSED, ORDER, BIDDING):
        assert turn(policy, Floor(), muted, "Ava what time is it").queue == ("Ben",)
        assert turn(policy, Floor(), quiet, "what time is it").queue == ("Ben",)
        assert turn(policy, Floor(), quiet, "Ava what time is it").queue == ("Ava",)
    assert turn(MODERATED, Floor(), (AVA, Place("Carl", muted=True)), "what time is it").queue == ("Ava",)
    assert reply(ADDRESSED, Floor(), muted, "Ben", "Ava, do you agree?").queue == ()
    assert turn(ADDRESSED, Floor(), (Place("Ava", muted=True),), "hello").queue == ()


def test_a_person_who_is_called_is_not_taken_for_an_agent():
    people = (*ROOM, Place("Eva", muted=True))
    spoke = begin(Floor(), "Ben")
    assert turn(ADDRESSED, spoke, ROOM, "eva what do you think").queue == ("Ava",)
    assert turn(ADDRESSED, spoke, people, "eva what do you think").queue == ("Ben",)
    for policy in (ORDER, BIDDING, MODERATED):
        assert "Eva" not in turn(policy, Floor(), people, "what do you think everybody").queue


def test_turns_that_come_together_are_answered_in_order():
    floor = turn(ADDRESSED, Floor(), ROOM, "Ben what time is it")
    floor = turn(ADDRESSED, floor, ROOM, "Carl tell me a story", more=True)
    assert floor.queue == ("Ben", "Carl")
    assert turn(ADDRESSED, floor, ROOM, "it is cold", more=True).queue == ("Ben", "Carl")


KEEP = FloorPolicy(queue_on_barge_in="keep")


def test_a_barge_in_drops_the_queue_or_keeps_it():
    floor = Floor(queue=("Ben", "Carl"), last="Ava", agent_turns=1)
    assert interrupted(ADDRESSED, floor, "Ava", between_agents=False).queue == ()
    kept = interrupted(KEEP, floor, "Ava", between_agents=False)
    assert kept.queue == ("Ben", "Carl")
    assert turn(KEEP, kept, ROOM, "what time is it").queue == ("Ava", "Ben", "Carl")
    assert turn(KEEP, kept, ROOM, "Carl what time is it").queue == ("Carl", "Ben")
    assert turn(KEEP, kept, ROOM, "stop please").queue == ("Ava",), "who wants silence has it"
    assert interrupted(KEEP, floor, "Ava", between_agents=True, signal=True).queue == ()


def test_a_conversation_between_agents_is_picked_up_where_it_was_broken_off():
    floor = Floor(queue=(), last="Ava", agent_turns=3, spoke=("Ben", "Ava"))
    kept = interrupted(KEEP, floor, "Ava", between_agents=True)
    assert turn(KEEP, kept, ROOM, "Ben what do you mean").queue == ("Ben", "Ava")


def test_given_bids_come_before_the_cheap_ones():
    assert turn(BIDDING, Floor(), ROOM, "hello", bids={"Carl": 0.9}).queue == ("Carl",)
    assert reply(BIDDING, Floor(), ROOM, "Ava", "money bill", bids={"Ben": 0.1, "Carl": 0.2}).queue == ()


def test_who_was_silent_for_long_bids_more():
    floor = Floor(spoke=("Carl", "Ava", "Ben"))
    assert bid(CARL, floor, "hm") > bid(AVA, floor, "hm") > bid(Place("Ben"), floor, "hm")


def test_giving_and_taking_the_floor():
    floor = Floor(queue=("Ben", "Carl"), last="Carl", spoke=("Carl",))
    assert give(floor, ["Carl"]).queue == ("Carl", "Ben")
    assert give(floor, ["Ava"], first=False).queue == ("Ben", "Carl", "Ava")
    gone = without(floor, "Carl")
    assert gone.queue == ("Ben",) and gone.last is None and gone.spoke == ()


@pytest.mark.parametrize("text", ["stop", "Stop it please", "wait a moment", "okay stop", "that is enough", "be quiet", "停", "安静一点"])
def test_what_asks_for_silence(text):
    assert asks_to_stop(text)


@pytest.mark.parametrize("text", ["the bus stop is there", "I cannot wait", "go on", ""])
def test_what_does_not(text):
    assert not asks_to_stop(text)


@given(
    kind=st.sampled_from(["addressed", "moderator", "order", "bidding"]), limit=st.integers(0, 8),
    texts=st.lists(st.sampled_from(["Ava?", "Ben, you?", "Carl, money.", "So it is.", "everybody"]), max_size=40),
)  # fmt: skip
def test_agents_never_talk_for_ever(kind, limit, texts):
    policy = FloorPolicy(kind, moderator="Carl", max_agent_turns=limit)
    floor = turn(policy, Floor(), ROOM, "what do you say everybody")
    asked, said = len(floor.queue), 0
    for text in texts:
        if not floor.queue:
            break
        speaker = floor.queue[0]
        floor = reply(policy, begin(floor, speaker), ROOM, speaker, text)
        said += 1
    assert said <= max(asked, limit)
