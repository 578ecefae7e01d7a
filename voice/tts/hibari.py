"""hibari: a natural English voice with no key, no network and no graphics card; about a hundred times as fast as it speaks.

The network (8 MB, distilled from Kokoro-82M) and its dictionary come in the `hibari-tts` distribution. It runs in threads of this
process: onnxruntime and numpy let go of the interpreter while they compute. How long each sound lasts is computed inside the network; it is
asked for that besides (the `onnx` distribution writes it among the outputs), so that words have exact times. Where that cannot be had they
are estimated from the sounds that each word is made of.
"""

import asyncio
import importlib.util
import re
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from difflib import SequenceMatcher
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import ms_to_samples
from ..network import open_network
from .base import SpokenWord, TTSChunk, TTSEngine, TTSError, Voice
from .parts import UNSPEAKABLE, parts
from .silence import THRESHOLD, LeadingSilence
from .words import WordTimes, written_words

VOICES = {"heart": "en-us+f5", "kore": "en-us+f2", "fenrir": "en-us+m3", "emma": "en-gb+f2", "fable": "en-gb+m3"}
"""Its voices, and the nearest that espeak-ng has of each. The first is in the distribution; the others are fetched on their first use, by
the distribution's own code, which checks them, or lie in the folder that HIBARI_HOME names."""

PART_CHARACTERS = 200
"""Longest text that is computed in one go: a tenth of a second, after which it is seen that nobody wants the rest."""

MOST_SOUNDS = 400
"""Sounds that the network takes at a time (`MAX_PHONEMES` of the distribution)."""

SLOWEST, FASTEST = 0.5, 2.0

GAIN, PEAK = 1.75, 0.95
"""As loud as espeak-ng: -20 dBFS (RMS) where it speaks. No sample gets beyond PEAK."""

TAIL_MS = 30.0
"""Silence that is kept behind the last sound; the network makes a third of a second of it, and pauses are not its business."""

_INSTALL = "install it with `pip install 'hubbub[offline]'`"
_SPOKEN = re.compile(r"\w")


@dataclass(slots=True)
class _Word:
    """A word as it is said: where it stands in the written text, where that is known, and its sounds."""

    start: int | None
    sounds: str


class HibariTTS(TTSEngine):
    """English, in the voice of a woman (`heart`), or one of four more (`VOICES`). `speed` from 0.5 to 2; there is one pitch a voice."""

    name = "hibari"
    note = "hibari speaks English only"
    rate_hz = 24_000

    def __init__(self, *, threads: int = 2) -> None:
        """`threads` compute for all sessions, each on one core. Raises TTSError where the distribution is missing."""
        if not installed():
            raise TTSError(f"hibari was not found: {_INSTALL}")
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="hibari")
        self._voices: dict[str, Any] = {}
        self._sounds: dict[bool, Any] = {}
        """Spelling to sound, for British voices and for others."""

    def speaks(self, voice: Voice) -> bool:
        """Whether this is a voice of its own, or any English one."""
        return voice.name in VOICES or (not voice.name and voice.language.lower().split("-")[0] == "en")

    async def start(self) -> None:
        """Loads the voice that comes with it, in a second. Raises TTSError."""
        await self._run(self._voice, next(iter(VOICES)))

    async def close(self) -> None:
        """Ends its threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        """See `TTSEngine.synthesize`."""
        unwanted = Event()
        offset = samples = 0
        try:
            for part in parts(UNSPEAKABLE.sub(" ", text), PART_CHARACTERS):
                if _SPOKEN.search(part):
                    pcm, words, trimmed = await self._run(self._say, part, voice, unwanted)
                    placed = tuple([SpokenWord(w.start + offset, w.end + offset, w.at_sample + samples) for w in words])
                    if pcm:
                        yield TTSChunk(pcm, placed, trimmed)
                    samples += len(pcm) // 2
                offset += len(part)
        finally:
            unwanted.set()

    async def _run(self, work: Any, *arguments: Any) -> Any:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        except (TTSError, asyncio.CancelledError):
            raise
        except RuntimeError as error:
            raise TTSError(f"hibari: {error}") from error
        except Exception as error:  # onnxruntime has no common base class for what it raises
            raise TTSError(f"hibari failed on a sentence: {type(error).__name__}: {error}") from error

    # ── in a thread ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, part: str, voice: Voice, unwanted: Event) -> tuple[bytes, list[SpokenWord], int]:
        """One part's sound without the silence before it, its words, and how many samples that silence had."""
        speaker = self._voice(voice.name if voice.name in VOICES else next(iter(VOICES)))
        speed = min(max(voice.speed, SLOWEST), FASTEST)
        random = np.random.default_rng(0)  # the breath in the voice: the same text sounds the same
        times = WordTimes(part)
        words: list[SpokenWord] = []
        sound: list[npt.NDArray[np.float32]] = []
        samples = 0
        for run in _runs(_said(part, speaker.g2p)):
            if unwanted.is_set():
                raise TTSError("nobody listens any more")
            ids, begins = _ids(run, speaker.vocab)
            wave, durations = speaker.wave(ids, speed, random)
            for word, begin in zip(run, begins, strict=True):
                if word.start is not None:
                    words += times.report(word.start, samples + _place(begin, durations, len(ids), len(wave)))
            sound.append(wave)
            samples += len(wave)
        words += times.finish(samples)
        silence = LeadingSilence(self.rate_hz)
        pcm = _without_tail(silence.push(_pcm16(np.concatenate(sound)) if sound else b""), ms_to_samples(TAIL_MS, self.rate_hz))
        off = silence.trimmed_samples
        last = max(0, len(pcm) // 2 - 1)
        return pcm, [SpokenWord(word.start, word.end, min(last, max(0, word.at_sample - off))) for word in words], off

    def _voice(self, name: str) -> Any:
        if name not in self._voices:
            from hibari import Hibari
            from hibari.voices import VOICES as KNOWN

            british = bool(KNOWN[name]["british"])
            loaded = Hibari(voice=name, g2p=self._sounds.get(british))
            self._sounds[british] = loaded.g2p
            self._voices[name] = _Speaker(loaded)
        return self._voices[name]


class _Speaker:
    """A loaded voice."""

    def __init__(self, loaded: Any) -> None:
        self.g2p = loaded.g2p
        self.vocab: dict[str, int] = loaded.vocab
        self._session = loaded.sess
        self._outputs = [output.name for output in self._session.get_outputs()]
        model = _with_durations(Path(loaded.model_path))
        if model is not None:
            self._session = open_network(model[0])
            self._outputs.append(model[1])

    def wave(self, ids: list[int], speed: float, random: Any) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64] | None]:
        """The sound of a run of ids, from -1 to 1 at 24 kHz, and how many frames each id lasts, where that is known."""
        from hibari import dsp

        if len(ids) < 3:
            return np.zeros(0, np.float32), None
        feeds = {"ids": np.asarray([ids], np.int64), "speed": np.asarray([speed], np.float32)}
        answers = self._session.run(self._outputs, feeds)
        wave = np.asarray(dsp.synth(*(answer[0] for answer in answers[:6]), random), np.float32)
        durations = np.asarray(answers[6]).reshape(-1).astype(np.int64) if len(answers) > 6 else None
        return wave, durations if durations is not None and len(durations) == len(ids) else None


def installed() -> bool:
    """Whether the distribution is there."""
    return importlib.util.find_spec("hibari") is not None


def _with_durations(path: Path) -> tuple[bytes, str] | None:
    """The network with how long each sound lasts among its outputs, and that output's name; None where it cannot be had."""
    try:
        import onnx
    except ImportError:
        return None
    model = onnx.load(str(path))
    rounded = {output for node in model.graph.node if node.op_type == "Round" for output in node.output}
    found = [node.output[0] for node in model.graph.node if node.op_type == "Clip" and node.input[0] in rounded]
    if len(found) != 1:
        return None
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info(found[0]))
    return model.SerializeToString(), found[0]


def _said(part: str, g2p: Any) -> list[_Word]:
    """The words of a text as they are said. Numbers and abbreviations are written out on the way, and so have no place of their own in the
    text, but the first of them has where their neighbours have one."""
    from hibari.g2p.normalize import normalize

    words: list[tuple[str, str]] = []
    text = sounds = ""
    for token in g2p.phonemize_tokens(g2p.tokenize(normalize(part))):
        text += token.text
        sounds += token.phonemes or ""
        if token.whitespace:
            words.append((text, sounds))
            text = sounds = ""
    words.append((text, sounds))
    places = written_words(part)
    written = [part[start:end].casefold() for start, end in places]
    said = [re.sub(r"^\W+|\W+$", "", word).casefold() for word, _ in words]
    starts: list[int | None] = [None] * len(words)
    for kind, at, at_end, to, _ in SequenceMatcher(None, written, said, autojunk=False).get_opcodes():
        if kind == "equal":
            for place in range(at_end - at):
                starts[to + place] = places[at + place][0]
        elif kind == "replace":
            starts[to] = places[at][0]
    return [_Word(start, sounds) for start, (_, sounds) in zip(starts, words, strict=True)]


def _runs(words: list[_Word]) -> list[list[_Word]]:
    """As many words at a time as the network takes."""
    runs: list[list[_Word]] = [[]]
    length = 0
    for word in words:
        if runs[-1] and length + len(word.sounds) + 1 > MOST_SOUNDS:
            runs.append([])
            length = 0
        runs[-1].append(word)
        length += len(word.sounds) + 1
    return runs


def _ids(words: list[_Word], vocab: dict[str, int]) -> tuple[list[int], list[int]]:
    """The network's ids for words, 0 at both ends, and where each word begins in them."""
    ids, begins = [0], []
    for number, word in enumerate(words):
        if number and " " in vocab:
            ids.append(vocab[" "])
        begins.append(len(ids))
        ids += [vocab[sound] for sound in word.sounds if sound in vocab]
    return [*ids[:MOST_SOUNDS + 1], 0], begins


def _place(begin: int, durations: npt.NDArray[np.int64] | None, ids: int, samples: int) -> int:
    """Where the sound of id `begin` begins, in samples."""
    if durations is not None:
        return samples * int(durations[:begin].sum()) // max(1, int(durations.sum()))
    return samples * begin // max(1, ids)


def _pcm16(wave: npt.NDArray[np.float32]) -> bytes:
    loudest = float(np.abs(wave).max(initial=0.0))
    scale = 32767.0 * min(GAIN, PEAK / loudest if loudest else GAIN)
    return (wave * scale).astype("<i2").tobytes()


def _without_tail(pcm: bytes, kept: int) -> bytes:
    loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) > THRESHOLD)
    return pcm[: (int(loud[-1]) + 1 + kept) * 2] if loud.size else b""
