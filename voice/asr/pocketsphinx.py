"""Speech recognition with no key and no network: pocketsphinx in worker processes.

The model comes in pocketsphinx's own wheel. It knows American English only, and open dictation with it is weak (about one word
in three wrong), so it is steered by what the room's callers are likely to say; see domain.py and decoder.py.
"""

import asyncio
import importlib.util
import logging
import os
from collections.abc import Callable
from typing import Literal

from . import wire
from .base import ASRContext, ASREngine, ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from .link import Utterance
from .pool import WorkerPool

log = logging.getLogger(__name__)

CMN = "pocketsphinx.cmn"
"""Key of what is remembered of a caller: the cepstral means of voice and line."""

PROCESSES_PER_CORE = 4
"""At a real-time factor of about a quarter, four people who talk at once fill a core."""


class PocketSphinxStream(ASRStream):
    """One utterance on its way through the pool."""

    def __init__(
        self,
        pool: WorkerPool,
        on_event: Callable[[ASREvent], None],
        context: ASRContext,
        memory: ASRMemory | None,
        on_over: Callable[["PocketSphinxStream"], None],
    ) -> None:
        self._pool = pool
        self._on_event = on_event
        self._memory = memory
        self._on_over = on_over
        self._state: Literal["open", "ended", "over"] = "open"
        cmn = memory.state.get(CMN) if memory is not None else None
        opening = wire.pack_json(wire.OPEN, {"context": wire.context_to_json(context), "cmn": cmn})
        self._utterance = Utterance(opening, self._receive)
        self._fail_if(pool.begin(self._utterance))

    def feed(self, pcm: bytes) -> None:
        if len(pcm) % 2:
            raise ValueError(f"PCM16 comes in whole samples of two bytes; got {len(pcm)} bytes")
        if self._state == "open" and pcm:
            self._fail_if(self._pool.sound(self._utterance, pcm))

    def end(self) -> None:
        if self._state == "open":
            self._state = "ended"
            self._pool.end(self._utterance)

    def cancel(self) -> None:
        if self._state != "over":
            self._over()
            self._pool.cancel(self._utterance)

    def _fail_if(self, reason: str) -> None:
        """The pool refused: the error is delivered by the event loop, as no event may come from inside a stream's method."""
        if reason:
            self._state = "ended"
            asyncio.get_running_loop().call_soon(self._receive, wire.FAILED, wire.failed_body(reason))

    def _receive(self, kind: bytes, body: bytes) -> None:
        if self._state == "over":
            return
        message = wire.parse_json(body)
        if kind == wire.PARTIAL:
            self._deliver(ASRPartial(str(message["text"]), message["claim"]))
            return
        self._over()
        if kind == wire.FINAL:
            if self._memory is not None:
                self._memory.state[CMN] = message["cmn"]
            self._deliver(ASRFinal(str(message["text"]), wire.words_from_json(message["words"]), claim=message["claim"]))
        else:
            self._deliver(ASRError(str(message["message"])))

    def _over(self) -> None:
        self._state = "over"
        self._on_over(self)

    def _deliver(self, event: ASREvent) -> None:
        try:
            self._on_event(event)
        except Exception:
            log.exception("the listener of a recogniser's stream failed on %s", type(event).__name__)


class PocketSphinxASR(ASREngine):
    """Offline recognition of simple English."""

    name = "pocketsphinx"
    note = "pocketsphinx knows English only, and simple phrases best; moonshine understands whatever is said."
    final_differs = True
    """Two decoders hear each utterance, and only at its end is one of them chosen."""

    def __init__(self, *, processes: int | None = None) -> None:
        """`processes` is the most that are ever started, each serving one utterance at a time and taking some 30 MB; without it
        there are four a core. One a core is started at first, and more when more people talk at once."""
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
        most = processes if processes is not None else PROCESSES_PER_CORE * cores
        if most < 1:
            raise ValueError(f"processes must be 1 or more, got {most}")
        self._pool = WorkerPool(first=min(cores, most), most=most)
        self._streams: set[PocketSphinxStream] = set()
        self._started = False

    @property
    def pids(self) -> tuple[int, ...]:
        """Process ids of all that this engine runs, for those who watch memory."""
        return self._pool.pids

    async def start(self) -> None:
        """Loads the models, which takes about a second. Raises RuntimeError that says what to install or to mend."""
        if importlib.util.find_spec("pocketsphinx") is None:
            raise RuntimeError("pocketsphinx is not installed: pip install 'hubbub[offline]'")
        await self._pool.start()
        self._started = True

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        if not self._started:
            raise RuntimeError("the engine was not started: await start() before the first open()")
        stream = PocketSphinxStream(self._pool, on_event, context, memory, self._streams.discard)
        self._streams.add(stream)
        return stream

    async def close(self) -> None:
        self._started = False
        for stream in list(self._streams):
            stream.cancel()
        await self._pool.close()
