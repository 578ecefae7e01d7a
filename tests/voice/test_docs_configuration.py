"""The guide to the file of rooms tells the defaults that hold."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from hubbub.voice.turn.policy import TurnPolicy

GUIDE = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()


@pytest.mark.parametrize("name", [field.name for field in fields(TurnPolicy)])
def test_the_guide_tells_the_default_of_a_turn_knob(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.*?) \|", GUIDE, re.MULTILINE)
    assert row is not None, f"docs/configuration.md has no row for {name}"
    default = getattr(TurnPolicy(), name)
    told = row[1].strip("`")
    assert told == (str(default).lower() if isinstance(default, bool) else str(default))
