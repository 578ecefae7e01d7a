"""A bot in a room: it hears each participant by himself, and is heard."""

import asyncio
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from hubbub.voice.client import Speech, VoiceBot, VoiceClient
from hubbub.voice.event import Event, Reply, Transcript
from live_house import live_house

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples"))
import scribe

TONE = (np.sin(np.arange(16 * 700) * 0.35) * 9000).astype(np.int16).tobytes()
COUNT = "One, two, three."


async def test_a_bot_hears_everybody_by_name_and_reports_what_it_heard() -> None:
    async with (
        live_house(heard=["hello"], answer=COUNT) as live,
        VoiceBot(live.url, name="Scribe") as bot,
        VoiceClient(live.url, name="Kim", reports_playhead=False) as kim,
        asyncio.timeout(30),
    ):
        assert bot.name == "Scribe"
        for start in range(0, len(TONE), 640):
            await kim.send_audio(TONE[start : start + 640])
            await asyncio.sleep(0.015)
        heard: defaultdict[tuple[str, str], bytearray] = defaultdict(bytearray)
        said: list[tuple[str, str]] = []
        async for item in bot:
            if isinstance(item, Speech):
                heard[item.participant, item.kind] += item.pcm
            elif isinstance(item, Transcript) and item.final:
                said.append((item.speaker, item.text))
            elif isinstance(item, Reply) and item.final:
                break
        assert isinstance(item, Reply)
        assert (item.text.strip(), item.unheard) == (COUNT, ""), "the bot's own ear reported to the end"
        assert set(heard) == {("Kim", "caller"), ("Ava", "agent")}
        assert 2 * 16 * 100 < len(heard["Kim", "caller"]) < 2 * 16 * 2000, "live: a busy machine leaves some out"
        assert len(heard["Ava", "agent"]) >= 2 * 16 * 900
        assert said == [("Kim", "hello")]
        assert {name: one.kind for name, one in bot.participants.items()} == {"Ava": "agent", "Scribe": "caller", "Kim": "caller"}


async def test_a_bot_speaks_and_is_answered_and_heard() -> None:
    async with (
        live_house(heard=["what time is it"], answer="It is noon.") as live,
        VoiceBot(live.url, name="Asker") as bot,
        VoiceBot(live.url, name="Listener") as listener,
        asyncio.timeout(30),
    ):
        lanes: set[str] = set()
        answer: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def hears(speech: Speech) -> None:
            if speech.kind == "caller":
                lanes.add(speech.participant)

        async def learns(event: Event) -> None:
            if isinstance(event, Reply) and event.final and not answer.done():
                answer.set_result(event.text)

        running = [
            asyncio.create_task(bot.run(on_event=learns)),
            asyncio.create_task(listener.run(on_speech=hears)),
        ]
        try:
            await bot.say(TONE)
            assert (await answer).strip() == "It is noon."
            assert lanes == {"Asker"}
            await bot.leave()
            await running[0]
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)


async def test_the_example_writes_minutes() -> None:
    async with live_house(answer="Hi.") as live, VoiceClient(live.url, name="Kim", reports_playhead=False) as kim, asyncio.timeout(30):
        writing = asyncio.create_task(scribe.write_minutes(live.url, "default", 1))
        async for item in kim:
            if getattr(item, "type", "") == "participant_joined":
                break
        await kim.send_text("hello")
        minutes, seconds = await writing
        assert minutes == ["Kim: hello", "Ava: Hi."]
        assert seconds["Ava"] > 0.2
