"""One caller: a microphone that never stops, a script of speech, and an ear with a stop-watch."""

import asyncio
from dataclasses import dataclass, field

import numpy as np
from lines import Line
from simulated import EAR_HZ, LOUD, MOUTH_HZ

CHUNK_S, CHUNK_BYTES = 0.02, 640
INTERRUPT_AFTER_S = 2.0
"""How much of an answer is heard before it is spoken over."""
REST_S = 1.5
"""Silence after an answer before the next clean turn."""
GIVE_UP_S = 6.0
"""A turn without an answer by then is counted as unanswered."""
STILL_TALKING_S = 0.1
"""A server whose old answer was still arriving so shortly before the end of the caller's speech has not been interrupted: what
comes next cannot be told from it, so the turn is counted as odd and left out."""


@dataclass
class Figures:
    """What all callers of a cell saw."""

    clean_ms: list[float] = field(default_factory=list)
    barge_in_ms: list[float] = field(default_factory=list)
    silent_ms: list[float] = field(default_factory=list)
    """From the first loud sample spoken over an answer to the last one of that answer that was heard."""
    unanswered: int = 0
    odd: int = 0
    late: int = 0
    sent: int = 0
    lost_sessions: int = 0


class Caller:
    """Talks until it is told to stop: a clean turn, a turn over the answer, and again."""

    def __init__(self, line: Line, speech: bytes, *, start_s: float, measure_from: float, figures: Figures) -> None:
        self._line, self._figures = line, figures
        self._start_s, self._measure_from = start_s, measure_from
        self._chunks = [speech[i : i + CHUNK_BYTES].ljust(CHUNK_BYTES, b"\0") for i in range(0, len(speech), CHUNK_BYTES)]
        loud = np.flatnonzero(np.abs(np.frombuffer(speech, np.int16).astype(np.int32)) > LOUD)
        self._first_loud_s, self._last_loud_s = int(loud[0]) / EAR_HZ, (int(loud[-1]) + 1) / EAR_HZ
        self._due = self._play_end = self._last_loud_before = 0.0
        self._heard_until = self._fell_silent = 0.0
        """When the last loud sound that came will have been played, or was thrown away; the same, before the answer that is waited for."""
        self._answered: float | None = None
        self._waiting_since: float | None = None

    async def run(self, until: float) -> None:
        """Raises what breaks the line."""
        async with self._line:
            reader = asyncio.create_task(self._hear())
            try:
                await self._talk(until, reader)
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

    async def _talk(self, until: float, reader: asyncio.Task[None]) -> None:
        loop = asyncio.get_running_loop()
        self._due = loop.time()
        await self._be_silent(self._start_s)
        while loop.time() < until:
            answered = await self._turn(self._figures.clean_ms)
            if answered and loop.time() < until:
                await self._be_silent(INTERRUPT_AFTER_S)
                await self._turn(self._figures.barge_in_ms)
            await self._be_silent(REST_S)
            while self._play_end > loop.time() - REST_S and loop.time() < until:
                await self._be_silent(CHUNK_S)
            if reader.done():
                reader.result()
                raise ConnectionError("the server hung up")

    async def _turn(self, into: list[float]) -> bool:
        """Speaks, and waits for the first loud sample of the answer. Returns whether it came."""
        loop = asyncio.get_running_loop()
        onset, end = self._due + self._first_loud_s, self._due + self._last_loud_s
        self._answered, self._waiting_since = None, end
        for chunk in self._chunks:
            await self._send(chunk)
        while self._answered is None and loop.time() < end + GIVE_UP_S:
            await self._send(bytes(CHUNK_BYTES))
        self._waiting_since = None
        if end >= self._measure_from:
            self._count(end, into)
            silent = self._heard_until if self._answered is None else self._fell_silent
            if silent > onset:
                self._figures.silent_ms.append((silent - onset) * 1000)
        return self._answered is not None

    def _count(self, end: float, into: list[float]) -> None:
        if self._last_loud_before > end - STILL_TALKING_S:
            self._figures.odd += 1
        elif self._answered is None:
            self._figures.unanswered += 1
        else:
            into.append((self._answered - end) * 1000)

    async def _be_silent(self, seconds: float) -> None:
        for _ in range(round(seconds / CHUNK_S)):
            await self._send(bytes(CHUNK_BYTES))

    async def _send(self, chunk: bytes) -> None:
        """A chunk leaves when its last sample has been spoken, as a microphone would deliver it."""
        self._due += CHUNK_S
        wait = self._due - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        self._figures.late += wait < -CHUNK_S
        self._figures.sent += 1
        await self._line.send(chunk)

    async def _hear(self) -> None:
        loop = asyncio.get_running_loop()
        async for pcm in self._line.receive():
            now = loop.time()
            if pcm is None:
                self._play_end, self._heard_until = min(self._play_end, now), min(self._heard_until, now)
                continue
            self._play_end = max(self._play_end, now) + len(pcm) / 2 / MOUTH_HZ
            if np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)).max(initial=0) <= LOUD:
                continue
            if self._waiting_since is None or now <= self._waiting_since:
                self._last_loud_before = now
            elif self._answered is None:
                self._answered, self._fell_silent = now, self._heard_until
            self._heard_until = self._play_end
