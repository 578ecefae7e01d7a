"""A lost line in a room where others hear the reply, too: who hears the rest of it, who reads it, and who waits for whom."""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import pairwise
from typing import Any

import pytest
from hubbub.voice.event import Clear, Reply
from hubbub.voice.testing.caller import SimulatedCaller
from room_world import World, simulated

STORY = " ".join(f"Word{number}" for number in range(1, 61)) + "."
"""Eighteen seconds of the scripted voice."""
WORD = 24 * 300


async def tend(world: World, seconds: float) -> None:
    """Time passes, and the room is looked after as a house does it."""
    for _ in range(round(seconds * 4)):
        await asyncio.sleep(0.25)
        world.room.tend(asyncio.get_running_loop().time())


def heard_whole(caller: SimulatedCaller) -> bool:
    spans = [(start, end) for _, start, end in caller.heard_spans]
    return spans[0][0] == 0 and all(a[1] == b[0] for a, b in pairwise(spans)) and spans[-1][1] >= 60 * WORD


def finals(caller: SimulatedCaller) -> list[tuple[float, str]]:
    return [(at, event.text.strip()) for at, event in caller.events if isinstance(event, Reply) and event.final]


def told_a_story(asker: str, away_s: float) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], None]:
    """Kim is gone for a while in the middle of a story that she or Lee asked for, and both would hear."""

    def decorate(check: Callable[..., Coroutine[Any, Any, None]]) -> None:
        @simulated({"Ava": STORY})
        async def live(world: World) -> None:
            kim, lee = world.caller("Kim", network_ms=40), world.caller("Lee", network_ms=40)
            {"Kim": kim, "Lee": lee}[asker].session.type("tell a story")
            await lee.wait_for(Reply)
            await tend(world, 3)
            kim.lose_line()
            await tend(world, away_s)
            kim.reconnect()
            await check(world, kim, lee)
            assert [text for _, text in finals(kim)] == [text for _, text in finals(lee)] == [STORY], "both read all of it"

        live()

    return decorate


@pytest.mark.parametrize(("asker", "away_s"), [("Kim", 1), ("Kim", 10), ("Lee", 5)])
def test_who_comes_back_while_it_is_said_hears_on_from_his_word_and_is_waited_for(asker: str, away_s: float) -> None:
    @told_a_story(asker, away_s)
    async def check(world: World, kim: SimulatedCaller, lee: SimulatedCaller) -> None:
        await tend(world, 17)
        assert heard_whole(kim) and heard_whole(lee)
        assert not kim.of(Clear)
        ((over, _),) = finals(lee)
        assert over >= 18 + away_s - 3, "the reply is over when she has heard it, too"


def test_a_reply_for_others_that_is_far_ahead_is_read_and_nobody_waits() -> None:
    @told_a_story("Lee", 9)
    async def check(world: World, kim: SimulatedCaller, lee: SimulatedCaller) -> None:
        await tend(world, 12)
        assert heard_whole(lee)
        assert kim.heard_spans[-1][2] < 12 * WORD
        ((over, _),) = finals(lee)
        assert over < 20


def test_a_reply_that_is_over_when_he_comes_back_is_read_and_the_others_went_on() -> None:
    @told_a_story("Kim", 20)
    async def check(world: World, kim: SimulatedCaller, lee: SimulatedCaller) -> None:
        await asyncio.sleep(0.5)
        assert heard_whole(lee)
        assert kim.heard_spans[-1][2] < 12 * WORD
        assert [event.reply for event in kim.of(Clear)] == [1], "what she had of it is let go"
        ((over, _),) = finals(lee)
        assert over < 20
        kim.session.type("another one")
        again = await kim.wait_for(Reply)
        assert again.reply > 1, "and the room goes on with her"
        kim.session.press_interrupt()
        await tend(world, 1)
        for caller in (kim, lee):
            caller.events = [(at, event) for at, event in caller.events if getattr(event, "reply", 1) == 1]
