"""Rooms by script: a program gives the floor, and hears what was heard."""

import asyncio
from pathlib import Path

import pytest
from hubbub.agents import sequential_pipeline
from hubbub.agents.message import Msg
from hubbub.agents.pipeline import fanout_pipeline
from hubbub.voice.event import Reply, Transcript
from hubbub.voice.floor import FloorPolicy
from hubbub.voice.refusal import Unknown
from hubbub.voice.script import ScriptError, Stage, load_script
from room_world import COUNT, World, simulated, voice

SCRIPT = FloorPolicy("script")
TWO = {"Ava": "I am for it.", "Ben": "I am against it."}


async def final(caller, **options) -> Reply:
    return await caller.wait_for(Reply, lambda event: event.final, **options)


@simulated(TWO, ["what do you think"], floor=SCRIPT)
async def test_nobody_speaks_unless_the_script_says_so(world: World):
    stage = Stage(world.room)
    kim = world.caller("Kim")
    kim.say(voice(900))
    turn = await stage.listen()
    assert turn is not None and (turn.name, turn.get_text_content()) == ("Kim", "what do you think")
    await asyncio.sleep(5)
    assert not kim.of(Reply)
    assert await world.memory("Ava") == [("Kim", "what do you think")] == await world.memory("Ben")
    await stage.close()


@simulated(TWO, [], floor=SCRIPT)
async def test_a_sequential_pipeline_drives_the_room(world: World):
    stage = Stage(world.room)
    kim = world.caller("Kim")
    last = await sequential_pipeline(stage.agents(), Msg("host", "Is tea good?", "user"))
    await asyncio.sleep(0.1)
    assert last is not None and last.get_text_content().strip() == "I am against it."
    assert [event.agent for event in kim.of(Reply) if event.final] == ["Ava", "Ben"]
    assert ("host", "Is tea good?") in await world.memory("Ava")
    both = await fanout_pipeline(stage.agents("Ben", "Ava"), Msg("host", "And coffee?", "user"))
    assert [msg.name for msg in both] == ["Ben", "Ava"]
    order = [reply for reply in kim.heard_replies if reply]
    assert order == sorted(order), "two agents spoke at once"
    await stage.close()


@simulated({"Ava": COUNT}, ["stop"], floor=SCRIPT)
async def test_what_the_script_gets_back_is_what_was_heard(world: World):
    stage = Stage(world.room)
    kim = world.caller("Kim")

    async def interrupt() -> None:
        await kim.wait_for(Reply)
        await asyncio.sleep(2)
        kim.say(voice(400))

    breaking_in = asyncio.create_task(interrupt(), name="caller breaks in")
    heard = await stage.ask("Ava", "Count.")
    await breaking_in
    assert heard is not None and 0 < len(heard.get_text_content()) < len(COUNT)
    assert heard.metadata["interrupted"]["by"] == "Kim"
    assert (await stage.listen(within_s=5)).get_text_content() == "stop"
    await stage.close()


@simulated({"Ava": "Psst.", "Ben": "x"}, [], floor=SCRIPT)
async def test_words_for_one_alone(world: World):
    stage = Stage(world.room)
    kim, lee = world.caller("Kim"), world.caller("Lee")
    await stage.say("Ava", "You are a werewolf.", to=["Kim"])
    await stage.ask("Ava", "Whisper.", to=["Kim"])
    await asyncio.sleep(0.1)
    assert [event.text.strip() for event in kim.of(Reply) if event.final] == ["You are a werewolf.", "Psst."]
    assert not lee.of(Reply) and not any(lee.heard) and await world.memory("Ben") == []
    assert not world.room.history
    with pytest.raises(Unknown):
        await stage.say("Ava", "x", to=["Nobody"])
    await stage.close()


@simulated(TWO, [], floor=SCRIPT)
async def test_listening_to_one_for_a_while(world: World):
    stage = Stage(world.room)
    kim, lee = world.caller("Kim"), world.caller("Lee")
    kim.session.type("me first")
    lee.session.type("and me")
    assert (await stage.listen(to="Lee")).name == "Lee"
    assert await stage.listen(within_s=2) is None
    kim.session.type("old news")
    await asyncio.sleep(0.1)
    stage.forget()
    assert await stage.listen(within_s=1) is None
    assert {event.speaker for event in lee.of(Transcript)} == {"Kim", "Lee"}
    await stage.close()


@simulated(TWO, [], floor=SCRIPT)
async def test_a_script_that_fails_is_begun_again_and_then_given_up(world: World):
    begun: list[int] = []

    async def play(stage: Stage) -> None:
        begun.append(1)
        await stage.pause(0.1)
        raise RuntimeError("the script is wrong")

    stage = Stage(world.room, play)
    stage.start()
    await asyncio.sleep(1)
    assert not begun, "it begins when somebody is there"
    world.caller("Kim")
    await asyncio.sleep(5)
    assert len(begun) == 3
    await stage.close()


@simulated(TWO, [], floor=SCRIPT)
async def test_a_script_ends_with_its_stage_whatever_it_waits_for(world: World):
    async def play(stage: Stage) -> None:
        await stage.ask("Ava", "Go.")
        await stage.listen()

    stage = Stage(world.room, play)
    stage.start()
    kim = world.caller("Kim")
    await final(kim)
    assert world.room.talk.on_turn is not None, "the script listens"
    await stage.close()
    assert world.room.talk.on_turn is None
    assert not [task for task in asyncio.all_tasks() if "script" in task.get_name()]


@pytest.mark.parametrize(
    ("text", "fault"),
    [("x = 1\n", "no function 'play'"), ("def (", "cannot be loaded: SyntaxError"), ("raise ValueError('no')", "ValueError: no")],
)
def test_a_script_that_cannot_be_used_says_why(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "script.py"
    path.write_text(text)
    with pytest.raises(ScriptError, match=fault):
        load_script(str(path))
