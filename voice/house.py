"""The house: the engines, the clock and the rooms of one process, and who may come in."""

import asyncio
import contextlib
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import HTTPConnection

from ..agents.agent.react import ReActAgent
from ..agents.memory.in_process import InMemoryMemory
from ..agents.model.base import ChatModelBase
from .access import Access
from .asr.base import ASRContext
from .clock import MediaClock
from .config import AgentConfig, Config, ModelConfig, RoomConfig
from .door import OPEN, Grant, Refused
from .end_of_turn import make_model as make_end_of_turn
from .engines import Engines, choose_engines
from .event import AudioFormat, EngineInfo, Error, Joined, Left, Role
from .models import make_model
from .protocol import MAX_NAME_CHARS, PROTOCOL_VERSION, ProtocolError, printable_name
from .record import Recorder
from .reply import AgentSeat
from .room import RoomEngines, RoomFull, VoiceRoom
from .session import Session
from .speech import Speech
from .telemetry import Metrics

log = logging.getLogger("hubbub.house")

SWEEP_S = 1.0

PROMPT = (
    "You are {name}, a voice assistant in the room '{room}'. You are heard, not read: answer in one to three short sentences of "
    "plain spoken language, without lists, Markdown or emoji. What people say reaches you through a speech recogniser and may "
    "hold mistakes: ask when it makes no sense. Answer in the language you are spoken to."
)


def check_name(name: str) -> str:
    """A caller's name as it is shown. Raises Refused (`bad_request`) for one that cannot be."""
    try:
        return printable_name(name)
    except ProtocolError as error:
        raise Refused("bad_request", str(error)) from None


class House:
    """Everything that one process serves."""

    def __init__(
        self,
        config: Config,
        *,
        engines: Engines | None = None,
        model: ChatModelBase | None = None,
        environ: Mapping[str, str] = os.environ,
        record: Path | None = None,
    ) -> None:
        """`engines` and `model` replace what the configuration would choose: for tests, benchmarks and programs. `record` is the
        folder that every session is recorded into; raises OSError when it cannot be written, and the engines' own errors.
        """
        self.config = config
        self._model_for_all = model
        self.engines = engines or choose_engines(config.engines, environ)
        self.recorder = None if record is None else Recorder(record, vad_name=self.engines.vad.name)
        self.clock = MediaClock(self.engines.vad)
        self.metrics = Metrics()
        self.access = Access(config.server, environ, seat_of=lambda token: self.sessions.get(token))
        self._end_of_turn = make_end_of_turn(config.engines.end_of_turn)
        self.rooms: dict[str, VoiceRoom] = {}
        self.sessions: dict[str, Session] = {}
        self._environ = environ
        self._models: dict[str, tuple[ChatModelBase, EngineInfo]] = {}
        self._opening = asyncio.Lock()
        self._joining = 0
        """Callers whose room is being opened."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Loads the engines and starts the clock."""
        await asyncio.gather(self.engines.start(), self._model(self.config.engines.model))
        self.engines.info["model"] = (await self._model(self.config.engines.model))[1]
        self._tasks = [
            asyncio.create_task(self.clock.run(), name="media-clock"),
            asyncio.create_task(self._sweep(), name="sweep"),
        ]

    async def close(self) -> None:
        """Says goodbye to every caller and ends everything, in the order opposite to `start`."""
        for session in list(self.sessions.values()):
            session.emit(Left(at_ms=session.now_ms, reason="the server is closing"))
            if session.connection is not None:
                session.connection.end("closing")
        await asyncio.gather(*(room.close() for room in self.rooms.values()), return_exceptions=True)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)
        await self.engines.close()

    # ── who may come in (voice.door.Door) ────────────────────────────────────────────────────────────────

    def admit(self, knock: HTTPConnection) -> Grant:
        """What somebody who knocks may do. Raises Refused; for a WebSocket, whatever can be known before it is accepted."""
        grant = self.access.admit(knock)
        if knock.scope["type"] == "websocket" and not grant.resumes:
            self._check_room_for(grant, knock.query_params.get("room"))
        return grant

    async def join(self, room: str, name: str, *, grant: Grant = OPEN, role: Role = "speaker") -> Session:
        """Seats a caller in a room, as far as his grant goes. Raises Refused."""
        name = check_name(grant.name or name)
        self._check_room_for(grant, room)
        shares = self.access.take_seat(grant)
        self._joining += 1
        try:
            session = (await self._room(room)).join(name)
        except BaseException as error:
            self.access.give_back(grant, shares)
            if isinstance(error, RoomFull):
                raise Refused("room_full", str(error)) from None
            raise
        finally:
            self._joining -= 1
        self.access.seated(session, grant, shares)
        session.completeness.model = self._end_of_turn
        self.sessions[session.resume_token] = session
        if self.recorder is not None:  # before the first step, or the recording could not be replayed
            self.recorder.record(session)
        log.info("room=%s session=%s name=%s key=%s joined", room, session.id, session.name, grant.key or "-")
        return session

    def _check_room_for(self, grant: Grant, room: str | None) -> None:
        """Looks whether there is a seat, in `room` where it is known already. Raises Refused."""
        limits = self.config.server.limits
        if len(self.sessions) + self._joining >= limits.max_sessions:
            raise Refused("server_full", f"the server is full: {limits.max_sessions} callers are on it. Try again later.")
        if room is None:
            return
        if grant.room is not None and room != grant.room:
            raise Refused("forbidden", f"this token opens the room '{grant.room}', not '{room[:MAX_NAME_CHARS]}'")
        if room not in self.config.rooms:
            known = "" if grant.room or not self.access.is_open else "; these are: " + ", ".join(sorted(self.config.rooms)[:20])
            raise Refused("unknown_room", f"there is no room '{room[:MAX_NAME_CHARS]}' here{known}")
        opened = self.rooms.get(room)
        if opened is not None and len(opened.sessions) >= opened.max_callers:
            raise Refused("room_full", f"room '{room}' is full: {opened.max_callers} callers are in it")

    def resume(self, token: str) -> Session:
        """The session that a token belongs to. Raises Refused."""
        session = self.sessions.get(token)
        if session is None:
            raise Refused("unknown_session", "this session has ended, or never was: join again without 'resume'")
        return session

    def leave(self, session: Session, reason: str) -> None:
        """A caller goes for good."""
        if self.sessions.pop(session.resume_token, None) is not None:
            self.access.leave_seat(session)
            self.rooms[session.room.name].leave(session, reason)

    def describe(self, session: Session, audio: AudioFormat) -> Joined:
        """The first event of a connection."""
        room = self.rooms[session.room.name]
        return Joined(
            at_ms=session.now_ms, protocol=PROTOCOL_VERSION, room=room.name, name=session.name, session=session.id,
            resume_token=session.resume_token, participants=room.participants, audio=audio, engines=self.engines.info,
        )

    # ── rooms ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _room(self, name: str) -> VoiceRoom:
        """The room, opened when its first caller comes."""
        async with self._opening:
            if name not in self.rooms:
                room = await self._make_room(name, self.config.rooms[name])
                await room.open()
                self.rooms[name] = room
            return self.rooms[name]

    async def _make_room(self, name: str, config: RoomConfig) -> VoiceRoom:
        seats = [await self._make_seat(name, config, agent) for agent in config.agents]
        models = [(await self._model(agent.model or self.config.engines.model))[0] for agent in config.agents]
        names = tuple(agent.name for agent in config.agents)
        phrases = tuple(dict.fromkeys(phrase for model in models for phrase in model.phrases))
        words = tuple(dict.fromkeys(word for model in models for word in model.vocabulary))
        context = ASRContext(config.language, phrases, (*names, *config.vocabulary, *words))
        stages = {stage: info.name for stage, info in self.engines.info.items()}
        return VoiceRoom(
            name, seats, RoomEngines(self.clock, self.engines.asr, stages, self.metrics), policy=config.turn, context=context,
            max_callers=self.config.server.limits.max_sessions_per_room,
        )

    async def _make_seat(self, room: str, config: RoomConfig, agent: AgentConfig) -> AgentSeat:
        model, _ = await self._model(agent.model or self.config.engines.model)
        prompt = agent.prompt or PROMPT.format(name=agent.name, room=config.title or room)
        mind = ReActAgent(name=agent.name, sys_prompt=prompt, model=model, memory=InMemoryMemory())
        speech = Speech(self.engines.tts, agent.voice.as_voice(config.language))
        return AgentSeat(
            mind, speech, language=config.language, greeting=agent.greeting or "", filler=agent.filler or "",
            filler_after_ms=agent.filler_after_ms,
        )

    async def _model(self, config: ModelConfig) -> tuple[ChatModelBase, EngineInfo]:
        """One model object for all agents that are configured alike."""
        if self._model_for_all is not None:
            return self._model_for_all, EngineInfo(name=self._model_for_all.name, why="given by the program")
        key = config.model_dump_json()
        if key not in self._models:
            self._models[key] = await make_model(config, self._environ)
        return self._models[key]

    async def _sweep(self) -> None:
        """Gives up the seats of connections that were lost and did not come back."""
        loop = asyncio.get_running_loop()
        patience = self.config.server.limits.resume_s
        while True:
            await asyncio.sleep(SWEEP_S)
            for room in self.rooms.values():
                room.tend(loop.time())
            for session in list(self.sessions.values()):
                self._count_time(session, loop.time())
                gone = session.disconnected_at
                if session.connection is None and gone is not None and loop.time() - gone > patience:
                    with contextlib.suppress(KeyError):
                        self.leave(session, "the connection was lost and did not come back")

    def _count_time(self, session: Session, now: float) -> None:
        """Counts a second of a connected session against the minutes of its address and key; ends it where they are used up."""
        if session.connection is None:
            return
        for share in session.shares:
            share.talk(now, SWEEP_S)
        if all(share.has_minutes(now) for share in session.shares):
            return
        connection, message = session.connection, "the minutes a day that your address or key has here are used up"
        session.emit(Error(at_ms=session.now_ms, code="minutes_used", message=message, fatal=True))
        session.emit(Left(at_ms=session.now_ms, reason=message))
        self.leave(session, message)
        connection.end("removed")
