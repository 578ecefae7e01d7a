"""A caller's own pauses: who thinks in the middle of sentences is given more time, who does not is answered sooner.

Pure, and counted in samples at 16 kHz. The session tells what it hears; the turn machine is given the outcome with the next
`Completeness`, as a factor of its delays.
"""

from dataclasses import dataclass

LEAST, MOST = 0.6, 1.8
"""Bounds of the factor: at the default action delay 192 and 576 ms."""

HEADROOM = 1.25
"""The delay wanted is so much longer than the pause that was heard: the next one will not be the same to the millisecond."""

RISE, FALL, CUT_OFF, QUICK = 0.3, 0.1, 0.5, 0.06
"""How far the factor moves to what an observation asks for: up for a longer pause, down for a shorter one, up after a false cut-off
(the dearest mistake), down for a turn without a pause. A slow caller is known after three pauses, a quick one after a dozen turns."""


@dataclass(slots=True)
class PauseHabit:
    """What is known of one caller's pauses. `action_delay`: the policy's, in samples; with 0 the factor stays 1."""

    action_delay: int
    factor: float = 1.0
    """What to multiply the delay by, `LEAST` to `MOST`."""

    def paused(self, samples: int) -> None:
        """The caller paused for so long inside a turn and went on."""
        wanted = self._wanted(samples)
        self._move(wanted, RISE if wanted > self.factor else FALL)

    def cut_off(self, samples: int) -> None:
        """The turn was taken to be over, and the caller went on: the pause was so long, or longer."""
        self._move(max(self._wanted(samples), self.factor * HEADROOM), CUT_OFF)

    def finished(self) -> None:
        """A turn ended without a pause inside."""
        self._move(LEAST, QUICK)

    def _wanted(self, samples: int) -> float:
        if samples < 0:
            raise ValueError(f"a pause cannot be {samples} samples long")
        return HEADROOM * samples / self.action_delay if self.action_delay else 1.0

    def _move(self, wanted: float, share: float) -> None:
        if self.action_delay:
            self.factor += share * (min(MOST, max(LEAST, wanted)) - self.factor)


CUT_OFF_SAMPLES = 16_000 * 3 // 2
"""Speech that breaks into a reply within 1.5 s after its caller's last word goes on with the turn before; after that it is a new
thought. (Half of the pauses of eot-bench's people are below 0.33 s, 95 % below 1.6 s.)"""


@dataclass(slots=True)
class PauseWatch:
    """Follows one caller's speech and turns, and tells his habit what they show."""

    habit: PauseHabit
    _spoke_until: int = 0
    _pause: int = 0
    """The pause before the present speech, where it goes on with an open turn."""
    _paused: bool = False
    """The open turn has had a pause inside."""
    _committed: bool = False
    """The turn of the last speech was committed; what follows soon may be its rest."""
    _suspect: int = 0
    """The pause before the present speech, where a committed turn lies behind it and it was short."""

    def opened(self, onset: int, *, goes_on: bool) -> None:
        """Speech, or a click that will be dropped, began at sample `onset`. `goes_on`: in an open turn that has speech already."""
        pause = max(0, onset - self._spoke_until)
        self._pause = pause if goes_on else 0
        self._suspect = pause if self._committed and pause <= CUT_OFF_SAMPLES else 0

    def closed(self, end: int) -> None:
        """It was speech, and ended at sample `end`."""
        if self._pause:
            self._paused = True
            self.habit.paused(self._pause)
        self._spoke_until, self._pause, self._committed = end, 0, False

    def committed(self) -> None:
        """The spoken turn is over."""
        if not self._paused:
            self.habit.finished()
        self._paused, self._committed = False, True

    def interrupted(self) -> None:
        """The present or last speech claimed the floor from a reply: if it came at once after its caller's turn, it is the rest of
        that turn, which was cut off."""
        if self._suspect:
            self.habit.cut_off(self._suspect)
        self._suspect = 0
