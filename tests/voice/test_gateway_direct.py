"""The short way between a WebSocket and a gateway: the same messages as by ASGI, however the bytes are cut, and the same refusals."""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hubbub.voice.gateway import direct
from hubbub.voice.gateway.direct import EXTENSION, DirectLine, DirectProtocol, frame
from hubbub.voice.server import http_server
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket
from uvicorn.server import ServerState

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
TEXT, BINARY, CONTINUED, CLOSE, PING = 1, 2, 0, 8, 9
MAX_BYTES = 4000


def client_frame(opcode: int, payload: bytes, *, fin: bool = True, masked: bool = True) -> bytes:
    """What a client sends."""
    head = bytearray([opcode | (0x80 if fin else 0)])
    flag = 0x80 if masked else 0
    if len(payload) < 126:
        head.append(len(payload) | flag)
    elif len(payload) < 65536:
        head += bytes([126 | flag]) + struct.pack(">H", len(payload))
    else:
        head += bytes([127 | flag]) + struct.pack(">Q", len(payload))
    if not masked:
        return bytes(head) + payload
    mask = b"\x37\xfa\x21\x3d"
    return bytes(head) + mask + bytes(byte ^ mask[n % 4] for n, byte in enumerate(payload))


CLOSING = client_frame(CLOSE, struct.pack(">H", 1000))


class Echo:
    """An application that takes the short way after the first message, and sends every message back; it keeps what it was given."""

    def __init__(self) -> None:
        self.taken: list[bytes | str] = []
        self.ended: list[Any] = []
        self.directly = True

    async def run(self, socket: WebSocket) -> None:
        await socket.accept()
        line: DirectLine = socket.scope["extensions"][EXTENSION]

        def take(message: bytes | str) -> None:
            if message == "raise":
                raise RuntimeError("the gateway is broken")
            self.taken.append(message)
            line.send(message)

        while (event := await socket.receive())["type"] != "websocket.disconnect":
            assert not self.directly or not self.taken, "a message went by ASGI"
            take(event["bytes"] if event.get("text") is None else event["text"])
            if self.directly:
                line.take(take)
        self.ended.append(event.get("code"))


class PlainEcho(Echo):
    """Sends every message back as any ASGI application would; the short way must not be offered."""

    async def run(self, socket: WebSocket) -> None:
        assert EXTENSION not in socket.scope["extensions"]
        await socket.accept()
        while (event := await socket.receive())["type"] != "websocket.disconnect":
            await socket.send({**event, "type": "websocket.send"})


@asynccontextmanager
async def serving(app: Echo | None = None) -> AsyncIterator[tuple[Echo, int]]:
    echo = app or Echo()
    server = http_server(Starlette(routes=[WebSocketRoute("/", echo.run)]), "127.0.0.1", 0, max_message_bytes=MAX_BYTES)
    task = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    try:
        yield echo, server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def talk(port: int, pieces: list[bytes], *, answers: int, then: bytes = CLOSING) -> bytes:
    """Connects, sends the pieces one by one, waits for so many bytes of answer, sends what ends it, and answers all that came back."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(HANDSHAKE)
        await reader.readuntil(b"\r\n\r\n")
        for piece in pieces:
            writer.write(piece)
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            answer = await reader.readexactly(answers)
            writer.write(then)
            return answer + await reader.read()
    finally:
        writer.close()


def as_sent(messages: list[bytes | str]) -> bytes:
    """The frames in which a server sends these messages."""
    return b"".join(frame(0x81, m.encode()) if isinstance(m, str) else frame(0x82, m) for m in messages)


MESSAGES = st.lists(st.one_of(st.binary(min_size=1, max_size=700), st.text(min_size=1, max_size=60)), min_size=1, max_size=8)


@settings(max_examples=20, deadline=None)
@given(MESSAGES, st.lists(st.integers(1, 400), min_size=1, max_size=6), st.booleans(), st.booleans())
def test_any_cutting_of_the_same_bytes_gives_the_same_messages(messages, cuts, in_pieces, directly):
    messages = [message for message in messages if message != "raise"]
    stream = b""
    for message in messages:
        payload = message.encode() if isinstance(message, str) else message
        opcode = TEXT if isinstance(message, str) else BINARY
        if in_pieces and len(payload) > 1:
            stream += client_frame(opcode, payload[:1], fin=False) + client_frame(PING, b"in between")
            stream += client_frame(CONTINUED, payload[1:])
        else:
            stream += client_frame(opcode, payload)
    pieces, at = [], 0
    while at < len(stream):
        size = cuts[len(pieces) % len(cuts)]
        pieces.append(stream[at : at + size])
        at += size

    async def run() -> None:
        async with serving() as (echo, port):
            echo.directly = directly
            pong = frame(0x8A, b"in between")
            pongs = stream.count(client_frame(PING, b"in between"))
            answer = await talk(port, pieces, answers=len(as_sent(messages)) + pongs * len(pong))
            assert echo.taken == messages
            assert echo.ended == [1000]
            assert answer.replace(pong, b"").startswith(as_sent(messages))

    asyncio.run(run())


async def test_messages_that_came_before_the_short_way_was_taken_come_first():
    async with serving() as (echo, port):
        burst = b"".join(client_frame(TEXT, str(n).encode()) for n in range(20))
        await talk(port, [burst], answers=len(as_sent([str(n) for n in range(20)])))
        assert echo.taken == [str(n) for n in range(20)]


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        (client_frame(BINARY, b"xx", masked=False), 1002),
        (client_frame(BINARY, bytes(MAX_BYTES + 1)), 1009),
        (client_frame(BINARY, bytes(70_000))[:200], 1009),
        (client_frame(BINARY, bytes(3000), fin=False) + client_frame(CONTINUED, bytes(3000)), 1009),
        (client_frame(TEXT, b"\xff\xfe"), 1007),
        (client_frame(3, b"reserved"), 1002),
        (client_frame(CONTINUED, b"of nothing"), 1002),
        (client_frame(BINARY, b"a", fin=False) + client_frame(BINARY, b"b"), 1002),
        (client_frame(BINARY | 0x40, b"compressed"), 1002),
        (client_frame(TEXT, b"raise"), 1011),
    ],
)
async def test_what_breaks_the_rules_is_refused_with_its_code(wrong, code):
    async with serving() as (echo, port):
        hello = as_sent(["hello"])
        answer = await talk(port, [client_frame(TEXT, b"hello")], answers=len(hello), then=wrong + client_frame(TEXT, b"late"))
        assert echo.taken == ["hello"]
        closing = answer.removeprefix(hello)
        assert closing[0] == 0x88 and struct.unpack(">H", closing[2:4])[0] == code


class FakeTransport(asyncio.Transport):
    """A socket that takes everything."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""

    def write(self, data: Any) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return False

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def close(self) -> None: ...


async def test_a_client_that_sends_before_its_handshake_is_answered_goes_the_long_way():
    echo = Echo()
    echo.directly = False
    config = uvicorn.Config(Starlette(routes=[WebSocketRoute("/", echo.run)]), ws=DirectProtocol, log_config=None)
    config.load()
    protocol = DirectProtocol(config=config, server_state=ServerState(), app_state={})
    transport = FakeTransport()
    protocol.connection_made(transport)
    early = client_frame(TEXT, b"early")
    protocol.data_received(HANDSHAKE)
    protocol.data_received(early[:3])
    async with asyncio.timeout(10):
        while not transport.written:
            await asyncio.sleep(0)
        protocol.data_received(early[3:] + client_frame(TEXT, b"next"))
        while len(echo.taken) < 2:
            await asyncio.sleep(0)
        protocol.data_received(CLOSING)
        while not echo.ended:
            await asyncio.sleep(0)
    assert echo.taken == ["early", "next"]
    protocol.connection_lost(None)


@pytest.mark.parametrize("gone", ["handshake_complete", "curr_msg_data_type", "send_receive_event_to_app"])
async def test_another_uvicorn_serves_without_the_short_way(gone: str, monkeypatch: pytest.MonkeyPatch, caplog: Any) -> None:
    monkeypatch.setattr(direct, "missing", lambda owner, names: [name for name in names if name == gone])
    direct._warn_once.cache_clear()
    async with serving(PlainEcho()) as (_, port):
        answer = await talk(port, [client_frame(TEXT, b"hello") + client_frame(BINARY, b"\1\2")], answers=len(as_sent(["hello", b"\1\2"])))
        await talk(port, [client_frame(TEXT, b"again")], answers=len(as_sent(["again"])))
    assert answer.startswith(as_sent(["hello", b"\1\2"]))
    said = [record.message for record in caplog.records if record.name == "hubbub.gateway.direct"]
    assert len(said) == 1 and gone in said[0], "it is said once"


def test_frames_have_the_shortest_head():
    for size, head in ((0, b"\x82\x00"), (125, b"\x82\x7d"), (126, b"\x82\x7e\x00\x7e"), (65536, b"\x82\x7f" + struct.pack(">Q", 65536))):
        assert frame(0x82, bytes(size)) == head + bytes(size)
