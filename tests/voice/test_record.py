"""Recording and replaying: the same sound gives the same decisions, and damage is named."""

import json

import numpy as np
import pytest
from hubbub.voice.playout import Sound
from hubbub.voice.record import DECISIONS, HEARD, META, PLAYED, Recorder
from hubbub.voice.replay import RecordingError, load_recording, replay
from hubbub.voice.session import Session
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.energy import EnergyVAD
from quiet_room import QuietRoom


def tone(ms: int) -> bytes:
    return (np.sin(np.arange(16 * ms) * 0.1) * 9000).astype(np.int16).tobytes()


@pytest.fixture
def recording(tmp_path):
    vad = EnergyVAD()
    recorder = Recorder(tmp_path, vad_name=vad.name)
    session = Session("Kim", QuietRoom(), vad=vad, policy=TurnPolicy())
    entry = recorder.record(session)
    sound = bytes(16_000) + tone(800) + bytes(48_000) + tone(400) + bytes(16_000)
    for start in range(0, len(sound), 640):
        session.ear.advance(320)
        session.hear(sound[start : start + 640])
        while session.ear.ready:
            session.judged(float(vad.judge([session.vad_stream], session.ear.window()[None])[0]))
        session.settle()
        if session.state.owed and session.state.ear.value == "pausing":
            session.step(s.Final(session.now, session.state.owed[0], "what time is it"))
    session.line.tap.spoke(16_000, Sound(1, 0, bytes(960), False))
    session.line.tap.spoke(16_100, Sound(1, 480, bytes(960), True))
    session.close()
    recorder.close()
    return entry.path, sound


def test_a_recording_holds_both_tracks_to_the_sample(recording):
    path, sound = recording
    loaded = load_recording(path)
    assert loaded.warnings == []
    whole = len(sound) // 1024 * 1024
    assert loaded.heard == sound[:whole]
    seal = json.loads((path / DECISIONS).read_text().splitlines()[-1])["end"]
    assert seal["played_samples"] == 24_000 + 960
    assert json.loads((path / META).read_text())["caller"] == "Kim"
    assert (path / PLAYED).stat().st_size > 0


def test_the_same_build_makes_the_same_decisions(recording):
    outcome = replay(load_recording(recording[0]), EnergyVAD())
    assert outcome.same, outcome.differences
    assert outcome.commands >= 6 and outcome.windows > 100


def test_another_policy_shows_what_it_would_have_decided(recording):
    outcome = replay(load_recording(recording[0]), EnergyVAD(), policy=TurnPolicy(action_delay_ms=100, timeout_ms=200))
    assert any("Commit" in difference.replayed for difference in outcome.differences)


def test_an_edited_recording_says_so_and_shows_where(recording):
    path = recording[0] / DECISIONS
    path.write_text(path.read_text().replace('"k":"Commit"', '"k":"AbandonTurn"', 1))
    loaded = load_recording(recording[0])
    assert any("edited" in warning for warning in loaded.warnings)
    assert not replay(loaded, EnergyVAD()).same


def test_a_recording_that_is_cut_off_is_replayed_as_far_as_it_goes(recording):
    path = recording[0] / DECISIONS
    text = path.read_text()
    path.write_text(text[: len(text) * 2 // 3])
    loaded = load_recording(recording[0])
    assert any("cut off" in warning for warning in loaded.warnings)
    assert replay(loaded, EnergyVAD()).same


def test_damaged_sound_is_named(recording):
    path = recording[0] / HEARD
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    loaded = load_recording(recording[0])
    assert loaded.warnings and len(loaded.heard) > 0
    path.write_bytes(b"not flac")
    with pytest.raises(RecordingError, match=r"heard\.flac"):
        load_recording(recording[0])


@pytest.mark.parametrize("meta", ["{", "[]", '{"format": 99}'])
def test_other_versions_and_other_folders_are_refused(recording, meta, tmp_path):
    (recording[0] / META).write_text(meta)
    with pytest.raises(RecordingError):
        load_recording(recording[0])
    with pytest.raises(RecordingError, match="no recording"):
        load_recording(tmp_path / "elsewhere")


def test_a_vad_of_another_kind_is_refused(recording):
    with pytest.raises(RecordingError, match="windows of"):
        replay(load_recording(recording[0]), EnergyVAD(window_samples=320))
