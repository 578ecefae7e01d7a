"""A room with several agents and callers in simulated time, with scripted engines."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import numpy as np
from hubbub.agents.agent.react import ReActAgent
from hubbub.agents.memory.in_process import InMemoryMemory
from hubbub.agents.model.base import ChatDelta, ChatModelBase, TextDelta
from hubbub.voice.clock import MediaClock
from hubbub.voice.floor import FloorPolicy
from hubbub.voice.reply import AgentSeat
from hubbub.voice.room import RoomEngines, VoiceRoom
from hubbub.voice.speech import Speech
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.tts.base import Voice
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.energy import EnergyVAD

COUNT = "One, two, three, four, five, six, seven, eight, nine, ten, eleven, twelve, thirteen, fourteen, fifteen, sixteen."


def voice(ms: int, *, hz: float = 220, level: float = 0.3) -> bytes:
    """A caller's sound, PCM16 at 16 kHz: a bright tone of his own pitch (a dull one is a hum)."""
    time = np.arange(16 * ms) / 16_000
    harmonics = sum(np.sin(2 * np.pi * hz * n * time + n) / n**0.5 for n in range(1, 12)) / 4
    return (harmonics * level * 32767).astype(np.int16).tobytes()


class Model(ChatModelBase):
    """Answers from a list, the last one again and again; keeps what it was asked and when."""

    def __init__(self, *answers: str, first_s: float = 0.2) -> None:
        self.name = "test"
        self.answers = list(answers) or ["Yes."]
        self.first_s = first_s
        self.asked: list[str] = []
        self.asked_at: list[float] = []

    async def stream(self, messages: list[dict[str, Any]], **options: Any) -> AsyncIterator[ChatDelta]:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(str(messages))
        self.asked_at.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.first_s)
        for word in answer.split(" "):
            yield TextDelta(word + " ")


class World:
    """A room, its agents by name with what each answers, and its clock."""

    def __init__(self, agents: dict[str, Any], script: list[str], **options: Any) -> None:
        self.clock = MediaClock(EnergyVAD())
        self.models: dict[str, Any] = {}
        seats = [self.seat(name, answers) for name, answers in agents.items()]
        self.asr = ScriptedASR(script, **options.pop("asr", {}))
        policy = TurnPolicy(**options.pop("policy", {}))
        floor = options.pop("floor", FloorPolicy())
        self.room = VoiceRoom("test", seats, RoomEngines(self.clock, self.asr, {}), policy=policy, floor=floor, **options)

    def seat(self, name: str, answers: Any, **options: Any) -> AgentSeat:
        """An agent's place: its answers, one or several, or an agent of its own kind."""
        if isinstance(answers, ReActAgent):
            agent: Any = answers
            self.models[name] = agent.model
        else:
            model = answers if isinstance(answers, ChatModelBase) else Model(*([answers] if isinstance(answers, str) else answers))
            self.models[name] = model
            agent = ReActAgent(name=name, sys_prompt=f"You are {name}.", model=model, memory=InMemoryMemory())
        return AgentSeat(agent, Speech(ScriptedTTS(), Voice()), **options)

    async def memory(self, agent: str) -> list[tuple[str, str]]:
        """Who said what, as an agent remembers it."""
        return [(msg.name, msg.get_text_content().strip()) for msg in await self.room.seat(agent).agent.memory.get_memory()]

    def caller(self, name: str, **options: Any) -> SimulatedCaller:
        return SimulatedCaller(self.room, name, **options)


def lived(test: Callable[[Any], Coroutine[Any, Any, None]], opened: Callable[[], AbstractAsyncContextManager[Any]]) -> Callable[[], None]:
    """The test, run in simulated time in a world that is opened for it alone; it must leave no task behind."""

    async def live() -> None:
        async with opened() as world:
            await test(world)
        left = [task for task in asyncio.all_tasks() if task is not asyncio.current_task() and "caller" not in task.get_name()]
        assert not left, f"left behind: {left}"

    def run() -> None:
        run_simulated(live())

    run.__name__ = test.__name__
    return run


@asynccontextmanager
async def ticking(clock: MediaClock, close: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[None]:
    """Runs a clock, and closes what it moves before it stops."""
    running = asyncio.create_task(clock.run())
    try:
        yield
    finally:
        await close()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@asynccontextmanager
async def opened(world: Any) -> AsyncIterator[Any]:
    """Opens the `room` of a world, and runs its `clock`."""
    await world.room.open()
    async with ticking(world.clock, world.room.close):
        yield world


def simulated(agents: dict[str, Any], script: list[str] | None = None, **options: Any):
    """Runs a test in a world of its own, in simulated time, and checks that it leaves no task behind."""
    return lambda test: lived(test, lambda: opened(World(dict(agents), list(script or []), **dict(options))))
