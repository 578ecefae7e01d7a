"""The guide to the telephone: its files are read, and what it promises is there."""

import re
from pathlib import Path

import pytest
from hubbub.voice.call_tools import NAMES
from hubbub.voice.config import parse_config
from hubbub.voice.config.telephony import TelephonyConfig

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "telephony.md"
TABLE = (GUIDE.parent / "configuration.md").read_text()
ENVIRON = {"TWILIO_AUTH_TOKEN": "t", "TELNYX_API_KEY": "k"}


def blocks(kind: str) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("text", blocks("yaml"))
def test_the_files_in_the_guide_are_read(text):
    config = parse_config(text, environ=ENVIRON)
    assert config.telephony.twilio or config.telephony.telnyx


def test_the_guide_names_the_tools_and_the_table_every_field():
    text = GUIDE.read_text()
    assert all(f"`{name}`" in text for name in NAMES)
    section = TABLE.split("## telephony")[1].split("\n## ")[0]
    for name, field in TelephonyConfig.model_fields.items():
        row = re.search(rf"^\| `{name}` \| (.*?) \|", section, re.MULTILINE)
        assert row or name == "asterisk", f"docs/configuration.md has no row for telephony.{name}"
        if row and isinstance(field.default, str | bool | int | float):
            assert row[1].strip("`") == str(field.default).lower()
