"""What the HTTP interface says where no route answers, or one fails: JSON like every other refusal, for programs read it."""

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Match, Route

CODES = {404: "not_found", 405: "method_not_allowed"}


async def no_such_answer(request: Request, error: Exception) -> Response:
    """For an address that is none, and for a method that an address has not: 404, or 405 with `Allow` for all that it has."""
    assert isinstance(error, HTTPException)
    path = request.url.path
    if not path.startswith("/api"):
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    headers = dict(error.headers or {})
    message = f"there is nothing at '{path[:200]}'"
    if error.status_code == 405:
        headers["allow"] = ", ".join(_methods(request))
        message = f"'{path[:200]}' takes {headers['allow']}, not {request.method[:20]}"
    elif error.status_code != 404:
        message = error.detail
    code = CODES.get(error.status_code, "bad_request")
    return JSONResponse({"error": {"code": code, "message": message}}, error.status_code, headers)


async def failed(request: Request, error: Exception) -> Response:
    """For a fault of ours. What it was stands in the log, not in the answer."""
    message = "something went wrong on the server's side; its log says what"
    return JSONResponse({"error": {"code": "internal", "message": message}}, 500)


def _methods(request: Request) -> list[str]:
    """What the address takes, over all its routes."""
    found: set[str] = set()
    for route in request.app.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            found |= route.methods or set()
    return sorted(found)
