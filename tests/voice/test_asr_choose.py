"""Which recogniser is chosen, and what is said where none can be."""

import importlib.util
from pathlib import Path
from typing import Any

import pytest
from hubbub.voice.asr import moonshine_model
from hubbub.voice.asr.choose import choose_asr
from hubbub.voice.asr.moonshine import MoonshineASR
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR


def test_the_best_offline_one_serves_where_nothing_is_configured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(moonshine_model, "find_model", lambda: tmp_path)
    engine, why = choose_asr(None, {})
    assert isinstance(engine, MoonshineASR)
    assert "no key" in why
    monkeypatch.setattr(moonshine_model, "find_model", lambda: None)
    engine, why = choose_asr(None, {})
    assert isinstance(engine, PocketSphinxASR)
    assert "no key" in why
    with pytest.raises(RuntimeError, match=r"moonshine needs its network: pip install --no-deps moonshine-voice"):
        choose_asr("moonshine", {})


def test_the_one_that_is_asked_for_is_taken() -> None:
    engine, why = choose_asr("pocketsphinx", {})
    assert engine.name == "pocketsphinx"
    assert "configuration" in why
    assert "English only" in engine.note


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match="'whisperx'; there is moonshine, pocketsphinx"):
        choose_asr("whisperx", {})


@pytest.mark.parametrize("name", [None, "pocketsphinx"])
def test_a_missing_package_is_named_with_its_cure(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without(module: str, *more: Any) -> Any:
        return None if module in ("pocketsphinx", "moonshine_voice") else find_spec(module, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(RuntimeError, match=r"pip install 'hubbub\[offline\]'"):
        choose_asr(name, {})
