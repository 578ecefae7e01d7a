"""Human speech through the whole offline engine: word errors are printed, and words that are reliable must be there.

The recordings are not part of the project: without HUBBUB_SHARED_AUDIO these tests are skipped.
"""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from hubbub.voice.asr.base import ASRContext, ASRError, ASREvent, ASRFinal, ASRPartial
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR
from hubbub.voice.audio.wav import read_audio

PHRASES = (Path(__file__).resolve().parents[2] / "benchmarks" / "asr_phrases.txt").read_text().splitlines()
ROOM = ASRContext(phrases=tuple(PHRASES), vocabulary=("Gemini", "Hubbub"))
SILENCE = bytes(300 * 32)

EXPECTED = {
    "230pm": "two thirty p m",
    "book_a_room": "book a room",
    "half_an_hour": "half an hour",
    "hello_gemini_are_you_there": "hello gemini are you there",
    "how_old_is_the_brooklyn_bridge": "how old is the brooklyn bridge",
    "mountain_view": "mountain view",
    "today": "today",
    "two_people": "two people",
    "whats_the_weather_like": "what's the weather like",
}
UNEXPECTED = {
    "spk1_snt1": "the child almost hurt the small dog",
    "spk1_snt2": "drop the two when you add the figures",
    "spk1_snt3": "at that high level the air is pure",
    "spk1_snt4": "a thin stripe runs down the middle",
    "spk2_snt1": "we are sure that one war is enough",
    "spk2_snt2": "what joy there is in living",
    "spk2_snt3": "tear thin sheets from the yellow pad",
    "spk2_snt4": "mend the coat before you go out",
}
NOISES = ("keyboard-typing.ogg", "engine_idling.wav", "ringing_phone.wav", "car_horn.wav")


def errors(said: list[str], heard: list[str]) -> int:
    row = list(range(len(heard) + 1))
    for i, word in enumerate(said, 1):
        above, row = row, [i]
        for j, other in enumerate(heard, 1):
            row.append(min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (word != other)))
    return row[-1]


async def hear(engine: PocketSphinxASR, pcm: bytes, context: ASRContext) -> str:
    answer: asyncio.Future[ASRFinal | ASRError] = asyncio.get_running_loop().create_future()

    def listen(event: ASREvent) -> None:
        if not isinstance(event, ASRPartial):
            answer.set_result(event)

    stream = engine.open(listen, context=context)
    for at in range(0, len(pcm), 640):
        stream.feed(pcm[at : at + 640])
    stream.end()
    async with asyncio.timeout(120):
        done = await answer
    assert isinstance(done, ASRFinal), done
    return done.text


async def hear_all(
    texts: dict[str, str], audio: Callable[[str], Path], *contexts: ASRContext
) -> list[tuple[dict[str, str], float]]:
    """For each context what was heard in each clip, and the word error rate over all."""
    engine = PocketSphinxASR(processes=2)
    await engine.start()
    try:
        results = []
        for context in contexts:
            heard = {}
            for name in texts:
                pcm = read_audio(audio(f"speech/{name}.wav"), 16_000)
                heard[name] = await hear(engine, SILENCE + pcm + SILENCE, context)
            wrong = sum(errors(text.split(), heard[name].split()) for name, text in texts.items())
            results.append((heard, wrong / sum(len(text.split()) for text in texts.values())))
        return results
    finally:
        await engine.close()


async def test_what_a_room_expects_is_understood(shared_audio: Callable[[str], Path]) -> None:
    [(heard, rate)] = await hear_all(EXPECTED, shared_audio, ROOM)
    print(f"\nword error rate, expected phrases: {rate:.2f}", *heard.values(), sep="\n  ")
    assert rate <= 0.15
    for name in ("book_a_room", "half_an_hour", "mountain_view", "two_people", "today", "whats_the_weather_like"):
        assert heard[name] == EXPECTED[name]
    assert "gemini are you there" in heard["hello_gemini_are_you_there"]
    assert "brooklyn bridge" in heard["how_old_is_the_brooklyn_bridge"]
    assert "two thirty p" in heard["230pm"]


async def test_what_it_does_not_expect_is_no_worse_than_dictation(shared_audio: Callable[[str], Path]) -> None:
    (heard, rate), (_, dictated) = await hear_all(UNEXPECTED, shared_audio, ROOM, ASRContext())
    print(f"\nword error rate, other sentences: {rate:.2f}; dictation alone: {dictated:.2f}", *heard.values(), sep="\n  ")
    assert rate <= dictated + 0.05
    for name, words in {
        "spk1_snt1": "small",
        "spk1_snt2": "when you add",
        "spk1_snt3": "level the",
        "spk2_snt1": "one war is enough",
        "spk2_snt2": "what joy there",
        "spk2_snt3": "from the yellow",
        "spk2_snt4": "before you go out",
    }.items():
        assert words in heard[name]


async def test_noise_is_not_taken_for_words(shared_audio: Callable[[str], Path]) -> None:
    engine = PocketSphinxASR(processes=1)
    await engine.start()
    try:
        for name in NOISES:
            pcm = read_audio(shared_audio(f"noise/{name}"), 16_000)[: 2 * 32_000]
            assert await hear(engine, SILENCE + pcm + SILENCE, ROOM) == "", name
    finally:
        await engine.close()


@pytest.mark.parametrize("said", [["a"], ["a", "b", "c"], []])
def test_errors_are_counted_as_insertions_deletions_and_replacements(said: list[str]) -> None:
    assert errors(said, said) == 0
    assert errors(said, [*said, "x"]) == 1
    assert errors([*said, "x"], said) == 1
    assert errors([*said, "x"], [*said, "y"]) == 1
