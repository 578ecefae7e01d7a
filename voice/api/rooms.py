"""The rooms over HTTP: which there are, who is in them, and what a moderator may do. The guide is docs/rooms-api.md."""

from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ... import __version__
from ...agents.message import Msg
from ..config import RoomConfig
from ..grant import Grant, Refused
from ..house import House
from ..refusal import NameTaken, Unknown
from ..room import VoiceRoom
from .answer import refusal
from .body import read_model
from .room_bodies import AgentBody, AgentChange, AsideBody, CallerChange, RoomBody, Say

MAX_MESSAGES = 1000
"""Messages of a memory in one answer: the last ones."""

Answer = Callable[[Request, Grant], Awaitable[Response]]


def routes(house: House) -> list[BaseRoute]:
    """The routes under `/api/rooms`."""
    desk = Desk(house)

    def at(path: str, method: str, answer: Answer, *, moderators: bool = True) -> Route:
        async def endpoint(request: Request) -> Response:
            try:
                grant = house.admit(request)
                _check(grant, request.path_params.get("room"), moderators=moderators)
                return await answer(request, grant)
            except Unknown as error:
                return refusal(Refused("unknown_participant", str(error)))
            except NameTaken as error:
                return refusal(Refused("conflict", str(error)))
            except Refused as error:
                return refusal(error)

        return Route(f"/api/rooms{path}", endpoint, methods=[method])

    return [
        at("", "GET", desk.rooms, moderators=False),
        at("", "POST", desk.create),
        at("/{room}", "GET", desk.room, moderators=False),
        at("/{room}", "DELETE", desk.delete),
        at("/{room}/participants", "GET", desk.participants, moderators=False),
        at("/{room}/agents", "POST", desk.invite),
        at("/{room}/agents/{name:path}/memory", "GET", desk.memory, moderators=False),
        at("/{room}/agents/{name:path}/aside", "POST", desk.take_aside),
        at("/{room}/agents/{name:path}/aside", "DELETE", desk.end_aside),
        at("/{room}/agents/{name:path}", "PATCH", desk.change_agent),
        at("/{room}/agents/{name:path}", "DELETE", desk.remove_agent),
        at("/{room}/callers/{name:path}", "PATCH", desk.change_caller),
        at("/{room}/callers/{name:path}", "DELETE", desk.remove_caller),
        at("/{room}/say", "POST", desk.say),
    ]


def _check(grant: Grant, room: str | None, *, moderators: bool) -> None:
    if room is not None and grant.room not in (None, room):
        raise Refused("forbidden", f"this token is for the room '{grant.room}'")
    if grant.resumes:
        raise Refused("forbidden", "this credential takes back its own seat only")
    if moderators and grant.role != "moderator":
        raise Refused("forbidden", f"this is for moderators, and this token makes a {grant.role}")


class Desk:
    """Answers the requests about rooms."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def rooms(self, request: Request, grant: Grant) -> Response:
        """All rooms that a grant may know of, with the engines in use."""
        known = self._house.directory.known.items()
        listed = [self._describe(name, config) for name, config in known if grant.room in (None, name)]
        engines = {stage: info.model_dump() for stage, info in self._house.engines.info.items()}
        return JSONResponse({"rooms": listed, "engines": engines, "version": __version__})

    async def create(self, request: Request, grant: Grant) -> Response:
        """Makes a room."""
        body = await read_model(request, RoomBody)
        await self._house.create_room(body.name, body.as_config(), grant)
        return JSONResponse(self._describe(body.name, body), 201, {"location": f"/api/rooms/{body.name}"})

    async def room(self, request: Request, grant: Grant) -> Response:
        """One room."""
        name, config = self._known(request)
        return JSONResponse(self._describe(name, config))

    async def delete(self, request: Request, grant: Grant) -> Response:
        """Closes a room and forgets it."""
        await self._house.delete_room(request.path_params["room"])
        return Response(status_code=204)

    async def participants(self, request: Request, grant: Grant) -> Response:
        """Who is in a room; before anybody came, the agents that will be."""
        name, config = self._known(request)
        room = self._house.rooms.get(name)
        if room is not None:
            listed = [one.model_dump() for one in room.participants]
        else:
            listed = [_waiting(agent.name, agent.quiet) for agent in config.agents]
        return JSONResponse({"participants": listed})

    async def invite(self, request: Request, grant: Grant) -> Response:
        """Seats an agent."""
        agent = await read_model(request, AgentBody)
        room = await self._open(request)
        participant = await self._house.invite(room, agent)
        return JSONResponse(participant.model_dump(), 201)

    async def change_agent(self, request: Request, grant: Grant) -> Response:
        """Mutes an agent or makes it quiet."""
        change = await read_model(request, AgentChange)
        room = await self._open(request)
        return JSONResponse(room.change_agent(_name(request), muted=change.muted, quiet=change.quiet).model_dump())

    async def remove_agent(self, request: Request, grant: Grant) -> Response:
        """Takes an agent out."""
        room = await self._open(request)
        await room.remove_agent(_name(request))
        return Response(status_code=204)

    async def change_caller(self, request: Request, grant: Grant) -> Response:
        """Gives a caller another role, or takes his voice away."""
        change = await read_model(request, CallerChange)
        room = await self._open(request)
        return JSONResponse(room.change_caller(_name(request), role=change.role, muted=change.muted).model_dump())

    async def remove_caller(self, request: Request, grant: Grant) -> Response:
        """Sends a caller away."""
        room = await self._open(request)
        self._house.send_away(room.caller(_name(request)), "a moderator took this seat away")
        return Response(status_code=204)

    async def say(self, request: Request, grant: Grant) -> Response:
        """Has an agent say something."""
        wanted = await read_model(request, Say)
        room = await self._open(request)
        if not room.seats:
            raise Refused("unknown_participant", f"room '{room.name}' has no agent that could speak")
        if not room.sessions:
            raise Refused("conflict", f"nobody is in room '{room.name}' to hear it")
        seat = room.seat(wanted.agent) if wanted.agent is not None else next(iter(room.talk.seats), room.seats[0])
        if seat.muted:
            raise Refused("conflict", f"{seat.name} is muted")
        if (aside := room.asides.of(seat)) is not None:
            raise Refused("conflict", f"{seat.name} speaks alone with {aside.session.name} just now")
        if room.say(wanted.text, seat) is None:
            raise Refused("too_many", "too much waits to be said in this room already")
        return JSONResponse({"agent": seat.name}, 202)

    async def take_aside(self, request: Request, grant: Grant) -> Response:
        """Lets an agent and a caller speak alone."""
        body = await read_model(request, AsideBody)
        room = await self._open(request)
        aside = room.take_aside(_name(request), body.caller, others_wait=body.others_wait)
        return JSONResponse({"agent": aside.seat.name, "caller": aside.session.name, "others_wait": aside.others_wait}, 201)

    async def end_aside(self, request: Request, grant: Grant) -> Response:
        """Brings them back."""
        room = await self._open(request)
        room.end_aside(_name(request))
        return Response(status_code=204)

    async def memory(self, request: Request, grant: Grant) -> Response:
        """What an agent remembers, with what was heard and what was not."""
        _, config = self._known(request)
        room = await self._open(request)
        memory = room.seat(_name(request)).agent.memory
        messages = list(memory.messages()) if memory is not None else []
        agents = {seat.name for seat in room.seats}
        if not _may_look(grant, config, {msg.name for msg in messages} - agents):
            raise Refused("forbidden", "what the agents of this room remember is for moderators: others are in it, too")
        messages = messages[-_last(request) :]
        return JSONResponse({"messages": [_remembered(msg) for msg in messages]})

    def _known(self, request: Request) -> tuple[str, RoomConfig]:
        name = request.path_params["room"]
        config = self._house.directory.known.get(name)
        if config is None:
            raise Refused("unknown_room", f"there is no room '{name[:64]}' here")
        return name, config

    async def _open(self, request: Request) -> VoiceRoom:
        name, _ = self._known(request)
        try:
            return await self._house.directory.room(name)
        except KeyError:
            raise Refused("unknown_room", f"there is no room '{name[:64]}' here any more") from None

    def _describe(self, name: str, config: RoomConfig) -> dict[str, Any]:
        room = self._house.rooms.get(name)
        voices = {agent.name: agent.voice.name for agent in config.agents}
        agents = [seat.name for seat in room.seats] if room is not None else list(voices)
        floor: dict[str, Any] = {
            "policy": config.floor.policy, "moderator": config.floor.moderator, "max_agent_turns": config.floor.max_agent_turns,
            "queue_on_barge_in": config.floor.queue_on_barge_in, "speaker": None, "queue": [],
        }  # fmt: skip
        if room is not None:
            floor["speaker"] = room.talk.active.seat.name if room.talk.active is not None else None
            floor["queue"] = list(room.talk.floor.queue)
        return {
            "name": name,
            "title": config.title or name,
            "language": config.language,
            "open": room is not None,
            "agents": [{"name": agent, "voice": voices.get(agent, "")} for agent in agents],
            "callers": [session.name for session in room.sessions.values()] if room is not None else [],
            "floor": floor,
        }


def _name(request: Request) -> str:
    name: str = request.path_params["name"]
    return name


def _last(request: Request) -> int:
    wanted = request.query_params.get("last", str(MAX_MESSAGES))
    if not wanted.isascii() or not wanted.isdigit() or not 1 <= int(wanted[:9]) <= MAX_MESSAGES:
        raise Refused("bad_request", f"query 'last': must be a whole number from 1 to {MAX_MESSAGES}; got {wanted[:20]!r}")
    return int(wanted)


def _may_look(grant: Grant, config: RoomConfig, people: set[str]) -> bool:
    """Whether an agent's memory, in which these people's words are, may be shown."""
    if grant.role == "moderator" or config.memory_shown_to == "callers":
        return True
    return config.memory_shown_to == "own" and people <= {grant.name}


def _waiting(name: str, quiet: bool) -> dict[str, Any]:
    return {"name": name, "kind": "agent", "role": "speaker", "muted": False, "quiet": quiet, "aside": None}


def _remembered(msg: Msg) -> dict[str, Any]:
    cut = msg.metadata.get("interrupted")
    fact = cut if isinstance(cut, dict) else {}
    return {
        "name": msg.name, "role": msg.role, "text": msg.get_text_content(), "timestamp": msg.timestamp,
        "unheard": fact.get("unheard", ""), "interrupted_by": fact.get("by"),
    }  # fmt: skip
