"""The thread that writes a database of conversations, and the database itself.

One writer: SQLite lets only one write at a time anyway, and a transaction for many changes costs little more than one for a
single change. Reading a session when it is opened goes through the same thread, behind what was written before.
"""

import asyncio
import contextlib
import importlib
import json
import logging
import re
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Literal

from ..message import Msg

logger = logging.getLogger(__name__)

BATCH_CHANGES = 256
"""Changes that go into one transaction at the most."""

RETRY_S = 0.5
"""How long the writer waits after a failure before it tries again."""

MIGRATIONS = (
    (
        "CREATE TABLE hubbub_message (session_id TEXT NOT NULL, id TEXT NOT NULL, place BIGINT NOT NULL,"
        " message TEXT NOT NULL, marks TEXT NOT NULL, PRIMARY KEY (session_id, id))",
        "CREATE INDEX hubbub_message_place ON hubbub_message (session_id, place)",
        "CREATE TABLE hubbub_summary (session_id TEXT PRIMARY KEY, summary TEXT NOT NULL)",
    ),
    (
        "CREATE TABLE hubbub_session (session_id TEXT PRIMARY KEY, written DOUBLE PRECISION NOT NULL)",
        "INSERT INTO hubbub_session SELECT DISTINCT session_id, 0 FROM hubbub_message",
    ),
)
"""The steps from an empty database to the present one; a database remembers how many it has taken."""


class MemoryWriteError(RuntimeError):
    """The database could not be opened or written. What was to be written is kept and tried again."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one session."""

    kind: Literal["put", "message", "marks", "delete", "summary", "clear"]
    session_id: str
    id: str = ""
    """The message's id; for `summary` the summary."""
    place: int = 0
    message: Msg | None = None
    marks: tuple[str, ...] = ()


class Writer:
    """Owns the thread and the queue. Its coroutines may be awaited from any event loop."""

    def __init__(self, url: str, durable: bool, limit: int) -> None:
        self._url = url
        self.shown = re.sub(r"(://[^/@]*):[^/@]*@", r"\1:…@", url)
        """The URL as it may be logged: without a password."""
        self._durable = durable
        self._limit = limit
        self._queue: deque[Change | Callable[[Database], None]] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = False
        self._error: Exception | None = None
        self._written = 0
        self._pushed = 0
        self._waiters: list[tuple[int, Future[None]]] = []

    @property
    def waiting(self) -> int:
        """Changes that are not committed yet."""
        return self._pushed - self._written

    async def start(self) -> None:
        """Starts the thread, once, and waits until the database is open."""
        with self._changed:
            if self._thread is not None:
                return
            self._stopping = False
            ready: Future[None] = Future()
            self._thread = threading.Thread(target=self._work, args=(ready,), name="hubbub memory", daemon=True)
            self._thread.start()
        try:
            await asyncio.wrap_future(ready)
        except Exception as error:
            self._thread = None
            raise MemoryWriteError(f"the memory database {self.shown} cannot be opened: {error}") from error

    async def stop(self) -> None:
        """Waits until all is written, and ends the thread."""
        if self._thread is None:
            return
        try:
            await self.flush()
        finally:
            with self._changed:
                self._stopping = True
                self._changed.notify()
                thread, self._thread = self._thread, None
            await asyncio.to_thread(thread.join)

    def push(self, change: Change) -> None:
        """Queues a change. Never waits."""
        with self._changed:
            self._queue.append(change)
            self._pushed += 1
            self._changed.notify()

    async def room(self) -> None:
        """Returns when fewer changes wait than the queue may hold."""
        if self.waiting >= self._limit:
            await self._until(self._pushed - self._limit // 2)

    async def flush(self) -> None:
        """Returns when all changes so far are committed."""
        if self.waiting:
            await self._until(self._pushed)

    async def read(self, session_id: str) -> tuple[list[tuple[int, str, str]], str]:
        """A session's rows in order, and its summary."""
        rows: tuple[list[tuple[int, str, str]], str] = await self._ask(lambda database: database.read(session_id))
        return rows

    async def sessions(self) -> list[str]:
        """All sessions, the one written last first."""
        found: list[str] = await self._ask(lambda database: database.sessions())
        return found

    async def _ask(self, question: Callable[["Database"], Any]) -> Any:
        answer: Future[Any] = Future()

        def ask(database: Database) -> None:
            try:
                result = question(database)
            except Exception as error:
                _settle(answer, error)
            else:
                _settle(answer, None, result)

        with self._changed:
            self._queue.append(ask)
            self._changed.notify()
        return await asyncio.wrap_future(answer)

    async def _until(self, number: int) -> None:
        done: Future[None] = Future()
        with self._changed:
            if self._error is not None:
                raise MemoryWriteError(f"the memory database {self.shown} cannot be written: {self._error}") from self._error
            if self._thread is None:
                raise MemoryWriteError(f"the memory database {self.shown} is closed")
            if self._written >= number:
                return
            self._waiters.append((number, done))
        await asyncio.wrap_future(done)

    # In the thread

    def _work(self, ready: "Future[None]") -> None:
        try:
            database = Database(self._url, self._durable)
        except Exception as error:
            _settle(ready, error)
            return
        _settle(ready, None)
        try:
            while (batch := self._next_batch()) is not None:
                self._write(database, batch)
        finally:
            database.close()

    def _next_batch(self) -> "list[Change] | Callable[[Database], None] | None":
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return None
                self._changed.wait()
            if callable(self._queue[0]):
                return self._queue.popleft()  # type: ignore[return-value]
            batch: list[Change] = []
            for one in self._queue:
                if not isinstance(one, Change) or len(batch) >= BATCH_CHANGES:
                    break
                batch.append(one)
            return batch

    def _write(self, database: "Database", batch: "list[Change] | Callable[[Database], None]") -> None:
        if callable(batch):
            batch(database)
            return
        try:
            database.write(batch)
        except Exception as error:
            self._failed(error)
            return
        with self._changed:
            for _ in batch:
                self._queue.popleft()
            self._written += len(batch)
            self._error = None
            done = [waiter for number, waiter in self._waiters if number <= self._written]
            self._waiters = [(number, waiter) for number, waiter in self._waiters if number > self._written]
        for waiter in done:
            _settle(waiter, None)

    def _failed(self, error: Exception) -> None:
        if self._error is None:
            logger.error("the memory database %s cannot be written: %s; will try again", self.shown, error)
        with self._changed:
            self._error = error
            waiters, self._waiters = self._waiters, []
            if self._stopping:
                self._queue.clear()
        for _, waiter in waiters:
            _settle(waiter, MemoryWriteError(f"the memory database {self.shown} cannot be written: {error}"))
        with self._changed:
            if not self._stopping:
                self._changed.wait(RETRY_S)


class Database:
    """The tables, in SQLite or PostgreSQL. Used in one thread."""

    def __init__(self, url: str, durable: bool) -> None:
        if url.startswith(("postgresql://", "postgres://")):
            self._connection: Any = _postgres(url)
            self._sign = "%s"
        else:
            self._connection = _sqlite(url, durable)
            self._sign = "?"
        self._migrate()

    def write(self, changes: list[Change]) -> None:
        """Writes changes in one transaction: all of them or none."""
        with self._transaction() as cursor:
            for change in changes:
                self._apply(cursor, change)
            now = [(session,) for session in dict.fromkeys(change.session_id for change in changes if change.kind != "clear")]
            for (session,) in now:
                self._upsert(cursor, "hubbub_session", ("session_id",), session_id=session, written=self._clock(cursor))

    def read(self, session_id: str) -> tuple[list[tuple[int, str, str]], str]:
        """A session's rows in order, and its summary."""
        with self._transaction() as cursor:
            cursor.execute(
                f"SELECT place, message, marks FROM hubbub_message WHERE session_id = {self._sign} ORDER BY place", (session_id,)
            )
            rows = [(int(place), str(message), str(marks)) for place, message, marks in cursor.fetchall()]
            cursor.execute(f"SELECT summary FROM hubbub_summary WHERE session_id = {self._sign}", (session_id,))
            found = cursor.fetchone()
            return rows, str(json.loads(found[0])) if found else ""

    def sessions(self) -> list[str]:
        """All sessions, the one written last first."""
        with self._transaction() as cursor:
            cursor.execute("SELECT session_id FROM hubbub_session ORDER BY written DESC, session_id")
            return [str(row[0]) for row in cursor.fetchall()]

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def _apply(self, cursor: Any, change: Change) -> None:
        key, sign = (change.session_id, change.id), self._sign
        where = f"WHERE session_id = {sign} AND id = {sign}"
        message = as_json(change.message) if change.message is not None else ""
        match change.kind:
            case "put":
                self._upsert(
                    cursor, "hubbub_message", ("session_id", "id"), session_id=change.session_id, id=change.id,
                    place=change.place, message=message, marks=json.dumps(change.marks),
                )  # fmt: skip
            case "message":
                cursor.execute(f"UPDATE hubbub_message SET message = {sign} {where}", (message, *key))
            case "marks":
                cursor.execute(f"UPDATE hubbub_message SET marks = {sign} {where}", (json.dumps(change.marks), *key))
            case "delete":
                cursor.execute(f"DELETE FROM hubbub_message {where}", key)
            case "summary":
                self._upsert(cursor, "hubbub_summary", ("session_id",), session_id=change.session_id, summary=json.dumps(change.id))
            case "clear":
                for table in ("hubbub_message", "hubbub_summary", "hubbub_session"):
                    cursor.execute(f"DELETE FROM {table} WHERE session_id = {sign}", (change.session_id,))

    def _upsert(self, cursor: Any, table: str, key: tuple[str, ...], **values: Any) -> None:
        rest = ", ".join(f"{name} = excluded.{name}" for name in values if name not in key)
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join([self._sign] * len(values))})"
            f" ON CONFLICT ({', '.join(key)}) DO UPDATE SET {rest}",
            tuple(values.values()),
        )

    def _clock(self, cursor: Any) -> float:
        cursor.execute("SELECT COALESCE(MAX(written), 0) + 1 FROM hubbub_session")  # an order, not a time
        return float(cursor.fetchone()[0])

    def _migrate(self) -> None:
        with self._transaction() as cursor:
            cursor.execute("CREATE TABLE IF NOT EXISTS hubbub_version (version INTEGER NOT NULL)")
            cursor.execute("SELECT version FROM hubbub_version")
            found = cursor.fetchone()
            version = int(found[0]) if found else 0
            if version > len(MIGRATIONS):
                raise MemoryWriteError(
                    f"it is of version {version}, written by a newer hubbub; this one knows up to {len(MIGRATIONS)}"
                )
            for step in MIGRATIONS[version:]:
                for statement in step:
                    cursor.execute(statement)
            cursor.execute("DELETE FROM hubbub_version")
            cursor.execute(f"INSERT INTO hubbub_version VALUES ({self._sign})", (len(MIGRATIONS),))

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        cursor = self._connection.cursor()
        cursor.execute("BEGIN")
        try:
            yield cursor
        except BaseException:
            with contextlib.suppress(Exception):
                cursor.execute("ROLLBACK")
            raise
        else:
            cursor.execute("COMMIT")
        finally:
            cursor.close()


def as_json(msg: Msg) -> str:
    """A message as ASCII JSON, whatever it holds: one message that cannot be written must not hold up all sessions.

    Half surrogates and NUL, which databases refuse, are escapes in ASCII JSON. Metadata that is not JSON is written as text,
    and left out where it leads back to itself.
    """
    data = msg.to_dict()
    try:
        return json.dumps(data, default=str, skipkeys=True)
    except (ValueError, RecursionError):
        logger.warning("the metadata of message %s are not JSON, and are not written", msg.id)
        return json.dumps({**data, "metadata": {}}, default=str, skipkeys=True)


def _sqlite(url: str, durable: bool) -> sqlite3.Connection:
    path = url.removeprefix("sqlite:///").removeprefix("sqlite://")
    connection = sqlite3.connect(path, isolation_level=None, timeout=5.0, check_same_thread=False)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={'FULL' if durable else 'NORMAL'}")
    return connection


def _postgres(url: str) -> Any:
    try:
        psycopg = importlib.import_module("psycopg")
    except ImportError:
        raise MemoryWriteError("PostgreSQL needs psycopg: pip install 'hubbub[postgres]'") from None
    return psycopg.connect(url, autocommit=True)


def _settle(future: "Future[Any]", error: Exception | None, result: Any = None) -> None:
    """Settles a future whose waiter may be gone, or whose event loop may be closed."""
    with contextlib.suppress(RuntimeError):
        if not future.set_running_or_notify_cancel():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)
