"""The rooms over HTTP: which there are, and who is in them."""

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ... import __version__
from ..grant import Grant, Refused
from ..house import House
from .answer import refusal


def routes(house: House) -> list[BaseRoute]:
    """The routes under `/api/rooms`."""

    async def rooms(request: Request) -> Response:
        try:
            grant = house.admit(request)
        except Refused as error:
            return refusal(error)
        return JSONResponse(_rooms(house, grant))

    return [Route("/api/rooms", rooms)]


def _rooms(house: House, grant: Grant) -> dict[str, Any]:
    listed = []
    for name, config in house.config.rooms.items():
        if grant.room not in (None, name):
            continue
        room = house.rooms.get(name)
        listed.append(
            {
                "name": name,
                "title": config.title or name,
                "language": config.language,
                "agents": [{"name": agent.name, "voice": agent.voice.name} for agent in config.agents],
                "callers": [session.name for session in room.sessions.values()] if room else [],
            }
        )
    engines = {stage: info.model_dump() for stage, info in house.engines.info.items()}
    return {"rooms": listed, "engines": engines, "version": __version__}
