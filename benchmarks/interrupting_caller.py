"""A telephone's caller that speaks over every second answer, and notes when his ear falls silent. Used by `telephony.py`."""

import asyncio
from dataclasses import dataclass, field

from webrtc_caller import FRAME_S, GIVE_UP_S, REST_S, Caller, Figures

HEAR_S, HEAR_MORE_S, HEAR_STEPS = 1.5, 0.1, 5
"""How much of an answer is heard before it is spoken over: in each turn a little more, in five steps, so that it is not always the same gap
between two words."""

PAUSE_S = 0.2
"""Silence that is longer is no gap between words."""


@dataclass
class PhoneFigures(Figures):
    """What the telephones of one row saw."""

    silence_ms: list[float] = field(default_factory=list)
    """From the first loud sample of a barge-in to the silence at the caller's ear."""
    ahead_ms: list[float] = field(default_factory=list)


class InterruptingCaller(Caller):
    """Asks, hears the answer out or breaks in, rests, and asks again. Whoever reads the line calls `silenced`."""

    figures: PhoneFigures
    _turns = 0
    _silent_at = 0.0

    def silenced(self, at: float) -> None:
        """The ear has been silent since loop time `at`: the line was cleared or paused, or nothing more came."""
        self._silent_at = at

    def look(self, now: float) -> None:
        """It is looked whether the ear has fallen silent, for lines on which nothing says so."""

    async def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turns += 1
        if self._turns % 2:
            await super()._turn(loop)
            return
        spoken = self._due + self.speech.last_loud_s
        self._waiting_since, self._first_at = spoken, 0.0
        for place in range(len(self.speech.frames)):
            await self._send(place)
        while not self._first_at and loop.time() < spoken + GIVE_UP_S:
            await self._send(-1)
        for _ in range(round((HEAR_S + HEAR_MORE_S * (self._turns // 2 % HEAR_STEPS)) / FRAME_S)):
            await self._send(-1)
        onset = self._due + self.speech.first_loud_s
        for place in range(len(self.speech.frames)):
            await self._send(place)
        self.look(loop.time())
        if onset > self.measure_from and self._silent_at > onset:
            self.figures.silence_ms.append((self._silent_at - onset) * 1000)
        while loop.time() - self._sound_at < REST_S:
            await self._send(-1)
