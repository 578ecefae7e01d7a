"""What a session makes of its caller's sound beside the VAD's verdict: is it he who speaks, and where was he last loud.

Over a reply, speech is not the caller's where it is our own echo (`turn/echo.py`) or too faint to be him (`turn/level.py`). In an
utterance, a neural VAD goes on saying "speech" after the last sound, and the edge (`turn/edge.py`) says where that really was. Pure.
"""

from typing import Literal

from .turn import signals as s
from .turn.echo import EchoGuard
from .turn.edge import LoudEdge
from .turn.level import CallerLevel
from .turn.machine import Ear, Mouth, State
from .turn.policy import TurnPolicy, in_samples

RETURN_MS = 800
"""How long after sound left for a caller it may still come back: the far end's buffers, the network and the room."""

CLEAR_WINDOWS = 4
"""Windows in a row without an echo after which an utterance is taken to be the caller's own: 128 ms, the length that is compared."""


class Hearing:
    """Judges one caller's windows, in order."""

    def __init__(self) -> None:
        self._edge = LoudEdge()
        self._echo = EchoGuard()
        self._others = EchoGuard()
        self._echo_for = self._others_for = 0
        """Samples of the ear for which either may still come back."""
        self._level = CallerLevel()
        self._clear_windows = 0
        self.phone = False
        """The caller's sound comes from 8 kHz."""

    def window(self, policy: TurnPolicy, state: State, sound: bytes, end: int, probability: float) -> s.Window:
        """The turn machine's input for a window of PCM16 that ends at `end`, in the machine's present state."""
        speech = probability >= policy.offset_probability
        ignored = self._ignored(state, sound, speech)
        loud_until = None
        if speech and not ignored and state.ear is Ear.SPEAKING:
            loud_until = self._edge.judge(sound, end)
        return s.Window(end, probability, len(sound) // 2, loud_until, ignored)

    def glance(self, state: State, sound: bytes, newer: bytes, end: int, probability: float) -> s.Glance:
        """The turn machine's input for `sound` (PCM16, as long as a window) that ends at `end` over a reply, of which `newer` came after
        the last window. Changes nothing."""
        ignored: Literal["", "echo", "faint"] = ""
        if self._level.begins_faint(sound):
            ignored = "faint"
        elif (self._others_for > 0 and self._others.is_echo(newer)) or (state.started and self._echo.is_echo(newer)):
            ignored = "echo"
        return s.Glance(end, probability, self._level.leaves_steadiness(sound), self.phone, ignored)

    def sent(self, pcm: bytes) -> None:
        """Sound left for the caller (PCM16 at 24 kHz), and may come back."""
        self._echo.sent(pcm)
        self._echo_for = in_samples(RETURN_MS)

    def others_sent(self, pcm: bytes) -> None:
        """What other callers say left for this one (PCM16 at 24 kHz), beside any reply; a loudspeaker brings it back just the same."""
        self._others.sent(pcm)
        self._others_for = in_samples(RETURN_MS)

    def utterance_begins(self) -> None:
        """An utterance was opened: its loudness is its own."""
        self._edge.begin()
        self._level.begin()

    def turn_ends(self) -> None:
        """The turn was the caller's: so loud is he."""
        self._level.learn()

    def _ignored(self, state: State, sound: bytes, speech: bool) -> Literal["", "echo", "faint"]:
        """Why speech over a reply is not the caller's, if it is not."""
        if self._echo_for > 0 or state.mouth is not Mouth.IDLE:
            self._echo.heard(sound)
            self._echo_for -= len(sound) // 2
        if self._others_for > 0:
            self._others.heard(sound)
            self._others_for -= len(sound) // 2
        if not speech and state.ear is not Ear.SPEAKING:
            if state.mouth is not Mouth.IDLE:
                self._level.judge(sound, False)  # who begins over the reply comes out of this
            return ""
        faint = self._level.judge(sound, speech, begins=state.ear is not Ear.SPEAKING)
        if speech and self._others_for > 0 and self._is_echo(state, self._others):
            return "echo"  # without a reply, too: another caller's voice is nobody's turn here
        if not speech:
            return ""
        if state.mouth is Mouth.IDLE:  # the end of a reply comes back when it is over
            return "echo" if self._echo_for > 0 and state.ear is Ear.QUIET and self._is_echo(state, self._echo) else ""
        if faint:
            return "faint"
        return "echo" if state.started and self._is_echo(state, self._echo) else ""

    def _is_echo(self, state: State, guard: EchoGuard) -> bool:
        """Asks the echo guard until it has cleared the utterance: a comparison costs a millisecond, and who spoke over us for a while
        is not our echo."""
        if state.ear is Ear.SPEAKING and self._clear_windows >= CLEAR_WINDOWS:
            return False
        echo = guard.is_echo()
        self._clear_windows = 0 if echo or state.ear is not Ear.SPEAKING else self._clear_windows + 1
        return echo
