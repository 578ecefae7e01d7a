"""`hubbub eval` with what cannot be measured: one line that names the fault, and the exit status of wrong usage."""

import json
import wave
from pathlib import Path

import pytest
from hubbub.voice.cli import main

FIXTURES = Path(__file__).parents[2] / "audio_fixtures"


def silent(folder: Path) -> Path:
    """A folder whose labels speak of words that nobody hears."""
    with wave.open(str(folder / "s.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(bytes(64_000))
    turn = {"audio": "s.wav", "words": [["what", 100, 300], ["time", 900, 1200]], "pauses": [[320, 800]]}
    (folder / "turns.json").write_text(json.dumps([turn]))
    return folder


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["endpointing", "--audio", "{tmp}/absent"], "absent is no folder"),
        (["endpointing", "--audio", "{tmp}"], "no turns.json"),
        (["endpointing", "--audio", "{silent}"], "1 are labelled, but no speech is heard"),
        (["endpointing", "--model", "magic"], "there are silence, text, prosody, combined and onnx:PATH"),
        (["endpointing", "--model", "onnx:"], "needs the path of a file"),
        (["endpointing", "--model", "onnx:{tmp}/absent.onnx"], "there is no such file"),
        (["endpointing", "--model", "onnx:{fixture}"], "is not an ONNX model"),
        (["turns", "--audio", "{tmp}"], "has no manifest.json"),
        (["turns", "--set", "decide_ms=soon"], "decide_ms"),
        (["turns", "--set", "magic=1"], "magic"),
        (["turns", "--hiss", "-10"], "softer than speech: at most -26 dBFS, not -10"),
        (["endpointing", "--hiss", "nan"], "softer than speech: at most -26 dBFS, not nan"),
        (["turns", "--name", "nobody is called so"], "of the wanted kind and name"),
    ],
)
def test_what_cannot_be_measured_is_told_in_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments, told) -> None:
    (tmp_path / "silent").mkdir()
    places = {"tmp": tmp_path, "silent": silent(tmp_path / "silent"), "fixture": FIXTURES / "requests" / "what_time_is_it.wav"}
    assert main(["eval", *(argument.format(**places) for argument in arguments)]) == 2
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith("hubbub: ") and told in err and err.count("\n") == 1
