"""One utterance through pocketsphinx, synchronously: what a worker process runs.

Two decoders listen to the same sound. One expects what callers of the room are likely to say (domain.py), is quick and right
as long as they do, and hears its own words in anything else. The other knows English at large, and is weak. Which of them is
believed is decided anew for each utterance.
"""

import os
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .base import ASRContext, RecognisedWord
from .domain import build_domain

EAR_BYTES_PER_MS = 32
"""PCM16 at 16 kHz."""

PARTIAL_EVERY_MS = 100
"""Sound between two looks at the text so far. The backtrace costs under a millisecond, and callers read no faster."""

KEPT_DOMAINS = 4
"""Domain decoders kept by each process, the least recently used going first; one takes some 10 MB and 20 ms to load."""

SETTINGS: dict[str, Any] = {
    "fwdflat": False,
    "bestpath": False,
    "maxhmmpf": 3000,
    "maxwpf": 5,
    "loglevel": "FATAL",
}
"""One pass instead of three: the final comes 20 ms after the end of speech instead of 170 to 2100 ms, for the same errors."""

_FRAME_MS = 10


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was heard in a whole utterance, and what to remember of the caller's voice and line."""

    text: str
    words: tuple[RecognisedWord, ...]
    cmn: str


class Recogniser:
    """Loads the models once, and decodes one utterance at a time. Not safe for several threads, and holds the GIL."""

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ImportError("pocketsphinx is not installed: pip install 'hubbub[offline]'") from error
        self._make = Decoder
        self._open = Decoder(**SETTINGS)
        self._first_cmn: str = self._open.get_cmn()
        self._domains: OrderedDict[ASRContext, Any] = OrderedDict()
        self._decoders: list[Any] = []
        self._since_partial_ms = 0.0
        self._partial = ""

    def begin(self, context: ASRContext, cmn: str | None = None) -> None:
        """Starts an utterance. `cmn` is what the caller's utterance before gave, None for a caller not heard before."""
        self.abort()
        domain = self._domain(context)
        self._decoders = [self._open] if domain is None else [domain, self._open]
        for decoder in self._decoders:
            decoder.set_cmn(cmn or self._first_cmn)
            decoder.start_utt()
        self._since_partial_ms = 0.0
        self._partial = ""

    def feed(self, pcm: bytes) -> str | None:
        """Adds PCM16 at 16 kHz. Returns the text so far when it is new and not empty, None otherwise."""
        for decoder in self._decoders:
            decoder.process_raw(pcm)
        self._since_partial_ms += len(pcm) / EAR_BYTES_PER_MS
        if self._since_partial_ms < PARTIAL_EVERY_MS:
            return None
        self._since_partial_ms = 0.0
        text = _text(self._decoders[0])
        if not text or text == self._partial:
            return None
        self._partial = text
        return text

    def finish(self) -> Decoded:
        """Ends the utterance."""
        decoders, self._decoders = self._decoders, []
        for decoder in decoders:
            decoder.end_utt()
        best = decoders[0]
        return Decoded(_text(best), _words(best), best.get_cmn())

    def abort(self) -> None:
        """Drops the utterance, if one is open."""
        decoders, self._decoders = self._decoders, []
        for decoder in decoders:
            decoder.end_utt()

    def _domain(self, context: ASRContext) -> Any | None:
        if context in self._domains:
            self._domains.move_to_end(context)
            return self._domains[context]
        model = build_domain(context, self._pronunciations)
        decoder = None
        if model is not None:
            with tempfile.TemporaryDirectory(prefix="hubbub-asr-") as folder:
                lm, dictionary = Path(folder, "domain.arpa"), Path(folder, "domain.dict")
                lm.write_text(model.arpa)
                dictionary.write_text(model.dictionary)
                decoder = self._make(**SETTINGS, lm=os.fspath(lm), dict=os.fspath(dictionary))
        self._domains[context] = decoder
        if len(self._domains) > KEPT_DOMAINS:
            self._domains.popitem(last=False)
        return decoder

    def _pronunciations(self, word: str) -> list[str]:
        """All ways the full dictionary knows of saying a word: it lists further ones as `word(2)`, `word(3)`, …"""
        sounds: list[str] = []
        while phones := self._open.lookup_word(word if not sounds else f"{word}({len(sounds) + 1})"):
            sounds.append(phones)
        return sounds


def _text(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis else ""


def _words(decoder: Any) -> tuple[RecognisedWord, ...]:
    return tuple(
        RecognisedWord(segment.word.split("(")[0], segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS)
        for segment in decoder.seg()
        if segment.word[0] not in "<["
    )
