"""The speech stage: reads an agent's reply stream at full speed, and speaks it piece by piece as it is written.

Two tasks and two bounded queues. The *reader* takes events from the agent, passes them on, and cuts their text into pieces; the
*speaker* has one piece after another synthesised. The first piece is spoken while the model still writes the second. When the
listener is slow, the speaker waits, then the reader, then the model: nothing grows without a bound.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass

from ...agents.event import AgentEvent, TextBlockDeltaEvent
from ..audio.frames import MOUTH_HZ, SAMPLE_BYTES, ms_to_samples, silence
from ..audio.resample import Resampler
from ..tts.base import SpokenWord, TTSChunk, TTSEngine, TTSError, Voice
from .cleaner import SpokenText, clean
from .sentences import Piece, SentenceCutter

MAX_PIECES = 64
"""Pieces that may wait for the synthesiser; more slows the reader down."""

MAX_ITEMS = 64
"""Events and sounds that may wait for the listener; more slows everything down."""

CHARS_A_SECOND = 14.0
"""Speaking rate assumed for engines that give no word times, until their own is known: 170 words of five letters a minute."""


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How a reply is cut and paced, in milliseconds."""

    first_piece_ms: int = 400
    """A first piece without a boundary is cut at a space when this long has passed since its first token."""

    pause_ms: int = 60
    """Silence put between pieces, beside what the engine itself leaves."""


@dataclass(frozen=True, slots=True)
class SpeechPiece:
    """A stretch of the reply's text (`start` to `end`), announced before its first sound. All pieces together are the text, also
    where a piece has nothing that is spoken."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A written word with its punctuation, and where its sound begins in the reply's whole sound, in samples."""

    start: int
    end: int
    at_sample: int


@dataclass(frozen=True, slots=True)
class SpeechSound:
    """The next stretch of the reply's sound, and the words that begin in it."""

    pcm: bytes
    words: tuple[WordSpan, ...] = ()
    trimmed_samples: int = 0
    """Leading silence that the engine took off before this sound, at its own rate."""


@dataclass(frozen=True, slots=True)
class SpeechEnd:
    """Nothing follows. `error`: a piece could not be spoken; its text was announced all the same."""

    spoken_samples: int
    error: str | None = None


Item = AgentEvent | SpeechPiece | SpeechSound | SpeechEnd


class Speech:
    """TTS middleware: how one agent sounds. Serves any number of replies, also at once."""

    def __init__(
        self, engine: TTSEngine, voice: Voice, *, rate_hz: int = MOUTH_HZ, options: SpeechOptions | None = None
    ) -> None:
        self.engine = engine
        self.voice = voice
        self.rate_hz = rate_hz
        self.options = options or SpeechOptions()

    async def stream(self, events: AsyncIterator[AgentEvent]) -> AsyncGenerator[Item, None]:
        """The agent's events as they come, and between them the pieces and their sound, in order; last a `SpeechEnd`.

        Closing it stops the agent and the synthesis and waits until both have ended. Errors of the agent's stream are raised here;
        those of the engine come in the `SpeechEnd`.
        """
        run = _Run(self, events)
        try:
            async for item in run.items():
                yield item
        finally:
            await run.close()


class _Run:
    """One reply on its way through the stage."""

    def __init__(self, speech: Speech, events: AsyncIterator[AgentEvent]) -> None:
        self._speech = speech
        self._events = events
        self._out: asyncio.Queue[Item | Exception | None] = asyncio.Queue(MAX_ITEMS)
        self._pieces: asyncio.Queue[Piece | None] = asyncio.Queue(MAX_PIECES)
        self._resampler = Resampler(speech.engine.rate_hz, speech.rate_hz)
        self._samples = 0
        self._error: str | None = None
        self._chars_a_second = CHARS_A_SECOND
        self._cutter = SentenceCutter()
        self._hurry: asyncio.TimerHandle | None = None
        self._tasks = [
            asyncio.create_task(self._read(), name="speech-reader"),
            asyncio.create_task(self._speak(), name="speech-speaker"),
        ]

    async def items(self) -> AsyncGenerator[Item, None]:
        while (item := await self._out.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    async def close(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # ── reading ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _read(self) -> None:
        try:
            async with contextlib.AsyncExitStack() as stack:
                if isinstance(self._events, AsyncGenerator):
                    await stack.enter_async_context(aclosing(self._events))
                async for event in self._events:
                    await self._out.put(event)
                    if isinstance(event, TextBlockDeltaEvent):
                        await self._cut(event.delta)
            for piece in self._cutter.flush():
                await self._pieces.put(piece)
            await self._pieces.put(None)
        except Exception as error:
            await self._out.put(error)

    async def _cut(self, delta: str) -> None:
        for piece in self._cutter.push(delta):
            self._no_hurry()
            await self._pieces.put(piece)
        if self._hurry is None and self._cutter.waiting:
            delay = self._speech.options.first_piece_ms / 1000
            self._hurry = asyncio.get_running_loop().call_later(delay, self._time_is_up)

    def _no_hurry(self) -> None:
        if self._hurry is not None:
            self._hurry.cancel()

    def _time_is_up(self) -> None:
        """The first piece is taken as far as it goes. The queue has room: nothing was put in before it."""
        for piece in self._cutter.hurry():
            self._pieces.put_nowait(piece)

    # ── speaking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _speak(self) -> None:
        try:
            while (piece := await self._pieces.get()) is not None:
                await self._out.put(SpeechPiece(piece.start, piece.end, piece.text))
                spoken = clean(piece.text)
                if spoken.text:
                    await self._speak_piece(piece, spoken)
            if tail := self._resampler.flush():
                await self._put_sound(tail, ())
            await self._out.put(SpeechEnd(self._samples, self._error))
            await self._out.put(None)
        except Exception as error:
            await self._out.put(error)

    async def _speak_piece(self, piece: Piece, spoken: SpokenText) -> None:
        if self._samples and self._speech.options.pause_ms:
            rate = self._speech.engine.rate_hz
            await self._put_sound(self._resampler.push(silence(ms_to_samples(self._speech.options.pause_ms, rate))), ())
        begin, timed, last_start = self._samples, False, 0
        stream = self._speech.engine.synthesize(spoken.text, self._speech.voice)
        try:
            async with contextlib.AsyncExitStack() as stack:
                if isinstance(stream, AsyncGenerator):
                    await stack.enter_async_context(aclosing(stream))
                async for chunk in stream:
                    words = self._spans(piece, spoken, chunk, begin, last_start)
                    if not words and not timed and chunk.pcm:
                        words = self._estimate(piece, spoken, begin)
                    timed = timed or bool(words)
                    last_start = words[-1].start - piece.start if words else last_start
                    await self._put_sound(self._resampler.push(chunk.pcm), words, chunk.trimmed_samples)
        except TTSError as error:
            self._error = str(error)
        self._learn(len(spoken.text), self._samples - begin)

    async def _put_sound(self, pcm: bytes, words: tuple[WordSpan, ...], trimmed_samples: int = 0) -> None:
        if pcm or words:
            self._samples += len(pcm) // SAMPLE_BYTES
            await self._out.put(SpeechSound(pcm, words, trimmed_samples))

    def _spans(self, piece: Piece, spoken: SpokenText, chunk: TTSChunk, begin: int, last: int) -> tuple[WordSpan, ...]:
        """The engine's words as spans of the written text, in samples of the reply's sound."""
        spans: list[WordSpan] = []
        for word in chunk.words:
            if not 0 <= word.start < word.end <= len(spoken.source):
                continue
            at = begin + word.at_sample * self._speech.rate_hz // self._speech.engine.rate_hz
            span = _written(piece, spoken, word)
            if span[0] - piece.start >= last:
                spans.append(WordSpan(*span, at))
        return tuple(spans)

    def _estimate(self, piece: Piece, spoken: SpokenText, begin: int) -> tuple[WordSpan, ...]:
        """Word times of an engine that gives none: in proportion to the characters."""
        spans, start = [], 0
        for word in spoken.text.split(" "):
            if word:
                at = begin + int(start / self._chars_a_second * self._speech.rate_hz)
                spans.append(WordSpan(*_written(piece, spoken, SpokenWord(start, start + len(word), 0)), at))
            start += len(word) + 1
        return tuple(spans)

    def _learn(self, chars: int, samples: int) -> None:
        if samples:
            measured = chars * self._speech.rate_hz / samples
            self._chars_a_second = (self._chars_a_second + measured) / 2 if self._chars_a_second != CHARS_A_SECOND else measured


def _written(piece: Piece, spoken: SpokenText, word: SpokenWord) -> tuple[int, int]:
    """The written span of a spoken word, with the punctuation behind it, in characters of the reply."""
    start, end = spoken.source[word.start], spoken.source[word.end - 1] + 1
    text = piece.text
    while end < len(text) and not text[end].isspace() and not text[end].isalnum():
        end += 1
    return piece.start + start, piece.start + max(end, start + 1)
