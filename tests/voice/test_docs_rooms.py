"""The guide to rooms: its code runs, its files are read, its figures hold."""

import re
from pathlib import Path

import pytest
from hubbub.voice.agenda import MAX_WAITING_WORDS
from hubbub.voice.config import LimitsConfig, parse_config
from hubbub.voice.config.floor import FloorConfig
from hubbub.voice.courtesy import NOISE_S
from hubbub.voice.deciding import DECIDE_S
from hubbub.voice.mixer import HANGOVER_MS, MOST_MS
from hubbub.voice.room import CATCH_UP_MESSAGES

DOCS = Path(__file__).resolve().parents[2] / "docs"
GUIDE, API, CONFIGURATION = (DOCS / "rooms.md").read_text(), (DOCS / "rooms-api.md").read_text(), (DOCS / "configuration.md").read_text()


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_code_of_the_guide_runs() -> None:
    script, code = blocks(GUIDE, "python")
    compile(script, "script", "exec")
    exec(compile(code, "guide", "exec"), {})


def test_the_file_of_the_guide_is_right() -> None:
    (text,) = blocks(GUIDE, "yaml")
    room = parse_config(text, environ={}).rooms["council"]
    assert room.floor.moderator == "Carol" and room.agents[2].quiet


@pytest.mark.parametrize("name", [name for name in FloorConfig.model_fields if name not in ("moderator", "order", "script")])
def test_the_guide_tells_the_defaults_of_the_floor(name: str) -> None:
    row = re.search(rf"^\| `{name}` \| (.*?) \|", CONFIGURATION, re.MULTILINE)
    default = FloorConfig.model_fields[name].default
    assert row is not None and row[1] == (str(default).lower() if isinstance(default, bool) else str(default))


def test_the_figures_of_the_guides_hold() -> None:
    limits = LimitsConfig()
    assert f"{HANGOVER_MS} ms\nbeyond, at most {MOST_MS} ms later" in GUIDE and f"holds them up for {NOISE_S:.0f} s" in GUIDE
    assert f"within {DECIDE_S:.0f} s bids nothing" in GUIDE
    assert f"`server.limits.max_rooms` ({limits.max_rooms})" in API and f"`max_agents_per_room` ({limits.max_agents_per_room})" in API
    assert f"the last {CATCH_UP_MESSAGES} messages" in API and f"{MAX_WAITING_WORDS} announcements" in API
