"""What no client should send to the rooms' API, on every route: each gets JSON that says what is wrong, and nobody in a room notices."""

import time
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hubbub.voice.house import House
from hubbub.voice.server import create_app
from hubbub.voice.session import Session
from hubbub.voice.token import TokenRequest, mint
from live_house import KEY, ROOMS, live_house, make_house

LOCKED = "server: {access: {open: false}}\n" + ROOMS
OTHER_KEY = "o" * 40

ROUTES: dict[str, dict[str, Any]] = {
    "/api/rooms": {"GET": None, "POST": {"name": "tea", "agents": []}},
    "/api/rooms/default": {"GET": None, "DELETE": None},
    "/api/rooms/default/participants": {"GET": None},
    "/api/rooms/default/agents": {"POST": {"name": "Zed"}},
    "/api/rooms/default/agents/Ava": {"PATCH": {"muted": True}, "DELETE": None},
    "/api/rooms/default/agents/Ava/memory": {"GET": None},
    "/api/rooms/default/agents/Ava/aside": {"POST": {"caller": "Kim"}, "DELETE": None},
    "/api/rooms/default/callers/Kim": {"PATCH": {"role": "listener"}, "DELETE": None},
    "/api/rooms/default/say": {"POST": {"text": "Hello."}},
}
"""Every address of the rooms' API: its methods, each with a body that it takes; None for one that reads no body."""

ALL = [(method, path) for path, methods in ROUTES.items() for method in methods]
WITH_BODY = [(method, path) for path, methods in ROUTES.items() for method, body in methods.items() if body is not None]
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "KILL")
JSON = {"content-type": "application/json"}

BODIES: list[tuple[str, bytes, dict[str, str], int, str]] = [
    ("not JSON", b"{", JSON, 400, "JSON"),
    ("a list", b"[1]", JSON, 400, "object"),
    ("a number", b"7", JSON, 400, "object"),
    ("not UTF-8", b'{"text": "\xff\xfe", "name": "\xff"}', JSON, 400, "JSON"),
    ("half a surrogate", b'{"name": "\\ud800", "text": "\\ud800", "caller": "\\ud800", "muted": "\\ud800"}', JSON, 400, "field"),
    ("a tower", b"[" * 50_000, JSON, 400, "JSON"),
    ("a huge number", b'{"muted": ' + b"9" * 5000 + b"}", JSON, 400, ""),
    ("unknown fields", b'{"colour": "red"}', JSON, 400, "field"),
    ("too much", b'{"text": "' + b"x" * 70_000 + b'"}', JSON, 413, "bytes"),
    ("HTML", b"<p>hello</p>", {"content-type": "text/html"}, 415, "application/json"),
    ("a form with files", b"--x--", {"content-type": "multipart/form-data; boundary=x"}, 415, "application/json"),
    ("a type that is none", b"{}", {"content-type": "\x7f" * 300}, 415, "application/json"),
]


def fault(answer: httpx.Response) -> str:
    """What an answer says is wrong: always JSON of the same form."""
    assert answer.headers["content-type"] == "application/json", answer.text
    told = answer.json()["error"]
    assert set(told) == {"code", "message"} and told["code"] and told["message"], told
    assert len(answer.content) < 2000, "what was sent is not sent back whole"
    message: str = told["message"]
    return message


class Bystanders:
    """Kim and Lee, who talk with agents meanwhile, and what they would notice."""

    def __init__(self, house: House, kim: Session, lee: Session) -> None:
        self.house, self.kim, self.lee = house, kim, lee
        self.before = self.noticed

    @property
    def noticed(self) -> list[Any]:
        rooms = {name: room.participants for name, room in self.house.rooms.items()}
        return [rooms, set(self.house.directory.known), self.kim.log.seq, self.lee.log.seq, self.kim.role, self.kim.line.over]

    def check(self) -> None:
        assert self.noticed == self.before


@pytest.fixture
async def bystanders() -> AsyncIterator[Bystanders]:
    house = make_house(LOCKED, environ={"HUBBUB_SERVER_KEY": KEY})
    yield Bystanders(house, await house.join("default", "Kim"), await house.join("attic", "Lee"))
    await house.directory.close()


@pytest.fixture
async def client(bystanders: Bystanders) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(create_app(bystanders.house))
    async with httpx.AsyncClient(transport=transport, base_url="http://voice.example") as client:
        yield client


HOLDS_KEY = {"authorization": f"Bearer {KEY}"}


def test_no_route_is_left_out(bystanders: Bystanders) -> None:
    served = [route for route in create_app(bystanders.house).routes if getattr(route, "path", "").startswith("/api/rooms")]
    assert len(served) == len(ALL), "a new route belongs into this file's table"


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_bodies_that_are_none(bystanders: Bystanders, client: httpx.AsyncClient, method: str, path: str) -> None:
    for what, body, headers, status, names in BODIES:
        answer = await client.request(method, path, content=body, headers=HOLDS_KEY | headers)
        assert answer.status_code == status, (what, answer.text)
        assert names in fault(answer), (what, answer.text)
    bystanders.check()


@pytest.mark.parametrize(("method", "path"), WITH_BODY)
async def test_a_body_may_be_called_what_curl_calls_it(client: httpx.AsyncClient, method: str, path: str) -> None:
    for kind in ("application/json; charset=utf-8", "application/problem+json", "application/x-www-form-urlencoded"):
        answer = await client.request(method, path, content=b"[]", headers=HOLDS_KEY | {"content-type": kind})
        assert answer.status_code == 400 and "object" in fault(answer), "it was read"


@pytest.mark.parametrize("path", ROUTES)
async def test_methods_that_are_not_there(bystanders: Bystanders, client: httpx.AsyncClient, path: str) -> None:
    for verb in VERBS:
        if verb in ROUTES[path]:
            continue
        answer = await client.request(verb, path, content=b"\xff", headers=HOLDS_KEY)
        told = fault(answer)
        if path.endswith(("/aside", "/memory")) and verb in ("PATCH", "DELETE"):
            assert answer.status_code in (400, 404), "an agent may be called anything, even 'Ava/memory'"
            continue
        assert answer.status_code == 405 and verb in told, told
        allowed = set(answer.headers["allow"].split(", "))
        assert allowed >= set(ROUTES[path]) and verb not in allowed
    bystanders.check()


@pytest.mark.parametrize("path", ["/api/room", "/api/rooms/default/nothing", "/api/rooms/default/say/more", "/api/" + "x" * 5000])
async def test_addresses_that_are_none(bystanders: Bystanders, client: httpx.AsyncClient, path: str) -> None:
    for verb in ("GET", "POST", "DELETE"):
        answer = await client.request(verb, path, headers=HOLDS_KEY)
        assert answer.status_code == 404 and path[:100] in fault(answer)
    bystanders.check()


BAD_CREDENTIALS = [
    "", "Bearer", "Bearer x", "Bearer " + "x" * 5000, f"Basic {KEY}", f"Bearer {KEY}x", "Bearer a.b.c", "Bearer \u00ff\u00fe",
    f"Bearer {mint(TokenRequest(role='moderator'), OTHER_KEY)[0]}",
    f"Bearer {mint(TokenRequest(role='moderator', for_s=60), KEY, now=time.time() - 3600)[0]}",
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), ALL)
async def test_credentials_that_are_none(bystanders: Bystanders, client: httpx.AsyncClient, method: str, path: str) -> None:
    for credential in BAD_CREDENTIALS:
        headers = {"authorization": credential.encode("latin-1")} if credential else {}
        answer = await client.request(method, path, json=ROUTES[path][method], headers=headers)
        assert answer.status_code == 401, (credential[:40], answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert credential.removeprefix("Bearer ")[:20] not in fault(answer) or len(credential) < 10, "a credential is not sent back"
    kims = {"authorization": f"Bearer {bystanders.kim.resume_token}"}
    answer = await client.request(method, path, json=ROUTES[path][method], headers=kims)
    assert answer.status_code == 403 and "own seat" in fault(answer)
    elsewhere = {"authorization": f"Bearer {mint(TokenRequest(room='attic', role='moderator'), KEY)[0]}"}
    if path != "/api/rooms" or method != "GET":  # which lists what he may see
        answer = await client.request(method, path, json=ROUTES[path][method], headers=elsewhere)
        assert answer.status_code == 403 and fault(answer)
    bystanders.check()


async def test_bodies_that_nobody_asked_for() -> None:
    """Over a real socket: a body that a route does not read changes nothing, however large it is."""
    huge = b"\xff" * 5_000_000
    async with live_house() as live, httpx.AsyncClient(base_url=live.url, timeout=20) as client:
        await live.house.join("attic", "Lee")
        for method, path in (("GET", "/api/rooms"), ("GET", "/api/rooms/attic"), ("GET", "/api/rooms/attic/participants")):
            assert (await client.request(method, path, content=huge)).status_code == 200
        for path in ("/api/rooms/attic/agents/Nobody", "/api/rooms/attic/callers/Nobody", "/api/rooms/nowhere"):
            answer = await client.request("DELETE", path, content=huge, headers=JSON)
            assert answer.status_code == 404 and fault(answer)
        for method, path in (("POST", "/api/rooms"), ("PATCH", "/api/rooms/attic/agents/Ben")):
            answer = await client.request(method, path, content=huge, headers=JSON)
            assert answer.status_code == 413 and "bytes" in fault(answer)
        people = (await client.get("/api/rooms/attic/participants")).json()["participants"]
        assert [one["name"] for one in people] == ["Ben", "Lee"] and set(live.house.rooms) == {"attic"}


async def test_a_fault_of_ours_is_admitted_and_not_shown(client: httpx.AsyncClient, bystanders: Bystanders) -> None:
    async def broken(*arguments: Any) -> None:
        raise RuntimeError("secret path /etc/shadow")

    bystanders.house.delete_room = broken  # type: ignore[method-assign]
    transport = httpx.ASGITransport(create_app(bystanders.house), raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://voice.example") as client:
        answer = await client.delete("/api/rooms/default", headers=HOLDS_KEY)
    assert answer.status_code == 500 and "shadow" not in answer.text and "log" in fault(answer)
