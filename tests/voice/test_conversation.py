"""Whole conversations with the embedded model: cut off, asked how far it got, and going on from the exact word."""

import asyncio

from hubbub.agents.agent.react import ReActAgent
from hubbub.agents.memory.in_process import InMemoryMemory
from hubbub.agents.model.embedded import EmbeddedModel
from hubbub.voice.clock import MediaClock
from hubbub.voice.event import Reply
from hubbub.voice.reply import AgentSeat
from hubbub.voice.room import RoomEngines, VoiceRoom
from hubbub.voice.speech import Speech
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.tts.base import Voice
from hubbub.voice.vad.energy import EnergyVAD

NUMBERS = """one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen
nineteen twenty""".split()


class CountingModel(EmbeddedModel):
    """Counts how often it is asked."""

    calls = 0

    async def stream(self, *arguments, **options):
        self.calls += 1
        async for delta in super().stream(*arguments, **options):
            yield delta


def words(text: str) -> list[str]:
    return [word.strip(",.").lower() for word in text.split()]


def test_cut_off_asked_how_far_and_going_on_from_the_exact_word():
    async def live() -> None:
        model = CountingModel()
        agent = ReActAgent("Ava", "You are Ava.", model, memory=InMemoryMemory())
        clock = MediaClock(EnergyVAD())
        room = VoiceRoom("test", [AgentSeat(agent, Speech(ScriptedTTS(), Voice()))], RoomEngines(clock, ScriptedASR([]), {}))
        await room.open()
        ticking = asyncio.create_task(clock.run())
        caller = SimulatedCaller(room, "Kim")

        async def say(text: str) -> None:
            caller.session.type(text)

        await say("count to twenty")
        await caller.wait_for(Reply)
        await asyncio.sleep(2.2)
        caller.session.press_interrupt()
        cut = await caller.wait_for(Reply, lambda event: event.final)
        heard = words(cut.text)
        assert heard == NUMBERS[: len(heard)] and 4 <= len(heard) <= 10

        await say("how far did you get")
        answer = await caller.wait_for(Reply, lambda event: event.final)
        assert f"I got to {heard[-1]}." in answer.text

        asked = model.calls
        await say("go on")
        rest = await caller.wait_for(Reply, lambda event: event.final)
        assert words(rest.text) == NUMBERS[len(heard) :], "it did not go on from the exact word"
        assert model.calls == asked, "going on needs no model"

        memory = [msg for msg in await agent.memory.get_memory() if msg.name == "Ava"]
        assert words(memory[0].get_text_content()) == heard
        fact = memory[0].metadata["interrupted"]
        assert fact["by"] == "Kim" and words(fact["unheard"]) == NUMBERS[len(heard) :]
        await caller.leave()
        await room.close()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)

    run_simulated(live())


def test_going_on_can_be_cut_off_again():
    async def live() -> None:
        agent = ReActAgent("Ava", "You are Ava.", EmbeddedModel(), memory=InMemoryMemory())
        clock = MediaClock(EnergyVAD())
        room = VoiceRoom("test", [AgentSeat(agent, Speech(ScriptedTTS(), Voice()))], RoomEngines(clock, ScriptedASR([]), {}))
        await room.open()
        ticking = asyncio.create_task(clock.run())
        caller = SimulatedCaller(room, "Kim")
        heard: list[str] = []
        caller.session.type("count to twenty")
        for _ in range(3):
            await caller.wait_for(Reply)
            await asyncio.sleep(1.4)
            caller.session.press_interrupt()
            heard += words((await caller.wait_for(Reply, lambda event: event.final)).text)
            caller.session.type("继续" if len(heard) % 2 else "please continue")
        heard += words((await caller.wait_for(Reply, lambda event: event.final)).text)
        assert heard == NUMBERS, "a number was lost or said twice"
        await caller.leave()
        await room.close()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)

    run_simulated(live())
