"""The rooms that ship: each with the embedded model and simulated callers, in simulated time."""

import asyncio
import importlib.util
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hubbub.agents.model.embedded import EmbeddedModel
from hubbub.voice.config import load_config
from hubbub.voice.engines import Engines
from hubbub.voice.event import EngineInfo, ParticipantLeft, Reply, ToolUse, Transcript
from hubbub.voice.grant import Refused
from hubbub.voice.house import House
from hubbub.voice.room import VoiceRoom
from hubbub.voice.script import Stage
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.vad.energy import EnergyVAD
from room_world import lived, ticking, voice

ROOMS = Path(__file__).resolve().parents[2] / "examples" / "rooms"


def served(name: str, script: list[str] | None = None):
    """Runs a test in a room of examples/rooms, in simulated time."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[tuple[VoiceRoom, House]]:
        vad = EnergyVAD()
        engines = Engines(vad, ScriptedASR(list(script or [])), ScriptedTTS(), {"vad": EngineInfo(name=vad.name)})
        config = load_config(ROOMS / f"{name}.yaml", environ={})
        house = House(config, engines=engines, model=EmbeddedModel(), environ={})
        async with ticking(house.clock, house.directory.close):
            yield await house.directory.room(next(iter(config.rooms))), house

    def decorate(test: Callable[[VoiceRoom, House], Coroutine[Any, Any, None]]) -> Callable[[], None]:
        run = lived(lambda world: test(*world), opened)
        run.__name__ = test.__name__
        return run

    return decorate


async def final(caller: SimulatedCaller) -> Reply:
    return await caller.wait_for(Reply, lambda event: event.final, within_s=60)


@pytest.mark.parametrize("file", sorted(ROOMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_room_is_valid_and_has_a_page(file: Path) -> None:
    config = load_config(file, environ={})
    assert config.rooms
    page = ROOMS.parents[1] / "docs" / "rooms" / f"{file.stem}.md"
    assert page.is_file() and f"hubbub serve examples/rooms/{file.name}" in page.read_text()


@served("assistant", ["what is twelve times seven"])
async def test_the_assistant(room: VoiceRoom, house: House) -> None:
    kim = SimulatedCaller(room, "Kim")
    assert "Ava" in (await final(kim)).text
    kim.say(voice(900))
    assert "84" in (await final(kim)).text or "eighty" in kim.of(Reply)[-1].text


@served("debate", ["begin", "is coffee healthy"])
async def test_the_debate_goes_on_by_itself_and_people_break_in(room: VoiceRoom, house: House) -> None:
    kim = SimulatedCaller(room, "Kim")
    assert (await final(kim)).agent == "Carol"
    kim.say(voice(600))
    said = [await final(kim) for _ in range(3)]
    assert [event.agent for event in said] == ["Carol", "Ava", "Carol"]
    await asyncio.sleep(1)
    kim.say(voice(900))
    cut = await final(kim)
    assert cut.agent == "Ben" and cut.interrupted_by == "Kim" and cut.unheard
    rest = [await final(kim) for _ in range(3)]
    assert [event.agent for event in rest] == ["Carol", "Ava", "Ben"]
    assert [*cut.text.split(), *rest[2].text.split()] == "Coffee smells of morning, and tea smells of hot water.".split()
    await asyncio.sleep(120)
    count = len([event for event in kim.of(Reply) if event.final])
    await asyncio.sleep(60)
    assert len([event for event in kim.of(Reply) if event.final]) == count <= 14, "they talk for ever"


@served("interview", ["yes I am ready", "I read books", "my computer broke and I mended it"])
async def test_two_interviewers_take_turns(room: VoiceRoom, house: House) -> None:
    kim = SimulatedCaller(room, "Kim")
    await final(kim)
    asked = []
    for _ in range(3):
        kim.say(voice(900))
        asked.append(await final(kim))
    assert [event.agent for event in asked] == ["Paul", "Nora", "Paul"]
    assert all("?" in event.text or "Tell us" in event.text for event in asked)
    assert len({event.text for event in asked}) == 3


@served("interpreter", ["thank you very much where is the station"])
async def test_the_interpreters(room: VoiceRoom, house: House) -> None:
    kim, uwe = SimulatedCaller(room, "Kim"), SimulatedCaller(room, "Uwe")
    kim.say(voice(900))
    into_german = await final(uwe)
    assert into_german.agent == "Hanna" and into_german.text.strip() == "vielen Dank wo ist der Bahnhof"
    uwe.session.type("Guten Morgen")
    into_english = await final(kim)
    assert into_english.agent == "Hugh" and into_english.text.strip() == "good morning"
    uwe.session.type("der Esel frisst Heu")
    assert "phrases" in (await final(kim)).text, "what it cannot do, it says"


@served("help_desk", ["my invoice is wrong", "yes please", "my router is broken"])
async def test_reception_hands_over_to_who_knows(room: VoiceRoom, house: House) -> None:
    kim = SimulatedCaller(room, "Kim")
    assert (await final(kim)).agent == "Rita"
    kim.say(voice(900))
    said = [await final(kim), await final(kim)]
    assert [event.agent for event in said] == ["Rita", "Tom"] and "Tom" in said[0].text and "invoice" in said[1].text
    assert [event.name for event in kim.of(ToolUse)][:1] == ["hand_over"]
    kim.say(voice(900))
    assert (await final(kim)).agent == "Tom", "the caller is Tom's now"
    kim.say(voice(900))
    said = [await final(kim), await final(kim)]
    assert [event.agent for event in said] == ["Tom", "Sam"] and "router" in said[1].text


@served("help_desk")
async def test_an_aside_neither_gives_nor_takes_the_floor_of_the_others(room: VoiceRoom, house: House) -> None:
    kim, lee = SimulatedCaller(room, "Kim"), SimulatedCaller(room, "Lee")
    await final(kim)
    room.take_aside("Rita", "Kim")
    kim.session.type("my invoice is wrong")
    told = await final(kim)
    assert told.agent == "Rita" and "cannot put you through" in told.text
    await asyncio.sleep(10)
    assert not [event for event in kim.of(Reply) + lee.of(Reply) if event.agent == "Tom"] and room.talk.floor.queue == ()
    toms = room.seat("Tom").agent.memory
    assert toms is not None and "invoice" not in str(toms.messages()), "what was said alone stays there"
    lee.session.type("Tom, put me through to Rita")
    said = await final(lee)
    assert said.agent == "Tom" and "cannot put you through" in said.text, "nor is the floor given to who is away"
    room.end_aside("Rita")
    kim.session.type("Rita, my invoice is wrong")
    assert [(await final(kim)).agent, (await final(kim)).agent] == ["Rita", "Tom"]


@served("debate", ["begin"])
async def test_a_room_that_is_deleted_in_the_middle_leaves_nothing_behind(room: VoiceRoom, house: House) -> None:
    kim = SimulatedCaller(room, "Kim")
    await final(kim)
    kim.say(voice(600))
    await kim.wait_for(Reply, lambda event: event.agent == "Ava")
    await house.delete_room("debate")
    assert not house.rooms and not room.sessions and len(house.clock) == 0
    assert kim.of(ParticipantLeft) == [] and not room.hub.participants[0].replying
    with pytest.raises(Refused, match="no room 'debate'"):
        await house.join("debate", "Lee")


def werewolves() -> Any:
    spec = importlib.util.spec_from_file_location("werewolves_by_voice", ROOMS / "werewolves.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@served("werewolves")
async def test_werewolves_by_voice(room: VoiceRoom, house: House) -> None:
    module = werewolves()
    await house.directory._stages["werewolves"].close()
    stage = Stage(room)
    kim, lee = SimulatedCaller(room, "Kim"), SimulatedCaller(room, "Lee")
    playing = asyncio.create_task(module.play(stage, random.Random(5)), name="caller game")
    await asyncio.sleep(5)
    kim.session.type("ready")
    answered: set[int] = set()
    while not playing.done():
        await asyncio.sleep(1)
        for caller in (kim, lee):
            said = [event for event in caller.of(Reply) if event.final]
            asked = said[-1].text if said and said[-1].agent == "Mora" and said[-1].reply not in answered else ""
            if asked.startswith(caller.session.name) and "?" in asked:
                answered.add(said[-1].reply)
                caller.session.type("I think it is Bert" if "Bert" in asked or "say" in asked else "nobody")
    winner, game = playing.result()
    await asyncio.sleep(1)
    assert winner in ("village", "werewolves") and 2 <= len(game.living) < 6
    told = [event.text for event in lee.of(Reply) if event.final]
    assert f"Lee, you are a {game.roles['Lee']}." in told and not any(text.startswith("Kim, you are a") for text in told)
    assert any("is dead" in text for text in told) and told[-1].startswith("The game is over")
    agents = {"Mora", *game.living} - {"Kim", "Lee"}  # whoever dies in the first night never speaks
    assert {event.agent for event in lee.of(Reply)} >= agents
    assert {event.speaker for event in kim.of(Transcript)} <= {"Kim", "Lee"}
    await stage.close()
