"""Memory in a database: everything survives, written behind the conversation by one thread."""

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hubbub.agents import Msg, ReActAgent, SqlMemory, SqlStore
from hubbub.agents.memory import sql_writer
from hubbub.agents.memory.sql_writer import MIGRATIONS, Change, Database, MemoryWriteError
from hubbub.agents.testing import ScriptedModel


def said(text: str) -> Msg:
    return Msg("Bob", text, "user", id=text)


def texts(memory: SqlMemory, mark: str | None = None) -> list[str]:
    return [m.get_text_content() for m in memory.messages(mark=mark)]


@pytest.fixture
def path(tmp_path: Path) -> str:
    return str(tmp_path / "memory.db")


async def test_everything_survives(path: str) -> None:
    async with SqlStore(path) as store:
        memory = await store.memory("one")
        await memory.add([said("a"), said("b"), said("c"), said("d")], marks="m")
        memory.replace(Msg("Bob", "B", "user", {"x": [1]}, id="b"))
        memory.remove(["c"])
        memory.mark(["d"], "n", "m")
        memory.append(said("e"))
        memory.summarise("sum")
        other = await store.memory("two")
        await other.add(said("a"))
    async with SqlStore(path) as store:
        again = await store.memory("one")
        assert texts(again) == ["a", "B", "d", "e"] and again.messages()[1].metadata == {"x": [1]}
        assert texts(again, "m") == ["a", "B"] and texts(again, "n") == ["d"]
        assert again.compressed_summary == "sum" and again.state_dict() == memory.state_dict()
        again.append(said("f"))
        assert texts(await store.memory("two")) == ["a"]
        assert await store.sessions() == ["one", "two"]
        await store.delete_session("two")
        assert await store.sessions() == ["one"]
    reopened = await SqlMemory.open(path, "one")
    assert texts(reopened)[-1] == "f"
    await reopened.clear()
    await reopened.close()
    async with SqlStore(f"sqlite:///{path}") as store:
        empty = await store.memory("one")
        assert texts(empty) == [] and empty.compressed_summary == ""


async def test_a_loaded_state_replaces_what_the_database_has(path: str) -> None:
    async with SqlStore(path) as store:
        memory = await store.memory("s")
        await memory.add([said("a"), said("b")])
        state = memory.state_dict()
        await memory.add(said("c"))
        memory.load_state_dict(state)
        memory.append(said("d"))
    async with SqlStore(path) as store:
        assert texts(await store.memory("s")) == ["a", "b", "d"]


async def test_a_killed_process_loses_nothing_that_was_flushed(path: str) -> None:
    code = f"""
import asyncio, os, signal
from hubbub.agents import Msg, ReActAgent, SqlStore
from hubbub.agents.testing import ScriptedModel

async def main():
    store = await SqlStore({path!r}).open()
    agent = ReActAgent("Ada", "", ScriptedModel([["Hello ", "Bob."], ["One ", 60]]), memory=await store.memory("s"))
    await agent(Msg("Bob", "hi", "user"))
    asyncio.get_running_loop().call_later(0.05, lambda: asyncio.ensure_future(stop()))
    async def stop():
        await agent.interrupt()
        os.kill(os.getpid(), signal.SIGKILL)
    await agent(Msg("Bob", "count", "user"))
    await asyncio.sleep(10)

asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code)
    assert await process.wait() == -9
    async with SqlStore(path) as store:
        memory = await store.memory("s")
        assert texts(memory) == ["hi", "Hello Bob.", "count", "One "]
        assert "interrupted" in memory.messages()[-1].metadata


async def test_the_end_of_a_turn_is_durable_without_asking(path: str) -> None:
    store = await SqlStore(path).open()
    agent = ReActAgent("Ada", "", ScriptedModel(["Hello."]), memory=await store.memory("s"))
    await agent(said("hi"))
    with sqlite3.connect(path) as peek:
        assert peek.execute("SELECT count(*) FROM hubbub_message").fetchone() == (2,)
    reply = agent.memory.messages()[-1].reply_id
    await agent.record_heard(reply, "Hel", "lo.")
    with sqlite3.connect(path) as peek:
        assert '"unheard": "lo."' in peek.execute("SELECT message FROM hubbub_message ORDER BY place DESC").fetchone()[0]
    await store.close()


async def test_one_writer_for_all_sessions_and_a_loop_that_never_waits(path: str) -> None:
    async with SqlStore(path) as store:
        memories = [await store.memory(f"s{n}") for n in range(20)]
        for n in range(50):
            for memory in memories:
                memory.append(said(str(n)))
        assert sum(t.name == "hubbub memory" for t in threading.enumerate()) == 1
        await store.flush()
        assert store.waiting == 0
        with sqlite3.connect(path) as peek:
            assert peek.execute("SELECT count(*) FROM hubbub_message").fetchone() == (1000,)
    assert not any(t.name == "hubbub memory" for t in threading.enumerate())


async def test_who_awaits_waits_for_room_and_who_does_not_is_never_held_up(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    write = Database.write

    def slow(self: Database, changes: list[Change]) -> None:
        gate.wait(10)
        write(self, changes)

    monkeypatch.setattr(Database, "write", slow)
    async with SqlStore(path, queue_changes=4) as store:
        memory = await store.memory("s")
        for n in range(6):
            memory.append(said(str(n)))  # never waits, even over the bound
        adding = asyncio.create_task(memory.add(said("late")))
        await asyncio.sleep(0.02)
        assert not adding.done() and texts(memory) == [str(n) for n in range(6)]
        gate.set()
        await adding
        assert texts(memory)[-1] == "late"


async def test_no_message_can_hold_up_the_others(path: str) -> None:
    circle: dict[str, Any] = {}
    circle["self"] = circle
    async with SqlStore(path) as store:
        memory = await store.memory("s")
        memory.append(Msg("Bob", "half \ud800 and \0 nul", "user", {"when": object(), ("a", "b"): 1}))  # type: ignore[dict-item]
        memory.append(Msg("Bob", "circle", "user", circle))
        memory.summarise("half \udfff \0")
        await memory.add(said("fine"))
        await memory.flush()
        for bad in ("", "a\0b", "a\nb", "\ud800"):
            with pytest.raises(ValueError, match="session id"):
                await store.memory(bad)
    async with SqlStore(path) as store:
        again = await store.memory("s")
        assert texts(again) == ["half \ud800 and \0 nul", "circle", "fine"]
        assert again.messages()[1].metadata == {} and again.compressed_summary == "half \udfff \0"


async def test_a_database_that_fails_is_said_and_tried_again(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_writer, "RETRY_S", 0.01)
    write, broken = Database.write, [True]

    def fails(self: Database, changes: list[Change]) -> None:
        if broken[0]:
            raise sqlite3.OperationalError("disk full")
        write(self, changes)

    monkeypatch.setattr(Database, "write", fails)
    async with SqlStore(path) as store:
        memory = await store.memory("s")
        await memory.add(said("a"))
        with pytest.raises(MemoryWriteError, match="disk full"):
            await memory.flush()
        agent = ReActAgent("Ada", "", ScriptedModel(["Hello."]), memory=memory)
        assert (await agent(said("hi"))).get_text_content() == "Hello."  # the conversation goes on
        broken[0] = False
        while store.waiting:
            await asyncio.sleep(0.005)
        await memory.flush()
    async with SqlStore(path) as store:
        assert texts(await store.memory("s")) == ["a", "hi", "Hello."]


async def test_closing_over_a_broken_database_says_so_and_ends(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sql_writer, "RETRY_S", 0.01)

    def fails(self: Database, changes: list[Change]) -> None:
        raise sqlite3.OperationalError("disk full")

    monkeypatch.setattr(Database, "write", fails)
    store = await SqlStore(path).open()
    (await store.memory("s")).append(said("a"))
    with pytest.raises(MemoryWriteError):
        await store.close()
    assert not any(t.name == "hubbub memory" for t in threading.enumerate())
    with pytest.raises(MemoryWriteError, match="disk full"):
        await store.flush()


async def test_databases_of_older_and_newer_versions(path: str, tmp_path: Path) -> None:
    with sqlite3.connect(path) as old:  # as the first version left it
        for statement in MIGRATIONS[0]:
            old.execute(statement)
        old.execute("CREATE TABLE hubbub_version (version INTEGER NOT NULL)")
        old.execute("INSERT INTO hubbub_version VALUES (1)")
        message = '{"name": "Bob", "role": "user", "content": "hi", "id": "x"}'
        old.execute("INSERT INTO hubbub_message VALUES ('s', 'x', 0, ?, '[]')", (message,))
        old.execute("INSERT INTO hubbub_summary VALUES ('s', '\"before\"')")
    async with SqlStore(path) as store:
        assert await store.sessions() == ["s"]
        assert texts(await store.memory("s")) == ["hi"]
    with sqlite3.connect(path) as newer:
        newer.execute("UPDATE hubbub_version SET version = 99")
    with pytest.raises(MemoryWriteError, match="newer hubbub"):
        await SqlStore(path).open()
    with pytest.raises(MemoryWriteError, match="cannot be opened"):
        await SqlStore(str(tmp_path / "no" / "such" / "folder" / "x.db")).open()


async def test_the_second_of_two_processes_waits_for_the_first(path: str) -> None:
    async with SqlStore(path) as store:
        memory = await store.memory("s")
        await memory.add(said("a"))
        await memory.flush()
        code = f"""
import asyncio
from hubbub.agents import Msg, SqlStore
async def main():
    async with SqlStore({path!r}) as store:
        await (await store.memory("t")).add(Msg("Eve", "from another", "user"))
asyncio.run(main())
"""
        await asyncio.to_thread(subprocess.run, [sys.executable, "-c", code], check=True)
        assert set(await store.sessions()) == {"s", "t"}


async def test_postgresql_without_psycopg_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(MemoryWriteError, match="psycopg"):
        await SqlStore("postgresql://localhost/none").open()


@pytest.mark.skipif(not os.environ.get("HUBBUB_TEST_POSTGRES"), reason="HUBBUB_TEST_POSTGRES names no database")
async def test_postgresql() -> None:
    url = os.environ["HUBBUB_TEST_POSTGRES"]
    async with SqlStore(url) as store:
        await store.delete_session("hubbub-test")
        memory = await store.memory("hubbub-test")
        await memory.add([said("a"), said("b")], marks="m")
        memory.replace(Msg("Bob", "B", "user", id="b"))
        memory.remove(["a"])
        memory.summarise("s")
    async with SqlStore(url) as store:
        again = await store.memory("hubbub-test")
        assert texts(again, "m") == ["B"] and again.compressed_summary == "s"
        await store.delete_session("hubbub-test")


def test_sql_is_the_same_for_both_databases() -> None:
    """What PostgreSQL would be told, on a connection that writes down."""
    told: list[Any] = []

    class Cursor:
        def execute(self, statement: str, values: tuple[Any, ...] = ()) -> None:
            told.append((statement, values))

        def fetchone(self) -> tuple[int]:
            return (len(MIGRATIONS),)

        def close(self) -> None: ...

    class Connection:
        def cursor(self) -> Cursor:
            return Cursor()

    database = Database.__new__(Database)
    database._connection, database._sign = Connection(), "%s"
    database._migrate()
    database.write([Change("put", "s", "a", 0, said("a"), ("m",)), Change("summary", "s", "x"), Change("clear", "t")])
    assert all("?" not in statement for statement, _ in told)
    assert all(statement.count("%s") == len(values) for statement, values in told)
    assert told[-1] == ("COMMIT", ())
