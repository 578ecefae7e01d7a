"""What watches over a server asks: whether it lives, and its numbers."""

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from ..access import need_moderator
from ..grant import Refused
from ..house import House
from .answer import refusal


def routes(house: House) -> list[BaseRoute]:
    """`/healthz`, for everybody; `/metrics`, for who may see the whole server."""

    async def health(request: Request) -> Response:
        return JSONResponse({"status": "ok", "sessions": len(house.sessions), "late_ticks": house.clock.late_ticks})

    async def metrics(request: Request) -> Response:
        try:
            need_moderator(house.admit(request))
        except Refused as error:
            return refusal(error)
        gauges = {"sessions": len(house.sessions), "rooms": len(house.rooms), "late_ticks": house.clock.late_ticks}
        return PlainTextResponse(house.metrics.text(**gauges), media_type="text/plain; version=0.0.4")

    return [Route("/healthz", health), Route("/metrics", metrics)]
