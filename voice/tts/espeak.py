"""espeak-ng: speech in a hundred languages with no key, no network and no model file; robotic, but instant and exact about time.

The library runs in helper processes (`espeak_helper.py` says why) that all sessions share.
"""

import ctypes.util
import math
import os
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from importlib.util import find_spec
from itertools import count
from pathlib import Path

from ..audio.frames import SAMPLE_BYTES
from .base import SpokenWord, TTSChunk, TTSEngine, TTSError, Voice
from .espeak_process import HelperPool, Request
from .hibari import VOICES as NEAREST
from .parts import UNSPEAKABLE, parts
from .silence import LeadingSilence
from .words import WordTimes

NORMAL_WORDS_PER_MINUTE = 175  # espeakRATE_NORMAL in speak_lib.h
SLOWEST_WORDS_PER_MINUTE, FASTEST_WORDS_PER_MINUTE = 80, 450  # the range speak_lib.h states for espeakRATE
PART_CHARACTERS = 300
"""Longest text that one request carries. espeak-ng counts the words' places in 11 bits, and a part's sound is kept whole."""

_INSTALL = "install the Debian package `espeak-ng` (`sudo apt-get install espeak-ng`) or run `pip install 'hubbub[offline]'`"
_VOICES = {"en": "en-us", "zh": "cmn", "zh-hk": "yue", "zh-tw": "cmn", "zh-cn": "cmn", "zh-hans": "cmn", "zh-hant": "cmn"}
"""What espeak-ng calls a language where it differs from BCP 47, or where its own choice is not the usual one."""


@dataclass(frozen=True, slots=True)
class EspeakLibrary:
    """Where espeak-ng was found."""

    path: str
    """A file, or a name that the dynamic linker knows."""
    data_folder: str | None
    """Its data, or None where the library knows the place itself."""
    why: str
    """For the log: which one this is, and why."""


def find_espeak(environ: Mapping[str, str] = os.environ) -> EspeakLibrary:
    """Finds espeak-ng: the file that `HUBBUB_ESPEAK_LIBRARY` names, else the system's library, else the one in the
    `espeakng-loader` wheel. Nothing is loaded here. Raises TTSError that says what to install."""
    named = environ.get("HUBBUB_ESPEAK_LIBRARY")
    if named:
        if not Path(named).is_file():
            raise TTSError(f"HUBBUB_ESPEAK_LIBRARY names a file that is not there: {named}")
        return EspeakLibrary(named, None, f"espeak-ng from HUBBUB_ESPEAK_LIBRARY ({named})")
    system = ctypes.util.find_library("espeak-ng")
    if system:
        return EspeakLibrary(system, None, f"the system's espeak-ng ({system})")
    return find_espeak_wheel()


def find_espeak_wheel() -> EspeakLibrary:
    """The espeak-ng of the `espeakng-loader` wheel. Raises TTSError that says what to install."""
    if find_spec("espeakng_loader") is None:
        raise TTSError(f"espeak-ng was not found: {_INSTALL}")
    import espeakng_loader

    try:
        data_folder = str(espeakng_loader.get_data_path())
    except RuntimeError as error:
        raise TTSError(f"the espeakng-loader wheel is damaged ({error}): {_INSTALL}") from None
    return EspeakLibrary(
        str(espeakng_loader.get_library_path()), data_folder, "espeak-ng of the espeakng-loader wheel (the system has none)"
    )


class EspeakTTS(TTSEngine):
    """espeak-ng in helper processes.

    `Voice.name` is an espeak-ng voice with an optional variant (`en-us+f5`); where it is empty, the voice of
    `Voice.language`. `speed` 1.0 is 175 words a minute (80 to 450 are possible), `pitch` is a factor from 0.5 to 2.
    Every written word gets a time (`hubbub.voice.tts.words`); a word that espeak-ng ran together with the one before it gets an
    estimated one, which comes with the next exact one.
    """

    name = "espeak"
    note = "espeak-ng is quick and works offline, but its voice is robotic"
    rate_hz = 22050

    def __init__(self, library: EspeakLibrary | None = None, *, helpers: int = 2) -> None:
        """`helpers` processes serve all sessions: one synthesises some 600 s of speech a second, the second is there for the
        moment in which the first is busy or has crashed. Raises TTSError where espeak-ng is not installed."""
        if helpers < 1:
            raise ValueError(f"at least one helper process is needed, {helpers} were asked for")
        self.library = library or find_espeak()
        self.version = ""
        """espeak-ng's version, known once started."""
        self._pool = HelperPool(self.library.path, self.library.data_folder, helpers)
        self._numbers = count(1)

    @property
    def helper_pids(self) -> list[int]:
        """Ids of the helper processes that run."""
        return self._pool.pids

    async def start(self) -> None:
        """Starts the helper processes. Raises TTSError."""
        about = await self._pool.start()
        if about["rate_hz"] != self.rate_hz:
            await self.close()
            raise TTSError(f"espeak-ng speaks at {about['rate_hz']} Hz here, {self.rate_hz} Hz was expected")
        self.version = about["version"]

    async def close(self) -> None:
        """Ends the helper processes."""
        await self._pool.close()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        """See `TTSEngine.synthesize`."""
        offset = samples = 0
        for part in parts(UNSPEAKABLE.sub(" ", text), PART_CHARACTERS):
            spoken = 0
            if not part.isspace():
                async with aclosing(self._speak(part, voice)) as chunks:
                    async for chunk in chunks:
                        words = tuple([SpokenWord(w.start + offset, w.end + offset, w.at_sample + samples) for w in chunk.words])
                        yield replace(chunk, words=words)
                        spoken += len(chunk.pcm) // SAMPLE_BYTES
                samples += spoken
            offset += len(part)

    async def _speak(self, part: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        helper = await self._pool.borrow()
        request = Request(next(self._numbers))
        helper.begin(request, _order(part, voice))
        silence = LeadingSilence(self.rate_hz)
        times = WordTimes(part)
        words: list[SpokenWord] = []
        samples = reported = 0
        try:
            while (news := await request.next()) is not None:
                reports, pcm = news
                for start, at_sample in reports:
                    words += times.report(start, at_sample)
                samples += len(pcm) // SAMPLE_BYTES
                sound = silence.push(pcm)
                if sound:
                    yield TTSChunk(sound, _earlier(words, silence.trimmed_samples), silence.trimmed_samples - reported)
                    words, reported = [], silence.trimmed_samples
            words += times.finish(samples)
            if words:
                yield TTSChunk(b"", _earlier(words, silence.trimmed_samples), silence.trimmed_samples - reported)
        finally:
            helper.abort(request)


def _earlier(words: list[SpokenWord], samples: int) -> tuple[SpokenWord, ...]:
    return tuple([SpokenWord(word.start, word.end, max(0, word.at_sample - samples)) for word in words])


def _order(text: str, voice: Voice) -> dict[str, object]:
    speed = round(NORMAL_WORDS_PER_MINUTE * voice.speed)
    language = voice.language.lower()
    return {
        "text": text,
        "name": NEAREST.get(voice.name, voice.name),
        "language": _VOICES.get(language, language),
        "words_per_minute": min(max(speed, SLOWEST_WORDS_PER_MINUTE), FASTEST_WORDS_PER_MINUTE),
        "pitch": _pitch(voice.pitch),
    }


def _pitch(factor: float) -> int:
    """espeak-ng's pitch, 0 to 99 with 50 for the voice's own: each 50 steps double it."""
    return min(max(round(50 + 50 * math.log2(max(factor, 0.25))), 0), 99)
