"""Scenes: a caller's recording laid over an agent's reply, with what should come of it.

They are made from `audio_fixtures` (espeak-ng: interruptions, backchannels, bursts), and, where a folder of recordings with a
`manifest.json` is given, from human speech and recorded noise.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from ..audio.frames import EAR_HZ
from ..audio.wav import read_audio

Kind = Literal["interruption", "backchannel", "cough", "burst", "babble", "echo"]
Outcome = Literal["yield", "go on"]

EXPECTED: dict[Kind, Outcome] = {
    "interruption": "yield", "backchannel": "go on", "cough": "go on", "burst": "go on", "babble": "go on", "echo": "go on",
}
SPEECH_DBFS = -26.0
"""Level that speech is brought to (RMS of its loud part), unless the scene states another: ITU-T P.56's nominal level."""

BABBLE_DBFS = (-36.0, -46.0)
"""Levels of people talking elsewhere in the room: 10 and 20 dB below a caller."""

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


def fixture_scenes(folder: Path) -> list[Scene]:
    """The scenes of `audio_fixtures`. Raises FileNotFoundError where its manifest is missing."""
    clips = json.loads((folder / "manifest.json").read_text())["clips"]
    clips = dict(clips) if isinstance(clips, list) else clips
    kinds: dict[str, Kind] = {"backchannels": "backchannel", "interruptions": "interruption", "sentences": "interruption"}
    scenes = []
    for place, (name, clip) in enumerate(sorted(clips.items())):
        group, _, short = name.partition("/")
        if group in kinds:
            scenes.append(_scene(folder / f"{name}.wav", short, kinds[group], clip.get("text", ""), place))
        elif group == "noise" and short not in ("silence", "white", "babble"):
            kind: Kind = "cough" if short.startswith(_COUGHS) else "burst"
            scenes.append(_scene(folder / f"{name}.wav", short, kind, "", place))
    scenes += [
        Scene(f"echo-{delay}ms", "echo", b"", 0, 4000, after_ms=500, echo_db=-20.0, echo_ms=delay) for delay in (80, 160, 300)
    ]
    babble = folder / "noise" / "babble.wav"
    return scenes + (_babble(babble, "fixture") if babble.exists() else [])


def recorded_scenes(folder: Path) -> list[Scene]:
    """Scenes from human recordings and recorded noise, listed in the folder's `manifest.json`. Raises FileNotFoundError."""
    listed = json.loads((folder / "manifest.json").read_text())
    scenes: list[Scene] = []
    for place, entry in enumerate(listed if isinstance(listed, list) else listed.get("files", [])):
        path, words = folder / entry["path"], entry.get("transcript")
        short = path.stem
        if entry["path"].startswith("speech/") and words and "digits" not in entry["path"] and entry["seconds"] < 6:
            scenes.append(_scene(path, f"human-{short}", "interruption", words, place))
        elif entry["path"].startswith("noise/") and "people" in short:
            scenes += _babble(path, "people")
        elif entry["path"].startswith("noise/") and "room_response" not in short and "ambience" not in short:
            scenes.append(_scene(path, f"noise-{short}", "burst", "", place))
    return scenes


def _scene(path: Path, name: str, kind: Kind, text: str, place: int) -> Scene:
    sound = np.frombuffer(read_audio(str(path), EAR_HZ), np.int16).astype(np.float64)[: EAR_HZ * 5]
    sound = _at_level(sound, SPEECH_DBFS)
    start, end = _loud_part(sound)
    after_ms = 1200 + (place * 377) % 2600  # moments spread over the reply, the same in every run
    return Scene(name, kind, sound.astype(np.int16).tobytes(), start, end, text, after_ms)


def _babble(path: Path, name: str) -> list[Scene]:
    sound = np.frombuffer(read_audio(str(path), EAR_HZ), np.int16).astype(np.float64)
    scenes = []
    for start in range(0, min(len(sound), EAR_HZ * 24) - EAR_HZ * 4 + 1, EAR_HZ * 4):
        for level in BABBLE_DBFS:
            part = _at_level(sound[start : start + EAR_HZ * 4], level)
            label = f"babble-{name}-{start // EAR_HZ}s{level:+.0f}dB"
            scenes.append(Scene(label, "babble", part.astype(np.int16).tobytes(), 0, 4000, after_ms=1000))
    return scenes


def _at_level(sound: np.ndarray, dbfs: float) -> np.ndarray:  # type: ignore[type-arg]
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((blocks**2).mean(axis=1)) if len(blocks) else np.zeros(1)
    loud = levels[levels > levels.max(initial=1.0) * 0.1]
    rms = float(np.sqrt((loud**2).mean())) if len(loud) else 1.0
    return np.clip(sound * (10 ** (dbfs / 20) * 32768 / max(rms, 1.0)), -32768, 32767)


def _loud_part(sound: np.ndarray) -> tuple[float, float]:  # type: ignore[type-arg]
    """Where the sound begins and ends, in ms: within 30 dB of its loudest 10 ms."""
    blocks = sound[: len(sound) // 160 * 160].reshape(-1, 160)
    levels = np.sqrt((blocks**2).mean(axis=1))
    loud = np.flatnonzero(levels > levels.max(initial=1.0) * 10 ** (-30 / 20))
    return (float(loud[0] * 10), float(loud[-1] * 10 + 10)) if len(loud) else (0.0, len(sound) / 16)
