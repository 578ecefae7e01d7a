"""The rooms of a process: which there are, made from their configuration when somebody first needs them.

A room is *known* when there is a configuration for it, from the file or made through the API, and *open* once somebody has come.
"""

import asyncio
import logging
import os
import re
from collections.abc import Mapping

from ..agents.agent.react import ReActAgent
from ..agents.memory.compression import CompressionConfig
from ..agents.memory.in_process import InMemoryMemory
from ..agents.message import Msg
from ..agents.model.base import ChatModelBase
from ..agents.tool import Toolkit
from .asr.base import ASRContext
from .called import ORDINARY
from .clock import MediaClock
from .config import AgentConfig, Config, MemoryConfig, ModelConfig, RoomConfig
from .engines import Engines
from .event import EngineInfo
from .floor_tools import hand_over_tools, moderator_tools
from .models import make_model
from .reply import AgentSeat
from .room import RoomEngines, VoiceRoom
from .script import Stage, load_script
from .speech import Speech
from .store import RoomStore
from .telemetry import Metrics

log = logging.getLogger("hubbub.house")

PROMPT = (
    "You are {name}, a voice assistant in the room '{room}'. You are heard, not read: answer in one to three short sentences of "
    "plain spoken language, without lists, Markdown or emoji. What people say reaches you through a speech recogniser and may "
    "hold mistakes: ask when it makes no sense. Answer in the language you are spoken to."
)

MAX_TOPICS = 60
"""Words of an agent's part that it bids by."""


class Rooms:
    """Makes rooms, and the agents in them."""

    def __init__(
        self, config: Config, engines: Engines, clock: MediaClock, metrics: Metrics, environ: Mapping[str, str] = os.environ,
        model: ChatModelBase | None = None, *, store: RoomStore | None = None,
    ) -> None:  # fmt: skip
        """`store`: where what agents remember is kept; without one it lives and dies with their room."""
        self.known: dict[str, RoomConfig] = dict(config.rooms)
        self.open: dict[str, VoiceRoom] = {}
        self.passing: set[str] = set()
        """Rooms that end with what they were made for, a call: `limits.max_rooms` does not bound them, and nothing of them is kept."""
        self._config = config
        self._engines = engines
        self._clock = clock
        self._metrics = metrics
        self._environ = environ
        self._model_for_all = model
        self._store = store
        self._models: dict[str, tuple[ChatModelBase, EngineInfo]] = {}
        self._opening = asyncio.Lock()
        self._stages: dict[str, Stage] = {}

    async def room(self, name: str) -> VoiceRoom:
        """The room, opened when it is first asked for. Raises KeyError for one that is not known."""
        async with self._opening:
            if name not in self.open:
                config = self.known[name]
                play = load_script(config.floor.script) if config.floor.script is not None else None
                room = await self._make_room(name, config)
                await room.open()
                self.open[name] = room
                if play is not None:
                    self._stages[name] = Stage(room, play)
                    self._stages[name].start()
            return self.open[name]

    async def forget(self, name: str, why: str) -> None:
        """Closes a room, and knows it no more; nor is anything kept of what was said in it. The callers are the house's to send away
        before."""
        self.known.pop(name, None)
        kept = self._store is not None and name not in self.passing
        self.passing.discard(name)
        async with self._opening:
            room = self.open.pop(name, None)
            await self._close(name, room, why)
            if self._store is not None and kept:
                await self._store.forget(name)

    async def close(self) -> None:
        """Closes all."""
        await asyncio.gather(*(self._close(name, room, "the server is closing") for name, room in list(self.open.items())))

    async def _close(self, name: str, room: VoiceRoom | None, why: str) -> None:
        stage = self._stages.pop(name, None)
        if stage is not None:
            await stage.close()
        if room is not None:
            await room.close(why)

    async def model(self, config: ModelConfig) -> tuple[ChatModelBase, EngineInfo]:
        """One model object for all agents that are configured alike."""
        if self._model_for_all is not None:
            return self._model_for_all, EngineInfo(name=self._model_for_all.name, why="given by the program")
        key = config.model_dump_json()
        if key not in self._models:
            self._models[key] = await make_model(config, self._environ)
        return self._models[key]

    async def make_seat(self, room: VoiceRoom, agent: AgentConfig) -> AgentSeat:
        """An agent for a room that stands. Raises what a model's package raises where it cannot be had."""
        config = self.known.get(room.name)
        title, language = (config.title, config.language) if config is not None else ("", "en")
        model, _ = await self.model(agent.model or self._config.engines.model)
        prompt = agent.prompt or PROMPT.format(name=agent.name, room=title or room.name)
        moderates = room.talk.agenda.policy.kind == "moderator" and room.talk.agenda.policy.moderator == agent.name
        toolkit = _tools(room, config, agent, moderates)
        bounds = config.memory if config is not None else MemoryConfig()
        mind = ReActAgent(
            name=agent.name, sys_prompt=prompt, model=model, memory=await self._memory(room, agent, bounds.messages), toolkit=toolkit,
            compression=compression(bounds, model),
        )  # fmt: skip
        voice = agent.voice.as_voice(language)
        speech = Speech(self._engines.speaker_of(voice), voice)
        return AgentSeat(
            mind, speech, language=language, greeting=agent.greeting or "", filler=agent.filler or "",
            filler_after_ms=agent.filler_after_ms, quiet=agent.quiet, topics=topics(agent.about or agent.prompt),
            interruptible=agent.interruptible,
        )  # fmt: skip

    async def _memory(self, room: VoiceRoom, agent: AgentConfig, keep: int) -> InMemoryMemory:
        if self._store is None or room.name in self.passing:
            return InMemoryMemory(keep=keep)
        return await self._store.memory(room.name, agent.name, keep=keep)

    async def context(self, config: RoomConfig, agents: tuple[AgentConfig, ...]) -> ASRContext:
        """What the recogniser expects in a room with these agents."""
        models = [(await self.model(agent.model or self._config.engines.model))[0] for agent in agents]
        names = tuple(agent.name for agent in agents)
        phrases = tuple(dict.fromkeys(phrase for model in models for phrase in model.phrases))
        words = tuple(dict.fromkeys(word for model in models for word in model.vocabulary))
        return ASRContext(config.language, phrases, (*names, *config.vocabulary, *words))

    async def _make_room(self, name: str, config: RoomConfig) -> VoiceRoom:
        stages = {stage: info.name for stage, info in self._engines.info.items()}
        limits = self._config.server.limits
        room = VoiceRoom(
            name, [], RoomEngines(self._clock, self._engines.asr, stages, self._metrics), policy=config.turn,
            floor=config.floor.as_policy(), context=await self.context(config, config.agents),
            max_callers=limits.max_sessions_per_room, max_agents=max(limits.max_agents_per_room, len(config.agents)),
        )  # fmt: skip
        for agent in config.agents:
            await room.add_agent(await self.make_seat(room, agent))
        return room


def compression(bounds: MemoryConfig, model: ChatModelBase) -> CompressionConfig | None:
    """When an agent's memory is summed up: before the oldest of it is forgotten, or where it grows long for the model. None where that is
    not wanted, or the model has no words of its own for it."""
    if not bounds.summarise or not model.can_sum_up:
        return None
    most = bounds.messages * 4 // 5
    return CompressionConfig(bounds.summarise_tokens, keep_recent=bounds.messages // 5, trigger_messages=most)


def topics(text: str) -> frozenset[str]:
    """The words of an agent's part that say what it is about: not the ordinary ones."""
    words = re.findall(r"[a-z][a-z'-]{3,}|[\u4e00-\u9fff]{2}", text.lower())
    return frozenset(list(dict.fromkeys(word for word in words if word not in ORDINARY and word not in _PART))[:MAX_TOPICS])


_PART = frozenset("answer sentence sentences short always only assistant agent room called plain spoken language with".split())


def _tools(room: VoiceRoom, config: RoomConfig | None, agent: AgentConfig, moderates: bool) -> Toolkit | None:
    toolkit = Toolkit()
    if agent.hands_over_to:
        known = {one.name: one.about for one in config.agents} if config is not None else {}

        def hand_over(to: str, reason: str) -> None:
            room.hand_over(agent.name, to)
            if reason:
                brief = Msg(agent.name, f"[to {to} only] I hand over to you: {reason}", "assistant")
                room.spawn(room.seat(to).agent.observe(brief))

        hand_over_tools(toolkit, {name: known.get(name, "") for name in agent.hands_over_to}, hand_over)
    if moderates:
        moderator_tools(toolkit, lambda: room.beside(agent.name), lambda to: room.hand_over(agent.name, to))
    return toolkit if len(toolkit) else None
