"""The WebRTC client against a whole server: the same use as over the WebSocket, and what only this transport can do."""

import asyncio
import socket
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hubbub.voice.client import AudioFrame, CannotConnectError, ConnectionLost, RefusedError, VoicesFrame
from hubbub.voice.client.webrtc import WebRTCClient
from hubbub.voice.event import Backchannel, Joined, Left, Pong, Reply, Transcript
from webrtc_house import buzz, running


class Talk:
    """A program that reads a client in a task, with a microphone that never stops."""

    def __init__(self, client: WebRTCClient) -> None:
        self.client = client
        self.items: list[Any] = []
        self._waiting = b""
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Talk":
        self._tasks = [asyncio.create_task(self._read()), asyncio.create_task(self._speak())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def say(self, ms: int) -> None:
        self._waiting += buzz(ms, 16_000).tobytes()

    async def _read(self) -> None:
        async for item in self.client:
            self.items.append(item)

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            frame, self._waiting = self._waiting[:640].ljust(640, b"\0"), self._waiting[640:]
            await self.client.send_audio(frame)
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    async def until(self, kind: type | tuple[type, ...], which: Any = lambda item: True) -> Any:
        async with asyncio.timeout(15):
            while True:
                for item in self.items:
                    if isinstance(item, kind) and which(item):
                        return item
                await asyncio.sleep(0.01)


async def test_a_program_asks_hears_and_breaks_in() -> None:
    async with running(heard=("hello there", "stop that please")) as server, WebRTCClient(server.url, name="Kim") as client:
        async with Talk(client) as talk:
            talk.say(900)
            said = await talk.until(Transcript, lambda event: event.final)
            assert said.text == "hello there"
            first = await talk.until(AudioFrame)
            assert first.offset % 480 == 0
            await talk.until(AudioFrame, lambda frame: frame.offset > 24_000)
            frames = [item for item in talk.items if isinstance(item, AudioFrame) and item.pcm]
            steps = {after.offset - before.offset for before, after in pairwise(frames)}
            assert steps <= {480}, "every frame goes on from the one before"
            assert frames[0].offset <= 960, "none of the beginning is taken for somebody else's voice"
            level = np.sqrt(np.mean(np.frombuffer(b"".join(frame.pcm for frame in frames), "<i2").astype(float) ** 2))
            assert level > 3000
            talk.say(1200)
            reply = await talk.until(Reply, lambda event: event.final)
            assert reply.interrupted_by == "Kim"
            assert reply.unheard
            assert reply.text + reply.unheard == "One two three four five six seven eight nine ten."
        joined = client.joined
    assert joined.name == "Kim"
    assert not server.house.sessions


async def test_text_and_pings_go_over_the_channel() -> None:
    async with running() as server, WebRTCClient(server.url) as client, Talk(client) as talk:
        await client.ping(7)
        assert (await talk.until(Pong)).id == 7
        await client.send_text("hello")
        await talk.until(AudioFrame)
        await client.interrupt()
        await talk.until(Reply, lambda event: event.final and event.interrupted)
        with pytest.raises(ValueError, match="at least 1"):
            await client.send_text("")
        await client.leave()
        await talk.until(Left)


async def test_refusals_come_in_words() -> None:
    async with running() as server:
        with pytest.raises(RefusedError, match="no room") as refused:
            async with WebRTCClient(server.url, room="nowhere"):
                pass
        assert refused.value.code == "unknown_room"
    with pytest.raises(CannotConnectError, match="hubbub serve"):
        async with WebRTCClient("http://127.0.0.1:9"):
            pass
    with pytest.raises(ValueError, match="name"):
        WebRTCClient(name="x" * 100)


async def test_where_udp_is_blocked_it_says_so_in_time() -> None:
    async with running(block_udp=True) as server:
        with pytest.raises(CannotConnectError, match="no UDP path"):
            async with WebRTCClient(server.url, open_timeout_s=0.5):
                pass
        async with asyncio.timeout(10):
            while server.house.sessions:
                await asyncio.sleep(0.05)


async def test_a_change_of_network_keeps_seat_and_connection() -> None:
    async with running() as server, WebRTCClient(server.url) as client, Talk(client) as talk:
        (session,) = server.house.sessions.values()
        before = session.connection
        assert await client.restart_ice()
        assert session.connection is before
        talk.say(900)
        await talk.until(AudioFrame)
        assert sum(isinstance(item, Joined) for item in talk.items) == 1


async def test_ipv6_serves_as_well_in_what_is_left_of_a_port_range() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as other:
        other.bind(("::1", 0))
        taken = other.getsockname()[1]
        ports = (taken - 1, taken + 2) if taken < 65_000 else (taken - 2, taken)
        async with running(host="::1", udp_ports=ports) as server, WebRTCClient(server.url) as client, Talk(client) as talk:
            await client.send_text("hello")
            await talk.until(AudioFrame)
            (peer,) = server.peers.values()
            offered = peer.transport.ice.offered()
    assert offered and {candidate.host for candidate in offered} == {"::1"}
    assert all(ports[0] <= candidate.port <= ports[1] and candidate.port != taken for candidate in offered)


async def test_voices_of_others_come_beside_replies() -> None:
    async with running() as server, WebRTCClient(server.url) as client, Talk(client) as talk:
        (session,) = server.house.sessions.values()
        voice = buzz(20, 24_000).tobytes()
        for _ in range(10):
            assert session.connection is not None
            session.connection.send_voices(voice)
            await asyncio.sleep(0.02)
        await talk.until(VoicesFrame, lambda frame: np.abs(np.frombuffer(frame.pcm, "<i2")).max() > 2000)


async def test_a_lost_connection_is_made_again_and_misses_no_event() -> None:
    async with running() as server, WebRTCClient(server.url, name="Kim", reconnect=True) as client, Talk(client) as talk:
        (session,) = server.house.sessions.values()
        await talk.until(Joined)
        (peer,) = server.peers.values()
        peer._end("lost")
        async with asyncio.timeout(5):
            while session.connection is not None:
                await asyncio.sleep(0.01)
        session.emit(Backchannel(speaker="Kim", text="while nobody listened"))
        await talk.until(ConnectionLost)
        missed = await talk.until(Backchannel)
        assert missed.text == "while nobody listened"
        joined = [item for item in talk.items if isinstance(item, Joined)]
        assert {item.session for item in joined} == {session.id}
        assert joined[-1].resumed
        seqs = [item.seq for item in talk.items if getattr(item, "seq", 0)]
        assert seqs == sorted(set(seqs)), "none twice"
        talk.say(900)
        await talk.until(AudioFrame)
