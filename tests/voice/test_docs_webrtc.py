"""The guide to WebRTC: its configuration is one, every knob is in the table, and what is wrong is said by name."""

import re
from pathlib import Path

import pytest
from hubbub.voice.config import ConfigError, parse_config
from hubbub.voice.config.webrtc import WebRTCConfig

DOCS = Path(__file__).resolve().parents[2] / "docs"
ROOM = "\nrooms:\n  default:\n    agents:\n      - name: Ava\n"


def test_the_guides_configuration_is_read() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "webrtc.md").read_text(), re.DOTALL)
    config = parse_config(block + ROOM, environ={"TURN_PASSWORD": "secret"}).webrtc
    assert config.udp_ports == (50_000, 50_999)
    assert config.public_address == "203.0.113.7"
    assert config.ice_servers[1].credential.get_secret_value() == "secret"
    assert "secret" not in repr(config)


@pytest.mark.parametrize("name", list(WebRTCConfig.model_fields))
def test_every_knob_is_in_the_table(name: str) -> None:
    section = (DOCS / "configuration.md").read_text().split("## webrtc\n")[1].split("\n## ")[0]
    row = re.search(rf"^\| `{name}` \| (.*?) \|", section, re.MULTILINE)
    assert row is not None
    default = WebRTCConfig.model_fields[name].default
    if isinstance(default, bool | int):
        assert row[1] == str(default).lower()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ice_servers: [{urls: 'http://x'}]", "stun:HOST:PORT"),
        ("addresses: [localhost]", "must be an IP address"),
        ("public_address: example.org", "must be an IP address"),
        ("udp_ports: [50010, 50000]", "in this order"),
        ("udp_ports: [50000]", "udp_ports"),
        ("bitrate: 1", "bitrate"),
        ("turn: x", "is not a known field"),
    ],
)
def test_what_is_wrong_is_said_by_name(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_config(f"webrtc:\n  {text}" + ROOM, environ={})
    assert words in str(refused.value)
