"""One utterance through pocketsphinx, synchronously: what a worker process runs.

Two decoders listen to the same sound. One expects what callers of the room are likely to say (domain.py): it is right as long
as they do, and hears its own words in anything else. The other knows English at large, and is weak. The better path through
its models wins, sound and language together, as if there were one language model that first tosses a (loaded) coin whether
the caller says something expected. What is expected has a far better language score then; what is not finds no words in the
small model that fit the sound. Both decoders must score every senone in every frame, or their scores could not be compared:
pocketsphinx counts scores from the best of those that it looks at.

A result without a voice in it, or with words stretched beyond speech, is no result (`Recogniser.finish`). That turns away breath,
coughs, keys and engines. What rings like a voice, music or a barking dog, must be stopped by voice activity detection before.
"""

import math
import os
import tempfile
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from ..turn.words import claims_floor
from .base import ASRContext, RecognisedWord
from .domain import build_domain, normalise
from .gist import Gist, load_gist
from .over import Heard, claim_probability
from .voicing import Voicing

EAR_BYTES_PER_MS = 32
"""PCM16 at 16 kHz."""

PARTIAL_EVERY_MS = 100
"""Sound between two looks at the text so far. A backtrace costs up to a millisecond, and callers read no faster."""

KEPT_DOMAINS = 6
"""Domain decoders kept by each process, the least recently used going first; one takes some 10 MB and 20 ms to load."""

SETTINGS: dict[str, Any] = {
    "fwdflat": False,  # one pass instead of three: the final comes 20 ms after the end of speech instead of 170 to 2100 ms
    "bestpath": False,
    "maxhmmpf": 3000,
    "maxwpf": 5,
    "compallsen": True,
    "topn": 2,  # pays for compallsen: a third of the time, for the same errors
    "loglevel": "FATAL",
}

FIRST_CMN = "43,4,-5,3,-3,-1,-2,-3,0,-2,0,0,0"
"""Cepstral means that an unknown caller is heard with: half way between the model's own guess (40, 3, -1) and the average of ten
voices on as many microphones and lines (46, 5, -8, 6, -5, …). The whole way is better for people (it saves a fifth of the errors,
also for voices left out of the average), half of it nearly as good for them, and better for synthetic voices."""

EXPECTED = 400.0
"""How much the room's own phrases are favoured, in pocketsphinx's units of score. It settles very short words, such as "no", which
say too little by themselves. Human sentences that the room does not expect lie at -1800 and below, phrases that it does at +200
and above; from 0 to 700 their word errors are the same (human clips of benchmarks/asr.py)."""

MIN_VOICED_MS = 60
"""The least voice in a result: about one short vowel."""

MIN_VOICED_SHARE = 0.2
"""The least share of a result's time that is voiced. Words with the least voice in them ("stop", "six") reach 0.3."""

MAX_PHONE_MS = 250
"""The longest that the phones of a result may last on average. Drawled words reach 150 ms; noise that is squeezed into words has one
phone of half a second."""

FOREIGN_CLAIM = 600.0
"""How much worse than the best result of all a phrase that asks for the floor may be, before its words replace the others."""

WARM_SAMPLES = 8000
"""Half a second: some 100 ms of work, and the first final comes as soon as any other."""

_FRAME_MS = 10
_LOG_BASE = math.log(1.0001)


CLAIM_STEP = 0.05
"""A partial whose words are the same is told again when the probability of a claim has moved by this."""


@dataclass(frozen=True, slots=True)
class Partial:
    """What was heard so far."""

    text: str
    claim: float | None
    """Over a reply: the probability that it asks for the floor."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """What was heard in a whole utterance, and what to remember of the caller's voice and line."""

    text: str
    words: tuple[RecognisedWord, ...]
    cmn: str
    source: str
    """Whose words they are: `domain` or `open`."""
    claim: float | None = None
    """As for `Partial`."""


class Recogniser:
    """Loads the models once, and decodes one utterance at a time. Not safe for several threads, and holds the GIL."""

    def __init__(self) -> None:
        try:
            from pocketsphinx import Decoder
        except ImportError as error:
            raise ImportError("pocketsphinx is not installed: pip install 'hubbub[offline]'") from error
        self._make = Decoder
        self._open = Decoder(**SETTINGS)
        self._domains: OrderedDict[ASRContext, tuple[Any | None, tuple[str, ...]]] = OrderedDict()
        self._decoders: list[Any] = []
        self._over: tuple[Any, ...] = ()
        self._context = ASRContext()
        self._kept_cmn: str | None = None
        self._voicing = Voicing()
        self._gist: Gist | None = None
        self._gist_sought = False
        self._since_partial_ms = 0.0
        self._partial = Partial("", None)

    def warm(self) -> None:
        """Decodes a little noise, so that the memory which that touches is this process's own before a caller waits for it."""
        self.begin(ASRContext())
        noise = np.random.default_rng(0).normal(0, 500, WARM_SAMPLES)
        self.feed(noise.astype(np.int16).tobytes())
        self.abort()

    def prepare(self) -> None:
        """Loads what only speech over a reply needs: a third of a second of a core, which nobody should wait for. A process that has done
        that must not fork."""
        self._seek_gist()

    def begin(self, context: ASRContext, cmn: str | None = None) -> tuple[str, ...]:
        """Starts an utterance. `cmn` is what the caller's utterance before gave, None for a caller not heard before. Over a reply it is
        only kept: the weights of `over.py` were fitted to callers not heard before, and a short word teaches nothing of a voice.

        Where the context is new, returns those of its words that no dictionary has, which are pronounced by rules of spelling.
        """
        self.abort()
        new = context not in self._domains
        domain, guessed = self._domain(context)
        decoders = [self._open] if domain is None else [domain, self._open]
        over = self._over_a_reply(context)
        for decoder in (*decoders, *over):
            decoder.reinit_feat()  # forgets the noise behind the caller before (0.1 ms); start_utt alone does not
            decoder.set_cmn(FIRST_CMN if over else cmn or FIRST_CMN)
            decoder.start_utt()
        self._decoders, self._over, self._context = decoders, over, context
        self._kept_cmn = cmn if over else None
        self._voicing = Voicing()
        if over and (gist := self._seek_gist()) is not None:
            gist.begin()
        self._since_partial_ms = 0.0
        self._partial = Partial("", None)
        return guessed if new else ()

    def feed(self, pcm: bytes) -> Partial | None:
        """Adds PCM16 at 16 kHz. Returns what was heard so far when it is new and not empty, None otherwise."""
        self._voicing.feed(pcm)
        for decoder in (*self._decoders, *self._over):
            decoder.process_raw(pcm)
        if self._over and self._gist is not None:
            self._gist.feed(pcm)
        self._since_partial_ms += len(pcm) / EAR_BYTES_PER_MS
        if self._since_partial_ms < PARTIAL_EVERY_MS:
            return None
        self._since_partial_ms = 0.0
        if not self._plausible(self._best()):
            return None
        decoder, claim = self._result(final=False)
        partial = Partial(_text(decoder) if decoder is not None else "", claim)
        if not partial.text or not _news(partial, self._partial):
            return None
        self._partial = partial
        return partial

    def finish(self) -> Decoded:
        """Ends the utterance. The text is empty where no words were found, or where there is no voice under them."""
        for decoder in (*self._decoders, *self._over):
            decoder.end_utt()
        best, (result, claim) = self._best(), self._result(final=True)
        self._decoders, self._over = [], ()
        source, cmn = "open" if best is self._open else "domain", self._kept_cmn or best.get_cmn()
        if result is None:
            return Decoded("", (), cmn, source, claim)
        return Decoded(_text(result), _words(result), cmn, source, claim)

    def abort(self) -> None:
        """Drops the utterance, if one is open."""
        decoders = (*self._decoders, *self._over)
        self._decoders, self._over = [], ()
        for decoder in decoders:
            decoder.end_utt()

    def opinions(self) -> tuple[Heard, Heard, Heard, bool]:
        """Over a reply: what was heard so far of all that can be said, of backchannels, and of claims; and whether there is enough voice
        in it to be words."""
        best = self._best()
        phrases = (self._context.backchannels, self._context.claims)
        asks = normalise(_text(best)) in _normalised(phrases[1])
        heard = Heard(_text(best), _score(best) + (EXPECTED if best is not self._open else 0.0), asks)
        passing, asking = (
            Heard(_text(decoder), _score(decoder), normalise(_text(decoder)) in _normalised(known))
            for decoder, known in zip(self._over, phrases, strict=True)
        )
        return heard, passing, asking, self._plausible(best)

    def _result(self, *, final: bool) -> tuple[Any | None, float | None]:
        """The decoder whose words hold, None for no words; and over a reply the probability that they ask for the floor."""
        best = self._best()
        if not self._over:
            return (best if _text(best) and self._plausible(best) else None), None
        heard, passing, asking, voiced = self.opinions()
        claim = claim_probability(heard, passing, asking, voiced=voiced, final=final, sound=self.sounds())
        if claim < 0.5:
            return (self._over[0] if voiced and passing.text else None), claim
        fits = asking.listed and asking.worth >= heard.score - FOREIGN_CLAIM
        return (best if (voiced and not fits and claims_floor(heard.text)) or not asking.text else self._over[1]), claim

    def sounds(self) -> float | None:
        """Over a reply: the log odds of a claim by the sound so far, where they can be known."""
        return self._gist.odds() if self._over and self._gist is not None else None

    def _seek_gist(self) -> Gist | None:
        if not self._gist_sought:
            self._gist_sought, self._gist = True, load_gist()
        return self._gist

    def _over_a_reply(self, context: ASRContext) -> tuple[Any, ...]:
        """The decoders of backchannels and of claims, where the context asks for both."""
        pair = [self._domain(ASRContext(context.language, phrases))[0] for phrases in (context.backchannels, context.claims)]
        return tuple(pair) if None not in pair else ()

    def _best(self) -> Any:
        return max(self._decoders, key=lambda decoder: _score(decoder) + (EXPECTED if decoder is not self._open else 0.0))

    def _plausible(self, decoder: Any) -> bool:
        words = _words(decoder)
        voiced_ms = sum(self._voicing.voiced_ms(word.start_ms, word.end_ms) for word in words)
        phones = sum(len((decoder.lookup_word(word.text) or "").split()) for word in words)
        spoken_ms = sum(word.end_ms - word.start_ms for word in words)
        enough_voice = voiced_ms >= max(MIN_VOICED_MS, MIN_VOICED_SHARE * spoken_ms)
        return enough_voice and spoken_ms <= MAX_PHONE_MS * phones

    def _domain(self, context: ASRContext) -> tuple[Any | None, tuple[str, ...]]:
        """The decoder for a context, loaded when it is first needed, or None where the context expects nothing; and guessed words."""
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
        self._domains[context] = decoder, model.guessed if model is not None else ()
        if len(self._domains) > KEPT_DOMAINS:
            self._domains.popitem(last=False)
        return self._domains[context]

    def _pronunciations(self, word: str) -> list[str]:
        """All ways the full dictionary knows of saying a word: it lists further ones as `word(2)`, `word(3)`, …"""
        sounds: list[str] = []
        while phones := self._open.lookup_word(word if not sounds else f"{word}({len(sounds) + 1})"):
            sounds.append(phones)
        return sounds


@lru_cache(maxsize=16)
def _normalised(phrases: tuple[str, ...]) -> frozenset[tuple[str, ...]]:
    return frozenset(map(normalise, phrases))


def _news(partial: Partial, before: Partial) -> bool:
    moved = abs(partial.claim - before.claim) >= CLAIM_STEP if partial.claim is not None and before.claim is not None else True
    return partial.text != before.text or (moved and partial.claim is not None)


def _score(decoder: Any) -> float:
    """Log score of the best path so far. A decoder without any path has lost."""
    hypothesis = decoder.hyp()
    return math.log(hypothesis.score) / _LOG_BASE if hypothesis and hypothesis.score > 0 else -math.inf


def _text(decoder: Any) -> str:
    hypothesis = decoder.hyp()
    return str(hypothesis.hypstr) if hypothesis else ""


def _words(decoder: Any) -> tuple[RecognisedWord, ...]:
    return tuple(
        RecognisedWord(segment.word.split("(")[0], segment.start_frame * _FRAME_MS, (segment.end_frame + 1) * _FRAME_MS)
        for segment in decoder.seg() or ()  # None where nothing was decoded
        if segment.word[0] not in "<["
    )
