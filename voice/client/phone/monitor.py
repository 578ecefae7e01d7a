"""What was to be heard on a call, measured on the sound itself: when the agent began, how soon, and how soon it was silent again when the
caller broke in. Counted in frames of 20 ms of the call; no clock, no I/O.

The *caller's ear* is where the carrier's buffer ends. A frame is loud above `LOUD_DBFS`; the agent speaks from its first loud frame until
it has been quiet for `PAUSE_MS`, and has then been silent since its last loud frame. The caller's words are measured the same way.
"""

from dataclasses import dataclass
from math import log10

from ...audio.frames import FRAME_MS
from ...audio.level import SILENCE_DBFS, rms_dbfs

LOUD_DBFS = -50.0
"""Well above comfort noise and the noise of µ-law (about -70 dBFS), well below quiet speech."""

PAUSE_MS = 300
"""Quiet for so long is a pause; less is a pause between words."""


@dataclass(frozen=True, slots=True)
class AgentSpeaks:
    """The agent became audible."""

    at_ms: int
    """Since the call began."""
    after_ms: int | None
    """Since the caller's last loud frame; None where he has not spoken since the agent last did, or is speaking still."""


@dataclass(frozen=True, slots=True)
class AgentSilent:
    """The agent has been silent since `at_ms`."""

    at_ms: int
    spoke_ms: int
    """From its first loud frame to its last, pauses between words included."""
    level_dbfs: float
    """Root mean square of its loud frames."""
    barge_in_ms: int | None
    """Since the caller began to speak over it; None where he did not."""


Measured = AgentSpeaks | AgentSilent


class _Voice:
    """One side: loud or not, and since when. Times are frames."""

    def __init__(self) -> None:
        self.speaking = False
        self.began = 0
        self.last_loud = -1
        self.power = 0.0
        self.loud_frames = 0

    def step(self, frame: int, level_dbfs: float) -> str:
        """`began`, `ended` or nothing."""
        if level_dbfs > LOUD_DBFS:
            self.last_loud = frame
            event = "" if self.speaking else "began"
            if event:
                self.speaking, self.began, self.power, self.loud_frames = True, frame, 0.0, 0
            self.power += 10 ** (level_dbfs / 10)
            self.loud_frames += 1
            return event
        if self.speaking and (frame - self.last_loud) * FRAME_MS >= PAUSE_MS:
            self.speaking = False
            return "ended"
        return ""


class Monitor:
    """Measures one call."""

    def __init__(self) -> None:
        self.frames = 0
        """Frames of the call so far."""
        self.first_sound_ms: int | None = None
        """When the agent was first heard."""
        self._agent = _Voice()
        self._caller = _Voice()
        self._caller_since = False
        self._broke_in_at: int | None = None

    @property
    def now_ms(self) -> int:
        """The call's time."""
        return self.frames * FRAME_MS

    @property
    def agent_speaks(self) -> bool:
        """Whether the agent is heard, or pauses between words."""
        return self._agent.speaking

    @property
    def agent_last_loud_ms(self) -> int | None:
        """When the agent's last loud frame ended; None before its first."""
        return (self._agent.last_loud + 1) * FRAME_MS if self._agent.last_loud >= 0 else None

    def step(self, said: bytes, heard: bytes) -> list[Measured]:
        """The next 20 ms of both sides, PCM16 at any rate."""
        frame, self.frames = self.frames, self.frames + 1
        told: list[Measured] = []
        caller, agent = self._caller, self._agent
        if caller.step(frame, rms_dbfs(said) if said else SILENCE_DBFS) == "began" and agent.speaking:
            self._broke_in_at = frame
        self._caller_since = self._caller_since or caller.last_loud == frame
        match agent.step(frame, rms_dbfs(heard) if heard else SILENCE_DBFS):
            case "began":
                told.append(self._began(frame))
            case "ended":
                told.append(self._ended())
        return told

    def close(self) -> list[Measured]:
        """The call is over: an agent that was speaking is silent now."""
        if not self._agent.speaking:
            return []
        self._agent.speaking = False
        return [self._ended()]

    def _began(self, frame: int) -> AgentSpeaks:
        caller = self._caller
        waited = self._caller_since and caller.last_loud < frame
        after = (frame - caller.last_loud - 1) * FRAME_MS if waited else None
        self._caller_since = False
        self._broke_in_at = None
        if self.first_sound_ms is None:
            self.first_sound_ms = frame * FRAME_MS
        return AgentSpeaks(frame * FRAME_MS, after)

    def _ended(self) -> AgentSilent:
        agent, broke_in = self._agent, self._broke_in_at
        self._broke_in_at = None
        silent_at = agent.last_loud + 1
        level = SILENCE_DBFS
        if agent.loud_frames:
            level = 10 * log10(agent.power / agent.loud_frames)
        over = None if broke_in is None or broke_in > agent.last_loud else (silent_at - broke_in) * FRAME_MS
        return AgentSilent(silent_at * FRAME_MS, (silent_at - agent.began) * FRAME_MS, round(level, 1), over)
