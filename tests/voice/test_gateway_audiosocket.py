"""The AudioSocket gateway over real sockets: a call is greeted, heard and let go; wrong callers are refused and hurt nobody."""

import asyncio
import logging
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pytest
from calls_house import calls_house
from hubbub.voice.door import OPEN
from hubbub.voice.event import Dtmf
from hubbub.voice.gateway.asterisk import audiosocket
from hubbub.voice.gateway.asterisk.audiosocket import AudioSocketServer
from hubbub.voice.gateway.asterisk.calls import CallRequest, ExpectedCalls
from hubbub.voice.gateway.asterisk.frames import CallId, Fault, Frame, HangUp, Key, Message, Sound, Unpacker, parse
from hubbub.voice.gateway.asterisk.gateway import AsteriskGateway
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.tones import key_sound
from hubbub.voice.house import House
from starlette.applications import Starlette
from starlette.testclient import TestClient

pytestmark = pytest.mark.usefixtures("quick")
CALL = UUID("40325ec2-5efd-4bd3-805f-53576e581d13")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audiosocket, "FIRST_FRAME_TIMEOUT_S", 0.3)


class Peer:
    """Asterisk's side of one connection, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer
        self.got: list[Message] = []
        self._unpacker = Unpacker()

    async def send(self, *messages: Message | Frame | bytes) -> None:
        for message in messages:
            frame = message if isinstance(message, bytes | Frame) else message.frame()
            self.writer.write(frame if isinstance(frame, bytes) else frame.pack())
        await self.writer.drain()

    async def read(self, *, until: Any) -> None:
        """Reads until `until(self.got)` holds or the server closes."""
        async with asyncio.timeout(10):
            while not until(self.got):
                data = await self.reader.read(4096)
                if not data:
                    return
                self.got += [parse(frame) for frame in self._unpacker.feed(data)]

    async def closed(self) -> list[Message]:
        """What came until the server closed."""
        await self.read(until=lambda got: False)
        return self.got

    def loud(self) -> int:
        """How many of the frames that came hold sound."""
        return sum(bool(np.frombuffer(one.pcm, "<i2").any()) for one in self.got if isinstance(one, Sound))


@asynccontextmanager
async def listening(house: House) -> AsyncIterator[tuple[AudioSocketServer, AsteriskGateway]]:
    async with AsteriskGateway(Exchange(house)) as gateway:
        assert gateway.audiosocket is not None
        yield gateway.audiosocket, gateway


@asynccontextmanager
async def line(server: AudioSocketServer) -> AsyncIterator[Peer]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        yield Peer(reader, writer)
    finally:
        writer.close()


def open_to_all(**more: Any) -> dict[str, Any]:
    return {"asterisk": {"audiosocket": {"port": 0, "room": "default", **more}}}


async def test_a_call_is_greeted_in_exact_frames_at_real_time() -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        loop = asyncio.get_running_loop()
        await peer.send(CallId(CALL))
        await peer.read(until=lambda got: len(got) >= 1)
        began = loop.time()
        await peer.read(until=lambda got: len(got) >= 40)
        elapsed = loop.time() - began
        assert {type(message) for message in peer.got} == {Sound}
        assert {(one.rate_hz, len(one.pcm)) for one in peer.got if isinstance(one, Sound)} == {(8000, 320)}
        assert elapsed > 0.6, "39 frames of 20 ms are not sent in a burst"
        assert peer.loud() > 10, "the greeting is heard"
        assert len(house.sessions) == 1
        await peer.send(HangUp())
        assert peer.got and isinstance((await peer.closed())[-1], HangUp)
        assert len(house.sessions) == 0, "the seat is given up with the call"


async def test_the_line_s_rate_is_spoken_both_ways() -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL), Sound(16_000, bytes(640)))
        await peer.read(until=lambda got: any(isinstance(one, Sound) and one.rate_hz == 16_000 for one in got))
        wide = next(one for one in peer.got if isinstance(one, Sound) and one.rate_hz == 16_000)
        assert len(wide.pcm) == 640


async def test_keys_reach_the_room_and_interrupt() -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL))
        await peer.read(until=lambda got: peer.loud() > 3)
        await peer.send(Key("4"), Key("#"))
        session = next(iter(house.sessions.values()))
        async with asyncio.timeout(5):
            while not (dialled := [event.digits for event in session.log if isinstance(event, Dtmf)]) or len(dialled) < 2:
                await asyncio.sleep(0.01)
        assert dialled == ["4", "#"]
        await peer.read(until=lambda got: isinstance(got[-1], Sound) and not np.frombuffer(got[-1].pcm, "<i2").any())


async def test_a_half_closed_connection_is_a_hang_up() -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL))
        await peer.read(until=lambda got: len(got) >= 3)
        peer.writer.write_eof()
        assert isinstance((await peer.closed())[-1], HangUp), "whoever still listens is told"
        assert len(house.sessions) == 0


async def test_bad_frames_are_told_in_words_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(
            CallId(CALL), Frame(0x42, b"?"), Frame(0x10, b""), Frame(0x10, b"\0"), Frame(0x03, b"x"), Sound(8000, bytes(32_000)),
            Fault(2), CallId(uuid4()), CallId(CALL),
        )  # fmt: skip
        await peer.read(until=lambda got: len(got) >= 10)
        assert len(house.sessions) == 1
        for words in (
            "kind 0x42", "must not be empty", "odd number", "a key is one of", "more than 1000 ms", "could not be forwarded",
            "a second UUID came",
        ):  # fmt: skip
            assert words in caplog.text
        await peer.send(*[Frame(0x42)] * 60)
        assert isinstance((await peer.closed())[-1], HangUp), "but not for ever"
        assert "misbehaved" in caplog.text


@pytest.mark.parametrize(
    ("first", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(0x6000), "must be the call's UUID (kind 0x01), not one of kind 0x47"),
        (Sound(8000, bytes(320)), "not one of kind 0x10"),
        (Frame(0x01, b"short"), "16 bytes, not 5"),
        (struct.pack(">BH", 0x01, 16) + b"half", "no UUID came within"),
        (b"", "no UUID came within"),
    ],
)
async def test_who_does_not_begin_with_a_uuid_is_hung_up(first: Any, words: str, caplog: pytest.LogCaptureFixture) -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(first)
        assert await peer.closed() == [HangUp()]
        assert words in caplog.text
        assert len(house.sessions) == 0


async def test_a_stranger_and_an_unregistered_call_are_refused(caplog: pytest.LogCaptureFixture) -> None:
    strict = {"asterisk": {"audiosocket": {"port": 0, "allowed": ["192.0.2.0/24"]}}}
    async with calls_house(**strict) as house, listening(house) as (server, _), line(server) as peer:
        assert await peer.closed() == []
        assert "its address is not in telephony.asterisk.audiosocket.allowed" in caplog.text
    nobody = {"asterisk": {"audiosocket": {"port": 0}}}
    async with calls_house(**nobody) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL))
        assert await peer.closed() == [HangUp()]
        assert f"nobody registered the call {CALL}" in caplog.text
    async with calls_house(**open_to_all(room="nowhere")) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL))
        assert await peer.closed() == [HangUp()]
        assert "there is no room 'nowhere'" in caplog.text


async def test_a_registered_uuid_serves_one_call() -> None:
    nobody = {"asterisk": {"audiosocket": {"port": 0}}}
    async with calls_house(**nobody) as house, listening(house) as (server, gateway):
        client = TestClient(Starlette(routes=gateway.routes()))
        answer = await asyncio.to_thread(client.post, "/api/calls/audiosocket", json={"name": "Kim", "parameters": {"tenant": "t1"}})
        assert answer.status_code == 201
        assert answer.json()["dialplan"] == f"AudioSocket({answer.json()['uuid']},127.0.0.1:{server.port})"
        call = CallId(UUID(answer.json()["uuid"]))
        async with line(server) as peer, line(server) as second:
            await peer.send(call)
            await peer.read(until=lambda got: len(got) >= 2)
            assert [session.name for session in house.sessions.values()] == ["Kim"]
            await second.send(call)
            assert await second.closed() == [HangUp()]
            await peer.read(until=lambda got: len(got) >= 4)
            assert len(house.sessions) == 1, "the first call has noticed nothing"
        wrong = await asyncio.to_thread(client.post, "/api/calls/audiosocket", json={"rom": "default"})
        assert wrong.status_code == 400
        assert "field 'rom'" in wrong.json()["error"]["message"]
        long = await asyncio.to_thread(client.post, "/api/calls/audiosocket", content=b" " * 70_000)
        assert long.status_code == 413


async def test_nobody_registers_where_nobody_listens() -> None:
    async with calls_house() as house:
        client = TestClient(Starlette(routes=AsteriskGateway(Exchange(house)).routes()))
        answer = await asyncio.to_thread(client.post, "/api/calls/audiosocket")
        assert answer.status_code == 409
        assert "configure telephony.asterisk.audiosocket" in answer.json()["error"]["message"]


def test_a_registration_expires() -> None:
    expected = ExpectedCalls()
    uuid = expected.register(CallRequest(), OPEN, 0.0)
    assert expected.take(uuid, 301.0) is None
    uuid = expected.register(CallRequest(), OPEN, 400.0)
    expected.register(CallRequest(), OPEN, 800.0)
    assert len(expected) == 1, "what has expired is forgotten"
    assert expected.take(uuid, 800.0) is None


async def test_a_program_may_be_asked_where_a_call_goes() -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(request.split()[1])
        body = b'{"room": "default", "name": "Lee"}'
        status = b"200 OK" if str(CALL) in request else b"404 Not Found"
        writer.write(b"HTTP/1.1 %s\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(body), body))
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as directory:
        url = f"http://127.0.0.1:{directory.sockets[0].getsockname()[1]}/calls"
        section = {"asterisk": {"audiosocket": {"port": 0, "lookup": url}}}
        async with calls_house(**section) as house, listening(house) as (server, _), line(server) as peer, line(server) as other:
            await peer.send(CallId(CALL))
            await peer.read(until=lambda got: len(got) >= 2)
            assert [session.name for session in house.sessions.values()] == ["Lee"]
            await other.send(CallId(uuid4()))
            assert await other.closed() == [HangUp()]
    assert asked[0] == f"/calls?uuid={CALL}"


async def test_a_closing_server_hangs_up() -> None:
    async with calls_house(**open_to_all()) as house:
        async with listening(house) as (server, _):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            peer = Peer(reader, writer)
            await peer.send(CallId(CALL))
            await peer.read(until=lambda got: len(got) >= 2)
        assert isinstance((await peer.closed())[-1], HangUp)
        writer.close()


class FullTransport:
    """A socket whose far end does not read."""

    def get_write_buffer_size(self) -> int:
        return 100 * 323 + 1


class FullWriter:
    transport = FullTransport()

    def is_closing(self) -> bool:
        return False

    def write(self, data: bytes) -> None:
        raise AssertionError("nothing more is written")


async def test_an_asterisk_that_does_not_read_is_let_go() -> None:
    async with calls_house(**open_to_all()) as house:
        session = await house.join("default", "Kim")
        connection = audiosocket.AudioSocketConnection(FullWriter(), session, CALL)  # type: ignore[arg-type]
        connection.beat(0.0)
        assert connection.over.result() == "slow"


async def test_a_key_s_tone_in_the_sound_is_not_heard() -> None:
    async with calls_house(**open_to_all()) as house, listening(house) as (server, _), line(server) as peer:
        await peer.send(CallId(CALL))
        await peer.read(until=lambda got: len(got) >= 1)
        (session,) = house.sessions.values()
        tone = key_sound("5", 8000)
        await peer.send(*(Sound(8000, tone[at : at + 320]) for at in range(0, 3200, 320)))
        received = session.ear.received
        async with asyncio.timeout(5):
            while session.ear.received < received + 2500:
                await asyncio.sleep(0.01)
        heard = np.frombuffer(session.ear.since(0), "<i2")
        assert len(heard) > 1500
        assert np.abs(heard).max(initial=0) < 300
