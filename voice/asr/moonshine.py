"""Offline recognition of English as people speak it: Moonshine in threads of this process.

The network hears a whole utterance at a time, so that what was said so far is found by hearing all of it again: every `PARTIAL_MS` of new
sound (later less often), where a thread is free. A long utterance is cut where it is quietest, and what was said before the cut stays as
it is.

Over a reply, what was recognised is weighed with what it sounds like (`gist.py`) into the probability that it asks for the floor. Sound
that is no speech makes the network say something all the same; it is told by how unsure it is of it.
"""

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from ..audio.frames import EAR_HZ, SAMPLE_BYTES
from ..audio.level import peak_dbfs
from ..turn.words import claims_floor, is_backchannel, words_of
from .base import ASRContext, ASREngine, ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from .gist import Gist, load_networks
from .moonshine_model import MoonshineModel, Said, find_model
from .over import chance_of

log = logging.getLogger("hubbub.asr")

PARTIAL_MS, PARTIAL_SHARE = 200, 0.1
"""So much new sound makes it worth hearing all of it again; but no less than this share of what was heard, for a hearing takes as much
longer as the utterance is: who speaks without a pause costs a fifth of a core, however long he does."""

LONGEST_S, KEPT_S = 20, 5
"""An utterance this long is cut, within its last `KEPT_S` seconds. The network was trained on half a minute at most."""

UNSURE = 0.3
"""Below this confidence it was no speech. Of people's sentences the least sure had .6; of noises most are below."""

NOBODYS, SURE = frozenset({"you", "thank you", "thank you for watching", "oh"}), 0.75
"""What the network says of noise and hum more often than people say it alone, and how sure it must be of it."""

WORDS_ODDS = 4.0
"""Log odds that words of which the network is certain count for over a reply, beside those of the sound. A judgement: certain words are as
good as the clearest sound."""

SENTENCE = 3
"""So many words are no hum. Fewer, which nobody says over a reply, say nothing beside the sound."""

MOST_S = 60
"""So much of an utterance is kept where all threads are busy for as long; what comes on top is lost, and said so in the log."""

FIRST_MS = 560
"""So much sound, pre-roll included, is heard before anything is said about it: of less the network makes words that nobody said."""

WORKERS = 2

INSTALL = "pip install --no-deps moonshine-voice==0.0.49 (85 MB)"

SILENT_DBFS = -60.0
"""A peak below this is nobody who speaks."""

NOTHING = Said("", 0.0)

_STOP = re.compile(r"[\s.,;:…-]+$")
_LETTER = re.compile(r"[^\W_]")
_LOOP = re.compile(r"(\b\S+(?:\s+\S+){0,7}?)(?:\s+\1){3,}", re.IGNORECASE)

T = TypeVar("T")
Run = Callable[[Callable[[], T]], Awaitable[T]]
"""Does work that takes long without holding up the event loop."""


class MoonshineASR(ASREngine):
    """Moonshine's smallest English network."""

    name = "moonshine"
    note = "Moonshine understands English only."

    def __init__(self, folder: Path | None = None, *, workers: int = WORKERS, run: "Run[Any] | None" = None) -> None:
        """`folder`: where the network's files are; None for those of the distribution `moonshine-voice`. `workers`: how many utterances are
        heard at the same time, each on one core. `run` replaces the threads, for simulated time."""
        self.folder = folder
        self.workers = workers
        self._threads: ThreadPoolExecutor | None = None
        self._run = run
        self.busy = 0
        """Hearings that go on or wait."""
        self._streams: set[_Stream] = set()
        self._model: MoonshineModel | None = None
        self._networks: tuple[Any, Any] | None = None

    async def start(self) -> None:
        """Loads the network, in a second. Raises RuntimeError that says what to install or to mend."""
        folder = self.folder or find_model()
        if folder is None:
            raise RuntimeError(f"Moonshine's network was not found: {INSTALL}")
        if self._run is None:
            self._threads = ThreadPoolExecutor(self.workers, "moonshine")
        self._model, self._networks = await self.run(lambda: (MoonshineModel(folder), load_networks()))

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        if self._model is None:
            raise RuntimeError("the recogniser has not been started")
        openers = (words_of(phrase)[:1] for phrase in context.claims)
        claims = frozenset(word for words in openers for word in words if claims_floor(word))
        gist = Gist(*self._networks) if claims and self._networks is not None else None
        stream = _Stream(self, self._model, gist, claims, on_event)
        self._streams.add(stream)
        return stream

    def gone(self, stream: "_Stream") -> None:
        """An utterance is over."""
        self._streams.discard(stream)

    async def close(self) -> None:
        """Cancels what is open, and ends the threads; what they are at is not waited for."""
        tasks = [task for stream in list(self._streams) if (task := stream.stop()) is not None]
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = None

    async def run(self, work: Callable[[], T]) -> T:
        """Does work in a thread."""
        self.busy += 1
        try:
            if self._run is not None:
                done: T = await self._run(work)
                return done
            if self._threads is None:
                raise RuntimeError("the recogniser was closed")
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self.busy -= 1

    @property
    def free(self) -> bool:
        """Whether a hearing that is not urgent would delay no other."""
        return self.busy < self.workers


class _Stream(ASRStream):
    """One utterance."""

    def __init__(
        self, engine: MoonshineASR, model: MoonshineModel, gist: Gist | None, claims: frozenset[str], on_event: Callable[[ASREvent], None]
    ) -> None:
        self._engine, self._model, self._gist, self._claims = engine, model, gist, claims
        self._on_event = on_event
        self._sound = bytearray()
        self._unlistened = bytearray()
        """What the gist has not been given yet."""
        self._before = ""
        """What was said before the last cut."""
        self._heard = 0
        """Bytes that the newest hearing had."""
        self._told: tuple[str, float | None] = ("", None)
        self._task: asyncio.Task[None] | None = None
        self._ended = self._over = self._told_overflow = False

    def feed(self, pcm: bytes) -> None:
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"PCM16 comes in whole samples of two bytes; got {len(pcm)} bytes")
        if self._ended or self._over:
            return
        if len(self._sound) > MOST_S * EAR_HZ * SAMPLE_BYTES:
            if not self._told_overflow:
                self._told_overflow = True
                log.error("moonshine cannot keep up: an utterance is heard no further than %d s", MOST_S)
            return
        self._sound += pcm
        if self._gist is not None:
            self._unlistened += pcm
        if self._task is None and self._worth_hearing and (self._engine.free or self._long):
            self._task = asyncio.create_task(self._live(), name="moonshine")

    def end(self) -> None:
        if not self._ended and not self._over:
            self._ended = True
            if self._task is None:
                self._task = asyncio.create_task(self._live(), name="moonshine")

    def cancel(self) -> None:
        self._over = True
        self._sound.clear()
        self._engine.gone(self)

    def stop(self) -> asyncio.Task[None] | None:
        """Cancels, and answers what is still to be awaited."""
        task = self._task
        self.cancel()
        if task is not None:
            task.cancel()
        return task

    @property
    def _long(self) -> bool:
        """Whether it must be cut."""
        return len(self._sound) >= LONGEST_S * EAR_HZ * SAMPLE_BYTES

    @property
    def _worth_hearing(self) -> bool:
        new_ms = PARTIAL_MS if self._heard else FIRST_MS
        return len(self._sound) - self._heard >= max(new_ms * EAR_HZ // 1000 * SAMPLE_BYTES, self._heard * PARTIAL_SHARE)

    async def _live(self) -> None:
        """Hears what there is, as long as there is more, and at the end for the last time."""
        try:
            while not self._over:
                await self._hear(self._ended and not self._long)
                if self._over or not (self._ended or self._long or (self._worth_hearing and self._engine.free)):
                    break
        except Exception as error:
            log.exception("moonshine failed on an utterance")
            self._tell(ASRError(f"the recogniser failed on this utterance: {type(error).__name__}"))
            self._over = True
        finally:
            self._task = None
            if self._over:
                self._engine.gone(self)

    async def _hear(self, final: bool) -> None:
        sound, new = bytes(self._sound), bytes(self._unlistened)
        self._unlistened.clear()
        self._heard = len(sound)
        cut = quietest(sound[: LONGEST_S * EAR_HZ * SAMPLE_BYTES]) if self._long else 0
        said, before, odds = await self._engine.run(lambda: self._listen(sound, cut, new))
        if self._over:
            return
        if cut:
            self._before = _joined(self._before, meant(before))
            del self._sound[:cut]
            self._heard -= cut
        text = _joined(self._before, meant(said))
        claim = claim_of(text, said.confidence, odds, self._claims) if self._claims else None
        if final:
            self._over = True
            self._tell(ASRFinal(text, confidence=round(said.confidence, 3) if text else None, claim=claim))
        elif (shown := _STOP.sub("", text), claim) != self._told and (shown or claim is not None):
            self._told = (shown, claim)
            self._tell(ASRPartial(shown, claim))

    def _listen(self, sound: bytes, cut: int, new: bytes) -> tuple[Said, Said, float | None]:
        """In a thread: what is said behind the cut, and before it, and what it sounds like."""
        odds = None
        if self._gist is not None:
            self._gist.feed(new)
            odds = self._gist.odds()
        before = self._model.recognise(sound[:cut]) if cut else NOTHING
        return self._model.recognise(sound[cut:]) if peak_dbfs(sound[cut:]) > SILENT_DBFS else NOTHING, before, odds

    def _tell(self, event: ASREvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("the listener of a recogniser's stream failed on %s", type(event).__name__)


def meant(said: Said) -> str:
    """The words, where it was speech: not what the network makes of noise and of music. The last full stop is taken off: it sets one behind
    everything, whether more follows or not."""
    text = said.text
    needed = SURE if " ".join(words_of(text)) in NOBODYS else UNSURE
    if said.confidence < needed or not _LETTER.search(text) or "♪" in text or "©" in text:
        return ""
    text = _LOOP.sub(r"\1", text)
    return _STOP.sub("", text)


def claim_of(text: str, confidence: float, odds: float | None, claims: "frozenset[str]") -> float | None:
    """The probability that what was said over a reply asks for the floor: by the words, as far as they are certain, and by the log odds of
    the sound. None where nothing is known. `claims`: first words of what people say who want the floor.

    One or two words that nobody says there say nothing: a network that must find words finds "them" in a hum, and "other" in an "uh-huh".
    """
    words = words_of(text)
    if not words and odds is None:
        return None
    if is_backchannel(text):
        weight = -1.0
    elif not claims_floor(text):
        weight = 0.0
    else:
        weight = 1.0 if words[0] in claims or len(words) >= SENTENCE else 0.0
    return chance_of(WORDS_ODDS * confidence * weight + (odds or 0.0))


def quietest(sound: bytes) -> int:
    """Where a long utterance is cut, in bytes: in the middle of the quietest 200 ms of its last `KEPT_S` seconds, but for the very last."""
    samples = np.frombuffer(sound, np.int16).astype(np.float32)
    step = EAR_HZ // 100
    first = max(0, len(samples) - KEPT_S * EAR_HZ)
    energy = np.square(samples[first : first + (len(samples) - first) // step * step]).reshape(-1, step).sum(axis=1)
    span = 20
    sums = np.convolve(energy, np.ones(span), "valid")[: max(1, len(energy) - 2 * span)]
    return (first + (int(sums.argmin()) + span // 2) * step) * SAMPLE_BYTES


def _joined(before: str, text: str) -> str:
    return f"{before} {text}".strip()


