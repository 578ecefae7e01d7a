"""A real Asterisk calls a real server, in each of the ways that docs/asterisk.md shows, with a recorded caller who listens, asks, presses
keys and hangs up."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from asterisk import Asterisk, find_asterisk, free_port, running_asterisk
from hubbub.voice.audio.wav import read_wav, write_wav
from served_house import Served, served_house

pytestmark = pytest.mark.e2e

WAYS = ("hubbub", "hubbub-audiosocket", "hubbub-registered", "hubbub-incoming")

CALL_S = 40
"""A call takes about 14 s."""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory, fixture_path: Callable[[str], Path]) -> Iterator[tuple[Asterisk, Served]]:
    find_asterisk()
    for package in ("pocketsphinx", "onnxruntime"):
        pytest.importorskip(package)
    folder = tmp_path_factory.mktemp("asterisk")
    question = folder / "asked.wav"
    write_wav(question, read_wav(fixture_path("requests/what_time_is_it"), 8000), 8000)
    audiosocket, http = free_port(), free_port()
    rooms = folder / "rooms.yaml"
    rooms.write_text(
        f"""
telephony:
  asterisk:
    audiosocket: {{port: {audiosocket}, room: default}}
    channel: {{url: "ws://127.0.0.1:{http}"}}
rooms:
  default:
    agents: [{{name: Ava, greeting: "Hello, this is Ava.", voice: {{name: en-us+f5}}}}]
"""
    )
    with (
        served_house(rooms) as house,
        running_asterisk(
            folder, question, hubbub=house.url.removeprefix("http://"), audiosocket=f"127.0.0.1:{audiosocket}", http_port=http
        ) as asterisk,
    ):
        yield asterisk, house


def test_every_way_into_a_room_is_heard_answered_and_hung_up(line: tuple[Asterisk, Served]) -> None:
    asterisk, house = line
    for way in WAYS:
        asterisk.call(way)
    until = time.monotonic() + CALL_S
    while time.monotonic() < until and sum("left: hung up" in row for row in house.log) < len(WAYS):
        time.sleep(0.2)
    log = "\n".join(house.log)
    assert sum("left: hung up" in row for row in house.log) == len(WAYS), f"{log[-4000:]}\n{asterisk.log()[-4000:]}"
    assert "bad frame" not in log
    assert "bad message" not in log
    assert "Asterisk reports" not in log
    assert log.count("reason=dtmf") >= 1 or log.count("turn=2") >= len(WAYS), "the keys were heard"
    assert log.count("reply=") >= len(WAYS)
    for way in WAYS:
        sound = np.frombuffer(read_wav(asterisk.heard(way), 8000), "<i2").astype(float)
        frames = sound[: len(sound) // 160 * 160].reshape(-1, 160)
        loud = np.sqrt((frames**2).mean(axis=1)) > 300
        assert loud[:150].sum() * 20 > 600, f"{way}: the greeting was heard"
        assert loud[150:].sum() * 20 > 800, f"{way}: and an answer"
