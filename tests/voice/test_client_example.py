"""The example of the SDK's guide, run as a user would, and the file of rooms beside it."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from client_server import Line, scripted_server
from hubbub.voice.audio.wav import read_wav, write_wav
from hubbub.voice.config import load_config
from hubbub.voice.event import Reply, Transcript
from hubbub.voice.protocol import Playhead, Text

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples"))
import talk_to_an_agent  # noqa: E402 - the examples are not a package

ANSWER = (np.arange(2400) + 100).astype("<i2").tobytes()


async def answer(line: Line) -> None:
    await line.wait_until(lambda line: bool(line.said(Text)) or any(line.audio))
    await line.send(Transcript(speaker="Kim", text="what time is it", final=True, turn=1))
    await line.play(1, 0, ANSWER, last=True)
    await line.wait_until(lambda line: bool(line.said(Playhead)) and line.said(Playhead)[-1].offset == 2400)
    await line.send(Reply(reply=1, agent="Ava", text="It is late.", final=True, turn=1))


@pytest.mark.parametrize("speaks", [True, False])
async def test_the_example_talks(tmp_path: Path, speaks: bool) -> None:
    recording = tmp_path / "question.wav"
    write_wav(recording, b"\1\0" * 1600, 16_000)
    saved = tmp_path / "reply.wav"
    async with scripted_server(answer) as server:
        said = await talk_to_an_agent.talk(server.url, str(recording) if speaks else None, str(saved))
    assert said == "It is late."
    assert read_wav(saved, 24_000) == ANSWER


def test_the_example_explains_what_is_wrong() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / "talk_to_an_agent.py"), "none.wav", "http://127.0.0.1:1"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_example_s_rooms_are_valid() -> None:
    config = load_config(ROOT / "examples" / "rooms.yaml")
    assert config.rooms["kitchen"].turn.timeout_ms == 1200


def test_the_guide_names_every_field() -> None:
    from hubbub.voice.config import AgentConfig, EnginesConfig, LimitsConfig, ModelConfig, RoomConfig, ServerConfig, VoiceConfig
    from hubbub.voice.turn.policy import TurnPolicy

    guide = (ROOT / "docs" / "configuration.md").read_text()
    sections = (AgentConfig, EnginesConfig, LimitsConfig, ModelConfig, RoomConfig, ServerConfig, VoiceConfig)
    fields = {name for section in sections for name in section.model_fields} | set(TurnPolicy.__dataclass_fields__)
    assert {name for name in fields if f"{name}`" not in guide and f"`{name}" not in guide} - {"limits", "voice"} == set()
