"""Leading silence of any synthesiser: taken off, counted, and words moved by it."""

from collections.abc import AsyncGenerator

import pytest
from hubbub.voice.tts.base import SpokenWord, TTSChunk
from hubbub.voice.tts.silence import without_leading_silence
from hypothesis import given, settings
from hypothesis import strategies as st

RATE = 16_000
KEPT = 80
"""5 ms."""
SPEECH = b"\x00\x10" * 400


async def spoken(chunks: list[TTSChunk], closed: list[bool]) -> AsyncGenerator[TTSChunk, None]:
    try:
        for chunk in chunks:
            yield chunk
    finally:
        closed.append(True)


async def collect(chunks: list[TTSChunk]) -> list[TTSChunk]:
    return [chunk async for chunk in without_leading_silence(spoken(chunks, []), RATE)]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 3000), st.lists(st.integers(1, 900), min_size=1, max_size=5))
def test_any_silence_in_any_chunks_is_taken_off_and_counted(lead: int, sizes: list[int]) -> None:
    import asyncio

    sound = bytes(lead * 2) + SPEECH
    chunks, at = [], 0
    while at < len(sound):
        size = sizes[len(chunks) % len(sizes)] * 2
        words = (SpokenWord(0, 5, lead),) if not chunks else ()
        chunks.append(TTSChunk(sound[at : at + size], words))
        at += size
    out = asyncio.run(collect(chunks))
    expected = max(0, lead - KEPT)
    assert b"".join(chunk.pcm for chunk in out) == sound[expected * 2 :]
    assert sum(chunk.trimmed_samples for chunk in out) == expected
    (word,) = [word for chunk in out for word in chunk.words]
    assert word.at_sample == lead - expected, "the word still begins where its sound does"


async def test_what_the_engine_took_off_itself_is_counted_too() -> None:
    out = await collect([TTSChunk(bytes(2 * 180) + SPEECH, (), 1000), TTSChunk(SPEECH, (), 7)])
    assert [chunk.trimmed_samples for chunk in out] == [1100, 7]


async def test_words_without_any_sound_are_not_lost_and_the_engine_is_closed() -> None:
    out = await collect([TTSChunk(bytes(4000), (SpokenWord(0, 2, 0),))])
    assert [chunk.words for chunk in out] == [(SpokenWord(0, 2, 0),)]
    closed: list[bool] = []
    stream = without_leading_silence(spoken([TTSChunk(SPEECH)] * 3, closed), RATE)
    assert (await anext(stream)).pcm == SPEECH
    await stream.aclose()
    assert closed == [True]
    with pytest.raises(StopAsyncIteration):
        await anext(stream)
