"""Sound over a reply is judged when it comes, not at the next tick, and looked at before its window is complete."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.clock import MediaClock
from hubbub.voice.record import DECISIONS, Recorder
from hubbub.voice.replay import load_recording, replay
from hubbub.voice.session import Session
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.machine import Mouth
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.base import VADEngine, VADStream
from quiet_room import QuietRoom
from test_session_endpointing import ScriptedVAD

LOUD, HISS = (np.full(320, level, np.int16).tobytes() for level in (3000, 30))


class Room(QuietRoom):
    """Counts who was hurried, and who was glanced at."""

    hurried = glanced = 0

    def hurry(self, session: Session) -> None:
        self.hurried += 1
        while session.ear.ready:
            session.judged(0.02)

    def glance(self, session: Session) -> None:
        self.glanced += 1


def replying(room: QuietRoom, vad: VADEngine) -> Session:
    session = Session("ann", room, vad=vad, policy=TurnPolicy())
    session.announce(1, "Ava", interruptible=True)
    session.step(s.PlayoutStarted(session.now, 1))
    return session


@pytest.mark.parametrize(
    ("frame", "over_a_reply", "hurried", "glanced"),
    [(LOUD, True, 1, 1), (HISS, True, 0, 0), (LOUD, False, 0, 0)], ids=["over a reply", "hiss", "no reply"],
)  # fmt: skip
def test_who_breaks_in_waits_for_no_tick(frame, over_a_reply, hurried, glanced):
    room = Room()
    session = replying(room, ScriptedVAD()) if over_a_reply else Session("ann", room, vad=ScriptedVAD(), policy=TurnPolicy())
    session.hear(frame)
    assert room.hurried == 0  # not a whole window yet
    session.hear(frame)
    assert (room.hurried, room.glanced) == (hurried, glanced)


def test_who_is_heard_to_speak_is_not_glanced_at():
    room = Room()
    session = replying(room, ScriptedVAD())
    session.ear.push(bytes(1024))
    session.judged(0.9)
    session.hear(LOUD)
    assert room.glanced == 0


class Peak(VADEngine):
    """Speech is what peaks at 1000, whether a window of it has come or not."""

    name = "peak"
    window_samples = 512

    def __init__(self, glance_samples: int = 512) -> None:
        self.glance_samples = glance_samples

    def open(self) -> VADStream:
        return VADStream(None)

    def judge(self, streams: Sequence[VADStream], windows: np.ndarray) -> np.ndarray:
        return (windows.max(axis=1) >= 1000).astype(np.float32)

    def glance(self, stream: VADStream, sound: np.ndarray) -> float:
        assert sound.shape == (self.glance_samples,)
        return float(sound.max() >= 1000)


class Clocked(QuietRoom):
    """Its clock looks and judges at once."""

    def __init__(self, vad: VADEngine) -> None:
        self.clock = MediaClock(vad)

    def hurry(self, session: Session) -> None:
        while session.ear.ready:
            session.judged(float(self.clock.vad.judge([session.vad_stream], session.ear.window()[None])[0]))

    def glance(self, session: Session) -> None:
        self.clock.glance(session)


@pytest.mark.parametrize(("glance_samples", "after"), [(512, 1), (0, 2)], ids=["an engine that glances", "one that does not"])
def test_a_glance_holds_the_reply_a_window_sooner(glance_samples, after):
    async def talk() -> int:
        vad = Peak(glance_samples)
        session = replying(Clocked(vad), vad)
        for _ in range(8):
            session.hear(HISS)
            session.room.hurry(session)
        frames = 0
        while session.state.mouth is Mouth.PLAYING:
            session.hear(LOUD)
            frames += 1
        return frames

    assert asyncio.run(talk()) == after


@pytest.mark.parametrize(("rate_hz", "holds"), [(8000, True), (16_000, False)])
def test_a_telephone_is_held_for_at_half_the_probability(rate_hz, holds):
    session = replying(Room(), ScriptedVAD())
    session.listen_at(rate_hz)
    for _ in range(10):
        session.ear.push(bytes(1024))
        session.judged(0.02)
    session.ear.push(LOUD)
    session.glanced(LOUD, 0.25)
    assert (session.state.mouth is Mouth.HELD) is holds


def test_a_detector_that_fails_at_a_glance_leaves_the_windows_to_tell(caplog):
    class Broken(Peak):
        def glance(self, stream: VADStream, sound: np.ndarray) -> float:
            raise RuntimeError("no glance")

    async def talk() -> None:
        vad = Broken()
        session = replying(Clocked(vad), vad)
        for frame in (*[HISS] * 8, LOUD, LOUD, LOUD):
            session.hear(frame)
            session.room.hurry(session)
        assert session.state.mouth is Mouth.HELD

    asyncio.run(talk())
    assert "a session failed at a glance" in caplog.text


def test_a_click_that_was_glanced_at_lets_the_reply_go_on():
    async def click() -> list[str]:
        vad = Peak()
        session = replying(Clocked(vad), vad)
        session.policy = TurnPolicy(glance_ms=20)
        told: list[str] = []
        session.step, step = lambda event, absent=False: (told.append(type(event).__name__), step(event, absent))[1], session.step
        for _ in range(8):
            session.hear(HISS)
            session.room.hurry(session)
        session.glanced(LOUD, 0.95)
        assert session.state.mouth is Mouth.HELD
        for _ in range(4):
            session.hear(HISS)
            session.room.hurry(session)
        assert session.state.mouth is Mouth.PLAYING
        return told

    told = asyncio.run(click())
    assert told.count("Glance") == 1 and "Elapsed" in told


def test_a_recording_with_glances_replays_to_the_same_decisions(tmp_path: Path):
    async def record() -> Path:
        vad = Peak()
        recorder = Recorder(tmp_path, vad_name=vad.name)
        session = Session("ann", Clocked(vad), vad=vad, policy=TurnPolicy())
        entry = recorder.record(session)
        session.announce(1, "Ava", interruptible=True)
        session.step(s.PlayoutStarted(session.now, 1))
        for frame in (*[HISS] * 8, LOUD, *[HISS] * 40):
            session.ear.advance(320)
            session.hear(frame)
            session.room.hurry(session)
            session.settle()
        session.close()
        recorder.close()
        return entry.path

    path = asyncio.run(record())
    lines = (path / DECISIONS).read_text().splitlines()
    assert sum(json.loads(line).get("i", {}).get("k") == "Glance" for line in lines) == 1
    outcome = replay(load_recording(path), Peak())
    assert outcome.same, outcome.differences

    class Otherwise(Peak):
        def glance(self, stream: VADStream, sound: np.ndarray) -> float:
            return 0.5

    (difference,) = replay(load_recording(path), Otherwise()).differences
    assert (difference.what, difference.recorded, difference.replayed) == ("VAD at a glance", "1.000", "0.500")
