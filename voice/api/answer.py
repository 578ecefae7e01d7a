"""How the HTTP interface answers."""

from starlette.responses import JSONResponse
from starlette.websockets import WebSocket

from ..grant import Refused

STATUS = {
    "bad_request": 400,
    "unauthorized": 401,
    "forbidden": 403,
    "unknown_room": 404,
    "unknown_participant": 404,
    "unknown_session": 404,
    "unknown_recording": 404,
    "unknown_replay": 404,
    "not_acceptable": 406,
    "conflict": 409,
    "no_key": 409,
    "precondition_failed": 412,
    "too_large": 413,
    "unsupported": 415,
    "unreadable": 422,
    "precondition_required": 428,
    "room_full": 429,
    "too_many": 429,
    "internal": 500,
    "not_available": 501,
    "server_full": 503,
}
"""Code of a refusal to HTTP status; what is not listed is 400."""


def refusal(error: Refused) -> JSONResponse:
    """The answer to who was refused: `{"error": {"code", "message"}}` with the status that fits."""
    status = STATUS.get(error.code, 400)
    headers = {"www-authenticate": "Bearer"} if status == 401 else {"retry-after": "5"} if status in (429, 503) else {}
    return JSONResponse({"error": {"code": error.code, "message": str(error)}}, status, headers)


async def refuse_handshake(socket: WebSocket, error: Refused) -> None:
    """Answers a WebSocket's handshake with the HTTP answer of a refusal, instead of accepting it."""
    if "websocket.http.response" in socket.scope.get("extensions", {}):
        await socket.send_denial_response(refusal(error))
    else:  # a server without that extension of ASGI says 403, and no more
        await socket.close()
