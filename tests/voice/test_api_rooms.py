"""The rooms' API: what a moderator may do over HTTP, and what comes of bad input on every route."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from hubbub.agents.message import Msg
from hubbub.voice.event import Left, ParticipantChanged, ParticipantJoined, ParticipantLeft
from hubbub.voice.house import House
from hubbub.voice.server import create_app
from hubbub.voice.token import TokenRequest, mint
from live_house import KEY, ROOMS, make_house


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = make_house(ROOMS)
    yield house
    await house.directory.close()


@pytest.fixture
async def client(house: House) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(house)), base_url="http://voice.example") as client:
        yield client


DEBATE = {
    "name": "debate", "title": "A debate", "agents": [{"name": "Pro"}, {"name": "Contra"}, {"name": "Carl"}],
    "floor": {"policy": "moderator", "moderator": "Carl", "max_agent_turns": 8},
}  # fmt: skip


async def test_a_room_is_made_used_and_deleted(client: httpx.AsyncClient, house: House) -> None:
    made = await client.post("/api/rooms", json=DEBATE)
    assert made.status_code == 201 and made.headers["location"] == "/api/rooms/debate"
    assert (await client.post("/api/rooms", json=DEBATE)).status_code == 409
    kim = await house.join("debate", "Kim")
    told = (await client.get("/api/rooms/debate")).json()
    assert told["callers"] == ["Kim"] and [agent["name"] for agent in told["agents"]] == ["Pro", "Contra", "Carl"]
    assert told["floor"]["policy"] == "moderator" and told["floor"]["max_agent_turns"] == 8
    assert "debate" in [room["name"] for room in (await client.get("/api/rooms")).json()["rooms"]]
    assert (await client.delete("/api/rooms/debate")).status_code == 204
    assert isinstance(list(kim.log)[-1], Left) and kim.resume_token not in house.sessions
    assert (await client.get("/api/rooms/debate")).status_code == 404 and "debate" not in house.rooms


async def test_agents_come_and_go(client: httpx.AsyncClient, house: House) -> None:
    kim = await house.join("default", "Kim")
    made = await client.post("/api/rooms/default/agents", json={"name": "Zed", "prompt": "You are Zed.", "about": "money"})
    assert made.status_code == 201 and made.json()["name"] == "Zed"
    assert (await client.post("/api/rooms/default/agents", json={"name": "zed"})).status_code == 409
    changed = await client.patch("/api/rooms/default/agents/Zed", json={"muted": True, "quiet": True})
    assert changed.json()["muted"] and changed.json()["quiet"]
    assert (await client.delete("/api/rooms/default/agents/Zed")).status_code == 204
    assert (await client.delete("/api/rooms/default/agents/Zed")).status_code == 404
    told = [(type(event).__name__, event.participant.name) for event in kim.log if hasattr(event, "participant")]
    assert told == [("ParticipantJoined", "Zed"), ("ParticipantChanged", "Zed"), ("ParticipantLeft", "Zed")]


async def test_callers_are_changed_and_sent_away(client: httpx.AsyncClient, house: House) -> None:
    kim, lee = await house.join("default", "Kim"), await house.join("default", "Lee")
    assert (await client.patch("/api/rooms/default/callers/Kim", json={"role": "listener"})).json()["role"] == "listener"
    assert not kim.may_speak
    assert (await client.patch("/api/rooms/default/callers/Kim", json={"role": "speaker", "muted": True})).json()["muted"]
    assert not kim.may_speak
    assert not (await client.patch("/api/rooms/default/callers/Kim", json={"muted": False})).json()["muted"]
    assert kim.may_speak
    people = (await client.get("/api/rooms/default/participants")).json()["participants"]
    assert [(one["name"], one["kind"]) for one in people] == [("Ava", "agent"), ("Kim", "caller"), ("Lee", "caller")]
    assert (await client.delete("/api/rooms/default/callers/Kim")).status_code == 204
    assert isinstance(list(kim.log)[-1], Left) and [type(event) for event in lee.log][-1] is ParticipantLeft
    assert [session.name for session in house.rooms["default"].sessions.values()] == ["Lee"]
    assert ParticipantChanged in map(type, lee.log) and ParticipantJoined in map(type, kim.log)


async def test_an_agent_says_what_it_is_told_and_remembers_it(client: httpx.AsyncClient, house: House) -> None:
    assert (await client.post("/api/rooms/default/say", json={"text": "Hello."})).status_code == 409, "nobody is there to hear it"
    await house.join("default", "Kim")
    assert (await client.post("/api/rooms/default/say", json={"text": "Hello.", "agent": "Ava"})).json() == {"agent": "Ava"}
    await house.rooms["default"].seats[0].agent.observe([])
    memory = await client.get("/api/rooms/default/agents/Ava/memory")
    assert memory.status_code == 200 and memory.json()["messages"] == []
    for _ in range(40):
        answer = await client.post("/api/rooms/default/say", json={"text": "Again."})
    assert answer.status_code == 429, "what waits to be said is bounded"


async def test_an_aside(client: httpx.AsyncClient, house: House) -> None:
    await house.join("default", "Kim")
    made = await client.post("/api/rooms/default/agents/Ava/aside", json={"caller": "Kim"})
    assert made.status_code == 201 and made.json() == {"agent": "Ava", "caller": "Kim", "others_wait": False}
    people = (await client.get("/api/rooms/default/participants")).json()["participants"]
    assert [one["aside"] for one in people] == ["Kim", "Ava"]
    assert (await client.post("/api/rooms/default/agents/Ava/aside", json={"caller": "Kim"})).status_code == 409
    alone = await client.post("/api/rooms/default/say", json={"text": "Dinner is ready."})
    assert alone.status_code == 409 and "alone with Kim" in alone.text, "words for all are not said to one"
    assert (await client.delete("/api/rooms/default/agents/Ava/aside")).status_code == 204
    assert (await client.delete("/api/rooms/default/agents/Ava/aside")).status_code == 404


BAD: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/api/rooms", {}, 400, "agents"),
    ("POST", "/api/rooms", {"name": "a b", "agents": []}, 400, "name"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": ""}]}, 400, "agents.0.name"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A"}, {"name": "a"}]}, 400, "agents"),
    ("POST", "/api/rooms", {"name": "x", "agents": [], "colour": "red"}, 400, "colour"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A"}], "floor": "chaos"}, 400, "floor.policy"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A"}], "floor": "moderator"}, 400, "floor.policy"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A"}], "floor": {"order": ["B"]}}, 400, "floor.order"),
    ("POST", "/api/rooms", {"name": "x", "agents": [], "floor": {"policy": "script", "script": "/etc/passwd"}}, 400, "floor.script"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A", "model": {"base_url": "http://x"}}]}, 400, "agents.0.model.base_url"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": "A", "model": {"api_key": "k"}}]}, 400, "agents.0.model.api_key"),
    ("POST", "/api/rooms", {"name": "x", "agents": [{"name": f"A{n}"} for n in range(17)]}, 400, "agents"),
    ("POST", "/api/rooms", [], 400, "object"),
    ("POST", "/api/rooms", "not json", 400, "JSON"),
    ("POST", "/api/rooms", {"name": "x", "title": "t" * 70_000, "agents": []}, 413, "bytes"),
    ("GET", "/api/rooms/nowhere", None, 404, "nowhere"),
    ("DELETE", "/api/rooms/nowhere", None, 404, "nowhere"),
    ("GET", "/api/rooms/nowhere/participants", None, 404, "nowhere"),
    ("POST", "/api/rooms/nowhere/agents", {"name": "A"}, 404, "nowhere"),
    ("POST", "/api/rooms/default/agents", {"name": "A", "voice": {"speed": 0}}, 400, "voice.speed"),
    ("POST", "/api/rooms/default/agents", {"name": "A", "model": {"base_url": "http://10.0.0.1"}}, 400, "model.base_url"),
    ("PATCH", "/api/rooms/default/agents/Ava", {}, 400, "muted"),
    ("PATCH", "/api/rooms/default/agents/Ava", {"muted": "perhaps"}, 400, "muted"),
    ("PATCH", "/api/rooms/default/agents/Nobody", {"muted": True}, 404, "Ava"),
    ("DELETE", "/api/rooms/default/agents/Nobody", None, 404, "Ava"),
    ("PATCH", "/api/rooms/default/callers/Nobody", {"muted": True}, 404, "none"),
    ("PATCH", "/api/rooms/default/callers/Nobody", {"role": "king"}, 400, "role"),
    ("DELETE", "/api/rooms/default/callers/Nobody", None, 404, "none"),
    ("POST", "/api/rooms/default/say", {}, 400, "text"),
    ("POST", "/api/rooms/default/say", {"text": "x" * 4001}, 400, "text"),
    ("POST", "/api/rooms/default/agents/Ava/aside", {"caller": "Nobody"}, 404, "Nobody"),
    ("POST", "/api/rooms/default/agents/Ava/aside", {}, 400, "caller"),
    ("GET", "/api/rooms/default/agents/Ava/memory?last=many", None, 400, "last"),
    ("GET", "/api/rooms/default/agents/Nobody/memory", None, 404, "Ava"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "names"), BAD)
async def test_bad_input_is_answered_with_what_is_wrong(
    client: httpx.AsyncClient, method: str, path: str, body: Any, status: int, names: str
) -> None:
    content = {"content": body} if isinstance(body, str) else {"json": body} if body is not None else {}
    answer = await client.request(method, path, **content)
    assert answer.status_code == status, answer.text
    assert names in answer.json()["error"]["message"]


CHANGES = [
    ("POST", "/api/rooms"), ("DELETE", "/api/rooms/default"), ("POST", "/api/rooms/default/agents"),
    ("PATCH", "/api/rooms/default/agents/Ava"), ("DELETE", "/api/rooms/default/agents/Ava"),
    ("POST", "/api/rooms/default/agents/Ava/aside"),
    ("DELETE", "/api/rooms/default/agents/Ava/aside"), ("PATCH", "/api/rooms/default/callers/Kim"),
    ("DELETE", "/api/rooms/default/callers/Kim"), ("POST", "/api/rooms/default/say"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_only_a_moderator_of_the_room_changes_it(method: str, path: str) -> None:
    house = make_house("server: {access: {open: false}}\n" + ROOMS, environ={"HUBBUB_SERVER_KEY": KEY})
    speaker, _ = mint(TokenRequest(room="default", role="speaker"), KEY)
    elsewhere, _ = mint(TokenRequest(room="attic", role="moderator"), KEY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(house)), base_url="http://voice.example") as client:
        assert (await client.request(method, path, json={})).status_code == 401
        assert (await client.request(method, path, json={}, headers={"authorization": f"Bearer {speaker}"})).status_code == 403
        refused = await client.request(method, path, json={**DEBATE}, headers={"authorization": f"Bearer {elsewhere}"})
        assert refused.status_code == 403
        here = (await client.get("/api/rooms/default", headers={"authorization": f"Bearer {speaker}"})).status_code
        there = (await client.get("/api/rooms/attic", headers={"authorization": f"Bearer {speaker}"})).status_code
        assert (here, there) == (200, 403)
    await house.directory.close()


@pytest.mark.parametrize(
    ("shown_to", "people", "asker", "role", "status"),
    [
        ("own", ["Kim"], "Kim", "speaker", 200), ("own", ["Kim"], "Kim", "listener", 200), ("own", [], "Kim", "speaker", 200),
        ("own", ["Kim", "Lee"], "Kim", "speaker", 403), ("own", ["Lee"], "Kim", "speaker", 403),
        ("own", ["Kim"], None, "speaker", 403), ("own", ["None"], None, "speaker", 403), ("own", ["Kim", "Lee"], "Max", "moderator", 200),
        ("moderators", ["Kim"], "Kim", "speaker", 403), ("moderators", [], "Kim", "speaker", 403),
        ("moderators", ["Kim"], "Max", "moderator", 200),
        ("callers", ["Kim", "Lee"], "Kim", "speaker", 200), ("callers", ["Kim", "Lee"], None, "listener", 200),
    ],
)  # fmt: skip
async def test_who_may_look_at_a_memory(shown_to: str, people: list[str], asker: str | None, role: Any, status: int) -> None:
    own_rooms = ROOMS.replace("[{name: Ava}]", f"[{{name: Ava}}], memory_shown_to: {shown_to}")
    config = "server: {access: {open: false}}\n" + own_rooms
    house = make_house(config, environ={"HUBBUB_SERVER_KEY": KEY})
    token, _ = mint(TokenRequest(room="default", name=asker, role=role), KEY)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(house)), base_url="http://voice.example") as client:
        room = await house.directory.room("default")
        agent = room.seat("Ava").agent
        for name in people:
            await agent.observe(Msg(name, f"I am {name}", "user"))
            await agent.observe(Msg("Ava", f"Hello {name}", "assistant"))
        answer = await client.get("/api/rooms/default/agents/Ava/memory?last=1", headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status, answer.text
        if status == 200:
            assert [message["name"] for message in answer.json()["messages"]] == ["Ava"][: len(people)]
    await house.directory.close()


async def test_an_open_server_shows_a_memory_to_everybody(client: httpx.AsyncClient, house: House) -> None:
    room = await house.directory.room("default")
    await room.seat("Ava").agent.observe(Msg("Lee", "hello", "user"))
    assert (await client.get("/api/rooms/default/agents/Ava/memory")).json()["messages"][0]["text"] == "hello"


async def test_rooms_are_bounded() -> None:
    house = make_house("server: {limits: {max_rooms: 3}}\n" + ROOMS)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(create_app(house)), base_url="http://voice.example") as client:
        assert (await client.post("/api/rooms", json={"name": "one", "agents": []})).status_code == 201
        full = await client.post("/api/rooms", json={"name": "two", "agents": []})
        assert full.status_code == 429 and "max_rooms" in full.text
        await client.delete("/api/rooms/one")
        assert (await client.post("/api/rooms", json={"name": "two", "agents": []})).status_code == 201
    await house.directory.close()
