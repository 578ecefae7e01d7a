"""What agents remember outlives the server, whatever the database does; and what is not to be kept is not."""

import asyncio
import logging
import sqlite3
from pathlib import Path
from typing import Any

import httpx
import pytest
from hubbub.agents.memory import sql_writer
from hubbub.agents.memory.sql import QUEUE_CHANGES, MemoryWriteError
from hubbub.agents.memory.sql_writer import Database
from hubbub.agents.message import Msg
from hubbub.agents.testing import ScriptedModel
from hubbub.voice.cli import main
from hubbub.voice.client import SimulatedLoudspeaker, VoiceClient
from hubbub.voice.config import parse_config
from hubbub.voice.event import Reply
from hubbub.voice.server import banner, configured, create_app
from hubbub.voice.store import RoomStore
from live_house import ROOMS, LiveHouse, live_house, make_house

COUNT = "One, two, three, four, five, six, seven, eight."


@pytest.fixture
def kept(tmp_path: Path) -> str:
    """A configuration with a store."""
    return f"server: {{store: {tmp_path / 'store.db'}}}\n{ROOMS}"


async def ask(live: LiveHouse, text: str, *, cut_after_ms: int | None = None) -> Reply:
    """Types something, hears the answer, or breaks into it, and answers how it ended."""
    async with VoiceClient(live.url, name="Kim") as kim, SimulatedLoudspeaker(kim) as speaker, asyncio.timeout(30):
        await kim.send_text(text)
        async for item in kim:
            speaker.take(item)
            if cut_after_ms is not None and any(speaker.playback.playhead(n) > 24 * cut_after_ms for n in range(1, 9)):
                cut_after_ms = None
                await kim.interrupt()
            if isinstance(item, Reply) and item.final:
                return item
    raise AssertionError("no reply")


async def remembered(live: LiveHouse, room: str = "default", agent: str = "Ava") -> list[dict[str, Any]]:
    async with httpx.AsyncClient(base_url=live.url) as client:
        answer = await client.get(f"/api/rooms/{room}/agents/{agent}/memory")
        answer.raise_for_status()
        messages: list[dict[str, Any]] = answer.json()["messages"]
        return messages


async def test_an_agent_remembers_after_a_restart_what_was_said_heard_and_not_heard(kept: str) -> None:
    async with live_house(kept, answer=COUNT) as live:
        reply = await ask(live, "count", cut_after_ms=600)
        assert reply.interrupted and reply.text and reply.unheard
        await ask(live, "once more")
        before = await remembered(live)
        assert [one["text"] for one in before[::2]] == ["count", "once more"]
    async with live_house(kept, answer="Welcome back.") as live:
        assert await remembered(live) == before, "with who broke in, and what was not heard"
        await ask(live, "hello again")
        assert [one["text"] for one in await remembered(live)] == [*(one["text"] for one in before), "hello again", "Welcome back."]
        model = live.house.directory._model_for_all
        assert isinstance(model, ScriptedModel) and "once more" in str(model.calls[-1]), "the model is shown what was said before"
        assert await remembered(live, "attic", "Ben") == [], "another room's agent has heard nothing of it"


async def test_without_a_store_it_forgets() -> None:
    async with live_house() as live:
        await ask(live, "count")
    async with live_house() as live:
        assert await remembered(live) == []
        assert "store" not in banner(live.house, "127.0.0.1", 1)


async def test_a_deleted_room_is_forgotten_and_a_call_s_own_room_never_kept(kept: str, tmp_path: Path) -> None:
    house = make_house(kept)
    await house.start()
    room = parse_config(ROOMS, environ={}).rooms["attic"]
    await house.create_room("made", room)
    await house.create_room("call-1", room, counted=False)
    for name in ("default", "made", "call-1"):
        opened = await house.directory.room(name)
        for seat in opened.seats:
            await seat.agent.observe(Msg("Kim", f"said in {name}", "user"))
    await house.delete_room("made")
    await house.close()
    with sqlite3.connect(tmp_path / "store.db") as database:
        rows = database.execute("SELECT session_id, message FROM hubbub_message").fetchall()
    assert [session for session, _ in rows] == ["default/Ava"] and "said in default" in rows[0][1]


async def test_no_more_is_kept_than_an_agent_remembers(tmp_path: Path) -> None:
    for lives in range(3):
        store = RoomStore(str(tmp_path / "store.db"))
        memory = await store.memory("default", "Ava", keep=100)
        for n in range(80):
            await memory.add(Msg("Kim", f"{lives}-{n}", "user"))
        assert memory.messages()[-1].content == f"{lives}-79" and len(memory.messages()) <= 100
        await store.close()
    with sqlite3.connect(tmp_path / "store.db") as database:
        assert database.execute("SELECT COUNT(*) FROM hubbub_message").fetchone()[0] <= 100


async def test_a_database_that_fails_stops_no_conversation_and_misses_nothing_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sql_writer, "RETRY_S", 0.001)
    write, broken = Database.write, [False]

    def fails(self: Database, changes: list[Any]) -> None:
        if broken[0]:
            raise sqlite3.OperationalError("disk is full")
        write(self, changes)

    monkeypatch.setattr(Database, "write", fails)
    store = RoomStore(str(tmp_path / "store.db"))
    memory = await store.memory("default", "Ava", keep=10_000)
    await memory.add(Msg("Kim", "before", "user"))
    await memory.flush()
    broken[0] = True
    for n in range(QUEUE_CHANGES + 50):
        await memory.add(Msg("Kim", str(n), "user"))
        assert store._store.waiting <= QUEUE_CHANGES
    await memory.flush()
    assert len(memory.messages()) == QUEUE_CHANGES + 51
    assert "disk is full" in caplog.text
    broken[0] = False
    while store._store.waiting:
        await asyncio.sleep(0.005)
    await memory.add(Msg("Kim", "after", "user"))
    await store.close()

    again = RoomStore(str(tmp_path / "store.db"))
    said = [msg.content for msg in (await again.memory("default", "Ava", keep=10_000)).messages()]
    await again.close()
    assert said == ["before", *map(str, range(QUEUE_CHANGES + 50)), "after"]


async def test_a_store_that_fails_as_the_server_closes_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(self: Database, changes: list[Any]) -> None:
        raise sqlite3.OperationalError("disk is full")

    store = RoomStore(str(tmp_path / "store.db"))
    memory = await store.memory("default", "Ava", keep=100)
    monkeypatch.setattr(Database, "write", fails)
    await memory.add(Msg("Kim", "lost", "user"))
    await store.close()
    assert "not all kept" in caplog.text and "disk is full" in caplog.text


def test_a_store_that_cannot_be_opened_stops_the_start_and_says_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "store.db").write_bytes(b"not a database" * 100)
    assert main(["serve", "--port", "0", "--store", str(tmp_path / "store.db")]) == 1
    (told,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]
    assert told.startswith("cannot start: the memory database") and "store.db" in told and "not a database" in told


async def test_a_password_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    store = RoomStore("postgresql://hubbub:hush@127.0.0.1:1/talk")
    assert store.shown == "postgresql://hubbub:…@127.0.0.1:1/talk"
    with caplog.at_level(logging.DEBUG), pytest.raises(MemoryWriteError) as failed:
        await store.open()
    assert "hush" not in caplog.text + str(failed.value)


async def test_the_banner_says_where_it_is_and_the_command_line_wins(kept: str, tmp_path: Path) -> None:
    house = make_house(kept)
    assert f"outlives this process, in {tmp_path / 'store.db'}" in banner(house, "127.0.0.1", 1)
    assert configured(parse_config(kept, environ={}), store="other.db").server.store == "other.db"
    create_app(house)
