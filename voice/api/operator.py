"""What the operator's page shows, under `/api/operator`. The guide is docs/operator-api.md."""

import asyncio
import datetime
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ... import __version__
from ..grant import Refused
from ..house import House
from ..operate import turns
from ..operate.errors import KEPT, KEPT_TOLD
from ..operate.listening import Tickets
from ..operate.recordings import RecordingInfo, Recordings
from ..operate.timeline import MAX_PEAKS
from ..operate.turns import AnsweredTurn, percentiles
from ..record import EAR, HEARD, OTHERS, PLAYED, Recording
from ..session import Session
from ..telemetry import Histogram
from .answer import refusal
from .body import read_model

Answer = Callable[[Request], Awaitable[Response]]


class RecordBody(BaseModel):
    """Whether a session shall be recorded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    on: bool


class ReplayBody(BaseModel):
    """What a replay shall do otherwise than the recording."""

    model_config = ConfigDict(extra="forbid")

    vad: Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")] | None = None
    policy: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")], bool | int | float | str] = Field(
        default={}, max_length=50
    )


def routes(house: House) -> list[BaseRoute]:
    """The routes under `/api/operator`."""
    desk = Desk(house)

    def at(path: str, method: str, answer: Answer) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                if answer != desk.sound or "ticket" not in request.query_params:
                    grant = house.admit(request)
                    house.access.need_operator(grant)
                    request.state.grant = grant
                return await answer(request)
            except Refused as error:
                return refusal(error)

        return Route(f"/api/operator{path}", endpoint, methods=[method])

    return [
        at("", "GET", desk.overview),
        at("/errors", "GET", desk.errors),
        at("/latency", "GET", desk.latency),
        at("/turns", "GET", desk.turns),
        at("/sessions/{session}/record", "POST", desk.record),
        at("/recordings", "GET", desk.recordings),
        at("/recordings/{name}", "GET", desk.recording),
        at("/recordings/{name}", "DELETE", desk.delete_recording),
        at("/recordings/{name}/timeline", "GET", desk.timeline),
        at("/recordings/{name}/{track:str}.flac", "GET", desk.sound),
        at("/recordings/{name}/listen", "POST", desk.listen),
        at("/recordings/{name}/replay", "POST", desk.replay),
        at("/replays/{replay}", "GET", desk.outcome),
        at("/replays/{replay}", "DELETE", desk.cancel),
    ]


class Desk:
    """Answers the operator's requests."""

    def __init__(self, house: House) -> None:
        self._house = house
        self._watch = house.watch
        self._tickets = Tickets(next(iter(house.access.keys.values()), None))

    # ── the server ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def overview(self, request: Request) -> Response:
        """The server at a glance."""
        house, now = self._house, asyncio.get_running_loop().time()
        last = house.metrics.recent.last_of_each()
        sessions = list(house.sessions.values())
        return JSONResponse(
            {
                "version": __version__,
                "started": self._watch.started.isoformat(timespec="seconds"),
                "uptime_s": round(self._watch.uptime_s, 1),
                "open": house.access.is_open,
                "engines": {stage: info.model_dump() for stage, info in house.engines.info.items()},
                "clock": {"tick_ms": house.clock.tick_ms, "ticks": house.clock.ticks, "late_ticks": house.clock.late_ticks},
                "counters": dict(house.metrics.counters),
                "refused": dict(house.access.refused),
                "recording": {"on": house.recorder is not None, "sessions": len(self._current())},
                "rooms": [self._room(name) for name in house.directory.known],
                "sessions": [_session(session, now, last.get(session.id)) for session in sessions],
            }
        )

    def _room(self, name: str) -> dict[str, Any]:
        config, room = self._house.directory.known[name], self._house.rooms.get(name)
        agents = [seat.name for seat in room.seats] if room is not None else [agent.name for agent in config.agents]
        callers = [session.name for session in room.sessions.values()] if room is not None else []
        return {"name": name, "title": config.title or name, "open": room is not None, "agents": agents, "callers": callers}

    async def errors(self, request: Request) -> Response:
        """What went wrong lately."""
        kept = KEPT + KEPT_TOLD
        faults = self._watch.errors.newest(_whole(request, "limit", 100, 1, kept))
        return JSONResponse(
            {"errors": [asdict(fault) for fault in faults], "kept": kept, "since_start": self._watch.errors.since_start}
        )

    async def latency(self, request: Request) -> Response:
        """Percentiles of every part of the turns' latency."""
        last = _whole(request, "last", 200, 1, turns.KEPT)
        room, metrics = request.query_params.get("room", ""), self._house.metrics
        found = metrics.recent.newest(last, room=room)
        total = metrics.latency["total"].total
        since = {part: _bounds(histogram) for part, histogram in metrics.latency.items()} if total else {}
        return JSONResponse(
            {
                "turns": len(found),
                "exact": True,
                "parts": percentiles(turn.event.latency for turn in found),
                "since_start": {"turns": total, "exact": False, "parts": since},
            }
        )

    async def turns(self, request: Request) -> Response:
        """The last turns."""
        query = request.query_params
        found = self._house.metrics.recent.newest(
            _whole(request, "limit", 50, 1, 500), room=query.get("room", ""), session=query.get("session", "")
        )
        return JSONResponse({"turns": [turns.as_json(turn, _moment(turn.at)) for turn in found]})

    # ── recordings ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def record(self, request: Request) -> Response:
        """Begins or ends the recording of a session."""
        body = await read_model(request, RecordBody)
        recorder, key = self._house.recorder, request.path_params["session"]
        session = next((one for one in self._house.sessions.values() if one.id == key), None)
        if session is None:
            raise Refused("unknown_session", f"there is no session '{key[:40]}' here")
        if recorder is None:
            raise Refused("conflict", "this server records nothing: start it with --record DIR")
        if body.on and session.line.tap is None:
            recorder.record(session)
        elif not body.on and session.line.tap is not None:
            session.line.tap.closed()
            session.line.tap = None
        return JSONResponse({"session": session.id, "recording": _recording(session)})

    async def recordings(self, request: Request) -> Response:
        """Which recordings there are."""
        if self._watch.recordings is None:
            return JSONResponse({"on": False, "recordings": [], "left_out": 0})
        listed, left_out = await asyncio.to_thread(self._watch.recordings.list, self._current())
        return JSONResponse({"on": True, "recordings": [asdict(one) for one in listed], "left_out": left_out})

    async def recording(self, request: Request) -> Response:
        """One recording."""
        return JSONResponse(asdict(await self._info(request)))

    async def delete_recording(self, request: Request) -> Response:
        """Deletes one for good."""
        await asyncio.to_thread(self._folder().delete, request.path_params["name"], self._current())
        return Response(status_code=204)

    async def timeline(self, request: Request) -> Response:
        """What happened in it."""
        info = await self._readable(request)
        peaks = _whole(request, "peaks", 1000, 1, MAX_PEAKS)
        from_ms = _whole(request, "from_ms", 0, 0, 10**9)
        to_ms = _whole(request, "to_ms", -1, 0, 10**9)
        made = await self._watch.replays.timeline(
            self._folder().path(info.name), peaks=peaks, from_ms=from_ms, to_ms=None if to_ms < 0 else to_ms
        )
        return Response(made, media_type="application/json")

    async def listen(self, request: Request) -> Response:
        """A ticket to its sound."""
        info = await self._readable(request)
        ticket, good_for_s = self._tickets.make(info.name, until=request.state.grant.expires)
        return JSONResponse({"recording": info.name, "ticket": ticket, "expires_in_s": good_for_s})

    async def sound(self, request: Request) -> Response:
        """One of its tracks; who shows a ticket to it needs nothing else."""
        if (ticket := request.query_params.get("ticket")) is not None:
            self._tickets.check(request.path_params["name"], ticket)
        track = {"heard": HEARD, "played": PLAYED, "others": OTHERS, "ear": EAR}.get(request.path_params["track"])
        if track is None:
            raise Refused("unknown_recording", "a recording has the tracks heard.flac, played.flac, others.flac and ear.flac")
        info = await self._info(request)
        if info.state == "recording":
            raise Refused("conflict", f"recording '{info.name}' goes on: listen to it when it has ended")
        path = self._folder().path(info.name) / track
        if track == EAR and not await asyncio.to_thread(path.is_file):
            await self._watch.replays.ear(path.parent, path)
        if not await asyncio.to_thread(path.is_file):
            raise Refused("unknown_recording", f"recording '{info.name}' has no {track}")
        return FileResponse(path, media_type="audio/flac")

    async def replay(self, request: Request) -> Response:
        """Orders a replay."""
        info = await self._readable(request)
        if info.state == "recording":
            raise Refused("conflict", f"recording '{info.name}' goes on: replay it when it has ended")
        body = await read_model(request, ReplayBody)
        replay = self._watch.replays.order(info.name, self._folder().path(info.name), body.vad, body.policy)
        return JSONResponse(replay.as_json(), 202, {"location": f"/api/operator/replays/{replay.id}"})

    async def outcome(self, request: Request) -> Response:
        """How far a replay is, and what it gave."""
        return JSONResponse(self._watch.replays.find(request.path_params["replay"]).as_json())

    async def cancel(self, request: Request) -> Response:
        """Ends a replay."""
        await self._watch.replays.cancel(request.path_params["replay"])
        return Response(status_code=204)

    def _folder(self) -> Recordings:
        if self._watch.recordings is None:
            raise Refused("unknown_recording", "this server records nothing: start it with --record DIR")
        return self._watch.recordings

    async def _info(self, request: Request) -> RecordingInfo:
        return await asyncio.to_thread(self._folder().info, request.path_params["name"], self._current())

    async def _readable(self, request: Request) -> RecordingInfo:
        info = await self._info(request)
        if info.state == "unreadable":
            raise Refused("unreadable", f"recording '{info.name}' cannot be read: {info.problem}")
        return info

    def _current(self) -> frozenset[str]:
        names = (_recording(session) for session in self._house.sessions.values())
        return frozenset(name for name in names if name is not None)


def _session(session: Session, now: float, last: AnsweredTurn | None) -> dict[str, Any]:
    connection, gone = session.connection, session.line.lost_at
    turn = None
    if last is not None:
        turn = {"turn": last.event.turn, "agent": last.event.agent, "total_ms": last.event.latency.total_ms}
    return {
        "id": session.id, "room": session.room.name, "name": session.name, "role": session.role,
        "muted": session.muted or session.silenced, "connection": None if connection is None else _gateway(connection),
        "connected": connection is not None, "away_s": None if connection is not None or gone is None else round(now - gone, 1),
        "age_s": round(now - session.began, 1), "at_ms": session.now_ms, "ear": session.state.ear.value,
        "mouth": session.state.mouth.value, "reply": session.state.reply, "events": session.log.seq,
        "dropped_samples": session.ear.dropped, "key": session.grant.key, "address": session.grant.address,
        "recording": _recording(session), "last_turn": turn,
    }  # fmt: skip


def _recording(session: Session) -> str | None:
    return session.line.tap.path.name if isinstance(session.line.tap, Recording) else None


def _gateway(connection: object) -> str:
    """The gateway that a connection belongs to: the name of its module below `gateway`."""
    _, _, below = type(connection).__module__.partition(".gateway.")
    return below.split(".")[0] or "program"


def _bounds(histogram: Histogram) -> dict[str, float]:
    spread = {f"p{share}": min(histogram.quantile(share / 100), 1e9) for share in turns.PERCENTILES}
    return {**spread, "mean": round(histogram.sum_ms / histogram.total, 1)}


def _moment(at: float) -> str:
    return datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds")


def _whole(request: Request, name: str, default: int, least: int, most: int) -> int:
    """A whole number of the query. Raises Refused."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 12 or not least <= int(text) <= most:
        raise Refused("bad_request", f"query '{name}': must be a whole number from {least} to {most}; got {text[:20]!r}")
    return int(text)
