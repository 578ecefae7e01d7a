"""Recognisers for simulated time: pocketsphinx in this process, and one that knows what is said.

The two tell apart what the turn machine does from what a recogniser makes of a sound.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from ..asr.base import ASRContext, ASREngine, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from ..testing.asr import ScriptedASR

ASR_FINAL_MS = 40
"""How long the recogniser's answers take, in simulated time: what pocketsphinx takes on a real machine (benchmarks/asr.py)."""

CMN = "inline.cmn"
"""Key of what is remembered of a caller: the cepstral means of voice and line."""


class KnownWords(ASREngine):
    """Knows what is said, with the timing of a good streaming recogniser: partials after 60 ms, finals after 150 ms.

    An utterance that a pause divides is given its whole text in both parts.
    """

    name = "perfect"

    def __init__(self) -> None:
        self.text = ""
        """What the next utterances say; empty for a noise."""

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        return ScriptedASR([self.text]).open(on_event, context=context, memory=memory)


class InlineSphinx(ASREngine):
    """pocketsphinx in this process, for simulated time: it decodes while the clock stands still, and answers after a stated delay.

    Raises ImportError where pocketsphinx is missing.
    """

    name = "pocketsphinx"
    sure_of_short_words = False

    def __init__(self) -> None:
        from ..asr.decoder import Recogniser

        self._recogniser = Recogniser()
        self._owner: ASRStream | None = None

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        stream = _InlineStream(self, on_event, memory)
        cmn = memory.state.get(CMN) if memory is not None else None
        self._recogniser.begin(context, cmn if isinstance(cmn, str) else None)
        self._owner = stream
        return stream

    def partial(self, stream: ASRStream, pcm: bytes) -> str | None:
        """Adds sound to the utterance of a stream; None where another stream has taken the recogniser."""
        return self._recogniser.feed(pcm) if self._owner is stream else None

    def final(self, stream: ASRStream) -> Any | None:
        """Ends the utterance of a stream; None where another stream has taken the recogniser."""
        if self._owner is not stream:
            return None
        self._owner = None
        return self._recogniser.finish()


class _InlineStream(ASRStream):
    """One recogniser serves one utterance at a time: the newest."""

    def __init__(self, engine: InlineSphinx, on_event: Callable[[ASREvent], None], memory: ASRMemory | None) -> None:
        self._engine = engine
        self._on_event = on_event
        self._memory = memory
        self._loop = asyncio.get_running_loop()
        self._over = False

    def feed(self, pcm: bytes) -> None:
        if not self._over and (text := self._engine.partial(self, pcm)):
            self._loop.call_later(ASR_FINAL_MS / 1000, self._tell, ASRPartial(text))

    def end(self) -> None:
        if self._over:
            return
        decoded = self._engine.final(self)
        if decoded is not None and self._memory is not None:
            self._memory.state[CMN] = decoded.cmn
        self._loop.call_later(ASR_FINAL_MS / 1000, self._tell, ASRFinal(decoded.text if decoded is not None else ""))

    def cancel(self) -> None:
        self._over = True

    def _tell(self, event: ASREvent) -> None:
        if not self._over:
            self._over = isinstance(event, ASRFinal)
            self._on_event(event)
