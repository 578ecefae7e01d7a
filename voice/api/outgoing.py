"""Outgoing calls over HTTP: calling somebody into a room, and what became of it. The guide is docs/telephony.md."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..access import need_moderator
from ..gateway.telephony.exchange import PATH, Exchange
from ..gateway.telephony.outgoing import OutgoingCall
from ..gateway.telephony.wire.carriers import Carrier
from ..grant import Grant, Refused
from .answer import refusal
from .body import read_model

Number = Annotated[str, Field(pattern=r"^\+?[0-9]{3,20}$")]


class DialBody(BaseModel):
    """A call to be made."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, populate_by_name=True)

    carrier: Carrier
    to: Number
    room: str = Field(min_length=1, max_length=64)
    sender: Number | None = Field(default=None, alias="from")
    agent: str | None = Field(default=None, min_length=1, max_length=64)
    name: str = Field(default="", max_length=64)
    """The participant's name; empty for one made of his number."""
    say: str = Field(default="", max_length=2000)
    """Said when somebody has answered, instead of the agent's greeting."""
    on_machine: Literal["talk", "hang_up", "wait_for_beep"] = "talk"
    ring_s: int = Field(default=30, ge=5, le=120)


def routes(exchange: Exchange) -> list[BaseRoute]:
    """`POST` and `GET /api/calls`, `GET` and `DELETE /api/calls/ID`."""

    async def calls(request: Request) -> Response:
        try:
            grant = exchange.house.admit(request)
            if request.method == "POST":
                return JSONResponse(shown(await _dial(request, exchange, grant)), 201)
            need_moderator(grant, grant.room)
            visible = [call for call in exchange.outgoing.calls.values() if grant.room in (None, call.room)]
            return JSONResponse({"calls": [shown(call) for call in visible]})
        except Refused as error:
            return refusal(error)

    async def call(request: Request) -> Response:
        try:
            grant = exchange.house.admit(request)
            found = exchange.outgoing.calls.get(request.path_params["id"])
            if found is None:
                raise Refused("unknown_session", "there is no such outgoing call")
            need_moderator(grant, found.room)
            if request.method == "DELETE":
                await exchange.outgoing.cancel(found)
            return JSONResponse(shown(found))
        except Refused as error:
            return refusal(error)

    return [Route(PATH, calls, methods=["GET", "POST"]), Route(f"{PATH}/{{id}}", call, methods=["GET", "DELETE"])]


async def _dial(request: Request, exchange: Exchange, grant: Grant) -> OutgoingCall:
    """Raises Refused."""
    body = await read_model(request, DialBody)
    need_moderator(grant, body.room)
    return await exchange.outgoing.dial(
        body.carrier, body.to, body.room, exchange.url_of(request), sender=body.sender, agent=body.agent, name=body.name, say=body.say,
        on_machine=body.on_machine, grant=grant, ring_s=body.ring_s,
    )  # fmt: skip


def shown(call: OutgoingCall) -> dict[str, Any]:
    """A call as the interface shows it."""
    return {
        "id": call.id, "carrier": call.carrier, "to": call.to, "from": call.sender, "room": call.room, "state": call.state,
        "detail": call.detail, "answered_by": call.answered_by, "call_id": call.call_id, "session": call.session, "made": call.made,
    }  # fmt: skip
