"""A client that knows nothing but the specification: docs/protocol.md and the JSON Schemas beside it. Nothing of Hubbub is imported.

The server is `hubbub serve`, a process of its own with its real engines.
"""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import jsonschema
import pytest
from served_house import Served, served_house
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

pytestmark = pytest.mark.e2e

SCHEMAS = Path(__file__).resolve().parents[2] / "docs" / "schema"
SERVER = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "server.json").read_text("utf-8")))
CLIENT = jsonschema.Draft202012Validator(json.loads((SCHEMAS / "client.json").read_text("utf-8")))
HEADER = struct.Struct("<BBHI")
CONNECTION_ONLY = {"joined", "gap", "pong", "playing"}
PATIENCE_S = 30
ROOMS = """
server: {limits: {resume_s: 20}}
engines: {model: embedded}
rooms:
  default: {agents: [{name: Ava, voice: {speed: 3}}]}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    for package in ("pocketsphinx", "onnxruntime"):
        pytest.importorskip(package)
    rooms = tmp_path_factory.mktemp("rooms") / "rooms.yaml"
    rooms.write_text(ROOMS)
    with served_house(rooms) as served:
        yield served


class Caller:
    """A client by the book: checks every event, keeps what it heard of each reply, reports its playhead at once."""

    def __init__(self, url: str, *, reports: bool = True, rate_hz: int = 24_000) -> None:
        self.url = url
        self.reports = reports
        self.rate_hz = rate_hz
        self.seq = 0
        self.events: list[dict[str, Any]] = []
        self.sound: dict[int, bytearray] = {}
        self.ended: set[int] = set()
        self.reported: dict[int, int] = {}
        self.cleared: set[int] = set()
        self.line: ClientConnection
        self.joined: dict[str, Any] = {}

    async def open(self, **fields: Any) -> dict[str, Any]:
        """Connects and joins; answers the first event, which must be `joined`."""
        self.line = await connect(self.url, compression=None, close_timeout=1)
        audio = {"input_rate_hz": 16_000, "output_rate_hz": self.rate_hz, "playhead": self.reports}
        await self.send({"type": "join", "audio": audio, **fields})
        self.joined = await self.next()
        assert self.joined["type"] == "joined"
        return self.joined

    async def resume(self) -> dict[str, Any]:
        reply = max(self.sound, default=0)
        heard = {"heard": {"reply": reply, "offset": len(self.sound[reply]) // 2}} if reply else {}
        return await self.open(resume=self.joined["resume_token"], after=self.seq, **heard)

    async def send(self, message: dict[str, Any]) -> None:
        CLIENT.validate(message)
        await self.line.send(json.dumps(message))

    async def next(self) -> dict[str, Any]:
        """The next event; sound on the way is kept."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                data = await self.line.recv()
                if isinstance(data, bytes):
                    await self._hear(data)
                    continue
                return self._note(json.loads(data))

    async def until(self, kind: str, when: Callable[[dict[str, Any]], bool] = lambda event: True) -> dict[str, Any]:
        while True:
            event = await self.next()
            if event["type"] == kind and when(event):
                return event

    def _note(self, event: dict[str, Any]) -> dict[str, Any]:
        SERVER.validate(event)
        if event["type"] in CONNECTION_ONLY:
            assert event["seq"] == 0
        else:
            assert event["seq"] == self.seq + 1, "no event is missed, none comes twice"
            self.seq = event["seq"]
        if event["type"] == "clear":
            self.cleared.add(event["reply"])
        self.events.append(event)
        return event

    async def _hear(self, data: bytes) -> None:
        kind, flags, reply, offset = HEADER.unpack_from(data)
        if kind != 1 or reply in self.cleared:
            return
        assert reply not in self.ended
        assert len(data) % 2 == 0
        known = self.sound.setdefault(reply, bytearray())
        assert offset <= len(known) // 2, "sound has no holes"
        known += data[HEADER.size + 2 * (len(known) // 2 - offset) :]
        if flags & 1:
            self.ended.add(reply)
        played = len(known) // 2
        if self.reports and (flags & 1 or played - self.reported.get(reply, 0) >= self.rate_hz // 10):  # every 100 ms, and at the end
            self.reported[reply] = played
            with suppress(ConnectionClosed):
                await self.send({"type": "playhead", "reply": reply, "offset": played})

    async def closed(self) -> int:
        """How the server ends the connection; what still comes is checked, too."""
        try:
            while True:
                await self.next()
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 1006


@asynccontextmanager
async def caller(house: Served, **options: Any) -> AsyncIterator[Caller]:
    made = Caller(house.url.replace("http", "ws", 1) + "/api/voice?room=default", **options)
    try:
        yield made
    finally:
        if hasattr(made, "line"):
            with suppress(ConnectionClosed):
                await made.line.send('{"type": "leave"}')
            await made.line.close()


async def test_joined_says_what_the_specification_promises(house: Served) -> None:
    async with caller(house) as kim:
        joined = await kim.open(name="Kim")
        assert (joined["protocol"], joined["name"], joined["resumed"], joined["missed"]) == (1, "Kim", False, 0)
        assert {"events.resume", "sound.resume", "tokens"} <= set(joined["features"])
        assert joined["audio"]["output_rate_hz"] == 24_000
        assert joined["resume_ms"] == 20_000
        assert {one["name"] for one in joined["participants"]} >= {"Ava", "Kim"}


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
async def test_a_turn_is_answered_in_whole_frames_and_true_words(house: Served, rate_hz: int) -> None:
    async with caller(house, rate_hz=rate_hz) as kim:
        await kim.open(name="Kim")
        await kim.send({"type": "text", "text": "what is two plus two"})
        said = await kim.until("transcript", lambda event: event["final"])
        assert (said["speaker"], said["source"], said["text"]) == ("Kim", "text", "what is two plus two")
        reply = await kim.until("reply", lambda event: event["final"])
        assert (reply["interrupted"], reply["unheard"], reply["turn"]) == (False, "", said["turn"])
        pieces = [event for event in kim.events if event["type"] == "reply" and not event["final"] and event["reply"] == reply["reply"]]
        assert "".join(event["delta"] for event in pieces) == pieces[-1]["text"]
        assert reply["reply"] in kim.ended
        seconds = len(kim.sound[reply["reply"]]) / 2 / rate_hz
        assert 0.3 < seconds < 20
        words = [word for event in kim.events if event["type"] == "words" for word in event["words"]]
        assert all(0 <= word["at"] <= seconds * rate_hz + 1 for word in words)
        turn = next(event for event in kim.events if event["type"] == "turn")
        parts = [value for name, value in turn["latency"].items() if name not in ("total_ms", "overlap_ms", "trimmed_ms")]
        assert abs(sum(parts) - turn["latency"]["total_ms"]) < 1


async def test_an_interrupted_reply_says_what_was_heard(house: Served) -> None:
    async with caller(house) as kim:
        await kim.open()
        await kim.send({"type": "text", "text": "tell me a story"})
        await kim.until("words")
        await asyncio.sleep(0.5)
        await kim.send({"type": "interrupt"})
        reply = await kim.until("reply", lambda event: event["final"])
        assert reply["interrupted"]
        assert reply["unheard"]
        assert reply["reply"] in kim.cleared
        whole = next(e["text"] for e in reversed(kim.events) if e["type"] == "reply" and not e["final"] and e["reply"] == reply["reply"])
        assert (reply["text"] + reply["unheard"]).startswith(whole.rstrip()[:20])


async def test_a_line_that_is_cut_in_a_reply_loses_no_event_and_no_sample(house: Served) -> None:
    async with caller(house) as kim:
        await kim.open()
        await kim.send({"type": "text", "text": "tell me a story"})
        await kim.until("words")
        for _ in range(2):
            await asyncio.sleep(0.4)
            kim.line.transport.abort()
            await asyncio.sleep(0.3)
            joined = await kim.resume()
            assert joined["resumed"]
            for _ in range(joined["missed"]):
                await kim.next()
        reply = await kim.until("reply", lambda event: event["final"])
        assert (reply["interrupted"], reply["unheard"]) == (False, "")
        assert reply["reply"] in kim.ended


async def test_a_newer_connection_takes_the_seat(house: Served) -> None:
    async with caller(house) as kim:
        await kim.open()
        old = kim.line
        assert (await kim.resume())["resumed"]
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                await old.recv()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 4009


async def test_a_token_that_is_nobody_s_is_refused(house: Served) -> None:
    async with caller(house) as kim:
        kim.line = await connect(kim.url)
        await kim.send({"type": "join", "resume": "nobody's"})
        error = json.loads(await kim.line.recv())
        SERVER.validate(error)
        assert (error["type"], error["code"], error["fatal"]) == ("error", "unknown_session", True)
        assert await kim.closed() == 4003


async def test_leaving_ends_with_left(house: Served) -> None:
    async with caller(house) as kim:
        await kim.open()
        await kim.send({"type": "leave"})
        assert await kim.closed() == 1000
        assert kim.events[-1]["type"] == "left"


async def test_what_is_refused_before_the_upgrade_is_told_over_http(house: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(house.url.replace("http", "ws", 1) + "/api/voice?room=attic")
    assert refused.value.response.status_code == 404
    body = json.loads(refused.value.response.body or b"")
    assert body["error"]["code"] == "unknown_room"
    async with httpx.AsyncClient(base_url=house.url) as client:
        assert (await client.get("/api/voice")).status_code == 426


@pytest.mark.parametrize(
    "message",
    [
        {"type": "text", "text": "hello"}, {"type": "text", "text": ""}, {"type": "text"}, {"type": "text", "text": 3},
        {"type": "text", "text": "a" * 4001}, {"type": "ping"}, {"type": "ping", "id": 7}, {"type": "ping", "id": "x"},
        {"type": "ping", "more": 1}, {"type": "mute", "muted": True}, {"type": "mute"}, {"type": "interrupt"}, {"type": "commit"},
        {"type": "playhead", "reply": 1, "offset": 2}, {"type": "playhead", "reply": -1, "offset": 2}, {"type": "playhead", "reply": 1},
        {"type": "dtmf", "digits": "12#"}, {"type": "dtmf", "digits": "x"}, {"type": "sing"}, {}, [], "text", 3, None,
    ],
)  # fmt: skip
async def test_the_schema_allows_what_the_server_allows(house: Served, message: Any) -> None:
    async with caller(house) as kim:
        await kim.open()
        await kim.line.send(json.dumps(message))
        await kim.line.send('{"type": "ping", "id": 99}')
        errors = []
        while (event := await kim.next())["type"] != "pong" or event["id"] != 99:
            if event["type"] == "error":
                errors.append(event["code"])
        assert (errors == []) == CLIENT.is_valid(message), errors
