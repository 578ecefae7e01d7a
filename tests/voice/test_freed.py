"""What is over is freed: a caller who leaves at once, by reference counts alone; and after hundreds of lives nothing is left of them."""

import asyncio
import gc
import tracemalloc
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hubbub.agents.testing import ScriptedModel
from hubbub.voice.client import VoiceClient
from hubbub.voice.collector import tidy
from hubbub.voice.config import AgentConfig, RoomConfig
from hubbub.voice.event import Reply
from hubbub.voice.house import House
from hubbub.voice.operate.turns import RecentTurns
from hubbub.voice.session import Session
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from live_house import live_house, make_house
from room_world import voice

PATIENCE_S = 60
ROOM = RoomConfig(agents=(AgentConfig(name="Ava", greeting="Good day."),))


@contextmanager
def without_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def parts(session: Session) -> dict[str, Any]:
    """What is heavy about a session, each so that it can be seen whether it is still there."""
    heavy = {"session": session, "ear": session.ear, "hearing": session._hearing, "playout": session.playout, "log": session.log}
    return {name: weakref.ref(part) for name, part in heavy.items()} | {"line": weakref.ref(session.connection)}


async def test_a_caller_who_leaves_is_freed_at_once() -> None:
    async def visit() -> dict[str, Any]:
        async with VoiceClient(live.url, name="Kim") as kim, asyncio.timeout(PATIENCE_S):
            await kim.send_audio(voice(600))
            await kim.send_text("hello there")
            async for item in kim:
                if isinstance(item, Reply) and item.text:
                    break
            return parts(next(iter(live.house.sessions.values())))

    async with live_house(heard=["hello there"]) as live:
        await visit()
        with without_collector():
            left = await visit()
            async with asyncio.timeout(PATIENCE_S):
                while any(part() is not None for part in left.values()):
                    await asyncio.sleep(0.05)


async def _life(house: House, number: int) -> None:
    """A room is made; a caller comes, is greeted and answered, an agent is invited and removed, and all are gone again."""
    name = f"room{number}"
    await house.create_room(name, ROOM)
    room = await house.directory.room(name)
    kim = SimulatedCaller(room, "Kim")
    house.sessions[kim.session.resume_token] = kim.session
    kim.say(voice(300))
    await house.invite(room, AgentConfig(name="Guest", greeting="Hello."))
    await kim.wait_for(Reply, within_s=20)
    kim.session.type("Ava, what is it?")
    await asyncio.sleep(0.5)
    await room.remove_agent("Guest")
    if number % 2:
        room.take_aside("Ava", "Kim")
    await house.delete_room(name)
    await kim.leave()


def _alive() -> Counter[str]:
    gc.collect()
    return Counter(type(one).__qualname__ for one in gc.get_objects() if str(type(one).__module__).startswith("hubbub"))


def test_hundreds_of_lives_leave_nothing_behind() -> None:
    async def live() -> tuple[Counter[str], int, Counter[str], int]:
        house = make_house(heard=["hello there"], answer="One, two, three.")
        house.metrics.recent = RecentTurns(10)
        model = (await house.directory.model(house.config.engines.model))[0]
        assert isinstance(model, ScriptedModel)
        clock = asyncio.create_task(house.clock.run())
        tracemalloc.start()
        try:
            for number in range(10):
                await _life(house, number)
            await asyncio.sleep(1)
            model.calls.clear()  # what the test's own model notes
            before, traced = _alive(), tracemalloc.get_traced_memory()[0]
            for number in range(10, 10 + LIVES):
                await _life(house, number)
            await asyncio.sleep(1)
            model.calls.clear()
            after, traced_after = _alive(), tracemalloc.get_traced_memory()[0]
        finally:
            tracemalloc.stop()
            await house.directory.close()
            clock.cancel()
            await asyncio.gather(clock, return_exceptions=True)
        return before, traced, after, traced_after

    before, traced, after, traced_after = run_simulated(live())
    grown = {name: (before[name], count) for name, count in after.items() if count > before[name] + 5}
    assert not grown, f"objects that stayed: {grown}"
    stayed = (traced_after - traced) / LIVES
    assert stayed < 5000, f"{stayed:.0f} bytes stay of every life; one session has 130,000, an agent 10,000, and caches fill up a little"


LIVES = 50


def test_an_agent_in_a_room_without_an_end_keeps_so_many_messages() -> None:
    turns = 60

    async def live() -> None:
        house = make_house("rooms: {default: {agents: [{name: Ava}], memory: {messages: 50}}}", answer="Yes.")
        clock = asyncio.create_task(house.clock.run())
        room = await house.directory.room("default")
        kim = SimulatedCaller(room, "Kim")
        mind: Any = room.seat("Ava").agent
        for number in range(turns):
            kim.session.type(f"question {number}")
            await kim.wait_for(Reply, lambda event: event.final, within_s=20)
            await mind.compressed()
            assert len(mind.memory.messages()) <= 50
        remembered = [msg.get_text_content() for msg in mind.memory.messages()]
        assert f"question {turns - 1}" in remembered and "question 0" not in remembered
        model: ScriptedModel = mind.model
        summaries = [call for call in model.calls if "Sum it up" in call.text]
        assert summaries and "question 0" in summaries[0].text, "before it forgets, it is asked to sum up"
        await house.directory.close()
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)

    run_simulated(live())


def test_tidying_looks_at_the_young_each_minute_and_at_all_each_hour(monkeypatch: Any) -> None:
    looked: list[int] = []
    monkeypatch.setattr(gc, "collect", looked.append)
    for minute in range(1, 61):
        tidy(minute)
    assert (looked.count(0), looked.count(1), looked.count(2)) == (54, 5, 1)
