"""VoiceClient with tokens, and after a lost line, against a real house: refused in its words, told what was missed, no word lost."""

import asyncio
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hubbub.voice.client import (
    ConnectionLost,
    LaneFrame,
    RefusedError,
    SimulatedLoudspeaker,
    VoiceClient,
    VoicesFrame,
)  # fmt: skip
from hubbub.voice.event import Event, Joined, Lane, Reply, Transcript
from hubbub.voice.token import TokenRequest, mint
from live_house import KEY, ROOMS, live_house

LOCKED = "server: {access: {open: false}}\n" + ROOMS
ENVIRON = {"HUBBUB_SERVER_KEY": KEY}
TONE = (np.sin(np.arange(16 * 600) * 0.35) * 9000).astype(np.int16).tobytes()
COUNT = "One, two, three, four, five, six, seven, eight."


async def test_a_refusal_before_the_upgrade_comes_in_the_server_s_words() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        with pytest.raises(RefusedError, match="asks for a token") as refused:
            await VoiceClient(live.url).__aenter__()
        assert refused.value.code == "unauthorized"
        kim = VoiceClient(live.url, token=mint(TokenRequest(room="attic"), KEY)[0])
        with pytest.raises(RefusedError, match="opens the room 'attic'"):
            await kim.__aenter__()


async def test_a_token_lets_in_and_its_seat_comes_back_when_it_is_spent() -> None:
    async with live_house(LOCKED, environ=ENVIRON) as live:
        token = mint(TokenRequest(name="Kim", once=True), KEY)[0]
        async with VoiceClient(live.url, token=token, reconnect=True) as kim:
            assert kim.joined.name == "Kim"
            kim._socket.transport.abort()  # type: ignore[union-attr]
            async for item in kim:
                if isinstance(item, Joined) and item.resumed:
                    break
            with pytest.raises(RefusedError, match=r"used already|takes back its own seat"):
                await VoiceClient(live.url, token=token).__aenter__()


async def test_a_reply_goes_on_after_a_lost_line_without_a_gap() -> None:
    async with (
        live_house(answer=COUNT) as live,
        VoiceClient(live.url, name="Kim", reconnect=True) as kim,
        SimulatedLoudspeaker(kim, record=True) as speaker,
        asyncio.timeout(30),
    ):
        await kim.send_text("count")
        seen: list[Event] = []
        cuts = 0
        async for item in kim:
            speaker.take(item)
            if isinstance(item, Event):
                seen.append(item)
            if speaker.playback.playhead(1) > 24 * 400 * (cuts + 1) and cuts < 2:
                cuts += 1
                kim._socket.transport.abort()  # type: ignore[union-attr]
            if isinstance(item, Reply) and item.final:
                break
        assert (item.text.strip(), item.unheard, item.interrupted) == (COUNT, "", False)  # type: ignore[union-attr]
        numbers = [event.seq for event in seen if event.seq]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
        assert sum(isinstance(event, ConnectionLost) for event in seen) == 2
        spans = [(one.offset, one.offset + len(one.pcm) // 2) for one in speaker.playback.heard if one.reply == 1]
        assert spans[0][0] == 0
        assert spans[-1][1] >= 24 * 300 * 8
        assert all(one[1] == other[0] for one, other in pairwise(spans)), spans


async def test_a_second_client_goes_on_where_the_first_one_was() -> None:
    async with live_house() as live:
        async with VoiceClient(live.url, name="Kim") as first, asyncio.timeout(20):
            await first.send_text("hello")
            async for item in first:
                if isinstance(item, Transcript):
                    break
            await first.disconnect()
        async with VoiceClient(live.url, resume_token=first.joined.resume_token, after=first.seq) as second, asyncio.timeout(20):
            assert second.joined.resumed
            async for item in second:
                if isinstance(item, Event) and item.seq:
                    assert item.seq == first.seq + 1
                    break


async def test_lanes_keep_the_callers_apart() -> None:
    async with (
        live_house(heard=["hello"]) as live,
        VoiceClient(live.url, name="Kim", lanes=True) as kim,
        VoiceClient(live.url, name="Lee") as lee,
        VoiceClient(live.url, name="Max") as _,
        asyncio.timeout(20),
    ):
        for start in range(0, len(TONE), 640):
            await lee.send_audio(TONE[start : start + 640])
            await asyncio.sleep(0.015)
        frames: list[LaneFrame] = []
        told: list[Any] = []
        async for item in kim:
            assert not isinstance(item, VoicesFrame)
            if isinstance(item, Lane):
                told.append(item)
            elif isinstance(item, LaneFrame):
                assert told, "the lane is announced before its sound"
                frames.append(item)
                if item.last:
                    break
        assert [(one.number, one.name) for one in told] == [(frames[0].lane, "Lee")]
        assert kim.lanes == {frames[0].lane: "Lee"}
        assert all(after.position >= before.position + len(before.pcm) // 2 for before, after in pairwise(frames))
        sound = b"".join(frame.pcm for frame in frames)
        loud = np.abs(np.frombuffer(sound, np.int16).astype(float)).reshape(-1, 480).max(axis=1) > 3000
        assert 20 <= loud.sum() <= 36, "600 ms of it were loud"
