"""Which speech engine a room uses, and why."""

import os
from collections.abc import Mapping

from .base import TTSEngine, TTSError

ENGINES = ("espeak",)
"""The engines that `choose_tts` knows by name."""


def choose_tts(name: str | None = None, environ: Mapping[str, str] = os.environ) -> tuple[TTSEngine, str]:
    """The engine called `name`, or the best one there is for None, and a sentence for the log that says why this one.

    The engine is not started yet. Raises TTSError that says what to install, and for an unknown name which names there are.
    """
    if name is not None and name not in ENGINES:
        raise TTSError(f"there is no speech engine '{name}'; these are known: {', '.join(ENGINES)}")
    from .espeak import EspeakTTS, find_espeak

    library = find_espeak(environ)
    reason = "configured" if name else "works offline and without a key"
    return EspeakTTS(library), f"{reason}; {library.why}"
