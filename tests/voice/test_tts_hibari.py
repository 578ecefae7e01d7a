"""The natural voice: exact times of written words, one that is understood, and which engine speaks for whom."""

import asyncio
import importlib.util
import threading
from contextlib import aclosing

import numpy as np
import pytest
from hubbub.voice.asr.base import ASRContext, ASRFinal
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR
from hubbub.voice.audio.resample import resample
from hubbub.voice.config import EnginesConfig, default_config
from hubbub.voice.engines import choose_engines
from hubbub.voice.tts import choose, hibari
from hubbub.voice.tts.base import SpokenWord, TTSError, Voice
from hubbub.voice.tts.espeak import NEAREST, EspeakTTS, _order
from hubbub.voice.tts.hibari import HibariTTS

needs_hibari = pytest.mark.skipif(not hibari.installed(), reason="needs hibari-tts (pip install 'hubbub[offline]')")


@pytest.fixture
async def engine():
    engine = HibariTTS()
    await engine.start()
    yield engine
    await engine.close()


async def say(engine: HibariTTS, text: str, voice: Voice = Voice()) -> tuple[bytes, list[SpokenWord]]:  # noqa: B008
    chunks = [chunk async for chunk in engine.synthesize(text, voice)]
    return b"".join(chunk.pcm for chunk in chunks), [word for chunk in chunks for word in chunk.words]


@needs_hibari
async def test_words_stand_where_they_sound(engine: HibariTTS) -> None:
    """A pause in the middle shows whether times are exact: the word behind it begins with the sound."""
    text = "Yes, this is the very end. Now begins another."
    pcm, words = await say(engine, text)
    level = np.abs(np.frombuffer(pcm, np.int16)[: len(pcm) // 480 * 240].reshape(-1, 240).astype(int)).max(axis=1)  # of 10 ms
    quiet = np.flatnonzero(level < 300)
    runs = np.split(quiet, np.flatnonzero(np.diff(quiet) > 1) + 1)
    longest = max((run for run in runs if run[0] > 20 and run[-1] < len(level) - 10), key=len)
    (now,) = [word for word in words if text[word.start : word.end] == "Now"]
    assert abs(now.at_sample / 24 - (longest[-1] + 1) * 10) < 80, "within 80 ms of where the sound begins again"


@needs_hibari
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It opened in 1883, at 10:21.", ["It", "opened", "in", "1883", "at", "10:21"]),
        ("Dr. Smith paid $3.50 for 5km.", ["Dr", "Smith", "paid", "3.50", "for", "5km"]),
        ("Zoë’s café — really?", ["Zoë’s", "café", "really"]),
    ],
)
async def test_what_is_written_out_keeps_its_written_words(engine: HibariTTS, text: str, expected: list[str]) -> None:
    pcm, words = await say(engine, text)
    assert [text[word.start : word.end] for word in words] == expected
    times = [word.at_sample for word in words]
    assert times == sorted(times) and times[-1] < len(pcm) // 2


@needs_hibari
async def test_without_the_durations_words_are_estimated_from_their_sounds(monkeypatch: pytest.MonkeyPatch) -> None:
    exact = HibariTTS()
    _, true = await say(exact, "The weather in London is fine today.")
    monkeypatch.setattr(hibari, "_with_durations", lambda path: None)
    engine = HibariTTS()
    pcm, words = await say(engine, "The weather in London is fine today.")
    assert [(word.start, word.end) for word in words] == [(word.start, word.end) for word in true]
    assert max(abs(one.at_sample - other.at_sample) for one, other in zip(words, true, strict=True)) < 24_000 * 0.4
    assert any(one.at_sample != other.at_sample for one, other in zip(words, true, strict=True)) and pcm
    await exact.close()
    await engine.close()


@needs_hibari
async def test_the_same_text_sounds_the_same_speed_changes_it_and_nothing_is_silent_around_it(engine: HibariTTS) -> None:
    first, second = await say(engine, "Once more, please."), await say(engine, "Once more, please.")
    assert first == second
    slow, fast = await say(engine, "Once more, please.", Voice(speed=0.7)), await say(engine, "Once more, please.", Voice(speed=1.6))
    assert len(slow[0]) > 1.2 * len(first[0]) > 1.2 * 1.2 * len(fast[0])
    sound = np.abs(np.frombuffer(first[0], np.int16).astype(int))
    loud = np.flatnonzero(sound > 64)
    assert loud[0] <= 24 * 6 and len(sound) - loud[-1] <= 24 * 31
    assert 20 * np.log10(np.sqrt((sound**2).mean()) / 32768) > -26


@needs_hibari
async def test_what_nobody_wants_any_more_is_not_computed(engine: HibariTTS, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    say_part = engine._say

    def counts(part: str, voice: Voice, unwanted: threading.Event) -> object:
        said.append(part)
        return say_part(part, voice, unwanted)

    monkeypatch.setattr(engine, "_say", counts)
    async with aclosing(engine.synthesize("This is a sentence of some length, which goes on. " * 40, Voice())) as chunks:
        await anext(chunks)
    assert len(said) == 1
    assert (await say(engine, "Next."))[0]


@needs_hibari
async def test_the_loop_is_free_while_it_computes(engine: HibariTTS) -> None:
    beats = 0

    async def beat() -> None:
        nonlocal beats
        while True:
            await asyncio.sleep(0)
            beats += 1

    beating = asyncio.create_task(beat())
    await say(engine, "A sentence of some length, to be computed while others go on with what they do.")
    beating.cancel()
    assert beats > 50


@needs_hibari
async def test_it_is_understood(engine: HibariTTS) -> None:
    pcm, _ = await say(engine, "What is the weather like?", Voice(speed=0.9))
    asr = PocketSphinxASR(processes=1)
    await asr.start()
    heard: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_event(event: object) -> None:
        if isinstance(event, ASRFinal) and not heard.done():
            heard.set_result(event.text)

    context = ASRContext("en", ("what is the weather like", "what time is it", "book a room", "tell me a story"))
    stream = asr.open(on_event, context=context)
    sound = bytes(16_000) + resample(pcm, 24_000, 16_000) + bytes(16_000)
    for at in range(0, len(sound), 640):
        stream.feed(sound[at : at + 640])
    stream.end()
    async with asyncio.timeout(60):
        assert await heard == "what is the weather like"
    await asr.close()


def test_the_natural_voice_speaks_english_and_espeak_the_rest() -> None:
    pytest.importorskip("hibari")
    engines = choose_engines(EnginesConfig())
    try:
        assert engines.info["tts"].name == "hibari"
        for voice, name in (
            (Voice(), "hibari"), (Voice("heart"), "hibari"), (Voice(language="en-GB"), "hibari"),
            (Voice("en-us+f5"), "espeak"), (Voice(language="zh-CN"), "espeak"), (Voice(language="de"), "espeak"),
        ):  # fmt: skip
            assert engines.speaker_of(voice).name == name, voice
    finally:
        engines.vad.close()


def test_where_it_is_missing_espeak_speaks_with_the_nearest_voice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hibari, "installed", lambda: False)
    engine, why = choose.choose_tts(None, {})
    assert isinstance(engine, EspeakTTS) and "espeak-ng" in why
    with pytest.raises(TTSError, match=r"hibari was not found.*hubbub\[offline\]"):
        choose.choose_tts("hibari", {})
    voice = default_config().rooms["default"].agents[0].voice.as_voice("en")
    assert voice.name == "heart" and _order("hi", voice)["name"] == NEAREST["heart"] == "en-us+f5"


@needs_hibari
def test_a_network_that_is_built_otherwise_has_no_durations(tmp_path) -> None:
    onnx = pytest.importorskip("onnx")
    path = importlib.util.find_spec("hibari").submodule_search_locations[0]
    model = onnx.load(f"{path}/assets/hibari.onnx")
    for node in model.graph.node:
        if node.op_type == "Round":
            node.op_type = "Ceil"
    onnx.save(model, tmp_path / "other.onnx")
    assert hibari._with_durations(tmp_path / "other.onnx") is None
