"""`hubbub call` into a real `hubbub serve`, as each carrier: asked, answered, broken into, hung up; all of it offline."""

import asyncio
import json
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from served_house import Served, served_house

pytestmark = pytest.mark.e2e

PATHS = {
    "twilio": "/api/calls/twilio", "telnyx": "/api/calls/telnyx", "plivo": "/api/calls/media", "vonage": "/api/calls/vonage",
    "exotel": "/api/calls/exotel", "asterisk": "/api/calls/asterisk", "audiosocket": "",
}  # fmt: skip


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    for package in ("pocketsphinx", "onnxruntime"):
        pytest.importorskip(package)
    rooms = tmp_path_factory.mktemp("calls") / "rooms.yaml"
    rooms.write_text(
        "telephony:\n  asterisk:\n    audiosocket: {port: 0, room: default}\n"
        "rooms:\n  default:\n    agents: [{name: Ava, greeting: Hello., voice: {name: en-us+f5}}]\n"
    )
    with served_house(rooms) as served:
        yield served


def address(house: Served, carrier: str) -> str:
    if carrier != "audiosocket":
        return house.url.replace("http", "ws", 1) + PATHS[carrier]
    return next(row for row in house.log if "AudioSocket at" in row).rpartition(" ")[2]


async def call(house: Served, carrier: str, *arguments: str | Path) -> tuple[int, list[dict[str, Any]], str]:
    """Runs `hubbub call --json`. Answers its exit status, the events it printed, and what it complained of."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hubbub.voice.cli", "call", "--carrier", carrier, "--json", "--timeout", "30", *map(str, arguments),
        address(house, carrier), stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    async with asyncio.timeout(90):
        out, err = await process.communicate()
    assert "Traceback" not in err.decode(), err.decode()
    return process.returncode or 0, [json.loads(row) for row in out.decode().splitlines()], err.decode()


def of(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


async def test_every_carrier_is_greeted_and_its_keys_are_answered(house: Served) -> None:
    """All at once; keys, since recognising seven callers at a time would take more than two cores."""
    found = await asyncio.gather(*(call(house, carrier, "--digits", "5#") for carrier in PATHS))
    for carrier, (status, events, complaints) in zip(PATHS, found, strict=True):
        assert (status, complaints) == (0, ""), carrier
        assert of(events, "Complaint") == [], f"{carrier} would take all that it was sent"
        assert len(of(events, "AgentSpeaks")) >= 2, f"{carrier}: a greeting, and an answer"
        assert max(event["level_dbfs"] for event in of(events, "AgentSilent")) > -30, "the level is kept"
        summary = events[-1]
        assert summary["type"] == "Summary"
        if carrier != "audiosocket":
            assert summary["marks"] > 3, f"{carrier}: the server asks what was heard"
        assert of(events, "CallEnded")[0]["by"] == "caller"


async def test_a_human_caller_on_a_bad_line_is_answered(house: Served, shared_audio: Callable[[str], Path]) -> None:
    human, bad_line = shared_audio("speech/whats_the_weather_like.wav"), ("--loss", "1", "--jitter", "60", "--seed", "4")
    status, events, _ = await call(house, "plivo", "--wav", human, *bad_line)
    assert status == 0
    assert of(events, "AgentSpeaks")[-1]["after_ms"] > 0


async def test_who_breaks_in_hears_nothing_more_of_the_reply(
    house: Served, fixture_path: Callable[[str], Path], tmp_path: Path
) -> None:
    recording = tmp_path / "call.wav"
    story, stop = fixture_path("requests/tell_me_a_story"), fixture_path("sentences/stop_i_would_like_to_know_what_time_it_is-f2")
    status, events, _ = await call(
        house, "twilio", "--wav", story, "--wav", stop, "--overlap", "1.5", "--jitter", "20", "--record", recording
    )
    assert status == 0
    over = [event for event in of(events, "AgentSilent") if event["barge_in_ms"] is not None]
    assert over, "the agent fell silent while the caller spoke"
    assert of(events, "ClearCame"), "because the carrier's buffer was cleared"
    assert any("interrupted reason=" in row for row in house.log)
    with wave.open(str(recording)) as file:
        both = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)
    silent_from, said_until = over[-1]["at_ms"] * 8 + 160, of(events, "Line")[-1]["at_ms"] * 8 + 2 * 8000
    assert not (np.abs(both[silent_from:said_until, 1]) > 300).any(), "nothing of the dead reply, until the caller had finished"


async def test_a_hang_up_ends_the_room_of_the_call(house: Served) -> None:
    status, events, _ = await call(house, "telnyx", "--stay", "1")
    assert status == 0
    assert of(events, "CallEnded")[0]["by"] == "caller"
    async with asyncio.timeout(10):
        while sum("created key" in row for row in house.log) > sum("deleted" in row for row in house.log):
            await asyncio.sleep(0.1)
