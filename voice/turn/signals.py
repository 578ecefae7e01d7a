"""What the turn machine is told, and what it answers.

Every `at` is a position in the session's heard sound: samples at 16 kHz since the session began.
"""

from dataclasses import dataclass
from typing import Literal

Source = Literal["speech", "text", "dtmf"]
Reason = Literal["speech", "words", "signal", "text", "dtmf"]

KEYS = frozenset("0123456789*#ABCD")
"""The keys of a telephone (ITU-T Q.23)."""

# ── inputs ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Window:
    """The VAD judged a window of sound; `at` is its end, `samples` its length. `loud_until`: where the utterance was last loud
    (`LoudEdge`), if somebody looked; else the window's end is taken for it. `ignored`: why it counts as silence though the VAD
    hears speech: `echo` (our own voice coming back, `EchoGuard`) or `faint` (somebody farther away than the caller, `CallerLevel`)."""

    at: int
    probability: float
    samples: int = 512
    loud_until: int | None = None
    ignored: Literal["", "echo", "faint"] = ""


@dataclass(frozen=True, slots=True)
class Glance:
    """Over a reply, the VAD looked at sound that ends at `at` before a window was complete there. It may hold the reply, and is no
    evidence of anything else. `quiet`: it comes out of a steady background; `phone`: over a telephone. `ignored`: as for `Window`."""

    at: int
    probability: float
    quiet: bool = False
    phone: bool = False
    ignored: Literal["", "echo", "faint"] = ""


@dataclass(frozen=True, slots=True)
class Elapsed:
    """Time has come to `at`, a deadline that `deadline()` named, and no window has ended there."""

    at: int


@dataclass(frozen=True, slots=True)
class Partial:
    """The recogniser's text of an utterance so far. `claim`: over a reply, the probability that it asks for the floor, where the
    recogniser weighs that itself; None leaves it to the words."""

    at: int
    utterance: int
    text: str
    claim: float | None = None


@dataclass(frozen=True, slots=True)
class Final:
    """The recogniser's last word on an utterance. Empty text: nothing was said, or the recogniser failed. `claim`: as for `Partial`."""

    at: int
    utterance: int
    text: str
    claim: float | None = None


@dataclass(frozen=True, slots=True)
class Completeness:
    """An end-of-turn model's probability that the turn, as it stands after `utterance`, is complete. `patience`: by what factor this
    caller's own pauses stretch the delays (`PauseHabit`)."""

    at: int
    utterance: int
    probability: float
    patience: float = 1.0


@dataclass(frozen=True, slots=True)
class ReplyPending:
    """The room prepares a reply that this session will hear."""

    at: int
    reply: int
    interruptible: bool = True


@dataclass(frozen=True, slots=True)
class PlayoutStarted:
    """The first sound of the reply left for the caller's ear."""

    at: int
    reply: int


@dataclass(frozen=True, slots=True)
class PlayoutEnded:
    """The reply is over: played to its end, dropped by the room, or without sound."""

    at: int
    reply: int


@dataclass(frozen=True, slots=True)
class Typed:
    """The caller typed a turn."""

    at: int
    text: str


@dataclass(frozen=True, slots=True)
class Keys:
    """The caller pressed keys of a telephone: one or more of `KEYS`. `#` ends what was keyed in."""

    at: int
    digits: str


@dataclass(frozen=True, slots=True)
class PressInterrupt:
    """The caller pressed the interrupt button."""

    at: int


@dataclass(frozen=True, slots=True)
class PressCommit:
    """The caller says that the turn is over (push-to-talk released, microphone muted)."""

    at: int


Input = (
    Window | Glance | Elapsed | Partial | Final | Completeness | ReplyPending | PlayoutStarted | PlayoutEnded | Typed
    | Keys | PressInterrupt | PressCommit
)

# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class OpenUtterance:
    """Open a recogniser stream and give it the sound from `start` on. Speech began at `onset`."""

    utterance: int
    start: int
    onset: int


@dataclass(frozen=True, slots=True)
class CloseUtterance:
    """Ask the recogniser for the final. Speech ended at `end`."""

    utterance: int
    end: int


@dataclass(frozen=True, slots=True)
class DropUtterance:
    """It was no speech: cancel the recogniser stream."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Silence the reply at once; nothing of it may be lost."""

    reply: int


@dataclass(frozen=True, slots=True)
class Resume:
    """Go on with the held reply on the sample where it stopped."""

    reply: int


@dataclass(frozen=True, slots=True)
class Interrupt:
    """Cut the reply: it is dead from here on."""

    reply: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class KeepBackchannel:
    """Words that leave the floor where it is."""

    utterance: int
    text: str


@dataclass(frozen=True, slots=True)
class Speculate:
    """The turn may be over, with this text: a reply may be started in silence."""

    turn: int
    text: str


@dataclass(frozen=True, slots=True)
class Retract:
    """The turn goes on: what was started for it is void."""

    turn: int


@dataclass(frozen=True, slots=True)
class Commit:
    """The turn is over. `speech_end`: end of the caller's last speech, or his last key; `endpoint_at`: when the silence sufficed;
    `at`: now."""

    turn: int
    text: str
    source: Source
    at: int
    speech_end: int
    endpoint_at: int


@dataclass(frozen=True, slots=True)
class AbandonTurn:
    """The turn held no words: it is closed without a trace."""

    turn: int


Command = (
    OpenUtterance | CloseUtterance | DropUtterance | Hold | Resume | Interrupt | KeepBackchannel | Speculate | Retract
    | Commit | AbandonTurn
)
