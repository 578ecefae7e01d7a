"""Silence first: nothing that is slow to stop, or that never answers, moves the moment at which a caller hears nothing more."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from hubbub.agents.agent.react import ReActAgent
from hubbub.agents.memory.in_process import InMemoryMemory
from hubbub.agents.model.base import ChatDelta
from hubbub.voice.clock import MediaClock
from hubbub.voice.reply import AgentSeat
from hubbub.voice.room import RoomEngines, VoiceRoom
from hubbub.voice.speech import Speech
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.tts.base import TTSChunk, Voice
from hubbub.voice.vad.energy import EnergyVAD
from room_world import COUNT, Model, voice

STUBBORN_S = 0.2
"""How long a provider takes to give up: what stops Pipecat 1.14 202 ms later."""


class StubbornModel(Model):
    """Goes on for a while when it is cancelled in the middle of its answer."""

    stopped_at = 0.0

    async def stream(self, messages: list[dict[str, Any]], **options: Any) -> AsyncIterator[ChatDelta]:
        async for delta in super().stream(messages, **options):
            yield delta
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(STUBBORN_S)
            self.stopped_at = asyncio.get_running_loop().time()
            raise


class StubbornTTS(ScriptedTTS):
    """The same of a synthesiser, in the middle of a sentence."""

    stopped_at = 0.0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        try:
            async for chunk in super().synthesize(text, voice):
                yield chunk
        except asyncio.CancelledError:
            await asyncio.sleep(STUBBORN_S)
            self.stopped_at = asyncio.get_running_loop().time()
            raise


class Barge:
    """One barge-in: the agent counts, the caller says something after 2 s."""

    def __init__(self, model: Model, tts: ScriptedTTS, asr: ScriptedASR) -> None:
        self.model, self.tts, self.asr = model, tts, asr
        self.began = self.silent_after = 0.0

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        clock = MediaClock(EnergyVAD())
        agent = ReActAgent("Ava", "", self.model, memory=InMemoryMemory())
        room = VoiceRoom("test", [AgentSeat(agent, Speech(self.tts, Voice()))], RoomEngines(clock, self.asr, {}))
        await room.open()
        ticking = asyncio.create_task(clock.run())
        joined = loop.time()
        caller = SimulatedCaller(room, "Kim")
        caller.session.type("count")
        await asyncio.sleep(2.0)
        self.began = loop.time()
        caller.say(voice(900))
        await asyncio.sleep(2.0)
        sounding = [place for place, reply in enumerate(caller.heard_replies) if reply and joined + place * 0.02 < self.began + 1.0]
        self.silent_after = joined + (sounding[-1] + 1) * 0.02 - self.began
        await caller.leave()
        await room.close()
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


def barge(model: Model | None = None, tts: ScriptedTTS | None = None, asr: ScriptedASR | None = None) -> Barge:
    scene = Barge(model or Model(COUNT), tts or ScriptedTTS(), asr or ScriptedASR(["no stop please"]))
    run_simulated(scene.run())
    return scene


@pytest.mark.parametrize("slow", ["model", "synthesiser", "recogniser"])
def test_what_is_slow_moves_the_silence_by_not_a_millisecond(slow: str) -> None:
    prompt = barge(tts=ScriptedTTS(speed=1.2))
    assert 0 < prompt.silent_after <= 0.16
    if slow == "recogniser":
        late = barge(tts=ScriptedTTS(speed=1.2), asr=ScriptedASR(["no stop please"], partial_ms=None, final_ms=60_000))
    else:
        model = StubbornModel(COUNT) if slow == "model" else Model(COUNT)
        tts = StubbornTTS(speed=1.2) if slow == "synthesiser" else ScriptedTTS(speed=1.2)
        late = barge(model, tts)
        stopped_at = model.stopped_at if isinstance(model, StubbornModel) else getattr(tts, "stopped_at", 0.0)
        assert stopped_at >= late.began + STUBBORN_S, "it was cancelled and took its time"
    assert late.silent_after == prompt.silent_after
