"""`POST /api/tokens` and `hubbub token`: who may make tokens, and which."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hubbub.voice.cli import main
from hubbub.voice.server import create_app
from hubbub.voice.token import TokenRequest, mint, read
from live_house import KEY, ROOMS, make_house

KEYS = {"server": KEY}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    house = make_house("server: {access: {open: false}}\n" + ROOMS, environ={"HUBBUB_SERVER_KEY": KEY})
    transport = httpx.ASGITransport(create_app(house))
    async with httpx.AsyncClient(transport=transport, base_url="http://voice.example") as client:
        yield client


async def ask(client: httpx.AsyncClient, body: Any, credential: str = KEY) -> httpx.Response:
    return await client.post("/api/tokens", json=body, headers={"authorization": f"Bearer {credential}"})


async def test_the_key_makes_tokens(client: httpx.AsyncClient) -> None:
    answer = await ask(client, {"room": "attic", "name": "Kim", "role": "listener", "for_s": 60, "once": True})
    assert answer.status_code == 201
    made = answer.json()
    claims = read(made["token"], KEYS)[1]
    assert (claims.room, claims.name, claims.role, claims.once, claims.exp - claims.iat) == ("attic", "Kim", "listener", True, 60)
    assert made["link"] == f"http://voice.example/?room=attic#token={made['token']}"
    assert (made["room"], made["role"], made["once"]) == ("attic", "listener", True)
    assert made["expires"].endswith("+00:00")


async def test_an_empty_body_makes_a_speaker_for_an_hour(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/tokens", headers={"authorization": f"Bearer {KEY}"})
    claims = read(answer.json()["token"], KEYS)[1]
    assert (claims.room, claims.role, claims.exp - claims.iat) == (None, "speaker", 3600)


async def test_a_moderator_invites_to_his_room_for_as_long_as_he_may_be_there(client: httpx.AsyncClient) -> None:
    moderator, mine = mint(TokenRequest(room="attic", role="moderator", for_s=600), KEY)
    answer = await ask(client, {"for_s": 86_400}, moderator)
    claims = read(answer.json()["token"], KEYS)[1]
    assert (claims.room, claims.role) == ("attic", "speaker")
    assert claims.exp <= mine.exp + 1
    assert (await ask(client, {"room": "default"}, moderator)).status_code == 403
    assert (await ask(client, {"role": "moderator"}, moderator)).status_code == 403


@pytest.mark.parametrize("role", ["speaker", "listener"])
async def test_others_make_none(client: httpx.AsyncClient, role: Any) -> None:
    answer = await ask(client, {}, mint(TokenRequest(role=role), KEY)[0])
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "forbidden")


async def test_without_a_credential_none_are_made(client: httpx.AsyncClient) -> None:
    assert (await client.post("/api/tokens", json={})).status_code == 401
    assert (await client.get("/api/tokens")).status_code == 405


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"room": "../x"}, 400, "field 'room'"),
        ({"room": "a" * 100}, 400, "field 'room'"),
        ({"name": "\u202e"}, 400, "printable"),
        ({"name": ""}, 400, "field 'name'"),
        ({"role": "king"}, 400, "field 'role'"),
        ({"for_s": 0}, 400, "field 'for_s'"),
        ({"for_s": 10**12}, 400, "field 'for_s'"),
        ({"romm": "attic"}, 400, "field 'romm'"),
        ([], 400, "must be a JSON object"),
        ("x" * 70_000, 413, "at most 65536 bytes"),
    ],
)
async def test_a_wrong_body_is_explained(client: httpx.AsyncClient, body: Any, status: int, words: str) -> None:
    answer = await ask(client, body)
    assert answer.status_code == status
    assert words in answer.json()["error"]["message"]


@pytest.mark.parametrize("content", [b"{", b"\xff", b"[" * 60_000])
async def test_what_is_not_json_is_refused(client: httpx.AsyncClient, content: bytes) -> None:
    answer = await client.post("/api/tokens", content=content, headers={"authorization": f"Bearer {KEY}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert "JSON" in answer.json()["error"]["message"]


# ── hubbub token ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_command_prints_a_token(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUBBUB_SERVER_KEY", KEY)
    assert main(["token", "--room", "attic", "--name", "Kim", "--role", "listener", "--for", "90s", "--once"]) == 0
    claims = read(capsys.readouterr().out.strip(), KEYS)[1]
    assert (claims.room, claims.name, claims.role, claims.once, claims.exp - claims.iat) == ("attic", "Kim", "listener", True, 90)


def test_a_new_key_is_long_enough_and_another_each_time(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "--new-key"]) == main(["token", "--new-key"]) == 0
    first, second = capsys.readouterr().out.split()
    assert first != second
    assert len(first) >= 32


def test_a_key_of_the_file_signs(tmp_path: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HUBBUB_SERVER_KEY", raising=False)
    monkeypatch.setenv("ACME", KEY)
    path = tmp_path / "rooms.yaml"
    path.write_text("server: {access: {keys: {acme: {key: '${ACME}'}}}}\n" + ROOMS)
    assert main(["token", str(path), "--key-id", "acme", "--room", "attic", "--link", "https://voice.example/"]) == 0
    link = capsys.readouterr().out.strip()
    assert link.startswith("https://voice.example/?room=attic#token=")
    assert read(link.partition("#token=")[2], {"acme": KEY})[0] == "acme"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "set HUBBUB_SERVER_KEY"),
        (["--key-id", "acme"], "there is no key 'acme'"),
        (["--room", "a b"], "field 'room'"),
        (["missing.yaml"], "cannot be read"),
    ],
)
def test_the_command_says_what_is_wrong(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HUBBUB_SERVER_KEY", raising=False)
    assert main(["token", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("time", ["", "1", "h", "0s", "31d", "1 h", "-5m", "9" * 30 + "s"])
def test_a_time_that_is_none_is_refused(time: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["token", f"--for={time}"])
    assert ended.value.code == 2
    assert "must be a time such as" in capsys.readouterr().err
