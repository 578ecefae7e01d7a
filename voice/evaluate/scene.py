"""Scenes: a caller's recording laid over an agent's reply, with what should come of it.

They are made from `audio_fixtures` (espeak-ng: interruptions, backchannels, bursts), and, where a folder of recordings with a
`manifest.json` is given, from human speech and recorded noise.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ, FRAME_MS
from ..audio.wav import AudioFileError, read_audio

Kind = Literal["interruption", "backchannel", "cough", "burst", "babble", "echo"]
Outcome = Literal["yield", "go on"]

EXPECTED: dict[Kind, Outcome] = {
    "interruption": "yield", "backchannel": "go on", "cough": "go on", "burst": "go on", "babble": "go on", "echo": "go on",
}
SPEECH_DBFS = -26.0
"""Level that speech is brought to (RMS of its loud part), unless the scene states another: ITU-T P.56's nominal level."""

BABBLE_DBFS = (-36.0, -46.0)
"""Levels of people talking elsewhere in the room: 10 and 20 dB below a caller."""

LABEL_TOLERANCE_S = 0.1
"""How far a file's length may be from its label: resampling and containers round."""

_COUGHS = ("cough", "throat")


@dataclass(frozen=True, slots=True)
class Scene:
    """One thing that happens while an agent speaks."""

    name: str
    kind: Kind
    pcm: bytes
    """What the caller's microphone hears, PCM16 at 16 kHz; empty for an echo, which is made of the agent's own voice."""
    start_ms: float
    """Where in it speech or noise begins."""
    end_ms: float
    text: str = ""
    """The words, where there are any."""
    after_ms: int = 2000
    """How far the reply has got when it begins."""
    echo_db: float | None = None
    echo_ms: int = 150

    @property
    def expected(self) -> Outcome:
        """Whether the agent should stop."""
        return EXPECTED[self.kind]


class SceneError(ValueError):
    """A folder of sounds that scenes cannot be made of; the message says which entry and why."""


def load_scenes(folder: Path) -> list[Scene]:
    """The scenes of a folder: of `audio_fixtures` (its `manifest.json` is an object with `clips`), or of recordings (a list of
    entries with `path`, `seconds` and `transcript`). Raises SceneError."""
    listed = _manifest(folder)
    scenes = recorded_scenes(folder) if isinstance(listed, list) else fixture_scenes(folder)
    if not scenes:
        raise SceneError(f"{folder / 'manifest.json'} lists no sound that a scene could be made of")
    return scenes


def fixture_scenes(folder: Path) -> list[Scene]:
    """The scenes of `audio_fixtures`. Raises SceneError."""
    listed = _manifest(folder)
    clips = listed.get("clips") if isinstance(listed, dict) else None
    if not isinstance(clips, dict):
        raise SceneError(f"{folder / 'manifest.json'} must be an object with the clips under \"clips\"")
    kinds: dict[str, Kind] = {"backchannels": "backchannel", "interruptions": "interruption", "sentences": "interruption"}
    scenes = []
    for place, (name, clip) in enumerate(sorted(clips.items())):
        group, _, short = name.partition("/")
        sound = Sound(folder / f"{name}.wav", clip)
        if group in kinds:
            scenes.append(_scene(sound, short, kinds[group], str(clip.get("text", "")), place))
        elif group == "noise" and short not in ("silence", "white", "babble"):
            kind: Kind = "cough" if short.startswith(_COUGHS) else "burst"
            scenes.append(_scene(sound, short, kind, "", place))
    if not scenes:
        return []
    scenes += [
        Scene(f"echo-{delay}ms", "echo", b"", 0, 4000, after_ms=500, echo_db=-20.0, echo_ms=delay) for delay in (80, 160, 300)
    ]
    babble = clips.get("noise/babble")
    return scenes + (_babble(Sound(folder / "noise" / "babble.wav", babble), "fixture") if babble is not None else [])


def recorded_scenes(folder: Path) -> list[Scene]:
    """Scenes from human recordings and recorded noise, listed in the folder's `manifest.json`. Raises SceneError."""
    listed = _manifest(folder)
    if not isinstance(listed, list):
        raise SceneError(f"{folder / 'manifest.json'} must be a list of recordings")
    scenes: list[Scene] = []
    for place, entry in enumerate(listed):
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            raise SceneError(f"{folder / 'manifest.json'}, entry {place + 1}: \"path\" is missing")
        path, words = folder / entry["path"], entry.get("transcript")
        short, sound = path.stem, Sound(path, entry)
        if entry["path"].startswith("speech/") and words and "digits" not in entry["path"] and sound.seconds < 6:
            scenes.append(_scene(sound, f"human-{short}", "interruption", str(words), place))
        elif entry["path"].startswith("noise/") and "people" in short:
            scenes += _babble(sound, "people")
        elif entry["path"].startswith("noise/") and "room_response" not in short and "ambience" not in short:
            scenes.append(_scene(sound, f"noise-{short}", "burst", "", place))
    return scenes


def _manifest(folder: Path) -> Any:
    path = folder / "manifest.json"
    if not folder.is_dir():
        raise SceneError(f"{folder} is no folder")
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise SceneError(f"{folder} has no manifest.json that lists its sounds") from None
    except (OSError, ValueError, RecursionError) as error:
        raise SceneError(f"{path} cannot be read: {error}") from None


class Sound:
    """A file with its label, checked against each other when it is read."""

    def __init__(self, path: Path, label: dict[str, Any]) -> None:
        self.path = path
        self.label = label
        seconds = label.get("seconds")
        if not isinstance(seconds, int | float) or seconds <= 0:
            raise SceneError(f"{path}: the manifest must state its length as \"seconds\", not {seconds!r}")
        self.seconds = float(seconds)

    def read(self) -> npt.NDArray[np.float64]:
        """The samples at 16 kHz. Raises SceneError where they are missing or not what the label states."""
        try:
            sound = np.frombuffer(read_audio(str(self.path), EAR_HZ), np.int16).astype(np.float64)
        except (OSError, AudioFileError) as error:
            raise SceneError(str(error)) from None
        if abs(len(sound) / EAR_HZ - self.seconds) > LABEL_TOLERANCE_S:
            raise SceneError(f"{self.path} lasts {len(sound) / EAR_HZ:.2f} s, its label says {self.seconds:.2f} s")
        if not np.abs(sound).max(initial=0.0) > 0:
            raise SceneError(f"{self.path} holds nothing but silence")
        return sound


def _scene(source: Sound, name: str, kind: Kind, text: str, place: int) -> Scene:
    return placed(name, kind, at_level(source.read()[: EAR_HZ * 5], SPEECH_DBFS), text, place)


def placed(name: str, kind: Kind, sound: npt.NDArray[np.float64], text: str, place: int) -> Scene:
    """A scene of a sound (16 kHz, in units of PCM16). By `place`, moments are spread over the reply and over a client's frames of 20 ms,
    for nobody begins to speak where a frame does; they are the same in every run."""
    start, end = loud_part(sound)
    into_ms = place * 7 % FRAME_MS
    pcm = np.concatenate([np.zeros(into_ms * EAR_HZ // 1000), sound]).astype(np.int16).tobytes()
    return Scene(name, kind, pcm, start + into_ms, end + into_ms, text, 1200 + place * 377 % 2600)


def _babble(source: Sound, name: str) -> list[Scene]:
    sound = source.read()
    scenes = []
    for start in range(0, min(len(sound), EAR_HZ * 24) - EAR_HZ * 4 + 1, EAR_HZ * 4):
        for level in BABBLE_DBFS:
            part = at_level(sound[start : start + EAR_HZ * 4], level)
            label = f"babble-{name}-{start // EAR_HZ}s{level:+.0f}dB"
            scenes.append(Scene(label, "babble", part.astype(np.int16).tobytes(), 0, 4000, after_ms=1000))
    return scenes


def at_level(sound: npt.NDArray[np.float64], dbfs: float) -> npt.NDArray[np.float64]:
    """Brings the loud part of a sound (16 kHz, in units of PCM16) to a level."""
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((blocks**2).mean(axis=1)) if len(blocks) else np.zeros(1)
    loud = levels[levels > levels.max(initial=1.0) * 0.1]
    rms = float(np.sqrt((loud**2).mean())) if len(loud) else 1.0
    scaled: npt.NDArray[np.float64] = np.clip(sound * (10 ** (dbfs / 20) * 32768 / max(rms, 1.0)), -32768, 32767)
    return scaled


def loud_part(sound: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Where a sound (16 kHz) begins and ends, in ms: within 30 dB of its loudest 10 ms."""
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((blocks**2).mean(axis=1))
    loud = np.flatnonzero(levels > levels.max(initial=1.0) * 10 ** (-30 / 20))
    return (float(loud[0] * 10), float(loud[-1] * 10 + 10)) if len(loud) else (0.0, len(sound) / 16)
