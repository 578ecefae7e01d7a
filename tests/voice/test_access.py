"""The lock on the doors: who is let in, as what, and who is not, before a room notices."""

import asyncio
import json
import logging
import time
from collections import Counter
from contextlib import suppress
from typing import Any

import httpx
import jwt
import pytest
from hubbub.voice.access import NoLock, check_lock
from hubbub.voice.config import parse_config
from hubbub.voice.event import ParticipantJoined
from hubbub.voice.secrecy import without_secrets, without_tokens
from hubbub.voice.server import create_app
from hubbub.voice.token import AUDIENCE, TokenRequest, mint
from live_house import KEY, ROOMS, live_house
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

ENVIRON = {"HUBBUB_SERVER_KEY": KEY}
LOCKED = "server: {access: {open: false}}\n" + ROOMS


def token(**wanted: Any) -> str:
    return mint(TokenRequest(**wanted), KEY)[0]


def forged(**changes: Any) -> str:
    now = int(time.time())
    return jwt.encode({"aud": AUDIENCE, "exp": now + 60, "iat": now, "jti": "1"} | changes, "f" * 40, "HS256")


async def refused(url: str, **options: Any) -> tuple[int, str, str]:
    """Status, code and words of a handshake that is refused."""
    with pytest.raises(InvalidStatus) as caught:
        await connect(url, **options)
    body = json.loads(caught.value.response.body or b"{}")
    return caught.value.response.status_code, body["error"]["code"], body["error"]["message"]


async def join(line: ClientConnection, **options: Any) -> dict[str, Any]:
    """Joins; the first event that is no sound: `joined` or `error`."""
    await line.send(json.dumps({"type": "join", **options}))
    async with asyncio.timeout(10):
        while isinstance(data := await line.recv(), bytes):
            pass
    return dict(json.loads(data))


# ── before it listens ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("server", "environ", "words"),
    [
        ("{host: 127.0.0.1}", {}, ""),
        ("{host: '::1'}", {}, ""),
        ("{host: localhost}", {}, ""),
        ("{host: 0.0.0.0}", {}, "hubbub token --new-key"),
        ("{host: 0.0.0.0}", {}, "hubbub serve --open"),
        ("{host: 0.0.0.0}", ENVIRON, ""),
        ("{host: 0.0.0.0, access: {open: true}}", {}, ""),
        ("{host: 127.0.0.1, access: {open: false}}", {}, "without a key"),
        ("{host: 127.0.0.1, access: {open: false}}", ENVIRON, ""),
        ("{host: 0.0.0.0}", {"HUBBUB_SERVER_KEY": "short"}, "at least 32 characters"),
        ("{host: 0.0.0.0, access: {keys: {acme: {key: '${ACME}'}}}}", {"ACME": "a" * 32}, ""),
    ],
)
def test_a_server_does_not_stand_open_by_mistake(server: str, environ: dict[str, str], words: str) -> None:
    config = parse_config(f"server: {server}\n{ROOMS}", environ=environ)
    if not words:
        check_lock(config.server, environ)
    else:
        with pytest.raises(NoLock, match=words):
            check_lock(config.server, environ)


# ── open ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_on_loopback_it_is_open() -> None:
    async with live_house() as live, connect(live.socket) as line:
        joined = await join(line, name="Kim")
        assert joined["type"] == "joined"
        async with httpx.AsyncClient(base_url=live.url) as client:
            assert (await client.get("/metrics")).status_code == 200
            assert (await client.post("/api/tokens")).status_code == 409, "there is no key to sign with"


async def test_a_page_of_elsewhere_is_refused_even_where_it_is_open() -> None:
    async with live_house() as live:
        assert (await refused(live.socket, origin="https://evil.example"))[:2] == (403, "forbidden")
        async with connect(live.socket, origin=live.url) as line:
            assert (await join(line))["type"] == "joined"
        async with httpx.AsyncClient(base_url=live.url) as client:
            answer = await client.get("/api/rooms", headers={"origin": "https://evil.example"})
            assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_an_origin_that_is_configured_is_let_in_and_may_read() -> None:
    config = "server: {access: {origins: ['https://app.example']}}\n" + ROOMS
    async with live_house(config) as live:
        async with connect(live.socket, origin="https://app.example") as line:
            assert (await join(line))["type"] == "joined"
        async with httpx.AsyncClient(base_url=live.url) as client:
            answer = await client.get("/api/rooms", headers={"origin": "https://app.example"})
            assert answer.headers["access-control-allow-origin"] == "https://app.example"


async def test_what_came_through_a_proxy_is_not_of_this_machine() -> None:
    async with live_house() as live:
        status, code, words = await refused(live.socket, additional_headers={"X-Forwarded-For": "1.2.3.4"})
        assert (status, code) == (401, "unauthorized")
        assert "--open" in words
    async with (
        live_house("server: {access: {open: true}}\n" + ROOMS) as live,
        connect(live.socket, additional_headers={"X-Forwarded-For": "1.2.3.4"}) as line,
    ):
        assert (await join(line))["type"] == "joined"


# ── locked ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("credential", "words"),
    [
        ("", "asks for a token"),
        (token() + "x", "signature"),
        (forged(), "signature"),
        (forged(exp=1), "signature"),
        (mint(TokenRequest(for_s=1), KEY, now=time.time() - 100)[0], "expired"),
        ("nonsense", "no JSON Web Token"),
        (KEY, "must not stand in an address"),
        (KEY[:-1] + "x", "no JSON Web Token"),
    ],
)
async def test_a_wrong_credential_is_refused_before_the_upgrade(credential: str, words: str) -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        status, code, said = await refused(f"{live.socket}?token={credential}")
        assert (status, code) == (401, "unauthorized")
        assert words in said
        async with httpx.AsyncClient(base_url=live.url) as client:
            same = await client.get("/api/voice", params={"token": credential})
            assert (same.status_code, same.json()["error"]["message"]) == (401, said), "browsers hide the answer: they ask again"
            assert same.headers["www-authenticate"] == "Bearer"
        assert live.house.rooms == {}, "no room noticed"


async def test_a_header_of_another_scheme_is_explained() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        status, _, words = await refused(live.socket, additional_headers={"Authorization": "Basic a2ltOnB3"})
        assert status == 401
        assert "Bearer TOKEN" in words


async def test_a_token_binds_room_name_and_role() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        url = f"{live.socket}?token={token(room='attic', name='Kim')}"
        async with connect(url) as line:
            error = await join(line, room="default")
            assert error["code"] == "forbidden"
            assert "opens the room 'attic'" in error["message"]
        assert (await refused(url + "&room=default"))[:2] == (403, "forbidden")
        async with connect(url + "&room=attic") as line:
            joined = await join(line, room="attic", name="Somebody else")
            assert (joined["room"], joined["name"]) == ("attic", "Kim")
            (session,) = live.house.sessions.values()
            assert session.grant.role == "speaker"
        async with httpx.AsyncClient(base_url=live.url, params={"token": token(room="attic")}) as client:
            assert [room["name"] for room in (await client.get("/api/rooms")).json()["rooms"]] == ["attic"]
            assert (await client.get("/metrics")).status_code == 403


@pytest.mark.parametrize(
    ("granted", "asked", "given"),
    [
        ("speaker", None, "speaker"), ("speaker", "moderator", "speaker"), ("speaker", "listener", "listener"),
        ("listener", "speaker", "listener"), ("moderator", None, "moderator"), ("moderator", "speaker", "speaker"),
    ],
)  # fmt: skip
async def test_nobody_is_more_than_his_token_says(granted: Any, asked: str | None, given: str) -> None:
    async with (
        live_house(LOCKED, environ=ENVIRON) as live,
        connect(live.socket, additional_headers={"Authorization": f"Bearer {token(role=granted)}"}) as line,
    ):
        joined = await join(line, name="Kim", **({"role": asked} if asked else {}))
        assert [one["role"] for one in joined["participants"] if one["name"] == "Kim"] == [given]


async def test_on_an_open_server_everybody_may_be_what_he_likes() -> None:
    async with live_house() as live:
        for asked, given in ((None, "speaker"), ("moderator", "moderator"), ("listener", "listener")):
            async with connect(live.socket) as line:
                joined = await join(line, name=given, **({"role": asked} if asked else {}))
                assert [one["role"] for one in joined["participants"] if one["name"] == given] == [given]


async def test_the_key_and_an_operator_s_token_see_the_metrics() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live, httpx.AsyncClient(base_url=live.url) as client:
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/healthz")).status_code == 200
        for credential in (KEY, token(role="moderator")):
            answer = await client.get("/metrics", headers={"authorization": f"Bearer {credential}"})
            assert answer.status_code == 200


async def test_a_token_for_one_seat_is_good_once_and_its_seat_comes_back() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        once = token(once=True, room="default")
        async with connect(f"{live.socket}?token={once}") as line:
            seat = await join(line, name="Kim")
            async with connect(f"{live.socket}?token={once}") as thief:
                assert (await join(thief))["code"] == "forbidden"
        async with connect(f"{live.socket}?token={once}") as line:
            again = await join(line, resume=seat["resume_token"])
            assert again["session"] == seat["session"]
        async with connect(f"{live.socket}?token={seat['resume_token']}") as line:
            again = await join(line, resume=seat["resume_token"])
            assert again["session"] == seat["session"], "the resume token is credential enough"
            await line.send('{"type": "leave"}')
            await line.wait_closed()
        assert (await refused(f"{live.socket}?token={once}"))[:2] == (401, "unauthorized")
        assert (await refused(f"{live.socket}?token={seat['resume_token']}"))[:2] == (401, "unauthorized")


async def test_a_lost_line_comes_back_after_its_token_has_expired() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        async with connect(f"{live.socket}?token={token(room='default')}") as line:
            seat = await join(line)
        live.house.access._wall_clock = lambda: time.time() + 10_000
        async with connect(f"{live.socket}?token={seat['resume_token']}") as line:
            assert (await join(line, resume=seat["resume_token"]))["session"] == seat["session"]


async def test_a_token_for_one_seat_is_not_spent_where_there_was_no_seat() -> None:
    config = "server: {access: {open: false}, limits: {max_sessions_per_room: 1}}\n" + ROOMS
    async with live_house(config, environ=ENVIRON) as live:
        once = token(once=True)
        async with connect(f"{live.socket}?token={token()}") as line:
            await join(line)
            async with connect(f"{live.socket}?token={once}") as second:
                assert (await join(second))["code"] == "room_full"
        async with connect(f"{live.socket}?token={once}") as line:
            assert (await join(line, room="attic"))["type"] == "joined"


# ── names ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", ["a" * 65, "a" * 100_000, "", "   ", "\u202eevil", "a\0b", "a\nb", "\ud83d"])
async def test_a_name_that_cannot_be_shown_is_refused(name: str) -> None:
    async with live_house() as live, connect(live.socket) as line:
        error = await join(line, name=name)
        assert (error["type"], error["fatal"]) == ("error", True)
        assert live.house.rooms == {}


async def test_markup_in_a_name_is_only_text() -> None:
    name = "<img src=x onerror=alert(1)>"
    async with live_house() as live, connect(live.socket) as line:
        assert (await join(line, name=name))["name"] == name


# ── too many ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_ten_thousand_joins_from_one_address() -> None:
    """Who has joined too often is refused before the upgrade, and who was there notices nothing."""
    config = "server: {access: {open: true}, limits: {per_address: {joins_a_minute: 1}}}\n" + ROOMS
    async with live_house(config) as live, connect(live.socket) as line:
        seat = await join(line, name="Kim")
        log = live.house.sessions[seat["resume_token"]].log
        known = len(log)
        assert (await refused(live.socket))[:2] == (429, "too_many")
        app = create_app(live.house)
        answers = Counter([await _handshake(app) for _ in range(10_000)])
        assert answers.pop(429) >= 9_990
        assert set(answers) <= {101}, "one a minute may come in"
        assert not [event for event in list(log)[known:] if isinstance(event, ParticipantJoined)]
        await line.send('{"type": "ping"}')
        async with asyncio.timeout(10):
            while "pong" not in str(await line.recv()):
                pass


async def _handshake(app: Any) -> int:
    """The status that one handshake is answered with; 101 where it is accepted, and then the client goes."""
    scope = {
        "type": "websocket", "path": "/api/voice", "raw_path": b"/api/voice", "query_string": b"", "headers": [(b"host", b"h")],
        "subprotocols": [], "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80), "scheme": "ws", "root_path": "",
        "extensions": {"websocket.http.response": {}},
    }  # fmt: skip
    asked = iter([{"type": "websocket.connect"}, {"type": "websocket.disconnect", "code": 1006}])
    answered: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return next(asked)

    async def send(message: dict[str, Any]) -> None:
        answered.append(message)

    await app(scope, receive, send)
    return int(answered[0].get("status", 101))


async def until_closed(line: ClientConnection) -> list[dict[str, Any]]:
    """Every event until the server closes the line."""
    events: list[dict[str, Any]] = []
    with suppress(ConnectionClosed):
        async with asyncio.timeout(10):
            while True:
                data = await line.recv()
                if isinstance(data, str):
                    events.append(json.loads(data))
    return events


async def test_a_full_server_says_so_before_the_upgrade() -> None:
    async with live_house("server: {limits: {max_sessions: 1}}\n" + ROOMS) as live, connect(live.socket) as line:
        seat = await join(line)
        assert (await refused(live.socket))[:2] == (503, "server_full")
        async with connect(f"{live.socket}?resume={seat['resume_token']}") as again:
            assert (await join(again, resume=seat["resume_token"]))["session"] == seat["session"]


async def test_limits_of_a_key_hold_for_all_its_tokens() -> None:
    config = (
        "server: {access: {open: false, keys: {acme: {key: '${ACME}', limits: {sessions: 1, messages_a_minute: 100}}}}}\n" + ROOMS
    )
    acme = "a" * 40
    async with live_house(config, environ={"ACME": acme, **ENVIRON}) as live:
        first, second = (mint(TokenRequest(), acme, key_id="acme")[0] for _ in range(2))
        async with connect(f"{live.socket}?token={first}") as line:
            await join(line)
            status, code, words = await refused(f"{live.socket}?token={second}")
            assert (status, code) == (429, "too_many")
            assert "the key 'acme'" in words
            async with connect(f"{live.socket}?token={token()}") as other:
                assert (await join(other))["type"] == "joined"
            for number in range(130):
                await line.send(json.dumps({"type": "ping", "id": number}))
            errors = [event["code"] for event in await until_closed(line) if event["type"] == "error"]
            assert set(errors) == {"too_many_messages"}


async def test_minutes_that_are_used_up_end_the_session() -> None:
    config = "server: {access: {open: true}, limits: {per_address: {minutes_a_day: 1}}}\n" + ROOMS
    async with live_house(config) as live, connect(live.socket) as line:
        seat = await join(line)
        session = live.house.sessions[seat["resume_token"]]
        session.shares[0].talk(asyncio.get_running_loop().time(), 59.5)
        assert "minutes_used" in [event.get("code") for event in await until_closed(line)]
        assert live.house.sessions == {}
        assert session.shares == ()
        assert (await refused(live.socket))[:2] == (429, "too_many")


async def test_guessing_is_slow() -> None:
    async with live_house("server: {host: 0.0.0.0}\n" + ROOMS, environ=ENVIRON) as live, httpx.AsyncClient(base_url=live.url) as client:
        statuses = [(await client.get("/api/rooms", params={"token": forged()})).status_code for _ in range(25)]
        assert statuses[0] == 401
        assert statuses[-1] == 429


# ── the log ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_log_tells_no_token() -> None:
    secret = token()
    for line in (
        f"GET /api/voice?room=a&token={secret} HTTP/1.1", f"authorization: Bearer {secret}", f'{{"resume_token":"{secret[:24]}"}}',
        f"odd {secret} place", f"resume={secret[:24]}&x=1",
    ):  # fmt: skip
        assert secret[:24] not in without_tokens(line)
    assert without_tokens("room=default session=1f2e token=… joined") == "room=default session=1f2e token=… joined"
    record = logging.LogRecord("x", logging.INFO, "", 0, "%s took %d", (f"?token={secret}", 3), None)
    assert without_secrets(record)
    assert record.getMessage() == "?token=… took 3"
