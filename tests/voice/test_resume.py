"""A lost line, in simulated time: who comes back misses no event and no word."""

import asyncio
from itertools import pairwise

import pytest
from hubbub.voice.event import Gap, Joined, Reply, Transcript
from hubbub.voice.testing.caller import SimulatedCaller
from room_world import COUNT, voice
from test_room import World, simulated

WORD = 24 * 300
"""Samples of a word of the scripted voice."""


def numbers(caller: SimulatedCaller) -> list[int]:
    return [event.seq for _, event in caller.events if event.seq]



def check_nothing_is_missed(caller: SimulatedCaller, words: int) -> None:
    """Every event once and in order, every sample of reply 1 once and in order."""
    assert numbers(caller) == list(range(1, caller.session.log.seq + 1))
    spans = [(start, end) for reply, start, end in caller.heard_spans if reply == 1]
    assert spans[0][0] == 0
    assert all(before[1] == after[0] for before, after in pairwise(spans)), spans
    assert spans[-1][1] >= words * WORD


@pytest.mark.parametrize("away_s", [0.5, 5, 30])
@pytest.mark.parametrize("noticed", [True, False])
def test_a_reply_goes_on_where_the_line_was_lost(away_s: float, noticed: bool) -> None:
    @simulated(["count to sixteen"], COUNT)
    async def live(world: World) -> None:
        kim = SimulatedCaller(world.room, "Kim", network_ms=40)
        kim.say(voice(900))
        await kim.wait_for(Reply)
        await asyncio.sleep(1.73)
        kim.lose_line(noticed=noticed)
        for _ in range(round(away_s * 2)):
            await asyncio.sleep(0.5)
            world.room.tend(asyncio.get_running_loop().time())
        heard = kim.heard_spans[-1][2]
        assert 0 < heard < 8 * WORD, "it waits for him"
        kim.reconnect()
        final = await kim.wait_for(Reply, lambda event: event.final)
        assert (final.text.strip(), final.unheard, final.interrupted) == (COUNT, "", False)
        check_nothing_is_missed(kim, 16)
        assert [joined.resumed for joined in kim.of(Joined)] == [False, True]
        assert (await world.memory())[1] == ("Ava", final.text)

    live()


@simulated(["count to sixteen"], "One, two.")
async def test_the_last_words_of_a_reply_wait_too(world: World) -> None:
    """All of it was sent when the line died without a word, so that nothing but the missing report says that it was not heard."""
    kim = SimulatedCaller(world.room, "Kim", network_ms=40)
    kim.say(voice(900))
    await kim.wait_for(Reply)
    while len(kim.heard_spans) == 0 or kim.heard_spans[-1][2] < WORD:
        await asyncio.sleep(0.02)
    kim.lose_line(noticed=False)
    await asyncio.sleep(6)
    kim.reconnect()
    final = await kim.wait_for(Reply, lambda event: event.final)
    assert (final.text.strip(), final.unheard) == ("One, two.", "")
    check_nothing_is_missed(kim, 2)


@simulated(["count to sixteen"], COUNT)
async def test_a_far_end_that_reports_nothing_hears_a_moment_twice_and_no_word_less(world: World) -> None:
    kim = SimulatedCaller(world.room, "Kim", network_ms=40, reports_playhead=False)
    kim.say(voice(900))
    await kim.wait_for(Reply)
    await asyncio.sleep(1.73)
    kim.lose_line()
    await asyncio.sleep(4)
    kim._played.clear()  # it does not know how far it was
    kim.reconnect()
    final = await kim.wait_for(Reply, lambda event: event.final)
    assert (final.text.strip(), final.unheard) == (COUNT, "")
    check_nothing_is_missed(kim, 16)


@simulated(["count to sixteen", "is anybody there"], COUNT, "Yes.")
async def test_what_was_said_to_the_others_meanwhile_is_told(world: World) -> None:
    kim = SimulatedCaller(world.room, "Kim")
    lee = SimulatedCaller(world.room, "Lee")
    kim.lose_line()
    await asyncio.sleep(5)
    lee.session.type("hello")
    await lee.wait_for(Reply, lambda event: event.final)
    before = len(kim.events)
    kim.reconnect()
    await asyncio.sleep(0.1)
    assert isinstance(kim.events[before][1], Joined)
    assert numbers(kim) == list(range(1, kim.session.log.seq + 1))
    assert [event.text for event in kim.of(Reply) if event.final] == [event.text for event in lee.of(Reply) if event.final]
    (joined,) = [event for event in kim.of(Joined) if event.resumed]
    assert joined.missed == len(kim.events) - before - 1


@simulated(["hello"], "Hi.")
async def test_words_that_were_spoken_into_the_dying_line_are_answered(world: World) -> None:
    kim = SimulatedCaller(world.room, "Kim", network_ms=40)
    kim.say(voice(900))
    await kim.said()
    kim.lose_line()
    await asyncio.sleep(10)
    kim.reconnect()
    final = await kim.wait_for(Reply, lambda event: event.final)
    assert (final.text.strip(), final.unheard) == ("Hi.", "")
    assert [event.text for event in kim.of(Transcript) if event.final] == ["hello"]
    check_nothing_is_missed(kim, 1)


@simulated(["hello"], "Hi.")
async def test_what_is_too_old_is_a_gap_that_is_told(world: World) -> None:
    kim = SimulatedCaller(world.room, "Kim")
    kim.lose_line()
    for n in range(2500):
        kim.session.mute(bool(n % 2))
        kim.session.emit(Transcript(speaker="Kim", text=str(n), final=False, turn=1))
    kim.reconnect()
    await asyncio.sleep(0.1)
    (gap,) = kim.of(Gap)
    (joined,) = [event for event in kim.of(Joined) if event.resumed]
    assert gap.until == kim.session.log.seq - 2000
    assert joined.missed == 2001
    assert numbers(kim)[-2000:] == list(range(gap.until + 1, kim.session.log.seq + 1))


@simulated(["count to sixteen"], COUNT)
async def test_a_seat_that_is_given_up_ends_its_reply(world: World) -> None:
    kim = SimulatedCaller(world.room, "Kim")
    kim.say(voice(900))
    await kim.wait_for(Reply)
    await asyncio.sleep(1.5)
    kim.lose_line()
    await asyncio.sleep(10)
    await kim.leave()
    await asyncio.sleep(1)
    (_, ours), (agent, heard) = await world.memory()
    assert (ours, agent) == ("count to sixteen", "Ava")
    assert COUNT.startswith(heard.strip())
    assert len(heard) < len(COUNT)
