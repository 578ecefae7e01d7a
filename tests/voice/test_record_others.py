"""What a recording holds of the other callers: their voices as they were sent to this one, and never his own."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from hubbub.voice.audio.frames import EAR_HZ, MOUTH_HZ
from hubbub.voice.audio.resample import Resampler
from hubbub.voice.operate.heard import write_ear
from hubbub.voice.record import HEARD, OTHERS, PLAYED, Recorder
from hubbub.voice.replay import load_flac, load_recording, replay
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.vad.energy import EnergyVAD
from room_world import World, voice

Track = npt.NDArray[np.int16]
SAID_MS = 900
VOICES = {"Kim": voice(SAID_MS, hz=220), "Lee": voice(SAID_MS, hz=310), "Max": voice(SAID_MS, hz=470)}


async def _talk(folder: Path, listen: Callable[[SimulatedCaller], None]) -> tuple[Path, SimulatedCaller, dict[str, float]]:
    """Lee speaks, then Max, then Kim and Lee together, and the agent answers; Kim is recorded. Answers when each began, in seconds."""
    world = World({"Ava": "One, two, three."}, ["tell me a story"] * 9)
    await world.room.open()
    clock = asyncio.create_task(world.clock.run())
    recorder = Recorder(folder, vad_name="energy")
    try:
        kim = world.caller("Kim", plays_voices=True)
        recording = recorder.record(kim.session)
        lee, max_ = world.caller("Lee"), world.caller("Max")
        listen(kim)
        began: dict[str, float] = {}
        loop = asyncio.get_running_loop()
        start = loop.time()
        for turn, speakers in (("Lee", [lee]), ("Max", [max_]), ("both", [kim, lee])):
            await asyncio.sleep(1.5)
            began[turn] = loop.time() - start
            for one in speakers:
                one.say(VOICES[one.session.name])
            await speakers[0].said()
        await asyncio.sleep(3)
        await kim.leave()
    finally:
        await world.room.close()
        clock.cancel()
        await asyncio.gather(clock, return_exceptions=True)
        await asyncio.to_thread(recorder.close)
    return recording.path, kim, began


def track(path: Path) -> Track:
    return np.frombuffer(load_flac(path, []), np.int16)


def likeness(sound: Track, said: bytes, rate_hz: int) -> tuple[float, float]:
    """How much of what somebody said is in a sound (the largest normalised correlation, 1 for all of it), and where, in seconds."""
    ups = Resampler(EAR_HZ, rate_hz).push(said) if rate_hz != EAR_HZ else said
    wanted, there = np.frombuffer(ups, np.int16).astype(float), sound.astype(float)
    size = 1 << (len(there) + len(wanted)).bit_length()
    found = np.fft.irfft(np.fft.rfft(there, size) * np.conj(np.fft.rfft(wanted, size)), size)[: len(there)]
    at = int(np.argmax(found))
    part = there[at : at + len(wanted)]
    scale = float(np.linalg.norm(wanted) * np.linalg.norm(part))
    return (float(found[at]) / scale if scale else 0.0), at / rate_hz


def check(path: Path, kim: SimulatedCaller, began: dict[str, float]) -> None:
    others = track(path / OTHERS)
    for name in ("Lee", "Max"):
        part = others[round((began[name] - 0.1) * MOUTH_HZ) : round((began[name] + SAID_MS / 1000 + 0.3) * MOUTH_HZ)]
        alike, at = likeness(part, VOICES[name], MOUTH_HZ)
        assert alike > 0.9, f"{name} was sent, and is not in the recording: {alike:.2f}"
        assert 0.05 < at < 0.25, "it lies where it was sent: as long after it was said as a lane keeps of it"
    together = others[round(began["both"] * MOUTH_HZ) :]
    assert likeness(together, VOICES["Lee"], MOUTH_HZ)[0] > 0.9, "while Kim speaks, too"
    assert abs(likeness(others, VOICES["Kim"], MOUTH_HZ)[0]) < 0.2, "his own voice is never sent to him"
    assert likeness(track(path / HEARD), VOICES["Kim"], EAR_HZ)[0] > 0.9, "but heard"
    recording = load_recording(path)
    assert recording.warnings == [] and replay(recording, EnergyVAD()).same
    write_ear(recording, track(path / PLAYED), path / "ear.flac", others)
    heard, loudspeaker = track(path / "ear.flac"), np.frombuffer(bytes(kim.heard), np.int16)
    for name in ("Lee", "Max"):
        (here, at), (there, then) = (likeness(sound, VOICES[name], MOUTH_HZ) for sound in (heard, loudspeaker))
        assert here > 0.85 and (abs(at - then) < 0.1 or not kim.voices), f"{name}: {at:.2f} s in the recording, {then:.2f} s at the ear"
        assert there > 0.85 or not kim.voices


def test_the_others_are_in_the_recording_as_they_were_sent(tmp_path: Path) -> None:
    path, kim, began = run_simulated(_talk(tmp_path, lambda caller: None))
    check(path, kim, began)
    sounding = track(path / OTHERS)
    sent = np.frombuffer(bytes(kim.voices), np.int16)
    assert np.array_equal(sounding[sounding != 0], sent[sent != 0]), "sample for sample"


def test_so_they_are_for_who_hears_each_on_a_lane_of_his_own(tmp_path: Path) -> None:
    lanes: list[Any] = []

    def listen(caller: SimulatedCaller) -> None:
        caller.session.line.lanes_to = lambda *frame: lanes.append(frame)

    path, kim, began = run_simulated(_talk(tmp_path, listen))
    assert lanes and not kim.voices
    check(path, kim, began)


def test_where_nobody_else_spoke_there_is_no_such_track(tmp_path: Path) -> None:
    async def alone() -> Path:
        world = World({"Ava": "Yes."}, ["hello"])
        await world.room.open()
        recorder = Recorder(tmp_path, vad_name="energy")
        kim = world.caller("Kim")
        recording = recorder.record(kim.session)
        kim.say(VOICES["Kim"])
        await kim.said()
        await kim.leave()
        await world.room.close()
        await asyncio.to_thread(recorder.close)
        return recording.path

    path = run_simulated(alone())
    assert not (path / OTHERS).exists() and load_recording(path).warnings == []
