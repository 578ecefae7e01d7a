"""The house: the engines, the clock and the rooms of one process, and who may come in."""

import asyncio
import contextlib
import itertools
import logging
import os
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import HTTPConnection

from ..agents.model.base import ChatModelBase
from .access import Access
from .clock import MediaClock
from .collector import tidy
from .config import AgentConfig, Config, RoomConfig
from .door import OPEN, Grant, Refused
from .end_of_turn import make_model as make_end_of_turn
from .engines import Engines, choose_engines
from .event import AudioFormat, Error, Joined, Left, Participant, Role
from .grant import role_for
from .operate.watch import Watch
from .protocol import FEATURES, MAX_NAME_CHARS, PROTOCOL_VERSION, ProtocolError, printable_name
from .record import Recorder
from .refusal import NameTaken, RoomFull
from .room import VoiceRoom, farewell
from .rooms import Rooms
from .session import Session
from .store import RoomStore
from .telemetry import Metrics

log = logging.getLogger("hubbub.house")

SWEEP_S = 1.0

TIDY_SWEEPS = 60
"""Once a minute what nobody refers to any more is freed, young things first (`collector.tidy`)."""

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
        self.engines = engines or choose_engines(config.engines, environ)
        self.recorder = None if record is None else Recorder(record, vad_name=self.engines.vad.name)
        self.clock = MediaClock(self.engines.vad)
        self.metrics = Metrics()
        self.watch = Watch(record)
        self.access = Access(config.server, environ, seat_of=lambda token: self.sessions.get(token))
        self._end_of_turn = make_end_of_turn(config.engines.end_of_turn)
        self.store = RoomStore(config.server.store) if config.server.store is not None else None
        """What outlives the process."""
        self.directory = Rooms(config, self.engines, self.clock, self.metrics, environ, model, store=self.store)
        self.sessions: dict[str, Session] = {}
        self._joining = 0
        """Callers whose room is being opened."""
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Loads the engines and starts the clock."""
        self.watch.open()
        if self.store is not None:
            await self.store.open()
        await asyncio.gather(self.engines.start(), self.directory.model(self.config.engines.model))
        self.engines.info["model"] = (await self.directory.model(self.config.engines.model))[1]
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
        await asyncio.gather(self.directory.close(), return_exceptions=True)
        if self.store is not None:
            await self.store.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.recorder is not None:
            await asyncio.to_thread(self.recorder.close)
        await self.engines.close()
        await self.watch.close()

    # ── who may come in (voice.door.Door) ────────────────────────────────────────────────────────────────

    def admit(self, knock: HTTPConnection) -> Grant:
        """What somebody who knocks may do. Raises Refused; for a WebSocket, whatever can be known before it is accepted."""
        grant = self.access.admit(knock)
        if knock.scope["type"] == "websocket" and not grant.resumes:
            self._check_room_for(grant, knock.query_params.get("room"))
        return grant

    async def join(self, room: str, name: str, *, grant: Grant = OPEN, role: Role | None = None) -> Session:
        """Seats a caller in a room, as far as his grant goes; without a `role` as his token says, else as a speaker. Raises Refused."""
        name = check_name(grant.name or name)
        self._check_room_for(grant, room)
        shares = self.access.take_seat(grant)
        self._joining += 1
        try:
            session = (await self.directory.room(room)).join(name, role=role_for(role, grant))
        except BaseException as error:
            self.access.give_back(grant, shares)
            if isinstance(error, RoomFull):
                raise Refused("room_full", str(error)) from None
            if isinstance(error, KeyError) and room not in self.directory.known:
                raise Refused("unknown_room", f"there is no room '{room[:MAX_NAME_CHARS]}' here any more") from None
            raise
        finally:
            self._joining -= 1
        self.access.seated(session, grant, shares)
        session.open_turn.completeness.model = self._end_of_turn
        session.began = asyncio.get_running_loop().time()
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
        if room not in self.directory.known:
            known = "" if grant.room or not self.access.is_open else "; these are: " + ", ".join(sorted(self.directory.known)[:20])
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
            resume_ms=int(self.config.server.limits.resume_s * 1000), features=FEATURES,
        )

    # ── rooms ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def rooms(self) -> dict[str, VoiceRoom]:
        """The rooms that are open, by name."""
        return self.directory.open

    async def create_room(self, name: str, config: RoomConfig, grant: Grant = OPEN, *, counted: bool = True) -> None:
        """Makes a room while the server runs. `counted=False`: it is bounded elsewhere and passes with what it is made for, as a call's own
        room does, and does not count in `limits.max_rooms`. Raises Refused."""
        if grant.room is not None:
            raise Refused("forbidden", f"this token is for the room '{grant.room}', and makes no other")
        if name in self.directory.known:
            raise Refused("conflict", f"there is a room '{name}' already")
        limit = self.config.server.limits.max_rooms
        if counted and len(self.directory.known) - len(self.directory.passing) >= limit:
            raise Refused("too_many", f"there are {limit} rooms already (server.limits.max_rooms): delete one first")
        if len(config.agents) > self.config.server.limits.max_agents_per_room:
            raise Refused("bad_request", f"field 'agents': at most {self.config.server.limits.max_agents_per_room} agents a room")
        self.access.open_room(name, grant)
        self.directory.known[name] = config
        if not counted:
            self.directory.passing.add(name)
        log.info("room=%s created key=%s", name, grant.key or "-")

    async def delete_room(self, name: str) -> None:
        """Sends everybody away and forgets the room; one of the file is back when the server starts again. Raises Refused."""
        if name not in self.directory.known:
            raise Refused("unknown_room", f"there is no room '{name[:MAX_NAME_CHARS]}' here")
        room = self.rooms.get(name)
        self.directory.known.pop(name, None)  # nobody comes in any more
        for session in list(room.sessions.values()) if room is not None else ():
            self.send_away(session, "the room was closed")
        await self.directory.forget(name, "the room was closed")
        self.access.close_room(name)
        log.info("room=%s deleted", name)

    def send_away(self, session: Session, why: str) -> None:
        """Takes a caller's seat away, and tells him so."""
        farewell(session, why)
        self.leave(session, why)

    async def invite(self, room: VoiceRoom, agent: AgentConfig) -> Participant:
        """Seats an agent in an open room. Raises Refused."""
        try:
            participant = await room.add_agent(await self.directory.make_seat(room, agent))
        except RoomFull as error:
            raise Refused("room_full", str(error)) from None
        except NameTaken as error:
            raise Refused("conflict", str(error)) from None
        except (ImportError, ValueError) as error:
            raise Refused("bad_request", f"field 'model': {error}") from None
        known = self.directory.known.get(room.name)
        if known is not None:
            room.listen_for(await self.directory.context(known, (*known.agents, agent)))
        return participant

    async def _sweep(self) -> None:
        """Gives up the seats of connections that were lost and did not come back."""
        loop = asyncio.get_running_loop()
        for swept in itertools.count(1):
            await asyncio.sleep(SWEEP_S)
            self._sweep_at(loop.time())
            if swept % TIDY_SWEEPS == 0:
                tidy(swept // TIDY_SWEEPS)

    def _sweep_at(self, now: float) -> None:
        patience = self.config.server.limits.resume_s
        for room in self.rooms.values():
            room.tend(now)
        for session in list(self.sessions.values()):
            self._count_time(session, now)
            gone = session.line.lost_at
            if session.connection is None and gone is not None and now - gone > patience:
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
