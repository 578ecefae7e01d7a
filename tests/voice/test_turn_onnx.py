"""The ONNX end-of-turn model: its features, and a tiny network that the test makes."""

from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.smart_turn import FRAMES, MELS, EndOfTurnModelError, OnnxEndOfTurn, log_mel

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def network(path: Path, *, name="input_features", shape=("batch", MELS, FRAMES), node="Sigmoid", kind=1, axes=True) -> Path:
    """Mean of the last 20 frames, made a probability: loud at the end is above one half."""
    from onnx import TensorProto, helper

    assert kind in (TensorProto.FLOAT, TensorProto.DOUBLE)
    starts, ends, along = (helper.make_tensor(n, TensorProto.INT64, [1], [v]) for n, v in (("s", FRAMES - 20), ("e", FRAMES), ("a", 2)))
    dims = helper.make_tensor("d", TensorProto.INT64, [2], [1, 2])
    nodes = [
        helper.make_node("Slice", [name, "s", "e", "a"], ["tail"]),
        helper.make_node("ReduceMean", ["tail", "d"] if axes else ["tail"], ["mean"], keepdims=0),
        helper.make_node(node, ["mean"], ["probability"]),
    ]
    graph = helper.make_graph(
        nodes, "tiny", [helper.make_tensor_value_info(name, kind, shape)],
        [helper.make_tensor_value_info("probability", kind, None)], [starts, ends, along, dims],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def tone(ms: int, hz: float = 440, level: float = 8000) -> bytes:
    return np.round(level * np.sin(2 * np.pi * hz * np.arange(ms * 16) / 16000)).astype(np.int16).tobytes()


def test_features_show_where_and_how_high_a_tone_is():
    features = log_mel(bytes(32 * 1000) + tone(500, 1000))
    assert features.shape == (MELS, FRAMES) and features.dtype == np.float32
    before, during = features[:, :700].max(), features[:, 760:795]
    assert during.max() > before + 0.5
    band = during.mean(axis=1).argmax()
    # 1 kHz is 15 of the 45.2 mels up to 8 kHz, of which each of the 80 bands takes 1/81
    assert abs((band + 1) / 81 * 45.245 - 15) < 0.6


def test_features_have_the_range_of_eighty_decibels():
    features = log_mel(tone(8000))
    assert features.max() - features.min() <= 2.0 + 1e-6


def test_features_do_not_depend_on_the_level():
    quiet, loud = log_mel(tone(8000, level=2000)), log_mel(tone(8000, level=16000))
    assert np.abs(quiet - loud).max() < 0.05


def test_only_the_last_eight_seconds_count_and_shorter_turns_stand_at_the_end():
    long = tone(3000, 300) + tone(8000, 900)
    assert np.array_equal(log_mel(long), log_mel(tone(8000, 900)))
    assert log_mel(tone(1000))[:, :690].max() <= log_mel(tone(1000))[:, 710:].min() + 0.5


def test_a_network_judges_the_end_of_the_sound(tmp_path):
    model = OnnxEndOfTurn(network(tmp_path / "tiny.onnx"))
    speaking, silent = model.probability("", tone(2000)), model.probability("", tone(2000) + bytes(32 * 600))
    assert 0 <= silent < speaking <= 1
    expected = 1 / (1 + np.exp(-log_mel(tone(2000))[:, -20:].mean(dtype=np.float64)))
    assert speaking == pytest.approx(expected, abs=1e-4)


def test_the_words_do_not_matter_and_no_sound_is_no_end(tmp_path):
    model = OnnxEndOfTurn(network(tmp_path / "tiny.onnx", shape=(1, MELS, FRAMES)))
    assert model.probability("what time is it") == 0.0
    assert model.probability("and", tone(900)) == model.probability("", tone(900))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "audio"}, "one input, 'input_features'; it has audio"),
        ({"shape": ("batch", 128, FRAMES)}, r"shape \(batch, 80, 800\).*128"),
        ({"shape": ("batch", MELS, 3000)}, "3000"),
        ({"kind": 11}, "float32"),
    ],
)
def test_another_interface_is_refused_at_load(tmp_path, changes, message):
    with pytest.raises(EndOfTurnModelError, match=message):
        OnnxEndOfTurn(network(tmp_path / "other.onnx", **changes))


def test_an_answer_that_is_no_probability_is_an_error(tmp_path):
    model = OnnxEndOfTurn(network(tmp_path / "odd.onnx", node="Identity"))
    with pytest.raises(EndOfTurnModelError, match="one probability from 0 to 1"):
        model.probability("", tone(2000))


def test_a_missing_and_a_damaged_file_are_named(tmp_path):
    with pytest.raises(EndOfTurnModelError, match="no such file"):
        OnnxEndOfTurn(tmp_path / "absent.onnx")
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    with pytest.raises(EndOfTurnModelError, match=r"bad\.onnx: is not an ONNX model"):
        OnnxEndOfTurn(tmp_path / "bad.onnx")
