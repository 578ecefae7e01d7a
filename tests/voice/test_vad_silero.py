"""Silero: its file, its interface, digital silence, and quiet callers."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.audio.level import change_level
from hubbub.voice.audio.pcm import to_samples
from hubbub.voice.vad.base import VADError
from hubbub.voice.vad.gain import FIRST_LEVEL, MOST, TARGET, gain_for, next_level, peaks

pytest.importorskip("onnxruntime", reason="the offline extra is not installed")

from hubbub.voice.vad import silero
from hubbub.voice.vad.silero_graph import batched_graph


@pytest.fixture(scope="module")
def engine() -> silero.SileroVAD:
    try:
        return silero.SileroVAD()
    except VADError as error:
        pytest.skip(str(error))


def judge(engine: silero.SileroVAD, pcm: bytes) -> np.ndarray:
    samples = to_samples(pcm)
    windows = samples[: samples.size // 512 * 512].reshape(-1, 512)
    stream = engine.open()
    return np.array([engine.judge([stream], window[None])[0] for window in windows])


def test_a_path_that_is_no_silero_network_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VADError, match=r"no Silero network at .*gone\.onnx; install it with"):
        silero.SileroVAD(tmp_path / "gone.onnx")
    (tmp_path / "text.onnx").write_text("not a network")
    with pytest.raises(VADError, match=r"text\.onnx cannot be loaded as an ONNX network"):
        silero.SileroVAD(tmp_path / "text.onnx")


def test_another_network_is_refused(engine: silero.SileroVAD) -> None:
    other = engine.model_path.with_name("silero_vad_16k_sequence.onnx")  # same makers, another interface
    if not other.is_file():
        pytest.skip("this release of silero-vad has no second network")
    with pytest.raises(VADError, match=r"not a Silero VAD network of version 5 or 6: it takes \['c', 'h', 'input'\]"):
        silero.SileroVAD(other)


def test_a_missing_distribution_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(silero.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(VADError, match="silero-vad is not installed; install it with `pip install --no-deps silero-vad`"):
        silero.find_model()


def test_the_distribution_is_not_imported(engine: silero.SileroVAD) -> None:
    import sys

    assert "silero_vad" not in sys.modules
    assert "torch" not in sys.modules


def test_settled_digital_silence_costs_no_inference_and_speech_after_it_is_found(
    engine: silero.SileroVAD, monkeypatch: pytest.MonkeyPatch, fixture_audio: Callable[[str], bytes]
) -> None:
    batches: list[int] = []
    infer = engine._infer
    monkeypatch.setattr(engine, "_infer", lambda sound, lstm: (batches.append(len(sound)), infer(sound, lstm))[1])
    muted, talking = engine.open(), engine.open()
    speech = to_samples(fixture_audio("requests/hello"))[: 512 * 8].reshape(-1, 512)
    idle = np.resize(np.array([8, -8, 0], np.int16), 512)  # as far as A-law's idle code goes
    for turn in range(100):
        answer = engine.judge([muted, talking], np.stack([idle, speech[turn % 8]]))
    assert batches == [2] * 16 + [1] * 84
    assert answer[0] < 0.1
    for window in speech:
        answer = engine.judge([muted], window[None])
    assert answer[0] > 0.5


def test_an_onset_after_long_silence_is_as_quick_as_after_short(
    engine: silero.SileroVAD, fixture_audio: Callable[[str], bytes]
) -> None:
    speech = fixture_audio("sentences/sorry_can_i_ask_you_something_else-f5")
    short, long = (judge(engine, bytes(1024 * count) + speech)[count:] for count in (40, 4000))
    assert (short == long).all()  # beyond half a second nothing changes any more


@pytest.fixture
def judged(engine: silero.SileroVAD, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows the network was given, call by call."""
    rows: list[int] = []
    infer = engine._infer
    monkeypatch.setattr(engine, "_infer", lambda sound, lstm: (rows.append(len(sound)), infer(sound, lstm))[1])
    return rows


def hiss(windows: int, dbfs: float = -65.0) -> bytes:
    return np.rint(np.random.RandomState(3).standard_normal(windows * 512) * 32768 * 10 ** (dbfs / 20)).astype(np.int16).tobytes()


def test_noise_that_can_be_heard_is_never_taken_for_digital_silence(engine: silero.SileroVAD, judged: list[int]) -> None:
    noise = np.resize(np.array([9, -9, 0], np.int16), 512)
    stream = engine.open()
    for _ in range(32):
        engine.judge([stream], noise[None])
    assert len(judged) == 32, "it is the background of a second, and was listened to so long"


@pytest.mark.parametrize("dbfs", [-75.0, -65.0, -55.0])
def test_a_steady_noise_costs_nothing_once_it_is_known(engine: silero.SileroVAD, judged: list[int], dbfs: float) -> None:
    found = judge(engine, hiss(300, dbfs))
    assert len(judged) < 60
    assert found[1:].max() < 0.1


@pytest.mark.parametrize("clip", ["interruptions/wait-f5", "interruptions/no-m3", "interruptions/hold_on-gb"])
def test_a_voice_behind_a_long_hiss_is_heard_as_soon_as_behind_a_short_one(
    engine: silero.SileroVAD, fixture_audio: Callable[[str], bytes], clip: str
) -> None:
    """As it was before the state was kept: after ten seconds of hiss up to four windows later."""
    speech = to_samples(change_level(fixture_audio(clip), -12.0))
    onsets = []
    for windows in (40, 320):
        noise = to_samples(hiss(windows + len(speech) // 512 + 1)).copy()
        noise[windows * 512 : windows * 512 + len(speech)] += speech
        onsets.append(int(np.argmax(judge(engine, noise.tobytes())[windows:] >= 0.5)))
    assert onsets[1] <= onsets[0]


def test_a_voice_that_is_hardly_louder_than_the_noise_is_heard(
    engine: silero.SileroVAD, judged: list[int], fixture_audio: Callable[[str], bytes]
) -> None:
    noise = to_samples(hiss(200, -35.0)).astype(float)
    speech = to_samples(fixture_audio("sentences/sorry_can_i_ask_you_something_else-f5")).astype(float)
    speech *= 32768 * 10 ** (-35 / 20) / np.sqrt((speech**2).mean())
    noise[120 * 512 : 120 * 512 + len(speech)] += speech
    found = judge(engine, np.clip(noise, -32768, 32767).astype(np.int16).tobytes())
    assert len(judged) == 200, "it may be the voice"
    assert found[:120].max() < 0.5 < found[120:].max()


def test_a_glance_sees_a_voice_before_its_window_is_complete_and_changes_nothing(
    engine: silero.SileroVAD, judged: list[int], fixture_audio: Callable[[str], bytes]
) -> None:
    speech = to_samples(fixture_audio("interruptions/wait-f5"))
    begin = int(np.argmax(np.abs(speech) > 500))
    noise = to_samples(hiss(60)).copy()
    voice = speech[begin : begin + 400]  # 25 ms of it: no window is complete
    noise[59 * 512 - 400 : 59 * 512] += voice
    heard = noise[: 58 * 512].reshape(-1, 512)
    ours, other = engine.open(), engine.open()
    for window in heard:
        engine.judge([ours], window[None])
        engine.judge([other], window[None])
    count = len(judged)
    assert engine.glance(ours, noise[58 * 512 - 576 : 58 * 512]) == 0.0
    assert len(judged) == count, "nothing has risen above the hiss: nothing is computed"
    assert engine.glance(ours, noise[59 * 512 - 576 : 59 * 512]) > 0.4
    assert len(judged) == count + 1
    after = noise[58 * 512 : 59 * 512][None]
    assert engine.judge([ours], after) == engine.judge([other], after)


def test_a_glance_at_too_little_is_refused(engine: silero.SileroVAD) -> None:
    with pytest.raises(ValueError, match=r"a glance takes 576 samples of int16; \(512,\) and int16 came"):
        engine.glance(engine.open(), np.zeros(512, np.int16))


def test_the_layout_for_many_callers_answers_as_the_file_does(
    engine: silero.SileroVAD, monkeypatch: pytest.MonkeyPatch, fixture_audio: Callable[[str], bytes]
) -> None:
    pytest.importorskip("onnx", reason="the layout is made with it")
    assert engine.batched
    monkeypatch.setattr(silero, "batched_graph", lambda path: None)  # as where `onnx` is not installed
    as_it_is = silero.SileroVAD()
    assert not as_it_is.batched
    speech = fixture_audio("sentences/sorry_can_i_ask_you_something_else-f5")
    assert np.abs(judge(engine, speech) - judge(as_it_is, speech)).max() < 1e-4


def test_a_layout_that_answers_otherwise_is_not_used(monkeypatch: pytest.MonkeyPatch, engine: silero.SileroVAD) -> None:
    onnx = pytest.importorskip("onnx", reason="the layout is made with it")

    def broken(path: Path) -> bytes:
        model = onnx.load_from_string(batched_graph(path))
        bias = next(each for each in model.graph.initializer if tuple(each.dims) == (512,))
        bias.CopyFrom(onnx.numpy_helper.from_array(np.ones(512, np.float32), bias.name))
        return model.SerializeToString()

    monkeypatch.setattr(silero, "batched_graph", broken)
    assert not silero.SileroVAD().batched


@pytest.mark.parametrize("peak_dbfs", [-3, -13, -23, -33])
def test_quiet_speech_is_found_as_soon_as_loud(
    engine: silero.SileroVAD, fixture_audio: Callable[[str], bytes], peak_dbfs: int
) -> None:
    def onset(name: str, dbfs: int) -> int:
        found = judge(engine, bytes(16_000) + change_level(fixture_audio(name), dbfs + 6)) > 0.5  # clips peak at -6
        assert found.any(), f"{name} at {dbfs} dBFS was not found"
        return int(np.argmax(found))

    names = [f"interruptions/{what}-{who}" for what in ("stop", "wait", "hold_on", "no_wait") for who in ("f5", "m3", "gb", "f2")]
    later = [onset(name, peak_dbfs) - onset(name, -3) for name in names]
    assert np.median(later) == 0
    assert max(later) <= 2


def test_the_gain() -> None:
    assert gain_for(FIRST_LEVEL, 0.0) == pytest.approx(4.0)
    assert gain_for(1e-6, 1e-6) == gain_for(0.0, 0.0) == MOST
    assert gain_for(FIRST_LEVEL, 0.9) == 1.0  # loud sound is left as it is, from its first window on
    for peak in (0.001, 0.02, 0.3, 0.5, 1.0):
        assert peak * gain_for(FIRST_LEVEL, peak) <= max(TARGET, peak) + 1e-9  # and nothing is clipped
    assert next_level(0.1, 0.9, 0.2, 0.032) == 0.1  # noise does not move it
    assert next_level(0.1, 0.2, 0.9, 0.032) == 0.2
    assert next_level(0.2, 0.0, 0.9, 1.0) == pytest.approx(0.1, rel=0.01)  # 6 dB a second
    assert peaks(np.array([[0, -32768], [16384, 0]], np.int16)).tolist() == [1.0, 0.5]
