"""The whole thing with no key and no network: recorded speech through `hubbub talk` to a real server, and a voice that answers."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.audio.wav import read_wav
from served_house import Served, served_house

pytestmark = pytest.mark.e2e

HUMAN = {
    "book_a_room": ("book a room", "room"),
    "how_old_is_the_brooklyn_bridge": ("how old is the brooklyn bridge", "brooklyn bridge"),
    "whats_the_weather_like": ("what's the weather like", "weather"),
    "hello_gemini_are_you_there": ("hello gemini are you there", "are you there"),
}
"""What people say in the recordings, and what of it is recognised reliably."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


@pytest.fixture(scope="module")
def house(recordings: Path) -> Iterator[Served]:
    for package in ("pocketsphinx", "onnxruntime"):
        pytest.importorskip(package)
    with served_house("--record", recordings) as served:
        yield served


def talk(house: Served, *arguments: str | Path) -> tuple[int, list[dict[str, Any]]]:
    """Runs `hubbub talk --json`. Answers its exit status and the events it printed."""
    command = [sys.executable, "-m", "hubbub.voice.cli", "talk", house.url, "--json", "--timeout", "20", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    assert "Traceback" not in done.stderr, done.stderr
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def said(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "transcript" and event["final"]]


def answered(events: list[dict[str, Any]]) -> list[str]:
    return [event["text"] for event in events if event["type"] == "reply" and event["final"]]


def word_errors(spoken: str, heard: str) -> float:
    """Word error rate: the edit distance in words, over the number of words spoken."""
    reference, found = spoken.lower().split(), heard.lower().split()
    row = list(range(len(found) + 1))
    for i, word in enumerate(reference, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(found, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1] / len(reference)


def test_a_question_is_heard_answered_and_spoken(house: Served, fixture_path: Callable[[str], Path], tmp_path: Path) -> None:
    saved = tmp_path / "reply.wav"
    status, events = talk(house, "--wav", fixture_path("requests/can_you_hear_me"), "--save", saved)
    assert status == 0
    assert "hear me" in said(events)[0]
    assert answered(events)[0]
    sound = np.frombuffer(read_wav(saved, 24_000), np.int16).astype(float)
    assert len(sound) > 12_000, "more than half a second"
    assert np.sqrt(np.mean(sound**2)) > 300, "somebody speaks"
    (turn,) = (event for event in events if event["type"] == "turn")
    parts = sum(value for name, value in turn["latency"].items() if name not in ("total_ms", "overlap_ms", "trimmed_ms"))
    assert parts == pytest.approx(turn["latency"]["total_ms"], abs=1)


def test_the_time_is_told(house: Served, fixture_path: Callable[[str], Path]) -> None:
    status, events = talk(house, "--wav", fixture_path("requests/what_time_is_it"), "--text", "what time is it")
    assert status == 0
    first, second = said(events)
    assert first.lower().startswith("what")
    assert first.lower().rstrip("?").endswith("is it")
    assert second == "what time is it"
    assert all(answer.startswith("It is ") for answer in answered(events))


def test_partials_come_before_the_final(house: Served, fixture_path: Callable[[str], Path]) -> None:
    status, events = talk(house, "--wav", fixture_path("requests/tell_me_a_story"), "--wav", fixture_path("requests/stop"),
                          "--overlap", "2")  # fmt: skip
    assert status == 0
    partials = [event for event in events if event["type"] == "transcript" and not event["final"] and event["turn"] == 1]
    assert partials, "captions form while the caller speaks"
    assert "story" in said(events)[0]
    replies = [event for event in events if event["type"] == "reply" and event["final"]]
    cut = next(reply for reply in replies if reply["interrupted"])
    assert cut["text"]
    assert cut["unheard"]
    assert cut["interrupted_by"] == "guest"


@pytest.mark.parametrize("name", HUMAN)
def test_human_speech_is_heard_and_answered(house: Served, shared_audio: Callable[[str], Path], name: str) -> None:
    spoken, reliable = HUMAN[name]
    status, events = talk(house, "--wav", shared_audio(f"speech/{name}.wav"))
    heard = " ".join(said(events))
    print(f"{name}: word error rate {word_errors(spoken, heard):.2f}: {heard!r}")
    assert status == 0
    assert reliable in heard.lower()
    assert answered(events)


def test_what_was_talked_can_be_replayed(
    house: Served, fixture_path: Callable[[str], Path], recordings: Path
) -> None:
    before = set(recordings.iterdir())
    status, _ = talk(house, "--wav", fixture_path("requests/hello"), "--name", "Recorded")
    assert status == 0
    (recording,) = set(recordings.iterdir()) - before
    done = subprocess.run(
        [sys.executable, "-m", "hubbub.voice.cli", "replay", recording], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "every decision was the same" in done.stdout
