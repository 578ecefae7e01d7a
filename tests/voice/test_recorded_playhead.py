"""What a recording says of the sound that was heard, beside what the caller's loudspeaker really played."""

import asyncio
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hubbub.voice.audio.frames import FRAME_MS, MOUTH_HZ
from hubbub.voice.event import Floor, Hold, Resume, Turn
from hubbub.voice.operate.heard import Played, Run, at_the_ear, played
from hubbub.voice.operate.timeline import timeline
from hubbub.voice.record import DECISIONS, PLAYED, Recorder
from hubbub.voice.replay import load_flac, load_recording, replay
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.vad.energy import EnergyVAD
from room_world import COUNT, World, voice

LATE_MS = 35
"""A report waits for the next tick of the clock, and the simulated caller plays a frame at a time."""

REPORT_MS = 100
"""How often the simulated caller reports: so much may have been heard beyond what is known of a reply that was cut."""


async def _held_and_cut(folder: Path, network_ms: int, reports: bool) -> tuple[Path, SimulatedCaller]:
    """A reply is held for a click, goes on, and is cut."""
    world = World({"Ava": COUNT}, [""] * 5)
    await world.room.open()
    clock = asyncio.create_task(world.clock.run())
    recorder = Recorder(folder, vad_name="energy")
    try:
        caller = world.caller("Kim", network_ms=network_ms, reports_playhead=reports)
        recording = recorder.record(caller.session)
        caller.session.type("count")
        await caller.wait_for(Floor, lambda event: event.mouth == "speaking")
        await asyncio.sleep(0.8)
        caller.say(voice(60))
        await caller.wait_for(Hold)
        await caller.wait_for(Resume)
        await asyncio.sleep(0.7)
        caller.session.press_interrupt()
        await asyncio.sleep(1.0)
        await caller.leave()
    finally:
        await world.room.close()
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        await asyncio.to_thread(recorder.close)
    return recording.path, caller


def drawn(path: Path) -> dict[str, Any]:
    recording = load_recording(path)
    return timeline(recording, np.frombuffer(load_flac(path / PLAYED, []), np.int16), peaks=200)


@pytest.mark.parametrize("network_ms", [0, 60])
def test_a_recording_tells_to_the_sample_what_was_heard_and_when(tmp_path: Path, network_ms: int) -> None:
    path, caller = run_simulated(_held_and_cut(tmp_path, network_ms, True))
    (reply,) = drawn(path)["replies"]
    first, second = reply["heard"]
    ((held_from, held_to),) = reply["held"]
    sounding = caller.heard_replies
    began = sounding.index(1)
    stopped = sounding.index(0, began)
    resumed = sounding.index(1, stopped)
    (_, _, truly_heard) = caller.heard_spans[-1]

    assert (reply["how"], reply["known"], reply["stalled"]) == ("cut", "reported", [])
    assert first["from_sample"] == 0 and first["to_sample"] == second["from_sample"]
    assert first["to_sample"] == (stopped - began) * MOUTH_HZ // 50, "the very sample at which it was held"
    assert 0 <= truly_heard - reply["heard_samples"] <= REPORT_MS * MOUTH_HZ / 1000
    assert reply["heard_samples"] < reply["sent_samples"]
    for told, frame in ((first["from_ms"], began), (held_from, stopped), (held_to, resumed)):
        assert -FRAME_MS <= told - frame * FRAME_MS < network_ms + LATE_MS


def test_of_an_ear_without_reports_it_is_told_that_its_playhead_is_estimated(tmp_path: Path) -> None:
    path, caller = run_simulated(_held_and_cut(tmp_path, 0, False))
    (reply,) = drawn(path)["replies"]
    assert reply["known"] == "estimated"
    assert 0 < reply["heard_samples"] < caller.heard_spans[-1][2], "under-credited, never over"


async def _reports_without_a_promise(folder: Path) -> tuple[Path, list[float]]:
    """Two turns of a caller over WebRTC who tells what he plays: the record, and what each turn waited for its way to the ear."""
    world = World({"Ava": COUNT}, [""] * 5)
    await world.room.open()
    clock = asyncio.create_task(world.clock.run())
    recorder = Recorder(folder, vad_name="energy")
    try:
        caller = world.caller("Kim", network_ms=60)
        caller.session.mouthpiece.reports = False
        recording = recorder.record(caller.session)
        for number in (1, 2):
            caller.session.type("count")
            await caller.wait_for(Turn, lambda event, number=number: event.turn == number)
            await asyncio.sleep(0.7)
            caller.session.press_interrupt()
        await caller.leave()
    finally:
        await world.room.close()
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        await asyncio.to_thread(recorder.close)
    return recording.path, [turn.latency.play_ms for turn in caller.of(Turn)]


def test_reports_that_were_not_promised_tell_what_was_heard_and_when(tmp_path: Path) -> None:
    path, waits = run_simulated(_reports_without_a_promise(tmp_path))
    replies = drawn(path)["replies"]
    assert [reply["known"] for reply in replies] == ["reported", "reported"]
    assert all(60 <= wait <= 60 + 60 + LATE_MS for wait in waits), "there, and the report's way back"


def test_the_track_of_the_ear_is_what_came_out_of_the_loudspeaker(tmp_path: Path) -> None:
    path, caller = run_simulated(_held_and_cut(tmp_path, 0, True))
    recording = load_recording(path)
    sent = np.frombuffer(load_flac(path / PLAYED, []), np.int16)
    replies = played(recording.lines, 0)
    ear = at_the_ear(replies, sent, len(sent) + MOUTH_HZ)
    loudspeaker = np.frombuffer(bytes(caller.heard), np.int16)
    for run, span in zip(replies[1].runs(), _stretches(caller.heard_replies), strict=True):
        told = ear[round(run.at_ms * 24) :][: run.end - run.start]
        assert np.array_equal(told, loudspeaker[span * 480 :][: len(told)])
    assert not np.array_equal(ear[: len(sent)], sent), "held and thrown away sound is in what was sent only"


def _stretches(frames: list[int]) -> list[int]:
    return [n for n, number in enumerate(frames) if number and not frames[n - 1]]


def test_a_recording_of_before_is_drawn_and_replayed_as_ever(tmp_path: Path) -> None:
    path, _ = run_simulated(_held_and_cut(tmp_path, 0, True))
    lines = (path / DECISIONS).read_text().splitlines()
    kept = [line for line in lines if not line.startswith(('{"s"', '{"p"'))]
    assert len(kept) < len(lines)
    assert replay(load_recording(path), EnergyVAD()).same
    (path / DECISIONS).write_text("\n".join(kept) + "\n")
    assert replay(load_recording(path), EnergyVAD()).same
    old = drawn(path)
    assert old["ear"] is None
    (reply,) = old["replies"]
    assert (reply["known"], reply["how"], len(reply["held"])) == ("decisions", "cut", 1)


def reports(*marks: tuple[float, int], sent: int = 240_000) -> list[Run]:
    return Played(sent, [], list(marks)).runs()


def test_late_reports_are_no_standstill_and_the_earliest_says_when_it_began() -> None:
    jittery = [(1000 + 100 * n + late, 2400 * n) for n, late in enumerate([0, 40, 0, 110, 10, 70, 5]) if n]
    (run,) = reports(*jittery)
    assert (run.at_ms, run.start, run.end) == (1000, 0, 14_400)


def test_a_playhead_that_fell_behind_stood_still() -> None:
    first, second = reports((1100, 2400), (1200, 4800), (1800, 7200), (1900, 9600))
    assert (first.at_ms, first.end, second.start, second.at_ms, second.to_ms) == (1000, 4800, 4800, 1700, 1900)


def test_from_the_first_report_on_nothing_is_estimated() -> None:
    marks = [(0, 240, False), (480, 2640, False), (1600, 2400, True), (3200, 4800, True)]
    lines = [{"p": {"at": at, "reply": 1, "offset": offset, "reported": said}} for at, offset, said in marks]
    lines.append({"s": {"at": 0, "reply": 1, "offset": 0, "samples": 4800, "place": 0}})
    reply = played(lines, 0)[1]
    assert reply.reported
    (run,) = reply.runs()
    assert (run.at_ms, run.start, run.end) == (0, 0, 4800), "by the reports alone"


def test_nothing_is_heard_that_was_not_sent_and_nothing_twice() -> None:
    (run,) = reports((1100, 2400), (1150, 2400), (1160, 1200), (1200, 9_999_999), sent=4800)
    assert (run.start, run.end) == (0, 4800)


@pytest.mark.parametrize("line", ['{"s":1}', '{"p":{"at":"x"}}', '{"s":{"at":-1,"reply":1,"offset":0}}', '{"p":{"reply":1}}', '{"s":{}}'])
def test_lines_that_are_none_are_left_out(line: str) -> None:
    assert played([json.loads(line)], 0) == {}
