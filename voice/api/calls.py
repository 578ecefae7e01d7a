"""Calls over HTTP: a UUID for a call that Asterisk is about to put through."""

import asyncio

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..door import Door, Refused
from ..gateway.asterisk.audiosocket import AudioSocketServer
from ..gateway.asterisk.calls import MAX_ANSWER_BYTES, REGISTERED_FOR_S, CallRequest, ExpectedCalls, explained
from .answer import refusal


def routes(door: Door, expected: ExpectedCalls, audiosocket: AudioSocketServer | None) -> list[BaseRoute]:
    """`POST /api/calls/audiosocket`."""

    async def register(request: Request) -> Response:
        try:
            grant = door.admit(request)
            if audiosocket is None:
                raise Refused("conflict", "this server listens for no AudioSocket: configure telephony.asterisk.audiosocket")
            call = await _body(request)
            if grant.room is not None and call.room != grant.room:
                raise Refused("forbidden", f"this token opens the room '{grant.room}', not '{call.room}'")
            uuid = expected.register(call, grant, asyncio.get_running_loop().time())
        except Refused as error:
            return refusal(error)
        shown = request.url.hostname if audiosocket.host in ("0.0.0.0", "::") else audiosocket.host
        address = f"{shown}:{audiosocket.port}"
        answer = {
            "uuid": str(uuid), "address": address, "expires_s": REGISTERED_FOR_S, "dialplan": f"AudioSocket({uuid},{address})",
        }  # fmt: skip
        return JSONResponse(answer, 201)

    return [Route("/api/calls/audiosocket", register, methods=["POST"])]


async def _body(request: Request) -> CallRequest:
    """The call that is registered. Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Refused("too_large", f"a call is described in {MAX_ANSWER_BYTES} bytes at most")
    try:
        return CallRequest.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise Refused("bad_request", explained(error)) from None
