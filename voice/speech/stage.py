"""The speech stage: reads an agent's reply stream at full speed, and speaks it piece by piece as it is written.

Two tasks and two bounded queues. The *reader* takes events from the agent, passes them on, and cuts their text into pieces; the
*speaker* has one piece after another synthesised. The first piece is spoken while the model still writes the second. When the
listener is slow, the speaker waits; when 64 pieces wait for the speaker, the reader waits, and with it the model.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from ...agents.event import AgentEvent, TextBlockDeltaEvent, TextBlockEndEvent, ToolCallStartEvent
from ..audio.frames import MOUTH_HZ, SAMPLE_BYTES, ms_to_samples, silence
from ..audio.resample import Resampler, resampled_length
from ..tts.base import TTSChunk, TTSEngine, TTSError, Voice
from ..tts.silence import without_leading_silence
from .cleaner import clean
from .sentences import Piece, SentenceCutter
from .spans import PieceWords, WordSpan

log = logging.getLogger("hubbub.speech")

MAX_PIECES = 64
"""Pieces that may wait for the synthesiser; more slows the reader down."""

MAX_SOUNDS = 8
"""Pieces and sounds that may wait for the listener; more slows the speaker down. They are taken without a break, so a few at a time."""

MAX_EVENTS = 1024
"""Agent events that may wait for the listener; more slows the reader down."""

CHARACTERS_A_SECOND = 12.0
"""Speaking rate assumed for engines that give no word times, until a piece has shown their own: 150 words of five letters a
minute. Rather slow, so that words are credited late and not early."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class SpeechOptions:
    """How a reply is cut and paced, in milliseconds."""

    first_piece_ms: int = 400
    """A first piece without a boundary is cut at a space when this long has passed since its first token."""

    pause_ms: int = 100
    """Silence put between sentences, beside what the engine itself leaves (espeak-ng leaves 7 ms)."""

    clause_pause_ms: int = 40
    """The same between clauses of one sentence."""

    sound_timeout_ms: int = 2000
    """An engine that gives no sound for so long has failed on the piece."""


@dataclass(frozen=True, slots=True)
class SpeechPiece:
    """A stretch of the reply's text (`start` to `end`), announced before its first sound. All pieces together are the text, also
    where a piece has nothing that is spoken."""

    start: int
    end: int
    text: str
    cut_at: float = 0.0
    """The event loop's time, in seconds, at which the piece was complete."""


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
        those of the engine come in the `SpeechEnd`: a piece that failed before its first sound is tried once more, then left
        out; after two pieces in a row the rest stays unspoken.
        """
        outlet = _Outlet()
        pieces: asyncio.Queue[tuple[Piece, float] | None] = asyncio.Queue(MAX_PIECES)
        reader = _Reader(events, outlet, pieces, self.options.first_piece_ms / 1000)
        speaker = _Speaker(self, outlet, pieces)
        tasks = [
            asyncio.create_task(reader.run(), name="speech-reader"),
            asyncio.create_task(speaker.run(), name="speech-speaker"),
        ]
        try:
            while (item := await outlet.take()) is not None:
                yield item
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


class _Outlet:
    """What waits for the listener, in one order. Events and sounds have a bound each, so that unheard sound does not keep the
    model from being read."""

    def __init__(self) -> None:
        self._items: asyncio.Queue[tuple[Item | Exception | None, asyncio.Semaphore | None]] = asyncio.Queue()
        self._events = asyncio.Semaphore(MAX_EVENTS)
        self._sounds = asyncio.Semaphore(MAX_SOUNDS)

    async def put_event(self, event: AgentEvent) -> None:
        await self._events.acquire()
        self._items.put_nowait((event, self._events))

    async def put_speech(self, item: SpeechPiece | SpeechSound | SpeechEnd) -> None:
        await self._sounds.acquire()
        self._items.put_nowait((item, self._sounds))

    def end(self, error: Exception | None = None) -> None:
        self._items.put_nowait((error, None))

    async def take(self) -> Item | None:
        item, share = await self._items.get()
        if share is not None:
            share.release()
        if isinstance(item, Exception):
            raise item
        return item


class _Reader:
    """Reads the agent, and cuts what it writes into pieces."""

    def __init__(
        self,
        events: AsyncIterator[AgentEvent],
        outlet: _Outlet,
        pieces: "asyncio.Queue[tuple[Piece, float] | None]",
        first_piece_s: float,
    ) -> None:
        self._events = events
        self._outlet = outlet
        self._pieces = pieces
        self._first_piece_s = first_piece_s
        self._loop = asyncio.get_running_loop()
        self._cutter = SentenceCutter()
        self._timer: asyncio.TimerHandle | None = None
        self._late = False

    async def run(self) -> None:
        try:
            async with _closing(self._events):
                async for event in self._events:
                    await self._outlet.put_event(event)
                    await self._read(event)
            await self._hand_over(self._cutter.flush())
            await self._pieces.put(None)
        except Exception as error:
            self._outlet.end(error)
        finally:
            if self._timer is not None:
                self._timer.cancel()

    async def _read(self, event: AgentEvent) -> None:
        if isinstance(event, TextBlockDeltaEvent):
            await self._hand_over(self._cutter.push(event.delta))
            if self._late:
                await self._hand_over(self._cutter.hurry())
            elif self._timer is None and self._cutter.waiting:
                self._timer = self._loop.call_later(self._first_piece_s, self._time_is_up)
        elif isinstance(event, TextBlockEndEvent | ToolCallStartEvent) and self._cutter.waiting:
            # "Let me look that up" is said before the tool runs, not after it.
            await self._hand_over(self._cutter.flush())

    async def _hand_over(self, pieces: list[Piece]) -> None:
        for piece in pieces:
            await self._pieces.put((piece, self._loop.time()))

    def _time_is_up(self) -> None:
        self._late = True
        for piece in self._cutter.hurry():  # only ever the first piece, so the queue is empty
            self._pieces.put_nowait((piece, self._loop.time()))


class _Speaker:
    """Has the pieces synthesised one after another, on one time line."""

    def __init__(self, speech: Speech, outlet: _Outlet, pieces: "asyncio.Queue[tuple[Piece, float] | None]") -> None:
        self._speech = speech
        self._outlet = outlet
        self._pieces = pieces
        self._resampler = Resampler(speech.engine.rate_hz, speech.rate_hz)
        self._engine_samples = 0
        """Length of the reply's sound so far at the engine's rate, which the words' times are counted in: exact, where the
        resampled sound lags by the little that the resampler holds back."""
        self._spoken_samples = 0
        self._samples_a_character = speech.engine.rate_hz / (CHARACTERS_A_SECOND * speech.voice.speed)
        self._failed_pieces = 0
        self._error: str | None = None
        self._before: Piece | None = None

    async def run(self) -> None:
        try:
            while (entry := await self._pieces.get()) is not None:
                await self._announce_and_speak(*entry)
            if tail := self._resampler.flush():
                await self._put_sound(tail)
            await self._outlet.put_speech(SpeechEnd(self._spoken_samples, self._error))
            self._outlet.end()
        except Exception as error:
            self._outlet.end(error)

    async def _announce_and_speak(self, piece: Piece, cut_at: float) -> None:
        spoken = clean(piece.text, language=self._speech.voice.language)
        if piece.kind == "code" or not spoken.text or self._failed_pieces > 1:
            await self._outlet.put_speech(SpeechPiece(piece.start, piece.end, piece.text, cut_at))
            return
        text = spoken.text + ("," if piece.kind == "words" else "")  # the voice stays up: the sentence is not over
        words = PieceWords(piece, spoken)
        announcement: SpeechPiece | None = SpeechPiece(piece.start, piece.end, piece.text, cut_at)
        begin = self._engine_samples
        error = None
        for _ in range(2):
            chunks = without_leading_silence(self._chunks(text), self._speech.engine.rate_hz)
            error = None
            try:
                async with _closing(chunks):
                    async for chunk in chunks:
                        if announcement is not None:
                            await self._outlet.put_speech(announcement)
                            announcement = None
                            begin = await self._pause(piece)
                        await self._put_chunk(chunk, words, begin)
            except TTSError as failure:
                error = str(failure)
            if error is None or announcement is None:
                break
        if announcement is not None:
            await self._outlet.put_speech(announcement)
        await self._settle(piece, words, begin, error, len(text))

    async def _chunks(self, text: str) -> AsyncGenerator[TTSChunk, None]:
        """The engine's chunks; whatever it does wrong is a TTSError."""
        engine = self._speech.engine
        limit_s = self._speech.options.sound_timeout_ms / 1000
        stream = engine.synthesize(text, self._speech.voice)
        async with _closing(stream):
            while True:
                try:
                    async with asyncio.timeout(limit_s):
                        chunk = await anext(stream)
                except StopAsyncIteration:
                    return
                except TimeoutError:
                    raise TTSError(f"the speech engine {engine.name} gave no sound within {limit_s:g} s") from None
                except TTSError:
                    raise
                except Exception as error:
                    log.exception("engine=%s failed", engine.name)
                    raise TTSError(f"the speech engine {engine.name} failed: {error}") from error
                if len(chunk.pcm) % SAMPLE_BYTES:
                    raise TTSError(f"the speech engine {engine.name} gave half a sample: {len(chunk.pcm)} bytes")
                yield chunk

    async def _pause(self, piece: Piece) -> int:
        """Silence after the piece before. Returns where this one begins, in the engine's samples."""
        options = self._speech.options
        before, self._before = self._before, piece
        if before is not None and before.kind != "words":
            pause_ms = options.pause_ms if before.kind == "sentence" else options.clause_pause_ms
            pause = silence(ms_to_samples(pause_ms, self._speech.engine.rate_hz))
            self._engine_samples += len(pause) // SAMPLE_BYTES
            await self._put_sound(self._resampler.push(pause))
        return self._engine_samples

    async def _put_chunk(self, chunk: TTSChunk, words: PieceWords, begin: int) -> None:
        self._engine_samples += len(chunk.pcm) // SAMPLE_BYTES
        spans = [span for word in chunk.words for span in words.report(word)]
        if not self._speech.engine.word_times:
            spans = words.estimate(self._engine_samples - begin, self._samples_a_character)
        await self._put_sound(self._resampler.push(chunk.pcm), self._timed(spans, begin), chunk.trimmed_samples)

    async def _settle(self, piece: Piece, words: PieceWords, begin: int, error: str | None, characters: int) -> None:
        """The piece is over: times for the words that have none, and what was learnt."""
        samples = self._engine_samples - begin
        if error is None:
            self._failed_pieces = 0
            self._before = piece if samples else self._before
            if samples:
                await self._put_sound(b"", self._timed(words.finish(samples), begin))
                self._samples_a_character = samples / characters
            return
        self._failed_pieces += 1
        self._error = self._error or error
        log.warning("engine=%s piece at character %d not spoken: %s", self._speech.engine.name, piece.start, error)

    def _timed(self, spans: list[WordSpan], begin: int) -> tuple[WordSpan, ...]:
        from_hz, to_hz = self._speech.engine.rate_hz, self._speech.rate_hz
        return tuple(
            [WordSpan(span.start, span.end, resampled_length(begin + span.at_sample, from_hz, to_hz)) for span in spans]
        )

    async def _put_sound(self, pcm: bytes, words: tuple[WordSpan, ...] = (), trimmed_samples: int = 0) -> None:
        if pcm or words:
            self._spoken_samples += len(pcm) // SAMPLE_BYTES
            await self._outlet.put_speech(SpeechSound(pcm, words, trimmed_samples))


@asynccontextmanager
async def _closing(stream: AsyncIterator[T]) -> AsyncIterator[None]:
    """Closes an iterator that can be closed, whatever happens."""
    try:
        yield
    finally:
        if isinstance(stream, AsyncGenerator):
            await stream.aclose()
