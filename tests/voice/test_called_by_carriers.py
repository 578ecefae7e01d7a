"""The carriers' whole gateway, called in simulated time by the SDK that plays them: what is heard, how far ahead, and what of the dead."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import numpy as np
import pytest
from call_pipes import Pipe, pipes
from calls_house import calls_house
from hubbub.voice.client.phone import BadLine, CallDetails, CallStarted, Complaint, PhoneCall
from hubbub.voice.client.phone.trunk import CarrierTrunk
from hubbub.voice.event import Reply
from hubbub.voice.gateway.telephony.exchange import Exchange
from hubbub.voice.gateway.telephony.gateway import serve
from hubbub.voice.gateway.telephony.wire.carriers import CARRIERS, Carrier
from hubbub.voice.house import House
from hubbub.voice.session import Session
from hubbub.voice.testing.time import run_simulated
from starlette.websockets import WebSocket

MESSAGE_MS = {"exotel": 100}

WORD_S = 0.228
"""Of a word of the scripted voice: how long it is above the 500 that is called loud here."""


def buzz(ms: int, rate_hz: int) -> bytes:
    """Something voice-like for the energy detector."""
    time = np.arange(rate_hz * ms // 1000) / rate_hz
    wave = sum(np.sin(2 * np.pi * 180 * n * time + n) / n for n in range(1, 12))
    return (wave * 5000).astype("<i2").tobytes()


def web_socket(pipe: Pipe, carrier: Carrier) -> WebSocket:
    """The server's end of a pipe, as a web server hands it over."""
    connected = False

    async def receive() -> dict[str, Any]:
        nonlocal connected
        if not connected:
            connected = True
            return {"type": "websocket.connect"}
        data = await pipe.receive()
        if data is None:
            return {"type": "websocket.disconnect", "code": 1000}
        return {"type": "websocket.receive", "text" if isinstance(data, str) else "bytes": data}

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            text = message.get("text")
            await pipe.send(message["bytes"] if text is None else text)
        elif message["type"] == "websocket.close":
            await pipe.close()

    scope = {
        "type": "websocket", "scheme": "ws", "path": f"/api/calls/{carrier}", "query_string": b"", "headers": [(b"host", b"127.0.0.1")],
        "client": ("127.0.0.1", 5000), "server": ("127.0.0.1", 80), "subprotocols": [],
    }  # fmt: skip
    return WebSocket(scope, receive, send)


@contextlib.asynccontextmanager
async def called(house: House, carrier: Carrier, line: BadLine | None = None) -> AsyncIterator[tuple[PhoneCall, Session]]:
    ours, theirs = pipes()
    exchange = Exchange(house)
    serving = asyncio.create_task(serve(web_socket(theirs, carrier), exchange, carrier))
    trunk = CarrierTrunk(carrier, CallDetails(parameters={"name": "Kim"}))
    async with PhoneCall(trunk, ours, CallStarted("pipe"), line=line) as call:
        while not house.sessions:
            await asyncio.sleep(0.02)
        yield call, next(iter(house.sessions.values()))
    await serving
    await exchange.close()
    assert not house.sessions


def simulated(scenario: Any, **house: Any) -> None:
    async def world() -> None:
        async with asyncio.timeout(120), calls_house(**house) as served:
            await scenario(served)

    run_simulated(world())


async def ended_reply(session: Session) -> Reply:
    while not (ended := [event for event in session.log if isinstance(event, Reply) and event.final]):
        await asyncio.sleep(0.02)
    return ended[0]


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_greeting_is_heard_whole_and_never_more_than_200_ms_ahead(carrier: Carrier) -> None:
    async def scenario(house: House) -> None:
        async with called(house, carrier, BadLine(loss=0.01, jitter_ms=60, seed=2)) as (call, session):
            reply = await ended_reply(session)
            assert not reply.unheard
            await call.hang_up()
            assert call.trunk.line.largest * 1000 / call.rate_hz <= 200 + MESSAGE_MS.get(carrier, 0)
            assert call.trunk.line.gaps == 0
            assert [event for event in [event async for event in call] if isinstance(event, Complaint)] == []
            loud = np.abs(np.frombuffer(bytes(call.heard), "<i2")) > 500
            words = len(reply.text.split())
            assert loud.sum() / call.rate_hz == pytest.approx(words * WORD_S, rel=0.04), "every word, once"

    simulated(scenario)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_barge_in_is_silence_at_once_and_nothing_of_the_dead_is_heard(carrier: Carrier) -> None:
    async def scenario(house: House) -> None:
        async with called(house, carrier) as (call, session):
            size = 2 * call.trunk.frame_samples
            while call.now_ms < 1500 or any(call.heard[-2 * size : -size]) or not any(call.heard[-size:]):
                await asyncio.sleep(0.02)  # until a word has just begun
            began = call.now_ms
            await call.say(buzz(900, call.rate_hz))
            reply = await ended_reply(session)
            assert reply.interrupted_by == session.name
            assert reply.text
            assert reply.unheard
            frames = np.abs(np.frombuffer(bytes(call.heard), "<i2")).reshape(-1, call.trunk.frame_samples).max(axis=1) > 500
            onset = began // 20
            silent = onset + int(np.argmin(frames[onset:]))
            assert (silent - onset) * 20 <= 240, "from the caller's onset to silence at his ear"
            assert not frames[silent : began // 20 + 45].any(), "nothing more of it while he speaks"
            assert len(reply.text.split()) * WORD_S <= frames[:silent].sum() * 0.02 + 0.1, "no word is called heard that had not sounded"

    simulated(scenario)


@pytest.mark.parametrize("carrier", CARRIERS)
def test_after_a_cough_the_reply_goes_on_and_is_heard_whole(carrier: Carrier) -> None:
    async def scenario(house: House) -> None:
        async with called(house, carrier) as (call, session):
            while call.now_ms < 1500:
                await asyncio.sleep(0.02)
            await call.say(buzz(100, call.rate_hz))
            reply = await ended_reply(session)
            assert not reply.unheard
            assert len(call.clears) == 1, "a carrier cannot pause"
            loud = np.abs(np.frombuffer(bytes(call.heard), "<i2")) > 500
            words = len(reply.text.split()) * WORD_S
            assert words * 0.96 <= loud.sum() / call.rate_hz <= words + 0.3, "a moment may be heard twice, nothing is left out"

    simulated(scenario, heard="")
