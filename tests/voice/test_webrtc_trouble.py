"""A WebRTC peer in trouble: strangers, nonsense at every layer, a line that goes quiet, one that never stands."""

import asyncio
import contextlib
import os
import random
import socket
from typing import Any

import pylibsrtp
import pytest
from aiortc import RTCSessionDescription
from hubbub.voice.event import Error, Joined, Pong
from hubbub.voice.gateway.control import MAX_BAD_MESSAGES, MAX_MESSAGES_A_SECOND
from hubbub.voice.gateway.webrtc import peer as peers
from hubbub.voice.rtc import ice
from hubbub.voice.rtc.sdp import parse
from webrtc_house import Running, StockClient, buzz, running


async def joined(server: Running) -> tuple[StockClient, Any, Any]:
    client = await StockClient().join(server)
    await client.until(Joined)
    (session,) = server.house.sessions.values()
    (peer,) = server.peers.values()
    return client, session, peer


async def still_talks(client: StockClient) -> None:
    client.channel.send('{"type": "text", "text": "are you there"}')
    await client.until_loud()


async def test_strangers_are_not_heard() -> None:
    async with running() as server:
        client, _, peer = await joined(server)
        (candidate,) = peer.transport.ice.offered()
        rng = random.Random(5)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for first in (0, 1, 3, 20, 22, 63, 64, 128, 144, 200, 255):
                for size in (0, 1, 3, 19, 20, 28, 100, 1400):
                    stranger.sendto(bytes([first])[: min(size, 1)] + rng.randbytes(max(0, size - 1)), (candidate.host, candidate.port))
            request = bytearray(b"\x00\x01\x00\x08\x21\x12\xa4\x42" + os.urandom(12) + b"\x00\x06\x00\x04abcd")
            for place in range(len(request)):
                request[place] ^= 0xFF
                stranger.sendto(request, (candidate.host, candidate.port))
        async with asyncio.timeout(5):
            while peer.transport.ice.refused < 50:
                await asyncio.sleep(0.01)
        client.microphone.say(buzz(900))
        await client.until_loud()
        await client.close()


async def test_nonsense_inside_the_encrypted_channels_is_survived() -> None:
    async with running() as server:
        client, session, peer = await joined(server)
        dtls = client.peer.sctp.transport
        rng = random.Random(6)
        for size in (12, 13, 20, 60, 300):
            for kind in (0x80, 0x90, 0xA0, 0xBF):
                for second in (96, 200, 201, 203):
                    packet = bytes([kind, second]) + rng.randbytes(size - 2)
                    peer.transport.on_rtp(packet, 0.0)
                    peer.transport.on_rtcp(packet, 0.0)
                    with contextlib.suppress(pylibsrtp.Error):
                        await dtls._send_rtp(packet)
        for size in (1, 12, 16, 40, 400):
            await dtls._send_data(rng.randbytes(size))
        await client.peer.sctp._send(client.channel.id, 50, b"\x03" + bytes(11))
        await client.peer.sctp._send(client.channel.id, 50, b"\x03" + b"\xff" * 11)
        await client.peer.sctp._send(client.channel.id, 51, b"\xff\xfe")
        await client.peer.sctp._send(900, 51, b"nobody's")
        client.channel.send("{}")
        client.channel.send("not json")
        client.channel.send(b"\x00\x01")
        client.channel.send('{"type": "join"}')
        client.channel.send('{"type": "text", "text": "' + "x" * 5000 + '"}')
        client.peer.createDataChannel("other")
        client.peer.createDataChannel("hubbub")
        client.channel.send('{"type": "ping", "id": 3}')
        assert (await client.until(Pong)).id == 3
        codes = [event.code for event in client.events if isinstance(event, Error)]
        assert codes == ["unknown_message", "bad_json", "bad_message", "already_joined", "bad_message"]
        assert session.connection is peer.connection
        await still_talks(client)
        await client.close()


async def test_who_keeps_sending_nonsense_is_let_go() -> None:
    async with running() as server:
        client, session, _ = await joined(server)
        for _ in range(MAX_BAD_MESSAGES + 1):
            client.channel.send("nonsense")
        async with asyncio.timeout(10):
            while server.peers:
                await asyncio.sleep(0.01)
        errors = [event for event in client.events if isinstance(event, Error)]
        assert errors[-1].fatal
        assert session.connection is None, "the seat is kept for a while, as on a WebSocket"
        await client.close()


async def test_a_line_that_went_quiet_is_noticed_and_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "LOST_S", 0.5)
    monkeypatch.setattr(peers, "CHECK_S", 0.1)
    async with running() as server:
        client, session, peer = await joined(server)
        hear = peer.transport.ice.datagram
        peer.transport.ice.datagram = lambda data, addr, protocol: None
        async with asyncio.timeout(10):
            while session.connection is not None:
                await asyncio.sleep(0.01)
        peer.transport.ice.datagram = hear
        async with asyncio.timeout(10):
            while session.connection is None:
                await asyncio.sleep(0.01)
        assert session.connection is peer.connection
        await still_talks(client)
        await client.close()


async def test_a_line_that_stays_quiet_is_given_up_and_its_seat_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ice, "LOST_S", 0.5)
    monkeypatch.setattr(peers, "KEEP_LOST_S", 0.5)
    monkeypatch.setattr(peers, "CHECK_S", 0.1)
    async with running() as server:
        client, session, peer = await joined(server)
        peer.transport.ice.datagram = lambda data, addr, protocol: None
        async with asyncio.timeout(15):
            while server.peers:
                await asyncio.sleep(0.01)
        assert session in server.house.sessions.values()
        assert session.connection is None
        again = await StockClient().join(server, f"resume={session.resume_token}")
        assert (await again.until(Joined)).session == session.id
        await still_talks(again)
        await client.close()
        await again.close()


async def test_an_offer_that_nobody_follows_up_gives_its_seat_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "CONNECT_S", 0.3)
    async with running() as server:
        offer = await StockClient().offer()
        answer = await server.http.post("/api/webrtc", content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201
        assert len(server.house.sessions) == 1
        async with asyncio.timeout(10):
            while server.house.sessions or server.peers:
                await asyncio.sleep(0.01)


async def test_a_certificate_that_was_not_announced_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "CONNECT_S", 5.0)
    async with running() as server:
        client = StockClient()
        offer = await client.offer()
        true = parse(offer).media[0].fingerprints
        for _, digest in true:
            offer = offer.replace(digest, digest[::-1].replace(":", "X").replace("X", ":"))
        answer = await server.http.post("/api/webrtc", content=offer, headers={"content-type": "application/sdp"})
        assert answer.status_code == 201, "the offer is well-formed: it is the handshake that tells"
        await client.peer.setRemoteDescription(RTCSessionDescription(answer.text, "answer"))
        async with asyncio.timeout(10):
            while server.house.sessions or server.peers:
                await asyncio.sleep(0.01)
        assert not client.events
        await client.close()


async def test_a_client_that_floods_the_channel_does_not_fill_the_memory() -> None:
    async with running() as server:
        client, _, peer = await joined(server)
        for _ in range(2 * MAX_MESSAGES_A_SECOND + 2):  # at once: what a fast line would bring in less than two seconds
            peer._events.receive('{"type": "commit"}')
        async with asyncio.timeout(15):
            while server.peers:
                await asyncio.sleep(0.01)
        assert any(isinstance(event, Error) and event.code == "too_many_messages" for event in client.events)
        await client.close()
