"""`POST /api/tokens`: who holds a server key makes tokens with it, and a moderator makes invitations to his room."""

import datetime
import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from ..config.access import SERVER_KEY_ID
from ..grant import Grant, Refused
from ..house import House
from ..token import TokenRequest, mint
from .answer import refusal
from .body import read_model


def routes(house: House) -> list[BaseRoute]:
    """The one route of tokens."""

    async def make(request: Request) -> Response:
        try:
            grant = house.admit(request)
            key_id = _signing_key(grant, house.access.keys)
            wanted = within(grant, await read_model(request, TokenRequest), time.time())
        except Refused as error:
            return refusal(error)
        token, claims = mint(wanted, house.access.keys[key_id], key_id=key_id)
        expires = datetime.datetime.fromtimestamp(claims.exp, datetime.UTC).isoformat()
        link = invitation(house.access.address_of(request), claims.room, token)
        answer = {
            "token": token, "room": claims.room, "name": claims.name, "role": claims.role, "once": claims.once,
            "expires": expires, "link": link,
        }  # fmt: skip
        return JSONResponse(answer, 201)

    return [Route("/api/tokens", make, methods=["POST"])]


def within(grant: Grant, wanted: TokenRequest, now: float) -> TokenRequest:
    """What a grant may hand on: the holder of a key anything, a moderator invitations to his room that end when his own token does.

    Raises Refused (`forbidden`). `now`: seconds since 1970.
    """
    if grant.with_key:
        return wanted
    if grant.role != "moderator" or grant.resumes or not grant.token:
        raise Refused("forbidden", "tokens are made with the server key, or by a moderator's token for his room: send one as 'Bearer'")
    if wanted.role == "moderator":
        raise Refused("forbidden", "only the server key makes moderators: ask for the role 'speaker' or 'listener'")
    room = wanted.room or grant.room
    if grant.room is not None and room != grant.room:
        raise Refused("forbidden", f"this token is for the room '{grant.room}', and invites to no other")
    left = int(grant.expires - now)
    if left < 1:
        raise Refused("unauthorized", "the token that invites has expired")
    return wanted.model_copy(update={"room": room, "for_s": min(wanted.for_s, left)})


def invitation(server: str, room: str | None, token: str) -> str:
    """The page's address with a token in it: behind `#`, which browsers tell no server and no proxy."""
    return f"{server}/?room={quote(room or 'default', safe='')}#token={token}"


def _signing_key(grant: Grant, keys: dict[str, str]) -> str:
    if not keys:
        raise Refused("no_key", "this server has no key to sign with: start it with HUBBUB_SERVER_KEY ('hubbub token --new-key' makes one)")
    return grant.key or SERVER_KEY_ID
