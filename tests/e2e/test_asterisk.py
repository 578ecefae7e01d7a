"""A real Asterisk calls a real server, in each of the ways that docs/asterisk.md shows, with a recorded caller who listens, asks, presses
keys and hangs up."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asterisk import Asterisk, find_asterisk, free_port, running_asterisk
from hubbub.voice.audio.wav import read_wav, write_wav
from hubbub.voice.event import Reply
from served_house import Served, served_house

sys.path.append(str(Path(__file__).parents[1] / "voice"))
from live_house import LiveHouse, live_house

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


TRANSFERS = """
rooms:
  default: {agents: [{name: Ava, greeting: Hello there.}]}
telephony:
  destinations: ["+1415*"]
"""


async def test_callers_are_put_through_by_the_dialplan(tmp_path: Path, fixture_path: Callable[[str], Path]) -> None:
    """An agent puts two callers through, and hangs up on a third; what Asterisk's dialplan did stands in its log."""
    question = tmp_path / "asked.wav"
    write_wav(question, read_wav(fixture_path("requests/what_time_is_it"), 8000), 8000)
    audiosocket = free_port()
    config = TRANSFERS + f"  asterisk: {{audiosocket: {{port: {audiosocket}, room: default}}}}\n"
    async with live_house(config) as live:
        running = running_asterisk(
            tmp_path, question, hubbub=live.url.removeprefix("http://"), audiosocket=f"127.0.0.1:{audiosocket}", http_port=free_port()
        )
        asterisk = await asyncio.to_thread(running.__enter__)
        try:
            for number, way in enumerate(("hubbub-transfer", "hubbub-transfer-audiosocket")):
                session = await seated(live, asterisk, way)
                await session.connection.handset.transfer(f"+1415555010{number}")
                await left(live)
            session = await seated(live, asterisk, "hubbub-transfer")
            session.connection.handset.hang_up()
            await left(live)
            async with asyncio.timeout(CALL_S):
                while asterisk.log().count("@hubbub-next:1]") < 3 or "+14155550101@outgoing:1]" not in asterisk.log():
                    await asyncio.sleep(0.2)
        finally:
            await asyncio.to_thread(running.__exit__, None, None, None)
    assert asterisk.log().count("@outgoing:1]") == 2, "who was hung up on goes nowhere"
    assert "put through to +14155550100" in asterisk.log()


async def seated(live: LiveHouse, asterisk: Asterisk, way: str) -> Any:
    """The session of a new call, once its caller is greeted."""
    await asyncio.to_thread(asterisk.call, way)
    async with asyncio.timeout(CALL_S):
        while True:
            for session in live.house.sessions.values():
                if session.connection is not None and any(isinstance(event, Reply) for event in session.log):
                    return session
            await asyncio.sleep(0.05)


async def left(live: LiveHouse) -> None:
    async with asyncio.timeout(CALL_S):
        while live.house.sessions:
            await asyncio.sleep(0.05)
