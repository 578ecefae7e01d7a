"""A conversation over WebRTC through bad networks, a userspace relay in the middle: it goes on, and the figures are printed."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.client import AudioFrame, VoicesFrame, webrtc, whip
from hubbub.voice.event import Joined, Reply, Transcript
from hubbub.voice.testing.network import burst_loss
from hubbub.voice.testing.relay import UdpRelay, Weather, relayed

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "voice"))
from test_client_webrtc import Talk
from webrtc_house import Running, running

pytestmark = pytest.mark.e2e

ANSWER = " ".join(["one two three four five six seven eight nine ten"] * 2) + "."
ANSWER_S = 20 * 0.3
ASKED = "what time is it"


class RelayedLine(whip.WhipLine):
    """A line whose every datagram passes a relay."""

    weather = Weather()
    relay: UdpRelay
    through: contextlib.AsyncExitStack

    async def _post(self, offer: str) -> str:
        self.through = contextlib.AsyncExitStack()
        hidden = "\r\n".join(line for line in offer.split("\r\n") if not line.startswith("a=candidate"))
        answer, self.relay = await self.through.enter_async_context(relayed(await super()._post(hidden), self.weather))
        return answer

    async def close(self, *, hang_up: bool = False) -> None:
        await super().close(hang_up=hang_up)
        await self.through.aclose()


@contextlib.asynccontextmanager
async def caller(server: Running, weather: Weather, monkeypatch: pytest.MonkeyPatch, **options: Any) -> AsyncIterator[tuple[Any, Talk]]:
    line = type("Line", (RelayedLine,), {"weather": weather})
    monkeypatch.setattr(webrtc, "WhipLine", line)
    async with webrtc.WebRTCClient(server.url, **options) as client, Talk(client) as talk:
        yield client, talk


def loud_ms(talk: Talk) -> float:
    """How much of what was heard is sound; what is silent in the answer is a fifth of each word."""
    pcm = b"".join(item.pcm for item in talk.items if isinstance(item, AudioFrame | VoicesFrame))
    return float(np.count_nonzero(np.abs(np.frombuffer(pcm, "<i2")) > 500) / 24)


WEATHERS = {
    "fair": Weather(),
    "1 % loss": Weather(loss=0.01),
    "5 % loss": Weather(loss=0.05),
    "10 % loss": Weather(loss=0.10),
    "bursts": Weather(pattern=burst_loss(200, 12, length=4)),
    "100 ms jitter": Weather(delay_ms=20, jitter_ms=100),
}


def is_loud(frame: AudioFrame | VoicesFrame) -> bool:
    return bool(np.abs(np.frombuffer(frame.pcm, "<i2").astype(int)).max(initial=0) > 500)


def room_of(name: str) -> str:
    return name.replace(" ", "-").replace("%", "percent")


async def outage(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    weather = Weather()
    async with caller(server, weather, monkeypatch, reconnect=True, room="outage") as (client, talk):
        (session,) = (each for each in server.house.sessions.values() if each.room.name == "outage")
        weather.down = True
        await asyncio.sleep(5)
        weather.down = False
        back = asyncio.get_running_loop().time()
        async with asyncio.timeout(20):
            while session.connection is None:
                await asyncio.sleep(0.02)
        print(f"an outage of 5 s: the seat is taken again {asyncio.get_running_loop().time() - back:.1f} s after it")
        talk.say(1500)
        async with asyncio.timeout(20):
            while len([item for item in talk.items if isinstance(item, AudioFrame)]) <= 50:
                await asyncio.sleep(0.02)
        assert session in server.house.sessions.values(), "the same seat"
        assert {item.session for item in talk.items if isinstance(item, Joined)} == {session.id}
        assert client.joined.session == session.id


async def test_the_conversation_goes_on_in_any_weather_and_after_an_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    figures: dict[str, tuple[float, float, str]] = {}

    async def converse(server: Running, name: str) -> None:
        async with caller(server, WEATHERS[name], monkeypatch, room=room_of(name)) as (_, talk):
            loop = asyncio.get_running_loop()
            talk.say(1500)
            ended = loop.time() + 1.5
            await talk.until((AudioFrame, VoicesFrame), is_loud)
            answered = loop.time() - ended
            said = await talk.until(Transcript, lambda event: event.final)
            reply = await talk.until(Reply, lambda event: event.final)
            assert (reply.interrupted, reply.unheard) == (False, "")
            figures[name] = (answered, loud_ms(talk), said.text)

    async with running(answers=(ANSWER,), heard=(ASKED,), rooms=(*map(room_of, WEATHERS), "outage")) as server:
        await asyncio.gather(outage(server, monkeypatch), *(converse(server, name) for name in WEATHERS))
    for name, (answered, loud, text) in figures.items():
        print(f"{name}: answered after {answered * 1000:.0f} ms, {loud:.0f} ms of sound came, heard '{text}'")
    fair = figures["fair"][1]
    assert fair > ANSWER_S * 1000 * 0.5
    for name, (_, loud, text) in figures.items():
        assert text == ASKED, name
        assert loud > fair * 0.8, f"{name}: too little sound came"
        assert loud < fair * 1.2, f"{name}: sound was made up that was never sent"
