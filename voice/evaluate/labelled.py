"""Labelled turns: what a caller said, when each word was spoken, and where he paused without having finished.

A folder of labelled sound holds sound files and `turns.json`, a list of

    {"audio": "a.wav", "subset": "calls", "caller": "ann", "words": [["my", 120, 260], ["name", 260, 510], …], "pauses": [[510, 1480]]}

All times are milliseconds in the file. A pause is silence inside the turn; the turn ends with its last word.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..audio.frames import EAR_HZ, SAMPLE_BYTES
from ..audio.wav import AudioFileError, read_audio

LABELS = "turns.json"

MIN_PAUSE_MS = 100
"""Shorter silences are the closures of consonants, not pauses (the floor that eot-bench takes as well)."""


class LabelError(ValueError):
    """Labelled sound that cannot be measured with. The message names the turn, what is wrong, and what was expected."""


@dataclass(frozen=True, slots=True)
class Word:
    """A word and when it was spoken, in milliseconds of the turn's sound."""

    text: str
    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class Pause:
    """Silence inside a turn, in milliseconds of the turn's sound."""

    start_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """One turn. `pcm`: PCM16 at 16 kHz. Raises LabelError where the labels do not fit the sound or each other."""

    name: str
    subset: str
    caller: str
    pcm: bytes
    words: tuple[Word, ...]
    pauses: tuple[Pause, ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            raise LabelError(f"{self.name}: has no words; a turn needs at least one")
        if self.words[-1].end_ms > self.sound_ms + 1:
            raise LabelError(f"{self.name}: the last word ends at {self.words[-1].end_ms} ms, the sound at {self.sound_ms} ms")
        before = 0
        for word in self.words:
            if not before <= word.start_ms < word.end_ms:
                raise LabelError(f"{self.name}: word {word.text!r} at {word.start_ms} to {word.end_ms} ms is out of order")
            before = word.end_ms
        before = self.words[0].start_ms
        for pause in self.pauses:
            self._check_pause(pause, before)
            before = pause.end_ms

    def _check_pause(self, pause: Pause, before: int) -> None:
        where = f"{self.name}: the pause from {pause.start_ms} to {pause.end_ms} ms"
        if not before < pause.start_ms < pause.end_ms:
            raise LabelError(f"{where} is out of order or before the first word")
        if pause.end_ms - pause.start_ms < MIN_PAUSE_MS:
            raise LabelError(f"{where} is shorter than {MIN_PAUSE_MS} ms")
        if pause.end_ms > self.words[-1].start_ms:
            raise LabelError(f"{where} is not inside the turn, whose last word begins at {self.words[-1].start_ms} ms")
        for word in self.words:
            if word.start_ms < pause.end_ms and pause.start_ms < word.end_ms:
                raise LabelError(f"{where} overlaps the word {word.text!r} at {word.start_ms} to {word.end_ms} ms")

    @property
    def sound_ms(self) -> int:
        """Length of the sound."""
        return len(self.pcm) // SAMPLE_BYTES * 1000 // EAR_HZ

    @property
    def end_ms(self) -> int:
        """Where the turn ends."""
        return self.words[-1].end_ms

    def text_at(self, at_ms: float) -> str:
        """What had been said by then: the words that have ended."""
        return " ".join(word.text for word in self.words if word.end_ms <= at_ms)


def load_turns(folder: Path) -> list[LabelledTurn]:
    """The turns of a folder with a `turns.json`. Raises LabelError."""
    path = folder / LABELS
    try:
        listed = json.loads(path.read_text())
    except OSError as error:
        raise LabelError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (ValueError, RecursionError) as error:
        raise LabelError(f"{path}: is not JSON ({error})") from None
    if not isinstance(listed, list) or not listed:
        raise LabelError(f"{path}: must be a list of at least one turn")
    return [_turn(folder, entry, f"{path}: turn {place}") for place, entry in enumerate(listed, 1)]


def _turn(folder: Path, entry: Any, where: str) -> LabelledTurn:
    if not isinstance(entry, dict) or not isinstance(entry.get("audio"), str):
        raise LabelError(f"{where}: must be an object with 'audio', 'words' and perhaps 'pauses', 'subset', 'caller'")
    try:
        pcm = read_audio(folder / entry["audio"], EAR_HZ)
    except (AudioFileError, OSError) as error:
        raise LabelError(f"{where}: {error}") from None
    try:
        words = tuple(Word(str(text), int(start), int(end)) for text, start, end in entry["words"])
        pauses = tuple(Pause(int(start), int(end)) for start, end in entry.get("pauses", []))
    except (KeyError, TypeError, ValueError):
        raise LabelError(f"{where}: 'words' must be a list of [word, start_ms, end_ms], 'pauses' of [start_ms, end_ms]") from None
    name, subset = entry["audio"], str(entry.get("subset", "labelled"))
    return LabelledTurn(name, subset, str(entry.get("caller", "unknown")), pcm, words, pauses)
