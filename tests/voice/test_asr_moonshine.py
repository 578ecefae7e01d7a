"""Moonshine: people are understood, noise is not, and utterances are heard again while threads are free."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.asr.base import ASRContext, ASRError, ASREvent, ASRFinal, ASRPartial, ASRStream
from hubbub.voice.asr.moonshine import FIRST_MS, LONGEST_S, MoonshineASR, claim_of, meant, quietest
from hubbub.voice.asr.moonshine_model import FILES, MoonshineError, MoonshineModel, Said, find_model, read_pieces
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.turn.words import BACKCHANNELS_OVER_A_REPLY, CLAIMS_OVER_A_REPLY, words_of
from hypothesis import given
from hypothesis import strategies as st
from test_asr_human import EXPECTED, NOISES, UNEXPECTED, errors

needs_network = pytest.mark.skipif(find_model() is None, reason="needs Moonshine's network (pip install --no-deps moonshine-voice==0.0.49)")
OVER = ASRContext(backchannels=BACKCHANNELS_OVER_A_REPLY, claims=CLAIMS_OVER_A_REPLY)
CLAIMS = frozenset({"no", "stop", "wait", "hold"})
HEARING_S = 0.05


def noise(ms: int, level: int = 3000) -> bytes:
    return np.random.default_rng(1).integers(-level, level, 16 * ms, np.int16).tobytes()


@pytest.fixture(scope="module")
def model() -> MoonshineModel:
    folder = find_model()
    if folder is None:
        pytest.skip("needs Moonshine's network")
    return MoonshineModel(folder)


# ── the network ───────────────────────────────────────────────────────────────────────────────────────────────────────


@needs_network
def test_people_are_understood_whatever_they_say(model: MoonshineModel, shared_audio: Callable[[str], Path]) -> None:
    wrong = words = 0
    for name, said in (EXPECTED | UNEXPECTED).items():
        heard = words_of(meant(model.recognise(read_audio(str(shared_audio(f"speech/{name}.wav")), 16_000))))
        print(f"{name}: {' '.join(heard)}")
        wrong += errors(words_of(said), heard)
        words += len(words_of(said))
    assert wrong / words < 0.2, "no room's phrases help it"


@needs_network
def test_noise_is_no_words(model: MoonshineModel, shared_audio: Callable[[str], Path]) -> None:
    heard = [meant(model.recognise(read_audio(str(shared_audio(f"noise/{name}")), 16_000)[:64_000])) for name in NOISES]
    print(heard)
    assert heard.count("") >= len(NOISES) - 1


@needs_network
@pytest.mark.parametrize("samples", [0, 1, 100, 3000])
def test_next_to_nothing_is_survived(model: MoonshineModel, samples: int) -> None:
    said = model.recognise(bytes(2 * samples))
    assert 0 <= said.confidence <= 1 and len(said.text) < 60


@needs_network
def test_what_is_no_network_says_so(tmp_path: Path) -> None:
    with pytest.raises(MoonshineError, match=r"has no encoder_model\.ort, no decoder"):
        MoonshineModel(tmp_path)
    for name in FILES:
        (tmp_path / name).write_bytes(b"nonsense")
    with pytest.raises(MoonshineError, match=r"encoder_model\.ort cannot be loaded"):
        MoonshineModel(tmp_path)


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_pieces_are_read_as_they_were_written(pieces: list[bytes]) -> None:
    written = b""
    for piece in pieces:
        length = len(piece)
        written += bytes([length]) if length < 128 else bytes([128 + length % 128, length // 128])
        written += piece
    assert read_pieces(written) == pieces


@given(st.binary(max_size=60))
def test_any_tokenizer_file_is_read_or_refused(data: bytes) -> None:
    try:
        read_pieces(data)
    except MoonshineError as error:
        assert "cut off" in str(error)


# ── what is made of it ────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "confidence", "expected"),
    [
        ("Book a room.", 0.7, "Book a room"), ("What's that?", 0.9, "What's that?"), ("Wait...", 0.9, "Wait"),
        ("Two, three,", 0.9, "Two, three"),
        ("You", 0.6, ""), ("You", 0.9, "You"), ("Thank you.", 0.6, ""), ("♪♪ ♪♪", 0.9, ""), ("...", 0.9, ""), ("Certainly.", 0.2, ""),
        ("go on go on go on go on go on", 0.9, "go on"), ("no no no", 0.9, "no no no"),
    ],
)  # fmt: skip
def test_what_is_meant(text: str, confidence: float, expected: str) -> None:
    assert meant(Said(text, confidence)) == expected


def test_over_a_reply_words_and_sound_are_weighed() -> None:
    assert claim_of("", 0.0, None, CLAIMS) is None
    stop, yeah, them = (claim_of(text, 0.8, None, CLAIMS) for text in ("Stop", "Yeah", "Them"))
    assert stop is not None and yeah is not None and them is not None
    assert stop > 0.9 and yeah < 0.1 and them == 0.5, "one strange word may be a hum"
    sentence = claim_of("I have a question", 0.8, -1.0, CLAIMS)
    hum = claim_of("Them", 0.8, -1.5, CLAIMS)
    unsure = claim_of("Stop", 0.3, -3.0, CLAIMS)
    assert sentence is not None and hum is not None and unsure is not None
    assert sentence > 0.8 and hum < 0.4 and unsure < 0.5


def test_a_long_utterance_is_cut_where_it_is_quietest() -> None:
    loud, quiet = noise(1000), noise(300, 20)
    sound = loud * 16 + quiet + loud * 3
    assert abs(quietest(sound) / 32 - 16_150) <= 50
    assert 0 < quietest(loud * 20) < len(loud) * 20


# ── one utterance after another ───────────────────────────────────────────────────────────────────────────────────────


class Network:
    """Stands for the network: says how long what it heard was, and may fail."""

    def __init__(self) -> None:
        self.heard_ms: list[int] = []
        self.fails = False

    def recognise(self, pcm: bytes) -> Said:
        if self.fails:
            raise ValueError("a broken network")
        self.heard_ms.append(len(pcm) // 32)
        return Said(f"{len(pcm) // 32} milliseconds of it.", 0.9)


async def slow(work: Callable[[], Any]) -> Any:
    done = work()
    await asyncio.sleep(HEARING_S)
    return done


def engine_of(network: Network, workers: int = 2) -> MoonshineASR:
    engine = MoonshineASR(run=slow, workers=workers)
    engine._model = network  # type: ignore[assignment]
    return engine


async def speak(stream: ASRStream, ms: int) -> None:
    for _ in range(ms // 20):
        stream.feed(noise(20))
        await asyncio.sleep(0.02)


def test_what_was_said_so_far_is_told_while_it_is_said_and_the_whole_at_the_end() -> None:
    async def live() -> None:
        network, events = Network(), []
        stream = engine_of(network).open(events.append, context=ASRContext())
        await speak(stream, 3000)
        stream.end()
        await asyncio.sleep(2 * HEARING_S + 0.001)
        *partials, final = events
        assert isinstance(final, ASRFinal) and final.text == "3000 milliseconds of it"
        assert all(isinstance(one, ASRPartial) for one in partials) and 8 <= len(partials) <= 13
        assert network.heard_ms[0] >= FIRST_MS and network.heard_ms == sorted(network.heard_ms)
        stream.end()
        await asyncio.sleep(1)
        assert len(events) == len(partials) + 1

    run_simulated(live())


def test_a_speech_of_any_length_costs_the_same_share_of_a_core() -> None:
    async def live() -> None:
        network = Network()
        stream = engine_of(network).open(lambda event: None, context=ASRContext())
        await speak(stream, 18_000)
        early = sum(ms for ms in network.heard_ms if ms < 4000) / 4000
        late = sum(ms for ms in network.heard_ms if 8000 <= ms < 16_000) / 8000
        assert early < 12 and late < 12, "each second is heard some ten times, not seventy"

    run_simulated(live())


def test_partials_wait_where_all_threads_are_busy_and_finals_come_all_the_same() -> None:
    async def live() -> None:
        network = Network()
        engine = engine_of(network, workers=1)
        events: list[list[ASREvent]] = [[] for _ in range(8)]
        streams = [engine.open(one.append, context=ASRContext()) for one in events]
        await asyncio.gather(*(speak(stream, 2000) for stream in streams))
        assert engine.busy <= 1
        for stream in streams:
            stream.end()
        await asyncio.sleep(1)
        assert all(isinstance(one[-1], ASRFinal) for one in events)
        assert not engine._streams, "nothing is kept of what is over"

    run_simulated(live())


def test_a_speech_without_end_is_heard_in_pieces_and_told_as_one() -> None:
    async def live() -> None:
        network, events = Network(), []
        stream = engine_of(network).open(events.append, context=ASRContext())
        await speak(stream, 50_000)
        stream.end()
        await asyncio.sleep(1)
        assert max(network.heard_ms) <= LONGEST_S * 1000 + 400
        final = events[-1]
        assert isinstance(final, ASRFinal)
        parts = [int(word) for word in final.text.split() if word.isdigit()]
        assert len(parts) >= 3 and sum(parts) == 50_000, "each sample is in one piece"

    run_simulated(live())


def test_sound_that_comes_faster_than_it_is_heard_is_heard_in_order_and_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async def live() -> None:
        network, events = Network(), []
        stream = engine_of(network).open(events.append, context=ASRContext())
        for _ in range(90):
            stream.feed(noise(1000))
        stream.end()
        await asyncio.sleep(5)
        final = events[-1]
        assert isinstance(final, ASRFinal)
        parts = [int(word) for word in final.text.split() if word.isdigit()]
        assert 60_000 <= sum(parts) <= 62_000 and max(parts) <= LONGEST_S * 1000
        assert [type(one) for one in events].count(ASRFinal) == 1

    run_simulated(live())
    assert caplog.text.count("cannot keep up") == 1


def test_a_network_that_fails_costs_its_utterance_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    async def live() -> None:
        network, events, others = Network(), [], []
        engine = engine_of(network)
        stream = engine.open(events.append, context=ASRContext())
        network.fails = True
        await speak(stream, 1000)
        network.fails = False
        assert [type(one) for one in events] == [ASRError]
        stream.end()
        other = engine.open(others.append, context=ASRContext())
        await speak(other, 1000)
        other.end()
        await asyncio.sleep(1)
        assert len(events) == 1 and isinstance(others[-1], ASRFinal)

    run_simulated(live())
    assert "moonshine failed on an utterance" in caplog.text


def test_silence_is_not_even_heard() -> None:
    async def live() -> None:
        network, events = Network(), []
        stream = engine_of(network).open(events.append, context=ASRContext())
        stream.feed(bytes(64_000))
        stream.end()
        await asyncio.sleep(1)
        assert network.heard_ms == [] and events[-1] == ASRFinal("")

    run_simulated(live())


def test_half_a_sample_is_refused() -> None:
    async def live() -> None:
        stream = engine_of(Network()).open(lambda event: None, context=ASRContext())
        with pytest.raises(ValueError, match="whole samples"):
            stream.feed(b"abc")

    run_simulated(live())


async def test_where_there_is_no_network_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(MoonshineError, match="has no encoder_model"):
        await MoonshineASR(tmp_path).start()
    with pytest.raises(RuntimeError, match="not been started"):
        MoonshineASR().open(lambda event: None, context=OVER)
