"""Which recogniser is chosen, and what is said where none can be."""

import importlib.util
from typing import Any

import pytest
from hubbub.voice.asr.choose import choose_asr
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR


def test_the_offline_one_serves_where_nothing_is_configured() -> None:
    engine, why = choose_asr(None, {})
    assert isinstance(engine, PocketSphinxASR)
    assert "no key" in why


def test_the_one_that_is_asked_for_is_taken() -> None:
    engine, why = choose_asr("pocketsphinx", {})
    assert engine.name == "pocketsphinx"
    assert "configuration" in why
    assert "English only" in engine.note


def test_an_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ValueError, match="'whisperx'; there is pocketsphinx"):
        choose_asr("whisperx", {})


@pytest.mark.parametrize("name", [None, "pocketsphinx"])
def test_a_missing_package_is_named_with_its_cure(name: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec

    def without(module: str, *more: Any) -> Any:
        return None if module == "pocketsphinx" else find_spec(module, *more)

    monkeypatch.setattr(importlib.util, "find_spec", without)
    with pytest.raises(RuntimeError, match=r"pip install 'hubbub\[offline\]'"):
        choose_asr(name, {})
