"""Several people and several agents in one room, in simulated time."""

import asyncio
import json
from itertools import pairwise

import pytest
from hubbub.voice.event import (
    Backchannel,
    Error,
    Floor,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    Reply,
    SpeechStarted,
    SpeechStopped,
    Transcript,
)
from hubbub.voice.floor import Floor as FloorState
from hubbub.voice.floor import FloorPolicy
from hubbub.voice.refusal import Apart, NameTaken, RoomFull, Unknown
from hubbub.voice.reply import AgentSeat
from room_world import COUNT, Model, World, simulated, voice

TWO = {"Ava": "Yes.", "Ben": "No."}


async def final(caller, agent: str | None = None, **options) -> Reply:
    return await caller.wait_for(Reply, lambda event: event.final and (agent is None or event.agent == agent), **options)


# ── people ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@simulated(TWO, ["what time is it"])
async def test_everybody_sees_what_a_caller_says_and_does_by_name(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(900))
    await final(lee)
    seen = [event for event in lee.of(Transcript)]
    assert {event.speaker for event in seen} == {"Kim"} and seen[-1].final and seen[-1].text == "what time is it"
    assert [event.text for event in seen[:-1]], "no partial was seen"
    assert [event.speaker for event in lee.of(SpeechStarted)] == ["Kim"] == [event.speaker for event in lee.of(SpeechStopped)]
    assert [event.text for event in seen] == [event.text for event in kim.of(Transcript)]


@simulated({"Ava": COUNT}, ["count to twenty", "yeah"])
async def test_a_backchannel_is_seen_by_the_others(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(900))
    await lee.wait_for(Reply)
    await asyncio.sleep(1.5)
    kim.say(voice(300))
    assert not (await final(lee)).interrupted
    assert [(event.speaker, event.text) for event in lee.of(Backchannel)] == [("Kim", "yeah")]


@simulated({"Ava": "It is noon, and I like tea."}, ["what time is it", "and do you like tea"])
async def test_two_people_at_once_are_both_kept_and_answered_together(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(900))
    lee.say(bytes(32 * 300) + voice(1100, hz=310))
    await final(kim)
    await asyncio.sleep(1)
    assert await world.memory("Ava") == [
        ("Kim", "what time is it"), ("Lee", "and do you like tea"), ("Ava", "It is noon, and I like tea."),
    ]  # fmt: skip
    assert len([event for event in kim.of(Reply) if event.final]) == 1


@simulated(TWO, ["Ava what time is it", "Ben do you like tea"])
async def test_two_people_who_call_two_agents_are_answered_by_both(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(900))
    lee.say(bytes(32 * 200) + voice(900, hz=310))
    first, second = await final(kim), await final(kim)
    assert (first.agent, second.agent) == ("Ava", "Ben")
    assert ("Ben",) in [event.queue for event in lee.of(Floor)], "who is queued is not shown"
    assert [name for name, _ in await world.memory("Ben")] == ["Kim", "Lee", "Ava", "Ben"]


@simulated({"Ava": "It is noon."}, ["what time is it", "I wonder about tea and other things of that kind"])
async def test_no_agent_starts_while_a_person_speaks(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(700))
    lee.say(bytes(32 * 400) + voice(3000, hz=310))
    await kim.said()
    ended = await lee.said()
    await final(kim)
    sounded = min(n for n, reply in enumerate(kim.heard_replies) if reply) * 0.02
    assert sounded > ended - 0.1, "an agent spoke while Lee did"
    assert not any(event.interrupted for event in kim.of(Reply))


@simulated({"Ava": "It is noon."}, [""])
async def test_a_noise_without_words_holds_up_nobody_for_long(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    lee.say(voice(20_000, hz=310))
    await asyncio.sleep(0.5)
    kim.session.type("what time is it")
    await asyncio.sleep(3)
    assert world.room.talk.active is None and not kim.of(Floor)
    for _ in range(4):
        await asyncio.sleep(1)
        world.room.tend(asyncio.get_running_loop().time())
    assert [event.speaker for event in kim.of(Floor)][:1] == ["Ava"], "a reply was not even begun"


@simulated({"Ava": [COUNT, "All right."]}, ["count to twenty", "stop"])
async def test_the_second_person_breaks_in(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.say(voice(900))
    await lee.wait_for(Reply)
    await asyncio.sleep(1.5)
    lee.say(voice(400, hz=310))
    cut = await final(kim)
    assert cut.interrupted_by == "Lee" and cut.unheard
    assert (await final(kim)).text.strip() == "All right."
    assert [event.speaker for event in kim.of(Transcript) if event.final] == ["Kim", "Lee"]


# ── agents ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@simulated({"Ava": "I say yes.", "Ben": "I say no.", "Carl": "Perhaps."}, [])
async def test_several_agents_answer_one_turn_after_each_other(world: World):
    kim = world.caller("Kim")
    kim.session.type("what do you think everybody")
    said = [await final(kim) for _ in range(3)]
    assert [event.agent for event in said] == ["Ava", "Ben", "Carl"]
    assert await world.memory("Carl") == [
        ("Kim", "what do you think everybody"), ("Ava", "I say yes."), ("Ben", "I say no."), ("Carl", "Perhaps."),
    ]  # fmt: skip
    order = [reply for reply in kim.heard_replies if reply]
    assert order == sorted(order), "two agents spoke at once"


DEBATE = {
    "Ava": ["Tea is better. Ben, do you agree?", "You know that it is."],
    "Ben": ["No. Ava, why should it be?", "So be it."],
}  # fmt: skip


@simulated(DEBATE, [])
async def test_agents_talk_with_each_other_at_the_speed_of_speech(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava what is better")
    said = [await final(kim) for _ in range(3)]
    assert [event.agent for event in said] == ["Ava", "Ben", "Ava"]
    gaps = _gaps(kim.heard_replies)
    assert len(gaps) == 2 and max(gaps) < 0.2 + 0.15, f"the next one thought only when the one before had ended: {gaps}"
    assert world.models["Ben"].asked_at[0] < kim.at(Floor)[-1] and world.room.metrics.counters["agent_speculations_used"] == 2
    for name in ("Ava", "Ben"):
        assert [who for who, _ in await world.memory(name)] == ["Kim", "Ava", "Ben", "Ava"], name


def _gaps(heard: list[int]) -> list[float]:
    """Silence between one reply and the next, in seconds."""
    places = {reply: [n for n, one in enumerate(heard) if one == reply] for reply in sorted(set(heard) - {0})}
    spans = [(min(frames), max(frames)) for frames in places.values()]
    return [(after[0] - before[1] - 1) * 0.02 for before, after in pairwise(spans)]


ENDLESS = {"Ava": "And you, Ben, what do you say?", "Ben": "And you, Ava, what do you say?"}


@simulated(ENDLESS, [], floor=FloorPolicy(max_agent_turns=5))
async def test_agents_do_not_talk_for_ever(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava begin")
    await asyncio.sleep(60)
    assert len([event for event in kim.of(Reply) if event.final]) == 5
    kim.session.type("Ava once more")
    await asyncio.sleep(60)
    assert len([event for event in kim.of(Reply) if event.final]) == 10


LONG = "Tea is better than coffee and everybody in this house knows that it has always been so. Ben, do you agree?"


KEEP = FloorPolicy(queue_on_barge_in="keep")


@simulated({"Ava": [LONG, "Milk goes first."], "Ben": "I do not."}, ["Ava what about milk"], floor=KEEP)
async def test_a_person_breaks_into_the_talk_of_agents_and_they_pick_it_up_again(world: World):
    kim = world.caller("Kim")
    kim.session.type("what do you say everybody")  # Ava, then Ben
    await kim.wait_for(Reply)
    await asyncio.sleep(2)
    kim.say(voice(900))
    cut = await final(kim)
    assert cut.agent == "Ava" and cut.interrupted_by == "Kim"
    assert (await final(kim)).text.strip() == "Milk goes first."
    assert (await final(kim)).agent == "Ben", "the queue was kept, but Ben was forgotten"


COUNTING = {"Ava": ["Ben, listen.", "Quite so."], "Ben": [f"{COUNT} Ava, do you see?", "?"]}


@simulated(COUNTING, ["Ava what is that"], floor=KEEP)
async def test_who_was_cut_off_in_a_talk_between_agents_goes_on_from_the_word(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava begin")
    await kim.wait_for(Reply, lambda event: event.agent == "Ben")
    await asyncio.sleep(3)
    kim.say(voice(900))
    cut = await final(kim, "Ben")
    assert cut.interrupted_by == "Kim"
    assert (await final(kim)).agent == "Ava"
    rest = await final(kim)
    assert rest.agent == "Ben" and cut.text.split() + rest.text.split() == f"{COUNT} Ava, do you see?".split()


@simulated({"Ava": [LONG, "All right."], "Ben": "I do not."}, ["stop"])
async def test_by_default_a_barge_in_drops_who_was_queued(world: World):
    kim = world.caller("Kim")
    kim.session.type("what do you say everybody")
    await kim.wait_for(Reply)
    await asyncio.sleep(2)
    assert kim.of(Floor)[-1].queue == ("Ben",)
    kim.say(voice(500))
    await final(kim)
    await asyncio.sleep(30)
    assert "Ben" not in [event.agent for event in kim.of(Reply)]


@simulated({"Ava": LONG, "Ben": "I do not."}, ["hold on a second"])
async def test_what_agents_hear_of_each_other_is_what_was_heard(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava what do you say")
    await kim.wait_for(Reply)
    await asyncio.sleep(2.0)
    kim.session.press_interrupt()
    cut = await final(kim)
    await asyncio.sleep(0.1)
    assert (await world.memory("Ben"))[-1] == ("Ava", cut.text.strip()) and len(cut.text) < len(LONG) - 20


@simulated({"Ava": LONG, "Ben": "I do not."}, [])
async def test_a_speculation_on_the_end_of_a_reply_that_is_cut_leaves_no_trace(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava what do you say")
    await kim.wait_for(Reply)
    await asyncio.sleep(4.0)
    assert world.models["Ben"].asked, "Ben did not begin to think"
    kim.session.press_interrupt()
    await final(kim)
    await asyncio.sleep(1)
    assert [name for name, _ in await world.memory("Ben")] == ["Kim", "Ava"]
    assert not [event for event in kim.of(Reply) if event.agent == "Ben"]


# ── policies, end to end ──────────────────────────────────────────────────────────────────────────────────────────────


@simulated({"Ava": "One.", "Ben": "Two.", "Carl": "Three."}, [], floor=FloorPolicy("order", max_agent_turns=3))
async def test_a_round_by_order(world: World):
    kim = world.caller("Kim")
    kim.session.type("begin")
    assert [(await final(kim)).agent for _ in range(3)] == ["Ava", "Ben", "Carl"]
    await asyncio.sleep(5)
    kim.session.type("again")
    assert (await final(kim)).agent == "Ava"


MODERATED = {"Carl": ["Ava, please.", "Thank you both.", "Good night."], "Ava": "I am for it.", "Ben": "I am against it."}


@simulated(MODERATED, [], floor=FloorPolicy("moderator", moderator="Carl"))
async def test_a_moderator_gives_the_floor_by_calling_names(world: World):
    kim = world.caller("Kim")
    kim.session.type("begin the debate")
    assert [(await final(kim)).agent for _ in range(3)] == ["Carl", "Ava", "Carl"]
    kim.session.type("Ben what do you say")
    assert [(await final(kim)).agent for _ in range(2)] == ["Ben", "Carl"]


class Choosing(Model):
    """A moderator's model that chooses by structured output."""

    async def stream(self, messages, *, tools=None, **options):
        from hubbub.agents.model.base import ToolCallDelta

        self.asked.append(str(messages))
        assert tools and tools[-1]["function"]["name"] == "generate_response"
        chosen = self.answers[min(len(self.asked), len(self.answers)) - 1]
        yield ToolCallDelta(0, "1", "generate_response", json.dumps({"name": chosen}))


SILENT = {"Carl": Choosing("Ben", "nobody"), "Ava": "I am for it.", "Ben": "I am against it."}


@simulated(SILENT, [], floor=FloorPolicy("moderator", moderator="Carl", moderator_speaks=False))
async def test_a_silent_moderator_chooses_without_a_word_or_a_trace(world: World):
    world.models["Carl"].asked.clear()
    kim = world.caller("Kim")
    kim.session.type("begin the debate")
    assert (await final(kim)).agent == "Ben"
    await asyncio.sleep(5)
    assert [event.agent for event in kim.of(Reply) if event.final] == ["Ben"]
    assert await world.memory("Carl") == [("Kim", "begin the debate"), ("Ben", "I am against it.")]
    kim.session.type("Ava and you")
    assert (await final(kim)).agent == "Ava", "who is called by name needs no moderator"


@simulated({"Ava": "Yes.", "Ben": "No."}, [], floor=FloorPolicy("bidding"))
async def test_an_agent_bids_by_its_own_method(world: World):
    ben = world.room.seat("Ben").agent
    heard: list[str] = []

    async def bid(msgs) -> float:
        heard.append(msgs[-1].get_text_content())
        await asyncio.sleep(0.1)
        return 0.9 if "money" in heard[-1] else 0.0

    ben.bid = bid  # type: ignore[attr-defined]
    kim = world.caller("Kim")
    kim.session.type("what about money")
    assert (await final(kim)).agent == "Ben"
    kim.session.type("what about tea")
    assert (await final(kim)).agent == "Ava"
    assert {"what about money", "what about tea"} <= set(heard)


@simulated({"Ava": "Yes.", "Ben": "No."}, [], floor=FloorPolicy("bidding"))
async def test_a_bid_that_fails_is_no_bid(world: World):
    def bid(msgs) -> float:
        raise RuntimeError("no idea")

    world.room.seat("Ben").agent.bid = bid  # type: ignore[attr-defined]
    kim = world.caller("Kim")
    kim.session.type("hello")
    assert (await final(kim)).agent == "Ava"


# ── coming, going, moderating ─────────────────────────────────────────────────────────────────────────────────────────


@simulated({"Ava": "Yes."}, [])
async def test_an_agent_joins_in_the_middle_and_leaves_again(world: World):
    kim = world.caller("Kim")
    kim.session.type("hello there")
    await final(kim)
    await world.room.add_agent(world.seat("Ben", "I am new here.", greeting="Good day."))
    assert (await final(kim)).text == "Good day." and kim.of(ParticipantJoined)[-1].participant.name == "Ben"
    assert [text for _, text in await world.memory("Ben")][:2] == ["hello there", "Yes."], "it was not told what was said before"
    kim.session.type("Ben who are you")
    assert (await final(kim)).text.strip() == "I am new here."
    await world.room.remove_agent("Ben")
    assert [event.participant.name for event in kim.of(ParticipantLeft)] == ["Ben"] or await kim.wait_for(ParticipantLeft)
    kim.session.type("Ben are you there")
    assert (await final(kim)).agent == "Ava"
    assert [agent.name for agent in world.room.hub.participants] == ["Ava"]
    with pytest.raises(Unknown, match="Ava"):
        await world.room.remove_agent("Ben")


@simulated({"Ava": COUNT, "Ben": "No."}, [])
async def test_an_agent_that_is_removed_or_muted_while_it_speaks_stops(world: World):
    kim = world.caller("Kim")
    kim.session.type("Ava count")
    await kim.wait_for(Reply)
    await asyncio.sleep(2)
    await world.room.remove_agent("Ava")
    cut = await final(kim)
    assert cut.interrupted and 0 < len(cut.text) < len(COUNT)
    assert (await world.memory("Ben"))[-1] == ("Ava", cut.text.strip())
    kim.session.type("hello")
    assert (await final(kim)).agent == "Ben"
    world.room.change_agent("Ben", muted=True)
    kim.session.type("Ben hello")
    await asyncio.sleep(5)
    assert len([event for event in kim.of(Reply) if event.final]) == 2
    assert (await world.memory("Ben"))[-1] == ("Kim", "Ben hello"), "a muted agent hears"
    assert kim.of(ParticipantChanged)[-1].participant.muted


@simulated(TWO, ["hello there"])
async def test_a_listener_hears_and_is_not_heard(world: World):
    kim = world.caller("Kim")
    lee = world.caller("Lee")
    world.room.change_caller("Lee", role="listener")
    lee.say(voice(900))
    lee.session.type("hello")
    lee.session.press_interrupt()
    await asyncio.sleep(4)
    assert not kim.of(Transcript) and not kim.of(Reply) and not kim.voices
    assert [event.code for event in lee.of(Error)] == ["not_a_speaker"] * 2
    assert kim.of(ParticipantChanged)[-1].participant.role == "listener"
    kim.session.type("hello")
    await final(lee)
    assert any(lee.heard)


@simulated({"Ava": "Yes."}, ["hello there"])
async def test_who_is_muted_by_a_moderator_cannot_unmute_himself(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    world.room.change_caller("Kim", muted=True)
    kim.session.mute(False)
    kim.say(voice(900))
    await asyncio.sleep(3)
    assert not lee.of(Transcript) and not lee.voices
    world.room.change_caller("Kim", muted=False)
    kim.say(voice(900))
    await final(lee)


ASIDE = {"Ava": ["For you alone.", "Back."], "Ben": "For all."}


@simulated(ASIDE, ["tell me a secret"])
async def test_an_aside_is_heard_seen_and_remembered_by_nobody_else(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    world.room.take_aside("Ava", "Kim")
    kim.say(voice(900))
    assert (await final(kim)).text.strip() == "For you alone."
    lee.session.type("Ava are you there")
    assert (await final(lee)).agent == "Ben", "the others do not go on"
    await asyncio.sleep(1)
    assert {event.speaker for event in lee.of(Transcript)} == {"Lee"} and not lee.voices
    assert not [event for event in kim.of(Reply) if event.agent == "Ben"]
    assert await world.memory("Ben") == [("Lee", "Ava are you there"), ("Ben", "For all.")]
    assert await world.memory("Ava") == [("Kim", "tell me a secret"), ("Ava", "For you alone.")]
    assert {one.name: one.aside for one in world.room.participants} == {"Ava": "Kim", "Ben": None, "Kim": "Ava", "Lee": None}
    world.room.end_aside("Ava")
    kim.session.type("Ava hello")
    assert (await final(lee)).text.strip() == "Back."
    assert [msg.name for msg in world.room.history] == ["Lee", "Ben", "Kim", "Ava"]


@simulated({"Ava": "Ben, what do you think? Ben?", "Ben": "I agree.", "Carl": "So do I."}, [], floor=FloorPolicy("order"))
async def test_who_is_called_in_an_aside_is_not_there(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    world.room.take_aside("Ava", "Kim")
    for giver, to in (("Ava", "Ben"), ("Ben", "Ava")):
        with pytest.raises(Apart, match="Ava speaks alone with Kim"):
            world.room.hand_over(giver, to)
    assert (world.room.beside("Ava"), world.room.beside("Ben")) == ([], ["Carl"])
    kim.session.type("Ava, Ben, everybody, what do you think?")
    assert (await final(kim)).agent == "Ava"
    await asyncio.sleep(10)
    assert not lee.of(Reply) and {event.agent for event in kim.of(Reply)} == {"Ava"}
    assert world.room.talk.floor == FloorState(), "the others' floor was not touched"
    world.room.end_aside("Ava")
    assert world.room.beside("Ava") == ["Ben", "Carl"]


@simulated(ASIDE, [])
async def test_the_others_may_wait_for_an_aside(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    world.room.take_aside("Ava", "Kim", others_wait=True)
    lee.session.type("Ben are you there")
    await asyncio.sleep(5)
    assert not lee.of(Reply)
    with pytest.raises(NameTaken):
        world.room.take_aside("Ben", "Kim")
    world.room.end_aside("Ava")
    assert (await final(lee)).agent == "Ben"
    await kim.leave()


@simulated(ASIDE, [])
async def test_who_leaves_in_an_aside_ends_it(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    world.room.take_aside("Ava", "Kim")
    kim.session.type("hello")
    await kim.wait_for(Reply)
    await kim.leave()
    lee.session.type("Ava hello")
    assert (await final(lee)).agent == "Ava"
    with pytest.raises(Unknown):
        world.room.end_aside("Ava")


@simulated({"Ava": "Yes."}, [], max_agents=2)
async def test_agents_are_bounded_and_distinct(world: World):
    seat: AgentSeat = world.seat("Kim", "x")
    world.caller("Kim")
    with pytest.raises(NameTaken):
        await world.room.add_agent(seat)
    await world.room.add_agent(world.seat("Ben", "x"))
    with pytest.raises(RoomFull, match="2 agents"):
        await world.room.add_agent(world.seat("Carl", "x"))


@simulated({"Ava": COUNT}, [])
async def test_announcements_wait_for_the_floor(world: World):
    kim = world.caller("Kim")
    kim.session.type("count")
    await kim.wait_for(Reply)
    world.room.say("Dinner is ready.")
    said = [await final(kim), await final(kim)]
    assert said[0].text.strip() == COUNT and said[1].text == "Dinner is ready."


@simulated({"Ava": COUNT, "Ben": "Yes."}, [])
async def test_what_waits_to_be_said_is_kept_for_nobody_who_has_gone(world: World):
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.session.type("Ava, count")
    await kim.wait_for(Reply)
    for_all, bens = world.room.say("Dinner is ready.", world.room.seat("Ava")), world.room.say("I am Ben.", world.room.seat("Ben"))
    for_lee = world.room.talk.say(world.room.seat("Ava"), "For Lee alone.", [lee.session])
    assert for_all and bens and for_lee and for_all.listeners == [kim.session, lee.session]
    await world.room.remove_agent("Ben")
    assert bens.settled.is_set() and bens.outcome is None, "who waits for the words of an agent that has gone is told at once"
    await lee.leave()
    assert for_all.listeners == [kim.session] and for_lee.settled.is_set() and list(world.room.talk.agenda.said) == [for_all]
    assert (await final(kim)).text.strip() == COUNT and (await final(kim)).text == "Dinner is ready."
