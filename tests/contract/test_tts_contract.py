"""What every speech engine keeps to, run against each of them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import numpy as np
import pytest
import pytest_asyncio
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.tts.base import SpokenWord, TTSChunk, TTSEngine, TTSError, Voice
from hubbub.voice.tts.espeak import EspeakTTS, find_espeak, find_espeak_wheel
from hubbub.voice.tts.hibari import HibariTTS

ENGLISH = "The weather in London is fine. Isn't it? Out of the blue, at 12:30, it cost $3.14."
ACCENTS = "Café déjà vu, naïve  Zoë — “quoted” words."
CHINESE = "你好，世界。今天天气很好。"


def _engine(kind: str) -> TTSEngine:
    if kind == "scripted":
        return ScriptedTTS()
    try:
        if kind == "hibari":
            return HibariTTS()
        return EspeakTTS(find_espeak() if kind == "espeak" else find_espeak_wheel())
    except TTSError as error:
        pytest.skip(str(error))


@pytest_asyncio.fixture(params=["scripted", "espeak", "espeak-wheel", "hibari"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[TTSEngine]:
    engine = _engine(request.param)
    await engine.start()
    yield engine
    await engine.close()


async def say(engine: TTSEngine, text: str, voice: Voice = Voice()) -> tuple[bytes, list[SpokenWord], list[TTSChunk]]:  # noqa: B008
    chunks = [chunk async for chunk in engine.synthesize(text, voice)]
    return b"".join([chunk.pcm for chunk in chunks]), [word for chunk in chunks for word in chunk.words], chunks


def alike(one: tuple[bytes, list[SpokenWord], list[TTSChunk]], other: tuple[bytes, list[SpokenWord], list[TTSChunk]]) -> bool:
    """Whether two syntheses say the same: espeak-ng's length varies by up to 10 ms with what it said before."""
    near = 2 * 22050 // 25  # 40 ms, in bytes
    places = [[(word.start, word.end) for word in words] for _, words, _ in (one, other)]
    return abs(len(one[0]) - len(other[0])) < near and places[0] == places[1]


async def test_sound_comes_in_whole_samples_and_can_be_heard(engine: TTSEngine):
    pcm, _, chunks = await say(engine, ENGLISH)
    assert all(len(chunk.pcm) % 2 == 0 for chunk in chunks)
    sound = np.frombuffer(pcm, np.int16)
    assert len(sound) > engine.rate_hz  # sixteen words take more than a second
    assert np.abs(sound.astype(int)).max() > 3000


async def test_the_first_audible_sample_comes_at_once_and_what_was_trimmed_is_counted(engine: TTSEngine):
    pcm, _, chunks = await say(engine, ENGLISH)
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(int)) > 64)
    assert loud[0] <= engine.rate_hz * 6 // 1000
    assert all(chunk.trimmed_samples >= 0 for chunk in chunks)


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        (ENGLISH, "en", "The weather in London is fine Isn't it Out of the blue at 12:30 it cost 3.14"),
        (ACCENTS, "en", "Café déjà vu naïve Zoë quoted words"),
    ],
)
async def test_every_word_has_its_place_in_the_text_and_a_time_in_order(engine: TTSEngine, text, language, expected):
    pcm, words, _ = await say(engine, text, Voice(language=language))
    spoken = [text[word.start : word.end].strip(",.?!“”$—") for word in words]
    assert [word for word in spoken if word] == expected.split()
    times = [word.at_sample for word in words]
    assert times == sorted(times) and times[0] >= 0 and times[-1] < len(pcm) // 2
    assert [word.start for word in words] == sorted({word.start for word in words})


async def test_chinese_is_spoken_and_its_words_lie_within_the_text(engine: TTSEngine):
    if not engine.speaks(Voice(language="zh-CN")):
        pytest.skip(f"{engine.name} speaks no Chinese, and says so")
    pcm, words, _ = await say(engine, CHINESE, Voice(language="zh-CN"))
    assert words and all(0 <= word.start < word.end <= len(CHINESE) for word in words)
    assert [word.at_sample for word in words] == sorted(word.at_sample for word in words)
    assert pcm


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
async def test_empty_text_gives_no_chunk(engine: TTSEngine, text):
    assert (await say(engine, text))[2] == []


@pytest.mark.parametrize("text", ["😀", "\x00\x07a\ud800b", "؟¿!?", "a" * 1000, "<b>&amp;</b> [[x]]"])
async def test_odd_text_neither_fails_nor_hurts_the_next(engine: TTSEngine, text):
    words = (await say(engine, text))[1]
    assert all(0 <= word.start < word.end <= len(text) for word in words)
    assert (await say(engine, "Hello there."))[0]


async def test_the_same_text_gives_the_same_length(engine: TTSEngine):
    assert alike(await say(engine, "Once more."), await say(engine, "Once more."))


async def test_after_an_abort_the_next_sentence_is_whole(engine: TTSEngine):
    whole = await say(engine, "Hello there, all of you.")
    for _ in range(5):
        async with aclosing(engine.synthesize(ENGLISH * 3, Voice())) as chunks:  # type: ignore[type-var]
            await anext(chunks)
        assert alike(await say(engine, "Hello there, all of you."), whole)


async def test_cancelling_the_reader_leaves_the_engine_usable(engine: TTSEngine):
    tasks = [asyncio.create_task(say(engine, ENGLISH * 5)) for _ in range(6)]
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) or result[0] for result in results)
    assert (await say(engine, "Hello there."))[0]


async def test_twenty_at_once_get_their_own_words(engine: TTSEngine):
    texts = [f"Sentence number {number} speaks of itself." for number in range(20)]
    alone = [await say(engine, text) for text in texts]
    together = await asyncio.gather(*(say(engine, text) for text in texts))
    for one, other in zip(alone, together, strict=True):
        assert alike(one, other)


async def test_a_reader_that_stands_still_keeps_nobody_waiting(engine: TTSEngine):
    alone = await say(engine, "I am not kept waiting.")
    streams = [engine.synthesize(ENGLISH * 4, Voice()) for _ in range(4)]
    for stream in streams:
        await anext(stream)
    beside = await say(engine, "I am not kept waiting.")
    assert len(beside[1]) == len(alone[1])
    assert len(beside[0]) == pytest.approx(len(alone[0]), rel=0.05)  # espeak-ng: words move with what was said before
    for stream in streams:
        await stream.aclose()  # type: ignore[attr-defined]


async def test_speed_and_pitch_are_taken_or_ignored(engine: TTSEngine):
    slow = (await say(engine, ENGLISH, Voice(speed=0.5, pitch=0.5)))[0]
    fast = (await say(engine, ENGLISH, Voice(speed=2.0, pitch=2.0)))[0]
    assert len(fast) < len(slow) or engine.name == "scripted"
    assert (await say(engine, ENGLISH, Voice(speed=100.0, pitch=0.0)))[0]
