"""What no client should send, over the real socket: each gets a clear answer or is bounded, and nobody else notices."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from hubbub.voice.audio.wav import read_wav
from hubbub.voice.client import ConnectionLostError, SimulatedLoudspeaker, VoiceClient
from hubbub.voice.client.address import socket_url
from hubbub.voice.event import Error, Event, Reply
from served_house import Served, served_house
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

pytestmark = pytest.mark.e2e

PATIENCE_S = 30
ROOMS = """
server:
  limits: {resume_s: 1}
engines: {model: embedded}
rooms:
  default: {agents: [{name: Ava, voice: {speed: 3}}]}
  beside: {agents: [{name: Ben, voice: {speed: 3}}]}
"""


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    for package in ("pocketsphinx", "onnxruntime"):
        pytest.importorskip(package)
    rooms = tmp_path_factory.mktemp("rooms") / "rooms.yaml"
    rooms.write_text(ROOMS)
    with served_house(rooms) as served:
        yield served
        assert served.process.poll() is None, "the server died"
    # uvicorn logs text that is not UTF-8 with a traceback of its own
    at = next(
        (n for n, line in enumerate(served.log) if "Traceback" in line and "Invalid UTF-8" not in served.log[n - 1]), None
    )
    assert at is None, "\n".join(served.log[at - 1 : at + 40])


@asynccontextmanager
async def somebody_else_talks(house: Served) -> AsyncIterator[None]:
    """A caller in another room of the same server, who is answered before, during and after what happens in the block."""
    over = asyncio.Event()
    async with (
        asyncio.timeout(2 * PATIENCE_S),
        VoiceClient(house.url, room="beside", name="Bystander") as client,
        SimulatedLoudspeaker(client) as speaker,
    ):
        talking = asyncio.create_task(_talk_on(client, speaker, over))
        try:
            yield
            over.set()
            faults, answers = await talking
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
    assert faults == []
    assert answers >= 2


async def _talk_on(client: VoiceClient, speaker: SimulatedLoudspeaker, over: asyncio.Event) -> tuple[list[Event], int]:
    faults: list[Event] = []
    answers, last = 0, False
    await client.send_text("what is two plus two")
    async for item in client:
        speaker.take(item)
        match item:
            case Error():
                faults.append(item)
            case Reply(final=True):
                answers += 1
                if item.interrupted or "four" not in item.text.lower():
                    faults.append(item)
                if last:
                    return faults, answers
                last = over.is_set()
                await client.send_text("what is two plus two")
    raise AssertionError("the bystander's session ended")


@asynccontextmanager
async def joined(house: Served, **options: Any) -> AsyncIterator[tuple[ClientConnection, dict[str, Any]]]:
    """A bare socket that has joined, and what the server said to it."""
    async with asyncio.timeout(PATIENCE_S), connect(socket_url(house.url), compression=None) as line:
        await line.send(json.dumps({"type": "join", **options}))
        yield line, await event(line, "joined")


async def event(line: ClientConnection, kind: str) -> dict[str, Any]:
    """The next event of a kind; others and sound pass by."""
    while True:
        data = await line.recv()
        if isinstance(data, str) and (found := json.loads(data))["type"] == kind:
            return dict(found)


async def close_code(line: ClientConnection) -> int:
    """How the server closed the connection; what still comes passes by."""
    try:
        while True:
            await line.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 1006


async def still_well(line: ClientConnection) -> None:
    """The session goes on after its mistake."""
    await line.send('{"type": "ping", "id": 77}')
    assert (await event(line, "pong"))["id"] == 77


# ── messages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("message", "code", "words"),
    [
        ("{", "bad_json", "not JSON"),
        ("", "bad_json", "not JSON"),
        ("[" * 100_000, "bad_json", "not JSON"),
        ("[]", "bad_message", "must be a JSON object"),
        ("null", "bad_message", "must be a JSON object"),
        ("{}", "unknown_message", "'type' must be one of"),
        ('{"type": "sing"}', "unknown_message", "'type' must be one of"),
        ('{"type": "text"}', "bad_message", "text"),
        ('{"type": "text", "text": 3}', "bad_message", "text"),
        ('{"type": "text", "text": ""}', "bad_message", "text"),
        (json.dumps({"type": "text", "text": "a" * 4001}), "bad_message", "4000"),
        ('{"type": "text", "text": "\\ud800"}', "bad_json", "hex escape"),
        ('{"type": "dtmf", "digits": ""}', "bad_message", "digits"),
        ('{"type": "dtmf", "digits": "12E"}', "bad_message", "digits"),
        (json.dumps({"type": "dtmf", "digits": "1" * 33}), "bad_message", "digits"),
        ('{"type": "ping", "idd": 3}', "bad_message", "idd"),
        ('{"type": "playhead", "reply": -1, "offset": 0}', "bad_message", "reply"),
        ('{"type": "join"}', "already_joined", "joined already"),
        (b"\0" * 641, "bad_audio", "641 bytes is an odd number"),
        (b"\0" * 32_002, "bad_audio", "more than 1000 ms"),
        (b"\0" * 200_000, "bad_audio", "more than 1000 ms"),
    ],
)
async def test_a_wrong_message_is_explained_and_the_session_goes_on(
    house: Served, message: str | bytes, code: str, words: str
) -> None:
    async with joined(house) as (line, _):
        await line.send(message)
        error = await event(line, "error")
        assert (error["code"], error["fatal"]) == (code, False)
        assert words in error["message"]
        await still_well(line)


@pytest.mark.parametrize(
    "message",
    [
        '{"type": "playhead", "reply": 4000000000, "offset": 99999999999999999999}',
        '{"type": "playhead", "reply": 12, "offset": 3}',
        '{"type": "interrupt"}',
        '{"type": "commit"}',
        '{"type": "text", "text": "\\u0000"}',
        b"",
        b"\0\0",
    ],
)
async def test_what_is_odd_but_allowed_does_no_harm(house: Served, message: str | bytes) -> None:
    async with joined(house) as (line, _):
        await line.send(message)
        await still_well(line)


async def test_many_wrong_messages_end_the_connection(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        for _ in range(21):
            await line.send("{")
        errors = [await event(line, "error") for _ in range(21)]
        assert [error["fatal"] for error in errors] == [False] * 20 + [True]
        assert await close_code(line) == 1008


async def test_a_flood_of_messages_ends_the_connection(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        for _ in range(450):
            await line.send('{"type": "ping"}')
        assert (await event(line, "error"))["code"] == "too_many_messages"
        assert await close_code(line) == 1008


async def test_a_message_of_10_mb_ends_the_connection(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        with suppress(ConnectionClosed):
            await line.send(bytes(10_000_000))
        assert await close_code(line) in (1009, 1006), "the server may close the line before all has been sent"
    assert house.process.poll() is None


async def test_text_that_is_not_utf8_ends_the_connection(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        await line.send(b"\xff\xfe", text=True)
        assert await close_code(line) == 1007


# ── joining ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("first", "code", "words", "close"),
    [
        ('{"type": "text", "text": "hello"}', "not_joined", "'text' came instead", 4003),
        (b"\0\0", "not_joined", "sound came instead", 4003),
        ("{", "bad_json", "not JSON", 1008),
        ('{"type": "sing"}', "unknown_message", "must be one of", 1008),
        ('{"type": "join", "room": "attic"}', "unknown_room", "beside, default", 4003),
        ('{"type": "join", "protocol": 9}', "bad_protocol", "protocol 1, not 9", 4003),
        ('{"type": "join", "name": "\\u0007"}', "bad_message", "printable", 4003),
        ('{"type": "join", "audio": {"input_rate_hz": 44100}}', "bad_message", "audio.input_rate_hz", 4003),
        ('{"type": "join", "resume": "nobody"}', "unknown_session", "join again without 'resume'", 4003),
    ],
)
async def test_whoever_does_not_join_is_refused(
    house: Served, first: str | bytes, code: str, words: str, close: int
) -> None:
    async with asyncio.timeout(PATIENCE_S), connect(socket_url(house.url)) as line:
        await line.send(first)
        error = await event(line, "error")
        assert (error["code"], error["fatal"]) == (code, True)
        assert words in error["message"]
        assert await close_code(line) == close


async def test_two_connections_with_one_token_the_newer_has_the_seat(house: Served) -> None:
    async with (
        somebody_else_talks(house),
        joined(house, name="Kim") as (old, seat),
        joined(house, resume=seat["resume_token"]) as (new, again),
    ):
        assert (again["session"], again["name"]) == (seat["session"], "Kim")
        assert await close_code(old) == 4009
        await still_well(new)


async def test_plain_http_at_the_socket_is_no_fault(house: Served) -> None:
    async with httpx.AsyncClient(base_url=house.url) as client:
        answers = [await client.get("/api/voice"), await client.post("/api/voice", content=b"x" * 1000)]
        assert all(400 <= answer.status_code < 500 for answer in answers)
        assert (await client.get("/static/../server.py")).status_code == 404
        assert (await client.get("/healthz")).json()["status"] == "ok"


# ── sound and time ───────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sound_faster_than_real_time_is_bounded(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        for _ in range(30):
            await line.send(b"\0" * 32_000)
        error = await event(line, "error")
        assert (error["code"], error["fatal"]) == ("too_fast", False)
        await line.send('{"type": "text", "text": "what is two plus two"}')
        reply = await event(line, "reply")
        assert reply["agent"] == "Ava"


async def test_a_client_that_never_reads_disturbs_nobody(house: Served) -> None:
    """Its line fills up; tests/voice/test_gateway_slow.py shows that it is then let go."""
    async with somebody_else_talks(house):
        small = socket.socket()
        small.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # before connecting, or the kernel takes megabytes
        small.connect((httpx.URL(house.url).host, httpx.URL(house.url).port))
        small.setblocking(False)
        async with asyncio.timeout(PATIENCE_S), connect(socket_url(house.url), sock=small, max_queue=1, compression=None) as line:
            await line.send(json.dumps({"type": "join"}))
            await event(line, "joined")
            for _ in range(8):
                await line.send(json.dumps({"type": "text", "text": "a" * 4000}))
                for _ in range(100):
                    await line.send('{"type": "ping"}')
                await asyncio.sleep(0.35)  # below the limits for messages and texts
            line.transport.abort()


async def test_a_client_that_types_faster_than_anybody_can_is_told(house: Served) -> None:
    async with somebody_else_talks(house), joined(house) as (line, _):
        for _ in range(8):
            await line.send('{"type": "text", "text": "hello"}')
        error = await event(line, "error")
        assert (error["code"], error["fatal"]) == ("too_many_texts", False)
        await still_well(line)


async def test_a_client_that_vanishes_in_mid_word_loses_its_seat_in_time(
    house: Served, fixture_path: Callable[[str], Path]
) -> None:
    sound = read_wav(fixture_path("requests/tell_me_a_story"), 16_000)
    async with somebody_else_talks(house), joined(house, name="Ghost") as (line, _):
        for start in range(0, len(sound) // 2, 640):
            await line.send(sound[start : start + 640])
            await asyncio.sleep(0.01)
        line.transport.abort()
        async with httpx.AsyncClient(base_url=house.url) as client:
            while True:
                rooms = (await client.get("/api/rooms")).json()["rooms"]
                if not any("Ghost" in room["callers"] for room in rooms):
                    break
                await asyncio.sleep(0.1)


async def test_a_client_that_vanishes_while_it_is_answered_frees_the_agent(house: Served) -> None:
    async with joined(house, name="Ghost") as (line, _):
        await line.send('{"type": "text", "text": "count to ten"}')
        await event(line, "reply")
        line.transport.abort()
    async with asyncio.timeout(PATIENCE_S), VoiceClient(house.url, name="Next") as client, SimulatedLoudspeaker(client) as speaker:
        await client.send_text("what is two plus two")
        async for item in client:
            speaker.take(item)
            if isinstance(item, Reply) and item.final and item.agent == "Ava" and "four" in item.text.lower():
                break


async def test_a_refused_session_cannot_be_used(house: Served) -> None:
    async with VoiceClient(house.url) as client:
        assert client.joined.room == "default"
        token = client.joined.resume_token
    with pytest.raises(ConnectionLostError):
        await client.send_text("hello")
    async with asyncio.timeout(PATIENCE_S), connect(socket_url(house.url)) as line:
        await line.send(json.dumps({"type": "join", "resume": token}))
        assert (await event(line, "error"))["code"] == "unknown_session"


async def until(happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not happened():
            await asyncio.sleep(0.02)
