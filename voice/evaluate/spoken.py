"""Sets of turns with pauses, made of recordings of people and of `audio_fixtures`.

Four subsets, each with a stated way of being made:

- `natural`: nothing was touched. The pauses are the speakers' own.
- `cut`: a clip is cut where one word ends and the next begins (at the quietest 8 ms within 40 ms of it), and a pause is put there.
  The speaker had no mind to pause, so what goes before it lacks the drawl and the level pitch of people who hesitate: for a model
  of prosody that is harder in one way (no hesitation to hear) and easier in another (the sound breaks off).
- `numbers`: single spoken digits joined to telephone numbers of ten digits in groups (3-3-4, 3-4-3, 5-5), to seven digits in two
  groups (3-4), and to codes of four in one, 40 ms apart within a group, with pauses between groups. Every digit was spoken alone
  and falls as at the end of a sentence: here prosody is no help, and the words must do.
- `joined`: two whole sentences of one speaker with a pause between. Nothing in words or sound shows that the first is not all;
  whoever answers quickly must fail here.

Lengths of pauses follow `PAUSE_QUANTILES`. All that is random comes from a seed. One seed has some hundred pauses, of which each long one
moves a mean delay at 5 % of false cut-offs by tens of milliseconds; so several seeds are pooled.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ..audio.frames import EAR_HZ, SAMPLE_BYTES
from ..audio.wav import AudioFileError, read_audio
from .labelled import LabelError, LabelledTurn, Pause, Word
from .word_times import NATURAL_PAUSES, WORD_TIMES

PAUSE_QUANTILES = ((0.0, 100.0), (0.444, 300.0), (0.783, 600.0), (0.90, 1000.0), (0.95, 1600.0), (1.0, 3000.0))
"""Shares of pauses within turns that are no longer than so many ms; between them lengths are interpolated on a logarithmic scale.
From the row of the silence timer in eot-bench's English table (cut-offs of 55.6 % at 300 ms, 21.7 % at 600, 10 % at 1000, 5 % at
1600), which is the distribution of the pauses of its recorded people; the ends, 100 and 3000 ms, are that benchmark's limits."""

SEED = 20260104
SEEDS = (SEED, 101, 202, 303)
"""What is measured on, pooled, unless somebody asks for others."""

VARIANTS = 3
"""How many turns are cut from one clip."""

_DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_GROUPINGS = ((3, 3, 4), (3, 4, 3), (5, 5), (3, 4), (4,))
_IN_GROUP_MS = 40
_SPEECH_DB = 35.0


@dataclass(frozen=True, slots=True)
class Clip:
    """A stretch of speech with its words, to make turns of. `pcm`: int16 samples at 16 kHz, without silence around."""

    name: str
    caller: str
    samples: np.ndarray
    words: tuple[Word, ...]


def recorded_turns(folder: Path, *, seed: int = SEED) -> list[LabelledTurn]:
    """The turns made of the folder of human recordings that has a `manifest.json`. Raises LabelError where nothing fits."""
    present = {name: folder / name for name in WORD_TIMES if (folder / name).is_file()}
    chance = random.Random(seed)
    turns = [_natural(name, path) for name, path in present.items() if name in NATURAL_PAUSES]
    clips = [_recorded(name, path) for name, path in present.items() if name not in NATURAL_PAUSES and "digits" not in name]
    digits = [_recorded(name, path) for name, path in present.items() if "digits" in name]
    turns += _made(clips, chance) + _numbers(digits, chance)
    if not turns:
        raise LabelError(f"{folder}: holds none of the recordings whose words are known here (voice/evaluate/word_times.py), and no "
                         "turns.json")  # fmt: skip
    return turns


def fixture_turns(folder: Path, *, seed: int = SEED) -> list[LabelledTurn]:
    """The turns made of `audio_fixtures`: whole requests, and sentences that are cut. Raises LabelError where the manifest is missing."""
    try:
        clips = json.loads((folder / "manifest.json").read_text())["clips"]
    except (OSError, ValueError, KeyError):
        raise LabelError(f"{folder}: has no readable manifest.json; run audio_fixtures/make.py") from None
    chosen = [_fixture(folder, name, clips[name]) for name in sorted(clips) if _is_turn(name, clips[name])]
    return _made(chosen, random.Random(seed))


def pooled(make: Callable[[int], list[LabelledTurn]], seeds: Sequence[int]) -> list[LabelledTurn]:
    """The turns of several seeds; those that no chance has touched are there once."""
    turns: dict[tuple[bytes, tuple[Word, ...]], LabelledTurn] = {}
    for seed in seeds:
        for turn in make(seed):
            named = turn if seed == seeds[0] else replace(turn, name=f"{turn.name}@{seed}")
            turns.setdefault((turn.pcm, turn.words), named)
    return list(turns.values())


def draw_pause_ms(chance: random.Random) -> int:
    """A length of a pause, from `PAUSE_QUANTILES`."""
    shares, lengths = zip(*PAUSE_QUANTILES, strict=True)
    return round(float(np.exp(np.interp(chance.random(), shares, np.log(lengths)))))


# ── making turns ──────────────────────────────────────────────────────────────────────────────────────────────────────


def _made(clips: Sequence[Clip], chance: random.Random) -> list[LabelledTurn]:
    turns = [_join([(clip, 0)], f"{clip.name}-whole", "cut") for clip in clips]
    for clip in clips:
        places = list(range(1, len(clip.words)))
        chance.shuffle(places)
        for variant, place in enumerate(places[:VARIANTS]):
            head, tail = _split(clip, place)
            turns.append(_join([(head, draw_pause_ms(chance)), (tail, 0)], f"{clip.name}-cut{variant + 1}", "cut"))
    sentences = [clip for clip in clips if len(clip.words) >= 5]
    for caller in sorted({clip.caller for clip in sentences}):
        own = [clip for clip in sentences if clip.caller == caller]
        for first, second in zip(own, own[1:] + own[:1], strict=True) if len(own) > 1 else ():
            turns.append(_join([(first, draw_pause_ms(chance)), (second, 0)], f"{first.name}-and-{second.name}", "joined"))
    return turns


def _numbers(digits: Sequence[Clip], chance: random.Random) -> list[LabelledTurn]:
    turns = []
    for caller in sorted({clip.caller for clip in digits}):
        by_word = {clip.words[0].text: clip for clip in digits if clip.caller == caller}
        if len(by_word) < len(_DIGITS):
            continue
        for place in range(4):
            for groups in _GROUPINGS:
                pieces: list[tuple[Clip, int]] = []
                for count in groups:
                    pieces += [(by_word[chance.choice(_DIGITS)], _IN_GROUP_MS) for _ in range(count)]
                    pieces[-1] = (pieces[-1][0], draw_pause_ms(chance))
                pieces[-1] = (pieces[-1][0], 0)
                turns.append(_join(pieces, f"{caller}-{'-'.join(map(str, groups))}-{place + 1}", "numbers"))
    return turns


def _join(pieces: Sequence[tuple[Clip, int]], name: str, subset: str) -> LabelledTurn:
    """Clips one after the other, each followed by so many ms of its own room's noise."""
    parts, words, pauses, at = [], [], [], 0
    noise = np.random.default_rng(SEED)
    for clip, pause_ms in pieces:
        words += [Word(word.text, word.start_ms + at, word.end_ms + at) for word in clip.words]
        parts.append(clip.samples)
        gap = pause_ms * EAR_HZ // 1000
        parts.append(np.round(noise.normal(0, _floor(clip.samples), gap)).astype(np.int16))
        spoken_ms = len(clip.samples) * 1000 // EAR_HZ
        if pause_ms >= 100:
            pauses.append(Pause(at + spoken_ms, at + spoken_ms + pause_ms))
        at += spoken_ms + pause_ms
    return LabelledTurn(name, subset, pieces[0][0].caller, np.concatenate(parts).tobytes(), tuple(words), tuple(pauses))


def _split(clip: Clip, place: int) -> tuple[Clip, Clip]:
    """The clip before and after the beginning of the word at `place`, cut where it is quietest nearby."""
    block = EAR_HZ * 8 // 1000
    aim = clip.words[place].start_ms * EAR_HZ // 1000
    low, high = max(block, aim - 5 * block), min(len(clip.samples) - block, aim + 5 * block)
    starts = range(low, max(low + 1, high - block), block)
    cut = min(starts, key=lambda at: float(np.abs(clip.samples[at : at + block].astype(np.float64)).sum())) + block // 2
    cut = cut // 16 * 16
    cut_ms = cut * 1000 // EAR_HZ
    head = tuple(Word(w.text, w.start_ms, min(w.end_ms, cut_ms)) for w in clip.words[:place])
    tail = tuple(Word(w.text, max(0, w.start_ms - cut_ms), w.end_ms - cut_ms) for w in clip.words[place:])
    head = (*head[:-1], Word(head[-1].text, head[-1].start_ms, cut_ms))
    first = Clip(clip.name, clip.caller, _faded(clip.samples[:cut], out=True), head)
    return first, Clip(clip.name, clip.caller, _faded(clip.samples[cut:], out=False), tail)


def _faded(samples: np.ndarray, *, out: bool) -> np.ndarray:
    ramp = np.linspace(0, 1, EAR_HZ * 5 // 1000)
    faded = samples.astype(np.float64)
    if out:
        faded[-len(ramp) :] *= ramp[::-1]
    else:
        faded[: len(ramp)] *= ramp
    return faded.astype(np.int16)


# ── reading clips ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _natural(name: str, path: Path) -> LabelledTurn:
    pcm = _read(path)
    words = tuple(Word(*word) for word in WORD_TIMES[name])
    pauses = tuple(Pause(*pause) for pause in NATURAL_PAUSES[name])
    return LabelledTurn(path.stem, "natural", path.stem, pcm[: words[-1].end_ms * EAR_HZ // 1000].tobytes(), words, pauses)


def _recorded(name: str, path: Path) -> Clip:
    words = tuple(Word(*word) for word in WORD_TIMES[name])
    caller = path.stem.rsplit("_", 1)[-1] if "digits" in name else path.stem.split("_")[0]
    return _trimmed(path.stem, caller, _read(path), words)


def _fixture(folder: Path, name: str, entry: dict[str, object]) -> Clip:
    listed = entry["words"]
    spoken = entry["speech_ms"]
    assert isinstance(listed, list) and isinstance(spoken, list)
    end = spoken[1]
    starts = [int(word["start_ms"]) for word in listed] + [int(end)]
    words = tuple(Word(str(word["word"]), at, max(at + 1, after)) for word, at, after in zip(listed, starts, starts[1:], strict=False))
    return _trimmed(name.split("/")[1], str(entry["voice"]), _read(folder / f"{name}.wav"), words)


def _is_turn(name: str, entry: dict[str, object]) -> bool:
    words = entry.get("words")
    return name.startswith(("requests/", "sentences/")) and isinstance(words, list) and len(words) >= 1


def _read(path: Path) -> np.ndarray:
    try:
        return np.frombuffer(read_audio(path, EAR_HZ), np.int16)
    except AudioFileError as error:
        raise LabelError(str(error)) from None


def _trimmed(name: str, caller: str, samples: np.ndarray, words: tuple[Word, ...]) -> Clip:
    """The clip without the silence around: from its first to its last 10 ms within 35 dB of its loudest."""
    block = EAR_HZ // 100
    levels = _levels(samples, block)
    loud = np.flatnonzero(levels > levels.max(initial=1.0) * 10 ** (-_SPEECH_DB / 20))
    first, last = int(loud[0]), int(loud[-1]) + 1
    end = (last - first) * 10
    moved = [Word(w.text, max(0, w.start_ms - first * 10), min(end, w.end_ms - first * 10)) for w in words]
    moved[0] = Word(moved[0].text, 0, moved[0].end_ms)
    moved[-1] = Word(moved[-1].text, moved[-1].start_ms, end)
    return Clip(name, caller, samples[first * block : last * block], tuple(moved))


def _levels(samples: np.ndarray, block: int) -> np.ndarray:
    blocks = samples[: len(samples) // block * block].reshape(-1, block).astype(np.float64)
    return np.asarray(np.sqrt((blocks**2).mean(axis=1)))


def _floor(samples: np.ndarray) -> float:
    """The level of the room: the quietest twentieth of the clip, at most 45 dB below full scale of speech."""
    levels = _levels(samples, EAR_HZ // 100)
    return float(min(np.quantile(levels, 0.05), levels.max() * 0.006))


def pcm_seconds(turns: Sequence[LabelledTurn]) -> float:
    """How much sound the turns hold."""
    return sum(len(turn.pcm) for turn in turns) / SAMPLE_BYTES / EAR_HZ
