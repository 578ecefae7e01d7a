"""The operator's API on a served house: at a glance, errors, latency, recordings, timelines and replays."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from hubbub.voice.client import SimulatedLoudspeaker, VoiceClient
from hubbub.voice.event import Reply, Transcript
from hubbub.voice.grant import Refused
from hubbub.voice.operate.listening import Tickets
from hubbub.voice.record import DECISIONS, META
from hubbub.voice.token import TokenRequest, mint
from live_house import KEY, ROOMS, LiveHouse, live_house

PATIENCE_S = 30
TONE = (np.sin(np.arange(16 * 700) * 0.35) * 9000).astype(np.int16).tobytes()


@asynccontextmanager
async def watched(config: str = ROOMS, **options: Any) -> AsyncIterator[tuple[LiveHouse, httpx.AsyncClient]]:
    async with live_house(config, **options) as live, httpx.AsyncClient(base_url=live.url, timeout=PATIENCE_S) as client:
        yield live, client


async def talk(live: LiveHouse, *, leave: bool = True) -> None:
    """One caller says something, hears the answer, and goes."""
    async with VoiceClient(live.url, name="Kim") as client, SimulatedLoudspeaker(client) as speaker:
        for start in range(0, len(TONE), 640):
            await client.send_audio(TONE[start : start + 640])
        async with asyncio.timeout(PATIENCE_S):
            async for item in client:
                speaker.take(item)
                if isinstance(item, Reply) and item.final:
                    break


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(f"/api/operator{path}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


# ── who may look ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("config", "environ", "credential", "status"),
    [
        ("", {}, "", 200),
        ("server: {access: {open: false}}\n", {"HUBBUB_SERVER_KEY": KEY}, "", 401),
        ("server: {access: {open: false}}\n", {"HUBBUB_SERVER_KEY": KEY}, KEY, 200),
        ("server: {access: {open: false}}\n", {"HUBBUB_SERVER_KEY": KEY}, "moderator", 200),
        ("server: {access: {open: false}}\n", {"HUBBUB_SERVER_KEY": KEY}, "moderator of a room", 403),
        ("server: {access: {open: false}}\n", {"HUBBUB_SERVER_KEY": KEY}, "speaker", 403),
        ("server: {access: {open: true}}\n", {}, "", 401),
        ("server: {access: {open: true}}\n", {"HUBBUB_SERVER_KEY": KEY}, "", 401),
        ("server: {access: {open: true}}\n", {"HUBBUB_SERVER_KEY": KEY}, KEY, 200),
    ],
)
async def test_who_may_look(config: str, environ: dict[str, str], credential: str, status: int) -> None:
    tokens = {
        "moderator": mint(TokenRequest(role="moderator"), KEY)[0],
        "moderator of a room": mint(TokenRequest(role="moderator", room="default"), KEY)[0],
        "speaker": mint(TokenRequest(), KEY)[0],
    }
    headers = {"authorization": f"Bearer {tokens.get(credential, credential)}"} if credential else {}
    async with watched(config + ROOMS, environ=environ) as (_, client):
        for path in ("", "/errors", "/latency", "/turns", "/recordings"):
            answer = await client.get(f"/api/operator{path}", headers=headers)
            assert answer.status_code == status, (path, answer.text)


# ── the server ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_server_at_a_glance() -> None:
    async with watched(heard=["hello"]) as (live, client):
        await talk(live)
        async with VoiceClient(live.url, name="Lee", room="attic") as lee:
            seen = await get(client, "")
            assert seen["open"] is True
            assert seen["engines"]["vad"]["name"] == "energy"
            assert seen["clock"]["ticks"] > 0
            assert seen["counters"]["turns"] == 1
            assert seen["recording"] == {"on": False, "sessions": 0}
            assert {room["name"]: room["callers"] for room in seen["rooms"]} == {"default": [], "attic": ["Lee"]}
            (session,) = seen["sessions"]
            assert (session["id"], session["connection"], session["connected"]) == (lee.joined.session, "websocket", True)
            assert (session["last_turn"], session["recording"], session["address"]) == (None, None, "127.0.0.1")
            await lee.disconnect()
            async with asyncio.timeout(PATIENCE_S):
                while (session := (await get(client, ""))["sessions"][0])["connected"]:
                    await asyncio.sleep(0.02)
            assert session["connection"] is None
            assert session["away_s"] >= 0


async def test_latency_and_turns() -> None:
    async with watched(heard=["hello"]) as (live, client):
        assert (await get(client, "/latency"))["parts"] == {}
        await talk(live)
        seen = await get(client, "/latency", last=5)
        (turn,) = (await get(client, "/turns"))["turns"]
        assert turn["room"] == "default"
        assert seen["turns"] == seen["since_start"]["turns"] == 1
        assert seen["parts"]["total"]["p50"] == seen["parts"]["total"]["max"] == turn["latency"]["total_ms"]
        parts = [value for name, value in turn["latency"].items() if name not in ("total_ms", "overlap_ms", "trimmed_ms")]
        assert abs(sum(parts) - turn["latency"]["total_ms"]) < 1
        assert seen["since_start"]["parts"]["total"]["p50"] >= turn["latency"]["total_ms"]
        assert (await get(client, "/latency", room="attic"))["turns"] == 0
        assert (await get(client, "/turns", session="nobody"))["turns"] == []


async def test_errors_are_kept_with_ids_and_without_secrets() -> None:
    secret = mint(TokenRequest(), KEY)[0]
    async with watched() as (live, client):
        async with VoiceClient(live.url, name="Kim") as kim:
            await kim._socket.send('{"type": "sing"}')  # type: ignore[union-attr]
            await kim.ping(1)
            async for item in kim:
                if getattr(item, "type", "") == "pong":
                    break
        log = logging.getLogger("hubbub.session")
        for _ in range(3):
            log.warning("session=%s room=%s odd ?token=%s", "1f2e", "attic", secret)
        try:
            raise ValueError(f"no: Bearer {secret}")
        except ValueError:
            log.exception("it broke")
        seen = await get(client, "/errors")
        broke, odd, told = seen["errors"][:3]
        assert broke["message"] == "it broke"
        assert "ValueError: no" in broke["detail"]
        assert (odd["times"], odd["session"], odd["room"], odd["level"]) == (3, "1f2e", "attic", "warning")
        assert (told["logger"], told["session"], told["level"]) == ("hubbub.told", kim.joined.session, "error")
        assert "code=unknown_message" in told["message"]
        assert secret[:20] not in json.dumps(seen)
        assert len((await get(client, "/errors", limit=1))["errors"]) == 1


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/errors", {"limit": "0"}), ("/errors", {"limit": "-1"}), ("/errors", {"limit": "x"}), ("/errors", {"limit": "9" * 30}),
        ("/latency", {"last": "2001"}), ("/turns", {"limit": "٣"}), ("/turns", {"limit": ""}),
    ],
)  # fmt: skip
async def test_a_wrong_number_is_named(path: str, query: dict[str, str]) -> None:
    async with watched() as (_, client):
        answer = await client.get(f"/api/operator{path}", params=query)
        assert answer.status_code == 400
        assert "must be a whole number from" in answer.json()["error"]["message"]


# ── recordings ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def wait_for(client: httpx.AsyncClient, replay: str) -> Any:
    async with asyncio.timeout(PATIENCE_S):
        while (seen := await get(client, f"/replays/{replay}"))["state"] in ("waiting", "running"):
            await asyncio.sleep(0.05)
    return seen


async def settled(client: httpx.AsyncClient, name: str) -> Any:
    """The recording once its last line is on disk."""
    async with asyncio.timeout(PATIENCE_S):
        while (info := await get(client, f"/recordings/{name}"))["state"] != "complete":
            await asyncio.sleep(0.02)
    return info


async def test_a_recording_is_listed_drawn_heard_and_replayed(tmp_path: Path) -> None:
    async with watched(heard=["hello there"], record=tmp_path) as (live, client):
        await talk(live)
        listed = await get(client, "/recordings")
        assert listed["on"]
        (name,) = (one["name"] for one in listed["recordings"])
        info = await settled(client, name)
        assert (info["caller"], info["room"], info["from_start"]) == ("Kim", "default", True)
        assert info["seconds"] > 1

        drawn = await get(client, f"/recordings/{name}/timeline", peaks=50)
        assert len(drawn["heard"]["peaks"]) == len(drawn["played"]["peaks"]) == len(drawn["vad"]) == 50
        assert max(high for _, high in drawn["heard"]["peaks"]) > 0.2
        assert max(high for _, high in drawn["played"]["peaks"]) > 0.1
        assert max(drawn["vad"]) > 0.9
        (commit,) = [one for one in drawn["decisions"] if one["kind"] == "Commit"]
        assert commit["text"] == "hello there"
        (reply,) = drawn["replies"]
        assert reply["how"] == "ended"
        assert reply["to_ms"] > reply["from_ms"] > commit["at_ms"] - 100
        assert [event["text"] for event in drawn["events"] if event["type"] == "transcript" and event["final"]] == ["hello there"]
        assert "resume_token" not in json.dumps(drawn)
        stretch = await get(client, f"/recordings/{name}/timeline", peaks=10, from_ms=500, to_ms=900)
        assert (stretch["from_ms"], stretch["to_ms"], stretch["bucket_ms"]) == (500, 900, 40)
        assert all(500 <= one["at_ms"] <= 900 for one in stretch["decisions"])

        assert reply["known"] == "reported"  # where it stalls is the business of tests in simulated time: a busy machine may
        assert reply["heard_samples"] == reply["sent_samples"] == sum(run["to_sample"] - run["from_sample"] for run in reply["heard"])
        assert max(high for _, high in drawn["ear"]["peaks"]) > 0.1

        for track in ("heard", "played", "ear", "ear"):
            sound = await client.get(f"/api/operator/recordings/{name}/{track}.flac")
            assert (sound.status_code, sound.headers["content-type"]) == (200, "audio/flac")
            assert sound.content[:4] == b"fLaC"

        ordered = await client.post(f"/api/operator/recordings/{name}/replay")
        assert ordered.status_code == 202
        seen = await wait_for(client, ordered.json()["id"])
        assert (seen["state"], seen["progress"], seen["error"]) == ("done", 1.0, "")
        assert seen["outcome"]["same"] is True, seen["outcome"]["differences"]

        body = {"policy": {"action_delay_ms": 100, "timeout_ms": 200}}
        other = await wait_for(client, (await client.post(f"/api/operator/recordings/{name}/replay", json=body)).json()["id"])
        assert other["outcome"]["same"] is False
        assert other["outcome"]["differences"][0]["at_ms"] > 0

        wrong = await wait_for(
            client, (await client.post(f"/api/operator/recordings/{name}/replay", json={"policy": {"patience": 1}})).json()["id"]
        )
        assert wrong["state"] == "failed"
        assert "must be NAME=VALUE with one of the names" in wrong["error"]

        assert (await client.delete(f"/api/operator/recordings/{name}")).status_code == 204
        assert (await get(client, "/recordings"))["recordings"] == []
        assert (await client.get(f"/api/operator/recordings/{name}")).status_code == 404


LOCKED = "server: {access: {open: false}}\n" + ROOMS


async def test_a_ticket_opens_the_sound_of_one_recording_and_nothing_else(tmp_path: Path) -> None:
    bearer = {"authorization": f"Bearer {KEY}"}
    async with watched(LOCKED, environ={"HUBBUB_SERVER_KEY": KEY}, record=tmp_path) as (live, client):
        for _ in range(2):
            async with VoiceClient(live.url, name="Kim", token=KEY):
                await asyncio.sleep(0.05)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                listed = (await client.get("/api/operator/recordings", headers=bearer)).json()["recordings"]
                if [one["state"] for one in listed] == ["complete", "complete"]:
                    break
                await asyncio.sleep(0.02)
        first, second = (one["name"] for one in listed)
        given = await client.post(f"/api/operator/recordings/{first}/listen", headers=bearer)
        ticket = given.json()["ticket"]
        assert given.json()["expires_in_s"] == 900
        assert KEY not in ticket

        async def status(path: str, shown: str = ticket) -> int:
            return (await client.get(f"/api/operator{path}?ticket={shown}")).status_code

        assert await status(f"/recordings/{first}/heard.flac") == 200
        ranged = await client.get(f"/api/operator/recordings/{first}/heard.flac?ticket={ticket}", headers={"range": "bytes=4-7"})
        assert (ranged.status_code, len(ranged.content)) == (206, 4), "an element can seek in it"
        assert await status(f"/recordings/{second}/heard.flac") == 401
        for path in ("", "/errors", "/recordings", f"/recordings/{first}", f"/recordings/{first}/timeline"):
            assert await status(path) == 401
        for wrong in ("", "x", ticket[:-1], ticket[:-1] + "g", f"9{ticket}", "٣." + ticket.partition(".")[2], "0." + "0" * 64):
            assert await status(f"/recordings/{first}/heard.flac", wrong) == 401
        assert (await client.post(f"/api/operator/recordings/{first}/listen")).status_code == 401
        assert (await client.post(f"/api/operator/recordings/{first}/listen?ticket={ticket}")).status_code == 401


def test_a_ticket_ends_with_its_time_and_with_the_token_that_it_was_given_for() -> None:
    now = [1_000_000.0]
    tickets = Tickets(KEY, wall_clock=lambda: now[0])
    ticket, good_for_s = tickets.make("one")
    short, short_s = tickets.make("one", until=1_000_060)
    assert (good_for_s, short_s) == (900, 60)
    Tickets(KEY, wall_clock=lambda: now[0]).check("one", ticket)  # another process with the same key
    with pytest.raises(Refused, match="none for the sound"):
        Tickets(None, wall_clock=lambda: now[0]).check("one", ticket)
    now[0] += 60
    tickets.check("one", ticket)
    with pytest.raises(Refused, match="expired"):
        tickets.check("one", short)
    now[0] += 840
    with pytest.raises(Refused, match="expired"):
        tickets.check("one", ticket)


async def test_recording_is_switched_per_session(tmp_path: Path) -> None:
    async with watched(heard=["hello"], record=tmp_path) as (live, client), VoiceClient(live.url, name="Kim") as kim:
        path = f"/api/operator/sessions/{kim.joined.session}/record"
        first = (await get(client, ""))["sessions"][0]["recording"]
        assert (await get(client, f"/recordings/{first}"))["state"] == "recording"
        assert (await client.get(f"/api/operator/recordings/{first}/heard.flac")).status_code == 409
        assert (await client.delete(f"/api/operator/recordings/{first}")).status_code == 409
        assert (await client.post(f"/api/operator/recordings/{first}/replay")).status_code == 409
        assert (await client.post(path, json={"on": False})).json()["recording"] is None
        await settled(client, first)
        async with asyncio.timeout(PATIENCE_S):
            while live.house.sessions[kim.joined.resume_token].ear.at < 16_000:  # a second of silence
                await asyncio.sleep(0.02)
        second = (await client.post(path, json={"on": True})).json()["recording"]
        assert second not in (None, first)
        for start in range(0, len(TONE), 640):
            await kim.send_audio(TONE[start : start + 640])
        async for item in kim:
            if isinstance(item, Transcript) and item.final:
                break
        await client.post(path, json={"on": False})
        info = await settled(client, second)
        assert info["from_start"] is False
        drawn = await get(client, f"/recordings/{second}/timeline", peaks=20)
        (commit,) = [one for one in drawn["decisions"] if one["kind"] == "Commit"]
        assert 700 <= commit["at_ms"] <= drawn["seconds"] * 1000, "time begins with the recording"
        seen = await wait_for(client, (await client.post(f"/api/operator/recordings/{second}/replay")).json()["id"])
        assert seen["state"] == "failed"
        assert "begins in the middle of its session" in seen["error"]


async def test_where_nothing_is_recorded_it_says_so() -> None:
    async with watched() as (live, client), VoiceClient(live.url) as kim:
        assert await get(client, "/recordings") == {"on": False, "recordings": [], "left_out": 0}
        answer = await client.post(f"/api/operator/sessions/{kim.joined.session}/record", json={"on": True})
        assert answer.status_code == 409
        assert "--record DIR" in answer.json()["error"]["message"]
        assert (await client.post("/api/operator/sessions/nobody/record", json={"on": True})).status_code == 404
        assert (await client.post("/api/operator/sessions/nobody/record", json={"on": 1})).status_code == 400


async def test_damage_is_named(tmp_path: Path) -> None:
    async with watched(heard=["hello"], record=tmp_path) as (live, client):
        await talk(live)
        (name,) = (one["name"] for one in (await get(client, "/recordings"))["recordings"])
        await settled(client, name)
        decisions, meta = tmp_path / name / DECISIONS, tmp_path / name / META
        whole, facts = decisions.read_text("utf-8"), meta.read_text("utf-8")

        decisions.write_text(whole.replace('"k":"Commit"', '"k":"AbandonTurn"', 1))
        edited = await wait_for(client, (await client.post(f"/api/operator/recordings/{name}/replay")).json()["id"])
        assert edited["outcome"]["same"] is False
        assert "edited" in " ".join(edited["outcome"]["warnings"])

        decisions.write_text(whole[: len(whole) * 2 // 3])
        info = await get(client, f"/recordings/{name}")
        assert info["state"] == "cut off"
        assert info["seconds"] > 0
        assert "cut off" in " ".join((await get(client, f"/recordings/{name}/timeline"))["warnings"])

        meta.write_text(facts.replace('"format": 1', '"format": 7'))
        assert (await get(client, f"/recordings/{name}"))["state"] == "unreadable"
        for method, path in (("GET", "timeline"), ("POST", "replay")):
            answer = await client.request(method, f"/api/operator/recordings/{name}/{path}")
            assert answer.status_code == 422
            assert "use the Hubbub that made it" in answer.json()["error"]["message"]

        meta.write_text(facts)
        (tmp_path / name / "heard.flac").write_bytes(b"not flac")
        answer = await client.get(f"/api/operator/recordings/{name}/timeline")
        assert answer.status_code == 422
        assert "heard.flac" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["%2e%2e", "..%2f..", "nobody", "a" * 300, ".hidden", "%00", "link"])
async def test_only_recordings_are_reached(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    folder.mkdir()
    (tmp_path / "secret").mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    async with watched(record=folder) as (_, client):
        for path in ("", "/timeline", "/heard.flac"):
            assert (await client.get(f"/api/operator/recordings/{name}{path}")).status_code == 404
        assert (await client.delete(f"/api/operator/recordings/{name}")).status_code in (404, 405)
        assert (tmp_path / "secret").is_dir()


async def test_replays_that_wait_are_bounded_and_end_with_the_house(tmp_path: Path) -> None:
    async with watched(heard=["hello"], record=tmp_path) as (live, client):
        await talk(live)
        (name,) = (one["name"] for one in (await get(client, "/recordings"))["recordings"])
        await settled(client, name)
        answers = [await client.post(f"/api/operator/recordings/{name}/replay") for _ in range(11)]
        assert [answer.status_code for answer in answers].count(429) >= 1
        last = next(answer.json()["id"] for answer in reversed(answers) if answer.status_code == 202)
        assert (await client.delete(f"/api/operator/replays/{last}")).status_code == 204
        assert (await client.get(f"/api/operator/replays/{last}")).status_code == 404
        tasks = [replay.task for replay in live.house.watch.replays._replays.values()]
    assert all(task is not None and task.done() for task in tasks)
