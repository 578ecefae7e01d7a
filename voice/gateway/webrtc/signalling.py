"""WHIP (RFC 9725) over HTTP: an offer is posted, and the answer is a seat in a room.

`POST /api/webrtc?room=&name=&role=&resume=` with an SDP offer gives 201 with the answer and the session's address; `PATCH` there trickles
candidates or restarts ICE, `DELETE` hangs up. The address holds 128 random bits and is all that is needed to use it.
"""

import contextlib
import ipaddress
import logging
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from ...api.answer import refusal
from ...config.webrtc import IceServer
from ...door import Door, Refused
from ...rtc import sdp
from .gateway import WebRTCGateway

log = logging.getLogger("hubbub.gateway.webrtc")

PATH = "/api/webrtc"
RESUME_HEADER = "hubbub-resume"
"""Holds the seat's resume token, so that a client that finds no way for UDP takes this very seat over on the WebSocket."""
SDP, FRAGMENT = "application/sdp", "application/trickle-ice-sdpfrag"
MAX_OFFER_BYTES = 64 * 1024
"""A browser's offer of audio and a data channel has 5 kB."""
MAX_FRAGMENT_BYTES = 16 * 1024

Handler = Callable[[Request], Awaitable[Response]]


def routes(door: Door, gateway: WebRTCGateway) -> list[BaseRoute]:
    """The routes under `/api/webrtc`."""

    async def call(request: Request) -> Response:
        grant = door.admit(request)
        offer = await _body(request, SDP, MAX_OFFER_BYTES)
        peer, answer = await gateway.call(offer, dict(request.query_params), grant, _reached(request))
        headers = {
            "location": f"{PATH}/{peer.id}", "etag": f'"{peer.etag}"', "accept-patch": FRAGMENT,
            RESUME_HEADER: peer.session.resume_token,
        }  # fmt: skip
        response = Response(answer, 201, headers, SDP)
        _add_links(response, gateway.config.ice_servers)
        return response

    async def patch(request: Request) -> Response:
        peer = gateway.find(request.path_params["id"])
        fragment = sdp.parse_fragment(await _body(request, FRAGMENT, MAX_FRAGMENT_BYTES))
        wanted = request.headers.get("if-match")
        if wanted is None:
            raise Refused("precondition_required", "PATCH needs If-Match: the ETag of the ICE session, or * to restart it")
        if wanted.strip() == "*":
            answer = await peer.restart(fragment)
            return Response(answer, 200, {"etag": f'"{peer.etag}"'}, FRAGMENT)
        if peer.etag not in [each.strip().removeprefix("W/").strip('"') for each in wanted.split(",")]:
            raise Refused("precondition_failed", "the ICE session has changed since: If-Match holds an old ETag")
        await peer.trickle(fragment)
        return Response(status_code=204, headers={"etag": f'"{peer.etag}"'})

    async def hang_up(request: Request) -> Response:
        peer = gateway.find(request.path_params["id"])
        peer.hang_up()
        await peer.closed()
        return Response(status_code=200)

    async def options(request: Request) -> Response:
        response = Response(status_code=204, headers={"accept-post": SDP, "allow": "POST, OPTIONS"})
        with contextlib.suppress(Refused):  # who may not come in is not told the relay's password either
            door.admit(request)
            _add_links(response, gateway.config.ice_servers)
        return response

    async def session_options(request: Request) -> Response:
        return Response(status_code=204, headers={"accept-patch": FRAGMENT, "allow": "PATCH, DELETE, OPTIONS"})

    return [
        Route(PATH, _answered(call), methods=["POST"]),
        Route(PATH, _answered(options), methods=["OPTIONS"]),
        Route(PATH + "/{id}", _answered(patch), methods=["PATCH"]),
        Route(PATH + "/{id}", _answered(hang_up), methods=["DELETE"]),
        Route(PATH + "/{id}", _answered(session_options), methods=["OPTIONS"]),
    ]


def _reached(request: Request) -> str:
    """The local address that a request came to; empty where that says nothing of where clients reach this machine: a proxy has sent it.

    That is believed only where a proxy can be, on a loopback or private address, lest anybody be told all our addresses.
    """
    server = request.scope.get("server")
    reached = str(server[0]) if server else "127.0.0.1"
    if not any(name in request.headers for name in ("x-forwarded-for", "forwarded")):
        return reached
    try:
        return "" if ipaddress.ip_address(reached).is_private else reached
    except ValueError:
        return reached


def _answered(handler: Handler) -> Handler:
    """Turns what a handler refuses into an answer."""

    async def answer(request: Request) -> Response:
        try:
            return await handler(request)
        except Refused as error:
            return refusal(error)
        except sdp.SdpError as error:
            return refusal(Refused("bad_request" if error.code == "bad" else "not_acceptable", str(error)))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception as error:  # an engine or a model that does not start: the caller hears of it, and the others go on
            log.exception("a WebRTC request failed: %s", error)
            return refusal(Refused("internal", "the room cannot be opened at the moment; the server's log says why"))

    return answer


async def _body(request: Request, kind: str, most: int) -> str:
    """The body of a request, of the right kind and size. Raises Refused."""
    came = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if came != kind:
        raise Refused("unsupported", f"the body must be {kind}, not '{came[:100] or 'nothing said'}'")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > most:
            raise Refused("too_large", f"the body has {most} bytes at most")
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise Refused("bad_request", "the body must be text in UTF-8") from None


def _add_links(response: Response, servers: tuple[IceServer, ...]) -> None:
    """One Link header for each STUN and TURN address (RFC 9725 §4.6)."""
    for server in servers:
        for url in server.urls:
            link = f'<{url}>; rel="ice-server"'
            if server.username and url.startswith("turn"):
                secret = server.credential.get_secret_value()
                link += f'; username="{_quoted(server.username)}"; credential="{_quoted(secret)}"; credential-type="password"'
            response.headers.append("link", link)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\r", "").replace("\n", "")
