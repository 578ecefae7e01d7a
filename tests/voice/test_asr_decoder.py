"""The two decoders: what a room expects is heard as that, what it does not as open English, and noise as nothing."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.asr.base import ASRContext
from hubbub.voice.asr.decoder import KEPT_DOMAINS, Decoded, Recogniser
from hubbub.voice.asr.domain import normalise

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = ASRContext(phrases=tuple((ROOT / "benchmarks" / "asr_phrases.txt").read_text().splitlines()))
SILENCE = bytes(300 * 32)


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser()


def hear(recogniser: Recogniser, pcm: bytes, context: ASRContext = EXPECTED, cmn: str | None = None) -> Decoded:
    recogniser.begin(context, cmn)
    for at in range(0, len(pcm), 3200):
        recogniser.feed(pcm[at : at + 3200])
    return recogniser.finish()


@pytest.mark.parametrize(
    "clip", ["tell_me_a_story", "can_you_hear_me", "what_day_is_it", "count_to_twenty", "hello", "yes", "wait"]
)
def test_what_the_room_expects_is_heard(recogniser: Recogniser, fixture_audio: Callable[[str], bytes], clip: str) -> None:
    text = clip.replace("_", " ")
    context = ASRContext(EXPECTED.language, (*EXPECTED.phrases, text))
    done = hear(recogniser, SILENCE + fixture_audio(f"requests/{clip}") + SILENCE, context)
    assert (done.text, done.source) == (text, "domain")


def test_what_the_room_does_not_expect_is_left_to_open_english(
    recogniser: Recogniser, fixture_audio: Callable[[str], bytes]
) -> None:
    context = ASRContext(phrases=("my account number", "the bill for march", "cancel the subscription"))
    done = hear(recogniser, SILENCE + fixture_audio("requests/what_day_is_it") + SILENCE, context)
    assert done.source == "open"
    assert "day" in done.text.split()


def test_a_room_that_expects_nothing_hears_open_english(
    recogniser: Recogniser, fixture_audio: Callable[[str], bytes]
) -> None:
    done = hear(recogniser, SILENCE + fixture_audio("requests/what_day_is_it") + SILENCE, ASRContext())
    assert done.source == "open" and done.text


def noises() -> dict[str, np.ndarray]:
    random = np.random.default_rng(5)
    breath = random.normal(0, 1500, 16_000) * np.hanning(16_000)
    cough = random.normal(0, 6000, 4_000) * np.exp(-np.arange(4_000) / 800)
    hum = 800 * np.sin(2 * np.pi * 50 * np.arange(16_000) / 16_000)
    return {"breath": breath, "cough": cough, "hum": hum, "hiss": random.normal(0, 3000, 32_000)}


@pytest.mark.parametrize("kind", noises())
@pytest.mark.parametrize("context", [EXPECTED, ASRContext()], ids=["steered", "open"])
def test_noise_is_no_words(recogniser: Recogniser, kind: str, context: ASRContext) -> None:
    random = np.random.default_rng(6)
    noise = np.concatenate([np.zeros(4800), noises()[kind], np.zeros(4800)])
    noise += random.normal(0, 10, len(noise))
    done = hear(recogniser, noise.astype(np.int16).tobytes(), context)
    assert (done.text, done.words) == ("", ())


@pytest.mark.parametrize("clip", ["keys", "door", "white", "silence"])
def test_recorded_noise_is_no_words(recogniser: Recogniser, fixture_audio: Callable[[str], bytes], clip: str) -> None:
    assert hear(recogniser, SILENCE + fixture_audio(f"noise/{clip}") + SILENCE).text == ""


def test_words_lie_where_they_were_said(recogniser: Recogniser, fixture_audio: Callable[[str], bytes]) -> None:
    told = json.loads((ROOT / "audio_fixtures" / "manifest.json").read_text())["clips"]["requests/tell_me_a_story"]
    done = hear(recogniser, SILENCE + fixture_audio("requests/tell_me_a_story") + SILENCE)
    assert [word.text for word in done.words] == list(normalise(told["text"]))
    for word, true in zip(done.words, told["words"], strict=True):
        assert abs(word.start_ms - (300 + true["start_ms"])) <= 120


def test_callers_do_not_disturb_each_other(recogniser: Recogniser, fixture_audio: Callable[[str], bytes]) -> None:
    clip = SILENCE + fixture_audio("requests/can_you_hear_me") + SILENCE
    before = hear(recogniser, clip)
    loud = np.clip(np.frombuffer(clip, np.int16).astype(np.int32) * 2, -32768, 32767).astype(np.int16).tobytes()
    other = hear(recogniser, loud, cmn=before.cmn)
    recogniser.begin(EXPECTED)
    recogniser.feed(loud)
    recogniser.abort()
    assert other.cmn != before.cmn
    assert hear(recogniser, clip) == before


def test_more_rooms_than_are_kept_are_loaded_again(
    recogniser: Recogniser, fixture_audio: Callable[[str], bytes]
) -> None:
    clip = SILENCE + fixture_audio("requests/tell_me_a_story") + SILENCE
    rooms = [ASRContext(phrases=("tell me a story", "stop"), vocabulary=(f"room {n}",)) for n in range(KEPT_DOMAINS + 1)]
    for room in (*rooms, rooms[0]):
        assert hear(recogniser, clip, room).text == "tell me a story"


def test_guessed_words_are_told_once_for_each_room(recogniser: Recogniser) -> None:
    context = ASRContext(vocabulary=("Zorblax", "Alice"))
    assert recogniser.begin(context) == ("zorblax",)
    assert recogniser.begin(context) == ()
    recogniser.abort()
