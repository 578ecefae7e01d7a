"""What every voice activity detector promises, whatever it is made of."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from hubbub.voice.audio.pcm import to_samples
from hubbub.voice.vad.base import VADEngine, VADError
from hubbub.voice.vad.choose import NAMES, choose_vad

Windows = npt.NDArray[np.int16]


@pytest.fixture(scope="module", params=NAMES)
def engine(request: pytest.FixtureRequest) -> VADEngine:
    try:
        return choose_vad(request.param)[0]
    except VADError as error:
        pytest.skip(str(error))


@pytest.fixture
def speech(engine: VADEngine, fixture_audio: Callable[[str], bytes]) -> Windows:
    return windows_of(engine, to_samples(fixture_audio("requests/what_is_twelve_times_seven")))


@pytest.fixture
def noise(engine: VADEngine, fixture_audio: Callable[[str], bytes]) -> Windows:
    return windows_of(engine, to_samples(fixture_audio("noise/white")))


def windows_of(engine: VADEngine, samples: npt.NDArray[np.int16]) -> Windows:
    """Whole windows, after two of silence."""
    count = samples.size // engine.window_samples
    whole = samples[: count * engine.window_samples].reshape(count, engine.window_samples)
    return np.concatenate([np.zeros((2, engine.window_samples), np.int16), whole])


def alone(engine: VADEngine, windows: Windows) -> list[float]:
    """Probabilities of a stream that is judged on its own."""
    stream = engine.open()
    return [float(engine.judge([stream], window[None])[0]) for window in windows]


def test_speech_is_high_and_silence_is_low(engine: VADEngine, speech: Windows) -> None:
    probabilities = alone(engine, speech)
    assert max(probabilities[:2]) < 0.1
    assert np.mean(np.array(probabilities[4:]) > 0.5) > 0.7
    assert max(alone(engine, np.zeros((40, engine.window_samples), np.int16))) < 0.1


def test_shapes_and_range(engine: VADEngine, speech: Windows) -> None:
    streams = [engine.open() for _ in range(3)]
    for window in speech[:10]:
        answer = engine.judge(streams, np.stack([window, window, np.zeros_like(window)]))
        assert answer.shape == (3,) and answer.dtype == np.float32
        assert ((answer >= 0) & (answer <= 1)).all()
    none = engine.judge([], np.empty((0, engine.window_samples), np.int16))
    assert none.shape == (0,)


def test_extreme_samples_are_judged(engine: VADEngine) -> None:
    square = np.where(np.arange(engine.window_samples) % 64 < 32, 32767, -32768).astype(np.int16)
    stream = engine.open()
    for window in (square, -1 - square, np.full_like(square, -32768)):
        assert 0 <= engine.judge([stream], window[None])[0] <= 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda size: np.zeros((1, size), np.int16),
        lambda size: np.zeros((2, size - 1), np.int16),
        lambda size: np.zeros((2, size + 1), np.int16),
        lambda size: np.zeros(2 * size, np.int16),
        lambda size: np.zeros((2, size), np.float32),
    ],
    ids=["too few rows", "too short", "too long", "flat", "float"],
)
def test_wrong_windows_are_refused(engine: VADEngine, wrong: Callable[[int], Windows]) -> None:
    with pytest.raises(ValueError, match="2 streams need windows of shape"):
        engine.judge([engine.open(), engine.open()], wrong(engine.window_samples))


def test_a_stream_cannot_come_twice(engine: VADEngine) -> None:
    stream = engine.open()
    with pytest.raises(ValueError, match="twice"):
        engine.judge([stream, stream], np.zeros((2, engine.window_samples), np.int16))


def test_one_streams_answer_is_the_same_in_any_company(engine: VADEngine, speech: Windows, noise: Windows) -> None:
    """Bit for bit: who else is in the batch, how many, in what order, and who comes and goes, changes nothing."""
    wanted = alone(engine, speech)
    random = np.random.RandomState(7)
    stream, others = engine.open(), [engine.open() for _ in range(9)]
    got = []
    for window in speech:
        company = [others[i] for i in random.permutation(9)[: random.randint(0, 10)]]
        place = random.randint(0, len(company) + 1)
        streams = [*company[:place], stream, *company[place:]]
        batch = noise[random.randint(0, len(noise), len(streams))]
        batch[place] = window
        got.append(float(engine.judge(streams, batch)[place]))
    assert got == wanted


def test_streams_share_no_state(engine: VADEngine, speech: Windows) -> None:
    first, second = engine.open(), engine.open()
    for window in speech:
        engine.judge([first], window[None])
    assert [float(engine.judge([second], window[None])[0]) for window in speech] == alone(engine, speech)


def test_the_given_windows_are_left_alone(engine: VADEngine, speech: Windows) -> None:
    before = speech[:6].copy()
    engine.judge([engine.open() for _ in range(6)], speech[:6])
    assert (speech[:6] == before).all()


def test_it_says_its_name_and_window_and_can_be_closed(engine: VADEngine) -> None:
    assert engine.name in NAMES
    assert engine.window_samples in (160, 320, 480, 512)
    choose_vad(engine.name)[0].close()
