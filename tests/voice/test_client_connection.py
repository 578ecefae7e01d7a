"""VoiceClient against a scripted server: joining, both directions, refusals, and lost connections."""

import asyncio
import json
import socket

import pytest
from client_server import Line, scripted_server
from hubbub.voice.client import (
    AudioFrame,
    CannotConnectError,
    ConnectionLost,
    ConnectionLostError,
    RefusedError,
    VoiceClient,
    VoiceClientError,
)
from hubbub.voice.client.address import socket_url
from hubbub.voice.event import Joined, Left, Reply, Transcript
from hubbub.voice.protocol import CLOSE_REFUSED, CLOSE_SLOW, Commit, Dtmf, Interrupt, Leave, Mute, Ping, Playhead, Text
from websockets.asyncio.server import ServerConnection, serve


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://127.0.0.1:8080", "ws://127.0.0.1:8080/api/voice"),
        ("https://example.com/", "wss://example.com/api/voice"),
        ("localhost:9000", "ws://localhost:9000/api/voice"),
        ("wss://example.com/hub/api/voice", "wss://example.com/hub/api/voice"),
        ("http://[::1]:8080/hub", "ws://[::1]:8080/hub/api/voice"),
    ],
)
def test_addresses_as_people_write_them(url: str, expected: str) -> None:
    assert socket_url(url) == expected


@pytest.mark.parametrize("url", ["ftp://example.com", "http://", "http://host:notaport", "http://host:99999"])
def test_addresses_that_cannot_be(url: str) -> None:
    with pytest.raises(ValueError, match="the address"):
        VoiceClient(url)


async def test_all_messages_reach_the_server_and_events_come_in_order() -> None:
    async def script(line: Line) -> None:
        await line.wait_until(lambda line: bool(line.said(Ping)))
        await line.send(Transcript(speaker="Kim", text="hello", final=True, turn=1))
        await line.play(1, 0, b"\1\0" * 480)
        await line.send(Reply(reply=1, agent="Ava", text="Hi.", final=True))

    async with scripted_server(script) as server, VoiceClient(server.url, room="hall", name="Kim") as client:
        assert client.joined.session == "s1"
        await client.send_audio(b"\2\0" * 320)
        await client.send_text("hello")
        await client.press_keys("12#")
        with pytest.raises(ValueError, match="keys are up to 32"):
            await client.press_keys("12e")
        await client.interrupt()
        await client.commit()
        await client.mute()
        await client.send_playhead(1, 40)
        await client.ping(7)
        items = []
        async for item in client:
            items.append(item)
            if isinstance(item, Reply):
                await client.leave()
        (line,) = server.lines
        assert (line.join.room, line.join.name, line.join.resume) == ("hall", "Kim", None)
        assert bytes(line.audio) == b"\2\0" * 320
        assert [type(message) for message in line.messages] == [Text, Dtmf, Interrupt, Commit, Mute, Playhead, Ping, Leave]
        assert [type(item) for item in items] == [Joined, Transcript, AudioFrame, Reply, Left]
        assert items[2] == AudioFrame(1, 0, False, b"\1\0" * 480)


async def test_long_sound_is_cut_into_messages_the_server_takes() -> None:
    async with scripted_server() as server, VoiceClient(server.url) as client:
        sound = bytes(range(256)) * 250  # 2 s at 16 kHz
        await client.send_audio(sound)
        await server.lines[0].wait_until(lambda line: len(line.audio) == len(sound))
        assert bytes(server.lines[0].audio) == sound
        with pytest.raises(ValueError, match="odd number"):
            await client.send_audio(b"abc")


async def test_leaving_the_context_leaves_the_room() -> None:
    async with scripted_server() as server:
        async with VoiceClient(server.url):
            pass
        line = server.lines[0]
        await line.socket.wait_closed()
        assert line.said(Leave)


async def test_disconnecting_keeps_the_seat() -> None:
    async with scripted_server() as server:
        async with VoiceClient(server.url) as client:
            await client.disconnect()
            token = client.joined.resume_token
        async with VoiceClient(server.url, resume_token=token):
            assert not server.lines[0].said(Leave)
            assert server.lines[1].join.resume == "token-1"


async def test_reply_numbers_past_sixteen_bits_are_whole_again() -> None:
    async def script(line: Line) -> None:
        await line.send(Reply(reply=70_000, agent="Ava", text="", final=False))
        await line.play(70_000, 0, b"\0\0")
        await line.play(69_999, 0, b"\0\0")
        await line.play(131_072, 0, b"\0\0")

    async with scripted_server(script) as server, VoiceClient(server.url) as client:
        frames = []
        async for item in client:
            if isinstance(item, AudioFrame):
                frames.append(item.reply)
            if len(frames) == 3:
                break
        assert frames == [70_000, 69_999, 65_536]


async def test_events_of_a_newer_server_are_skipped() -> None:
    async def script(line: Line) -> None:
        await line.socket.send(json.dumps({"type": "weather", "rain": True}))
        await line.socket.send(b"\x09\0\0\0\0\0\0\0")  # sound of a kind that is not known
        await line.send(Left(reason="bye"))

    async with scripted_server(script) as server, VoiceClient(server.url) as client:
        assert [type(item) async for item in client] == [Joined, Left]


@pytest.mark.parametrize("data", [b"\1\0", b"\1\0\0\0\0\0\0\0\0", '{"type": "reply"}', "not json"])
async def test_what_cannot_be_read_is_an_error_not_a_crash(data: str | bytes) -> None:
    async def script(line: Line) -> None:
        await line.socket.send(data)

    async with scripted_server(script) as server, VoiceClient(server.url) as client:
        with pytest.raises(VoiceClientError, match="cannot be read"):
            async for _ in client:
                pass


async def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(CannotConnectError, match=r"connection refused. Is the server running\? Start one with 'hubbub serve'"):
            await VoiceClient(url).__aenter__()


async def test_somebody_else_listens() -> None:
    async def plain_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 7\r\nConnection: close\r\n\r\nnothing")
        writer.close()

    async with await asyncio.start_server(plain_http, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(CannotConnectError, match="not as a Hubbub server: HTTP status 404"):
            await VoiceClient(url).__aenter__()


async def test_a_server_that_says_nothing_is_not_waited_for_long() -> None:
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(CannotConnectError, match=r"did not answer within 0.05 s"):
            await VoiceClient(url, open_timeout_s=0.05).__aenter__()


async def test_a_refusal_comes_in_the_server_s_words() -> None:
    async def refuse(connection: ServerConnection) -> None:
        await connection.recv()
        await connection.send('{"type": "error", "code": "no_room", "message": "there is no room attic", "fatal": true}')
        await connection.close(CLOSE_REFUSED)

    async with serve(refuse, "127.0.0.1", 0) as server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        with pytest.raises(RefusedError, match="there is no room attic") as caught:
            await VoiceClient(url, room="attic").__aenter__()
        assert caught.value.code == "no_room"


async def test_a_lost_connection_is_said() -> None:
    async def script(line: Line) -> None:
        line.socket.transport.abort()

    async with scripted_server(script) as server:
        with pytest.raises(ConnectionLostError, match="the line went dead"):
            async with VoiceClient(server.url) as client:
                async for _ in client:
                    pass
        with pytest.raises(ConnectionLostError):
            await client.send_text("are you there?")


async def test_a_lost_connection_is_taken_up_again() -> None:
    async def script(line: Line) -> None:
        if line.join.resume is None:
            line.socket.transport.abort()

    async with scripted_server(script) as server, VoiceClient(server.url, reconnect=True) as client:
        items = []
        async for item in client:
            items.append(item)
            if isinstance(item, ConnectionLost):
                await client.send_audio(bytes(640))
            if len(server.lines) == 2:
                break
        assert [type(item) for item in items] == [Joined, ConnectionLost, Joined]
        assert client.lost_audio_samples == 320
        assert server.lines[1].join.resume == "token-1"


async def test_trying_again_has_an_end() -> None:
    async def script(line: Line) -> None:
        line.socket.transport.abort()

    client = VoiceClient("http://127.0.0.1:1", reconnect=True, reconnect_for_s=0.1)
    async with scripted_server(script) as server:
        client = VoiceClient(server.url, reconnect=True, reconnect_for_s=0.1)
        with pytest.raises(ConnectionLostError, match="did not come back"):
            async with client:
                async for _ in client:
                    pass


async def test_an_end_that_trying_again_would_not_mend_is_final() -> None:
    async def script(line: Line) -> None:
        await line.socket.close(CLOSE_SLOW, "read faster")

    async with scripted_server(script) as server:
        with pytest.raises(ConnectionLostError, match="this client did not read what it was sent: read faster"):
            async with VoiceClient(server.url, reconnect=True) as client:
                async for _ in client:
                    pass
        assert len(server.lines) == 1


@pytest.mark.parametrize("wrong", [{"name": " "}, {"room": ""}, {"name": "x" * 65}])
def test_names_that_cannot_be_are_refused_before_connecting(wrong: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        VoiceClient(**wrong)


async def test_a_text_must_say_something() -> None:
    async with scripted_server() as server, VoiceClient(server.url) as client:
        with pytest.raises(ValueError, match="at least 1 character"):
            await client.send_text("")
