"""Which speech engines there are, and why."""

import os
from collections.abc import Mapping, Sequence

from .base import TTSEngine, TTSError, Voice

ENGINES = ("hibari", "espeak")
"""The engines that are known by name, the one that sounds best first."""


def choose_tts(name: str | None = None, environ: Mapping[str, str] = os.environ) -> tuple[TTSEngine, str]:
    """The engine called `name`, or the best one there is for None, and a sentence for the log that says why this one.

    The engine is not started yet. Raises TTSError that says what to install, and for an unknown name which names there are.
    """
    (engine, *_), why = choose_speakers(name, environ)
    return engine, why


def choose_speakers(name: str | None = None, environ: Mapping[str, str] = os.environ) -> tuple[list[TTSEngine], str]:
    """The engines that speak, the one called `name` (or the best one) first, and why: where that one has not every voice, espeak-ng stands
    behind it for other languages and for voices that are its own. None is started yet. Raises TTSError as `choose_tts` does."""
    if name is not None and name not in ENGINES:
        raise TTSError(f"there is no speech engine '{name}'; these are known: {', '.join(ENGINES)}")
    from .espeak import EspeakTTS, find_espeak
    from .hibari import HibariTTS, installed

    reason = "configured" if name else "works offline and without a key"
    if name == "espeak" or (name is None and not installed()):
        library = find_espeak(environ)
        return [EspeakTTS(library)], f"{reason}; {library.why}"
    engines: list[TTSEngine] = [HibariTTS()]
    try:
        library = find_espeak(environ)
    except TTSError:
        return engines, reason
    return [*engines, EspeakTTS(library)], f"{reason}; other languages and voices by {library.why}"


def speaker_of(engines: Sequence[TTSEngine], voice: Voice) -> TTSEngine:
    """The first engine that has the voice, else the first one."""
    return next((engine for engine in engines if engine.speaks(voice)), engines[0])
