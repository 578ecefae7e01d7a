"""A recogniser that says nothing before the end of an utterance, with an ear for what speech over a reply sounds like.

While a caller speaks over a reply, such a recogniser leaves the turn machine without evidence, and `decide_unheard_ms` of voice is an
interruption then: so is a long "okay, okay". What it sounds like (`gist.py`) is therefore told beside it, as partials without words. Only
that it leaves the floor where it is: the network knows speech from speech, not speech from coughs, so that it never makes an interruption
by itself. The final, with its words, is the recogniser's.

Sound is listened to in one thread of the process, which never lets an utterance wait for more than its last piece.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

from .base import ASRContext, ASREngine, ASREvent, ASRMemory, ASRPartial, ASRStream
from .gist import HOP, Gist, load_networks
from .over import chance_of

log = logging.getLogger("hubbub.asr")

UNSURE = 0.6
"""What is told at most: with a half and more the turn machine waits for what else comes, as it does without any evidence."""

STEP = 0.05
"""A probability is told again when it has moved by this."""

MOST_WAITING = 10 * HOP * 2
"""Bytes of sound that may wait for the thread: 0.8 s. What comes on top is not listened to: the words will say."""


class Sounded(ASREngine):
    """Another engine whose `partials` is False, and over a reply the sound beside it. As the other engine in everything else."""

    def __init__(self, engine: ASREngine) -> None:
        self.engine = engine
        self.name, self.note, self.final_differs, self.partials = engine.name, engine.note, engine.final_differs, engine.partials
        self._networks: tuple[Any, Any] | None = None

    async def start(self) -> None:
        await asyncio.gather(self.engine.start(), self._load())

    async def _load(self) -> None:
        self._networks = await asyncio.get_running_loop().run_in_executor(_thread(), load_networks)

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        stream = self.engine.open(on_event, context=context, memory=memory)
        if self._networks is None or not (context.backchannels and context.claims):
            return stream
        return _SoundedStream(stream, Gist(*self._networks), on_event)

    async def close(self) -> None:
        await self.engine.close()


def with_sound(engine: ASREngine) -> ASREngine:
    """The engine itself, or, where it gives no partials, with the sound beside it."""
    return engine if engine.partials else Sounded(engine)


class _SoundedStream(ASRStream):
    def __init__(self, stream: ASRStream, gist: Gist, on_event: Callable[[ASREvent], None]) -> None:
        self._stream = stream
        self._gist = gist
        self._on_event = on_event
        self._waiting = bytearray()
        self._listening: asyncio.Future[float | None] | None = None
        self._told: float | None = None
        self._over = False

    def feed(self, pcm: bytes) -> None:
        self._stream.feed(pcm)
        if not self._over and len(self._waiting) + len(pcm) <= MOST_WAITING:
            self._waiting += pcm
            self._listen()

    def end(self) -> None:
        self._over = True
        self._stream.end()

    def cancel(self) -> None:
        self._over = True
        self._stream.cancel()

    def _listen(self) -> None:
        if self._listening is None and len(self._waiting) >= HOP * 2:
            piece = bytes(self._waiting)
            self._waiting.clear()
            self._listening = asyncio.get_running_loop().run_in_executor(_thread(), self._odds, piece)
            self._listening.add_done_callback(self._heard)

    def _odds(self, piece: bytes) -> float | None:
        self._gist.feed(piece)
        return self._gist.odds()

    def _heard(self, listening: "asyncio.Future[float | None]") -> None:
        self._listening = None
        if self._over or listening.cancelled():
            return
        if (error := listening.exception()) is not None:
            self._over = True
            log.error("the sound over a reply cannot be judged: %s", error)
            return
        odds = listening.result()
        if odds is not None:
            claim = min(UNSURE, chance_of(odds))
            if self._told is None or abs(claim - self._told) >= STEP:
                self._told = claim
                self._on_event(ASRPartial("", claim))
        self._listen()


@cache
def _thread() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(1, "sound")
