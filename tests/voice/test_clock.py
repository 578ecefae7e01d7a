"""The media clock: when windows are judged, and whom a fault concerns."""

from typing import Any

import numpy as np
from hubbub.voice.clock import MediaClock
from hubbub.voice.ear import Ear
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.vad.energy import EnergyVAD


class Seated:
    """A session of which only its time and its windows are looked at."""

    def __init__(self, clock: MediaClock) -> None:
        self.ear = Ear(clock.vad.window_samples)
        self.vad_stream = clock.vad.open()
        self.heard = 0
        self.spoke_at: list[float] = []
        clock.add(self)

    def advance(self, samples: float) -> None:
        self.ear.advance(samples)

    def judged(self, probability: float) -> None:
        self.ear.judged()
        self.heard += 1

    def settle(self) -> None:
        pass

    def speak(self, now: float) -> None:
        self.spoke_at.append(round(now, 4))


def test_a_session_hurried_is_judged_without_a_tick_and_the_others_at_the_next_one() -> None:
    async def run() -> None:
        clock = MediaClock(EnergyVAD())
        hurried, other = Seated(clock), Seated(clock)
        for session in (hurried, other):
            session.ear.push(bytes(2 * session.ear.window_samples))
        clock.hurry(hurried)
        assert (hurried.heard, other.heard) == (1, 0)
        clock.tick(0.0)
        assert (hurried.heard, other.heard) == (1, 1)

    run_simulated(run())


def test_a_session_that_fails_stops_neither_its_connection_nor_the_others(caplog: Any) -> None:
    async def run() -> None:
        clock = MediaClock(EnergyVAD())
        broken, well = Seated(clock), Seated(clock)
        broken.settle = _fail
        clock.hurry(broken)
        clock.tick(0.5)
        assert well.spoke_at == [0.5]
        assert broken.spoke_at == []

    run_simulated(run())
    assert "a session failed" in caplog.text


def _fail() -> None:
    raise RuntimeError("a fault of one session")


def test_a_batch_gives_each_session_its_own_verdict() -> None:
    async def run() -> None:
        clock = MediaClock(EnergyVAD())
        seated = [Seated(clock) for _ in range(4)]
        seen: dict[int, float] = {}
        for place, session in enumerate(seated):
            loud = np.full(session.ear.window_samples, 8000 if place % 2 else 0, np.int16)
            loud[::2] *= -1
            session.ear.push(loud.tobytes())
            session.judged = lambda probability, place=place, ear=session.ear: (ear.judged(), seen.update({place: probability}))
        clock.tick(0.0)
        assert all((seen[place] > 0.5) == bool(place % 2) for place in seen) and len(seen) == 4

    run_simulated(run())
