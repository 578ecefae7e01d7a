"""From a file of rooms to a checked configuration, and the errors on the way."""

from pathlib import Path

import pytest
from hubbub.voice.config import (
    AgentConfig,
    ConfigError,
    RoomConfig,
    default_config,
    load_config,
    parse_config,
)
from hubbub.voice.tts.base import Voice
from hubbub.voice.turn.policy import TurnPolicy

FULL = """\
server:
  host: 0.0.0.0
  port: ${PORT}
  limits: {max_sessions: 10, max_sessions_per_room: 3}
engines:
  vad: pysilero
  asr: pocketsphinx
  tts: espeak
  model: {provider: openai, name: gpt-x, base_url: "http://localhost:9/v1", api_key: "${KEY}", temperature: 1}
turn: {timeout_ms: 900}
rooms:
  kitchen:
    title: The kitchen
    language: no
    agents:
      - name: Ava
        prompt: You help with cooking.
        voice: {name: en-us+f5, speed: 1.2}
        greeting: Good evening.
      - name: Ben
        model: embedded
    vocabulary: [basil, "4711"]
    turn: {action_delay_ms: 250}
  hall:
    agents: []
"""
ENVIRON = {"PORT": "9000", "KEY": "sk-very-secret"}


def refusal(text: str, environ: dict[str, str] | None = None) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, environ=environ or {})
    return str(caught.value).split("\n")


def room(text: str) -> str:
    """A file with one room, whose body is `text` from line 3 on."""
    body = "".join(f"    {line}\n" for line in text.splitlines())
    return f"rooms:\n  kitchen:\n{body}"


def test_a_whole_file_is_read() -> None:
    config = parse_config(FULL, environ=ENVIRON)
    kitchen, hall = config.rooms["kitchen"], config.rooms["hall"]
    assert (config.server.host, config.server.port) == ("0.0.0.0", 9000)
    assert config.server.limits.max_sessions == 10
    assert config.engines.model.api_key is not None
    assert config.engines.model.api_key.get_secret_value() == "sk-very-secret"
    assert kitchen.language == "no"
    assert kitchen.vocabulary == ("basil", "4711")
    assert [agent.name for agent in kitchen.agents] == ["Ava", "Ben"]
    assert kitchen.agents[0].voice.as_voice(kitchen.language) == Voice("en-us+f5", "no", 1.2, 1.0)
    assert kitchen.agents[1].model is not None
    assert kitchen.agents[1].model.provider == "embedded"
    assert hall.agents == ()


def test_a_room_takes_the_house_s_turn_and_changes_it() -> None:
    config = parse_config(FULL, environ=ENVIRON)
    assert config.turn == TurnPolicy(timeout_ms=900)
    assert config.rooms["kitchen"].turn == TurnPolicy(timeout_ms=900, action_delay_ms=250)
    assert config.rooms["hall"].turn == TurnPolicy(timeout_ms=900)


def test_secrets_stay_out_of_texts() -> None:
    assert "very-secret" not in repr(parse_config(FULL, environ=ENVIRON))
    message = refusal(FULL.replace("temperature: 1", 'temperature: "${KEY}"'), ENVIRON)
    assert message == ["rooms.yaml:9: engines.model.temperature: must be a number; got the value of ${KEY}"]


def test_a_key_in_the_file_is_refused() -> None:
    text = "engines:\n  model:\n    provider: openai\n    api_key: sk-123\nrooms: {a: {agents: []}}\n"
    (line,) = refusal(text)
    assert line.startswith("rooms.yaml:4: engines.model.api_key: a key must not stand in the file")
    assert "sk-123" not in line


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (room("agents:\n- name: Ava\n  voice: {speed: -1}"),
         "rooms.yaml:5: rooms.kitchen.agents[0].voice.speed: must be greater than 0; got -1"),
        (room("agents:\n- name: Ava\n  voice: {sped: 1}"),
         "rooms.yaml:5: rooms.kitchen.agents[0].voice.sped: is not a known field (did you mean 'speed'?); "
         "known here: name, language, speed, pitch"),
        (room("agents:\n- prompt: hi"), "rooms.yaml:4: rooms.kitchen.agents[0].name: is missing"),
        (room("title: x"), "rooms.yaml:2: rooms.kitchen.agents: is missing"),
        (room("agents:\n- name: 12"),
         "rooms.yaml:4: rooms.kitchen.agents[0].name: "
         "must be text (in quotes where it looks like a number); got 12"),
        (room("agents: Ava"), "rooms.yaml:3: rooms.kitchen.agents: must be a list; got 'Ava'"),
        (room("agents:\n- Ava"), "rooms.yaml:4: rooms.kitchen.agents[0]: must be a mapping; got 'Ava'"),
        (room("agents: [{name: Ava}, {name: ava}]"),
         "rooms.yaml:3: rooms.kitchen.agents: must have different names; ava comes twice"),
        (room('agents: [{name: "A\\nva"}]'),
         "rooms.yaml:3: rooms.kitchen.agents[0].name: must have only printable characters"),
        (room("agents: []\nturn: {timeout_ms: 100}"),
         "rooms.yaml:4: rooms.kitchen.turn: action_delay_ms must not be above timeout_ms"),
        (room("agents: []\nturn:\n  timeout_ms: -5"),
         "rooms.yaml:5: rooms.kitchen.turn.timeout_ms: "
         "must be a whole number of milliseconds from 0 to 60000, not -5"),
        (room("agents: []\nturn:\n  timeout_ms: soon"),
         "rooms.yaml:5: rooms.kitchen.turn.timeout_ms: must be a whole number; got 'soon'"),
        (room("agents: []\nturn:\n  speculation: ful"),
         "rooms.yaml:5: rooms.kitchen.turn.speculation: "
         "must be one of off, model, full (did you mean 'full'?); got 'ful'"),
        ("engines: {model: openia}\nrooms: {a: {agents: []}}",
         "rooms.yaml:1: engines.model: must be one of auto, embedded, openai, dashscope, ollama "
         "(did you mean 'openai'?); got 'openia'"),
        ("engines: {model: {base_url: x}}\nrooms: {a: {agents: []}}",
         "rooms.yaml:1: engines.model.base_url: must begin with http:// or https://; got 'x'"),
        ("server: {port: 80800}\nrooms: {a: {agents: []}}",
         "rooms.yaml:1: server.port: must be at most 65535; got 80800"),
        ("rooms:\n  a b: {agents: []}",
         "rooms.yaml:1: rooms: has a room named 'a b': a name has 1 to 64 letters, digits, '-', '_' or '.'"),
        ("rooms: {}", "rooms.yaml:1: rooms: must have at least 1 entry; got a mapping"),
        ("server: {}", "rooms.yaml:1: rooms: is missing"),
        ("rooms:\n  turn: {agents: [], titel: x}",
         "rooms.yaml:2: rooms.turn.titel: is not a known field (did you mean 'title'?); "
         "known here: title, language, agents, vocabulary, turn, floor, memory_shown_to, memory"),
        (room("agents: [{name: Ava}]\nfloor: chaos"),
         "rooms.yaml:4: rooms.kitchen.floor: must be one of addressed, moderator, order, bidding, script; got 'chaos'"),
        (room("agents: [{name: Ava}]\nfloor:\n  policy: moderator"),
         "rooms.yaml:5: rooms.kitchen.floor.policy: needs a 'moderator': one of Ava"),
        (room("agents: [{name: Ava}]\nfloor:\n  policy: moderator\n  moderator: Carl"),
         "rooms.yaml:6: rooms.kitchen.floor.moderator: names 'Carl', who is no agent of this room; these are: Ava"),
        (room("agents: [{name: Ava}]\nfloor:\n  policy: order\n  order: [Ava, Bob]"),
         "rooms.yaml:6: rooms.kitchen.floor.order: names 'Bob', who is no agent of this room; these are: Ava"),
        (room("agents: [{name: Ava}]\nfloor: {max_agent_turns: -1}"),
         "rooms.yaml:4: rooms.kitchen.floor.max_agent_turns: must be at least 0; got -1"),
        (room("agents: [{name: Ava}]\nfloor:\n  policy: script\n  script: nowhere.py"),
         "rooms.yaml:6: rooms.kitchen.floor.script: there is no file 'nowhere.py'"),
        (room("agents:\n- name: Ava\n  hands_over_to: [Zed]"),
         "rooms.yaml:5: rooms.kitchen.agents[0].hands_over_to: names 'Zed', who is no agent of this room; these are: Ava"),
        ("", "rooms.yaml: the file is empty; it must be a mapping with the field 'rooms'"),
        ("- a\n", "rooms.yaml: the file holds a list; it must be a mapping with the field 'rooms'"),
        ("hello", "rooms.yaml: the file holds only 'hello'; it must be a mapping with the field 'rooms'"),
    ],
)  # fmt: skip
def test_an_error_names_file_line_and_field(text: str, expected: str) -> None:
    assert refusal(text) == [expected]


def test_an_error_in_the_house_s_turn_is_said_once() -> None:
    text = "turn:\n  timeout_mss: 3\nrooms: {a: {agents: []}, b: {agents: []}}"
    (line,) = refusal(text)
    assert line.startswith("rooms.yaml:2: turn.timeout_mss: is not a known field (did you mean 'timeout_ms'?)")


def test_all_errors_come_at_once_in_the_order_of_the_file() -> None:
    lines = refusal("rooms:\n  a:\n    agents: 3\n  b:\n    agents: 4\nserver:\n  port: x\n")
    assert [line.split(":")[1] for line in lines] == ["3", "5", "7"]


def test_very_many_errors_are_cut_short() -> None:
    text = "rooms:\n" + "".join(f"  r{n}: {{agents: 1}}\n" for n in range(50))
    assert refusal(text)[-1] == "rooms.yaml: and 30 more problems"


def test_a_file_is_loaded_by_path(tmp_path: Path) -> None:
    path = tmp_path / "rooms.yaml"
    path.write_text("\ufeffrooms:\n  a: {agents: [{name: 阿娃}]}\n", encoding="utf-8")
    assert load_config(path).rooms["a"].agents[0].name == "阿娃"


def test_files_that_cannot_be_read_are_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none.yaml: the file cannot be read: no such file"):
        load_config(tmp_path / "none.yaml")
    with pytest.raises(ConfigError, match=r"the file cannot be read: is a directory"):
        load_config(tmp_path)


def test_the_default_is_one_room_with_ava() -> None:
    config = default_config()
    assert list(config.rooms) == ["default"]
    assert [agent.name for agent in config.rooms["default"].agents] == ["Ava"]
    assert config.server.port == 8080


def test_programs_build_rooms_without_a_file() -> None:
    room = RoomConfig(agents=(AgentConfig(name="Ava"),), turn=TurnPolicy(timeout_ms=500))
    assert room.turn.timeout_ms == 500


def test_calls_from_an_asterisk_are_configured() -> None:
    config = parse_config(
        room("agents: []")
        + "telephony:\n  asterisk:\n    audiosocket:\n      port: 9093\n      allowed: [10.0.0.0/8]\n"
        "      rooms: {40325EC2-5EFD-4BD3-805F-53576E581D13: kitchen}\n",
    )
    audiosocket = config.telephony.asterisk.audiosocket
    assert audiosocket is not None
    assert (audiosocket.port, audiosocket.allowed) == (9093, ("10.0.0.0/8",))
    assert audiosocket.rooms == {"40325ec2-5efd-4bd3-805f-53576e581d13": "kitchen"}, "in the form that Asterisk's frames are printed in"


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("audiosocket: {allowed: [10.0.0.0/99]}", "must hold addresses and networks such as 192.0.2.7 or 10.0.0.0/8, not '10.0.0.0/99'"),
        ("audiosocket: {rooms: {kitchen: kitchen}}", "must have UUIDs as keys"),
        ("audiosocket: {lookup: ftp://calls}", "must begin with http:// or https://"),
        ("audiosocket: {prot: 1}", "is not a known field (did you mean 'port'?)"),
        ("channel: {url: http://pbx}", "must begin with ws:// or wss://"),
    ],
)
def test_a_wrong_asterisk_section_is_explained(field: str, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_config(room("agents: []") + f"telephony:\n  asterisk:\n    {field}\n")
    assert words in str(caught.value)
