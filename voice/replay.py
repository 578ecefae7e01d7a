"""Replaying a recording through the present build: the same sound and the same events must give the same decisions.

The VAD hears `heard.flac` again; its verdicts are compared with those recorded, and the turn machine is fed with the recorded inputs
in their order. A difference means that the code, the VAD or the policy is not what it was. With another policy the replay answers
what would have been decided (as far as one caller's side of a conversation can tell).
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from .audio.frames import EAR_HZ
from .record import DECISIONS, FORMAT, HEARD, META, input_from_json, to_json
from .turn import machine
from .turn import signals as s
from .turn.edge import LoudEdge
from .turn.policy import TurnPolicy
from .vad.base import VADEngine

PROBABILITY_TOLERANCE = 0.01
"""A network's verdict depends in its last digits on who shares the batch; more than this is another verdict."""


PROGRESS_LINES = 500
"""Lines between two words about the progress: some fifteen seconds of sound."""


class RecordingError(Exception):
    """A recording that cannot be replayed, or only in part. The text says what is wrong and what could be read."""


@dataclass(slots=True)
class Difference:
    """A place where the replay is not what was recorded."""

    at_ms: float
    what: str
    recorded: str
    replayed: str


@dataclass(slots=True)
class Outcome:
    """What a replay gave."""

    windows: int = 0
    steps: int = 0
    commands: int = 0
    seconds: float = 0.0
    differences: list[Difference] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def same(self) -> bool:
        """Whether every decision was the same."""
        return not self.differences


@dataclass(slots=True)
class LoadedRecording:
    """A recording's parts, checked as far as they go."""

    meta: dict[str, Any]
    policy: TurnPolicy
    lines: list[dict[str, Any]]
    heard: bytes
    warnings: list[str]


def load_recording(folder: Path) -> LoadedRecording:
    """Reads a recording. Raises RecordingError when nothing can be replayed; what is damaged behind a readable beginning becomes a
    warning."""
    meta = _load_meta(folder)
    warnings: list[str] = []
    lines, seal = _load_lines(folder / DECISIONS, warnings)
    heard = load_flac(folder / HEARD, warnings)
    if not heard and any("i" in line and line["i"]["k"] == "Window" for line in lines):
        raise RecordingError(f"{folder / HEARD} holds no sound that can be read, but {len(lines)} lines of decisions speak of some")
    if seal is None:
        seconds = len(heard) / 2 / EAR_HZ
        warnings.append(f"the recording is cut off: {len(lines)} lines and {seconds:.1f} s of sound could be read")
    else:
        _check_seal(folder / DECISIONS, seal, heard, warnings)
    try:
        policy = TurnPolicy(**meta["policy"])
    except (KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"{folder / META}: the policy cannot be read: {error}") from None
    return LoadedRecording(meta, policy, lines, heard, warnings)


def replay(
    recording: LoadedRecording, vad: VADEngine, *, policy: TurnPolicy | None = None, progress: Callable[[float], None] | None = None
) -> Outcome:
    """Runs a recording through the present VAD and turn machine. Raises RecordingError when its windows do not fit the VAD, or where it
    begins in the middle of a session. `progress` is told now and then which share is done.
    """
    if recording.meta.get("from_start") is False:
        raise RecordingError("the recording begins in the middle of its session: it can be looked at, but not be replayed")
    window = int(recording.meta.get("window_samples", 0))
    if vad.window_samples != window:
        raise RecordingError(
            f"it was recorded with the VAD '{recording.meta.get('vad')}' (windows of {window} samples), but '{vad.name}' takes "
            f"{vad.window_samples}: choose the same with --vad"
        )
    outcome = Outcome(warnings=list(recording.warnings), seconds=len(recording.heard) / 2 / EAR_HZ)
    ear = _Ear(recording.heard, vad)
    state, edge = machine.State(), LoudEdge()
    for number, line in enumerate(recording.lines):
        if progress is not None and number % PROGRESS_LINES == 0:
            progress(number / len(recording.lines))
        if "i" not in line:
            continue
        event = input_from_json(line["i"])
        if isinstance(event, s.Window):
            sound = ear.window()
            if not sound:
                break
            probability = 0.0 if line.get("absent") else ear.judge(sound)
            event = _compare_window(event, probability, sound, state, edge, policy or recording.policy, outcome)
        elif isinstance(event, s.Glance):
            _compare_probability("VAD at a glance", event, ear.glance(event.at), outcome)
        try:
            state, commands = machine.step(policy or recording.policy, state, event)
        except machine.IllegalInput as error:
            outcome.differences.append(Difference(event.at / 16, "illegal input", str(line["i"]), str(error)))
            break
        if any(isinstance(command, s.OpenUtterance) for command in commands):
            edge.begin()
        _compare_commands(line, commands, event.at, outcome)
    return outcome


def _compare_window(
    event: s.Window, probability: float, sound: bytes, state: machine.State, edge: LoudEdge, policy: TurnPolicy, outcome: Outcome
) -> s.Window:
    """The window as recorded, after its verdict and its edge have been made anew and compared."""
    outcome.windows += 1
    _compare_probability("VAD", event, probability, outcome)
    loud_until = None
    if event.probability >= policy.offset_probability and state.ear is machine.Ear.SPEAKING and not event.ignored:
        loud_until = edge.judge(sound, event.at)
    return replace(event, loud_until=loud_until)


def _compare_probability(what: str, event: s.Window | s.Glance, probability: float | None, outcome: Outcome) -> None:
    if probability is not None and abs(probability - event.probability) > PROBABILITY_TOLERANCE:
        outcome.differences.append(Difference(event.at / 16, what, f"{event.probability:.3f}", f"{probability:.3f}"))


def _compare_commands(line: dict[str, Any], commands: list[s.Command], at: int, outcome: Outcome) -> None:
    outcome.steps += 1
    outcome.commands += len(commands)
    replayed = [to_json(command) for command in commands]
    if replayed != line.get("c"):
        recorded = _in_words(line.get("c", []))
        outcome.differences.append(Difference(at / 16, "decision", recorded, _in_words(replayed)))


def _in_words(commands: list[dict[str, Any]]) -> str:
    """`Commit(turn=1, text='hello'), …`"""
    words = (
        f"{command.get('k')}({', '.join(f'{name}={value!r}' for name, value in command.items() if name != 'k')})"
        for command in commands
    )
    return ", ".join(words) or "nothing"


class _Ear:
    """Hears a recording again, window by window."""

    def __init__(self, heard: bytes, vad: VADEngine) -> None:
        self._samples = np.frombuffer(heard, np.int16)
        self._vad = vad
        self._stream = vad.open()
        self._at = 0

    def window(self) -> bytes:
        """The sound of the next window; empty where the recording ends."""
        part = self._samples[self._at : self._at + self._vad.window_samples]
        self._at += self._vad.window_samples
        return part.tobytes() if len(part) == self._vad.window_samples else b""

    def judge(self, sound: bytes) -> float:
        """The VAD's verdict on it."""
        return float(self._vad.judge([self._stream], np.frombuffer(sound, np.int16)[None])[0])

    def glance(self, at: int) -> float | None:
        """What the VAD makes of the sound before position `at`, of which it has judged whole windows only; None where that is not there."""
        part = self._samples[max(0, at - self._vad.glance_samples) : at]
        return self._vad.glance(self._stream, part) if 0 < self._vad.glance_samples == len(part) else None


def _load_meta(folder: Path) -> dict[str, Any]:
    path = folder / META
    try:
        meta = json.loads(path.read_text())
    except FileNotFoundError:
        raise RecordingError(f"{folder} is no recording: it has no {META}") from None
    except (OSError, ValueError) as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        found = meta.get("format") if isinstance(meta, dict) else None
        raise RecordingError(f"{path}: this build reads recordings of format {FORMAT}, not {found!r}: use the Hubbub that made it")
    return meta


def _load_lines(path: Path, warnings: list[str]) -> tuple[list[dict[str, Any]], dict[str, Any] | None]:
    lines: list[dict[str, Any]] = []
    try:
        text = path.read_text(errors="replace")
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error}") from None
    for number, raw in enumerate(text.splitlines(), 1):
        try:
            entry = json.loads(raw)
            if "i" in entry:
                input_from_json(entry["i"])
        except (ValueError, TypeError, AttributeError) as error:
            warnings.append(f"{path.name}:{number}: not a line of a recording ({error}); what follows is left out")
            break
        if "end" in entry:
            return lines, entry["end"]
        lines.append(entry)
    return lines, None


def load_flac(path: Path, warnings: list[str]) -> bytes:
    """The sound of a track, PCM16. Raises RecordingError when nothing of it can be read; damage behind that becomes a warning."""
    import av

    parts: list[bytes] = []
    try:
        with av.open(str(path), format="flac") as file:
            for frame in file.decode(audio=0):
                parts.append(frame.to_ndarray().astype(np.int16).tobytes())
    except (OSError, av.error.FFmpegError, IndexError) as error:
        if not parts:
            raise RecordingError(f"{path} cannot be read: {error}") from None
        warnings.append(f"{path.name} is damaged after {sum(map(len, parts)) / 2 / EAR_HZ:.1f} s: {error}")
    return b"".join(parts)


def _check_seal(path: Path, seal: dict[str, Any], heard: bytes, warnings: list[str]) -> None:
    body = path.read_bytes()
    cut = body.rfind(b"\n", 0, len(body) - 1) + 1
    if hashlib.sha256(body[:cut]).hexdigest() != seal.get("lines_sha256"):
        warnings.append(f"{path.name} was edited after it was recorded: its decisions may not be those that were made")
    if hashlib.sha256(heard).hexdigest() != seal.get("heard_sha256"):
        warnings.append(f"{HEARD} is not the sound that was recorded")
