"""`hubbub replay`: what it prints and answers for a recording that is the same, another, and none."""

import json
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.cli import main
from hubbub.voice.commands.replay import changed
from hubbub.voice.commands.status import ExitStatus
from hubbub.voice.record import DECISIONS, META, Recorder
from hubbub.voice.session import Session
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.energy import EnergyVAD
from quiet_room import QuietRoom


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A caller says one sentence."""
    vad = EnergyVAD()
    recorder = Recorder(tmp_path, vad_name=vad.name)
    session = Session("Kim", QuietRoom(), vad=vad, policy=TurnPolicy())
    entry = recorder.record(session)
    tone = (np.sin(np.arange(16 * 800) * 0.1) * 9000).astype(np.int16).tobytes()
    sound = bytes(16_000) + tone + bytes(64_000)
    for start in range(0, len(sound), 640):
        session.ear.advance(320)
        session.hear(sound[start : start + 640])
        while session.ear.ready:
            session.judged(float(vad.judge([session.vad_stream], session.ear.window()[None])[0]))
        session.settle()
        if session.state.owed and session.state.ear.value == "pausing":
            session.step(s.Final(session.now, session.state.owed[0], "what time is it"))
    session.close()
    recorder.close()
    return entry.path


def test_the_same_decisions_answer_0(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recording)]) == ExitStatus.OK
    out = capsys.readouterr().out
    assert "every decision was the same" in out
    assert "warning" not in out


def test_another_policy_decides_otherwise_and_answers_1(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["replay", str(recording), "--set", "action_delay_ms=100", "--set", "timeout_ms=200", "--json"])
    outcome = json.loads(capsys.readouterr().out)
    assert status == ExitStatus.FAILED
    assert outcome["same"] is False
    assert any("Commit(turn=1, text='what time is it'" in each["replayed"] for each in outcome["differences"])


def test_a_table_of_differences(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["replay", str(recording), "--set", "timeout_ms=330"]) == ExitStatus.FAILED
    out = capsys.readouterr().out
    assert "differences:" in out
    assert "recorded → replayed" in out


def test_what_was_cut_off_is_replayed_with_a_warning(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = (recording / DECISIONS).read_text().splitlines()
    (recording / DECISIONS).write_text("\n".join(lines[: len(lines) // 2]) + "\n")
    assert main(["replay", str(recording)]) == ExitStatus.OK
    assert "warning: the recording is cut off" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--vad", "nonsense"], "there is no voice activity detector 'nonsense'"),
        (["--vad", "webrtc"], "choose the same with --vad"),
        (["--set", "patience_ms=3"], "must be NAME=VALUE with one of the names"),
        (["--set", "timeout_ms"], "must be NAME=VALUE"),
        (["--set", "timeout_ms=long"], "timeout_ms must be a whole number"),
        (["--set", "timeout_ms=-1"], "timeout_ms must be a whole number of milliseconds from 0 to 60000"),
        (["--set", "speculation=perhaps"], "speculation must be off, model or full"),
    ],
)
def test_what_cannot_be_asked_answers_2(
    recording: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    assert main(["replay", str(recording), *arguments]) == ExitStatus.USAGE
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("damage", ["nothing there", "no meta", "another format", "no JSON"])
def test_what_is_no_recording_answers_2(
    recording: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str
) -> None:
    match damage:
        case "nothing there":
            recording = tmp_path / "nothing"
        case "no meta":
            (recording / META).unlink()
        case "another format":
            (recording / META).write_text('{"format": 99}')
        case "no JSON":
            (recording / META).write_text("{")
    assert main(["replay", str(recording)]) == ExitStatus.USAGE
    err = capsys.readouterr().err
    assert err.startswith("hubbub: ")
    assert str(recording) in err


def test_a_change_keeps_the_kind_of_its_field() -> None:
    policy = changed(TurnPolicy(), ["threshold=0.75", "action_delay_ms=200", "speculation=off"])
    assert (policy.threshold, policy.action_delay_ms, policy.speculation) == (0.75, 200, "off")
