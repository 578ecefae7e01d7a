"""Recognisers for simulated time: the offline ones in this process, and one that knows what is said.

The two tell apart what the turn machine does from what a recogniser makes of a sound.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..asr.base import ASRContext, ASREngine, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from ..asr.moonshine import MoonshineASR
from ..asr.moonshine_model import find_model
from ..testing.asr import ScriptedASR

if TYPE_CHECKING:
    from ..asr.decoder import Decoded, Partial

ASR_FINAL_MS = 40
"""How long the recogniser's answers take, in simulated time: what pocketsphinx takes on a real machine (benchmarks/asr.py)."""

CMN = "inline.cmn"
"""Key of what is remembered of a caller: the cepstral means of voice and line."""


REMEMBERED = 4000
"""Beginnings of utterances, 20 ms apart, whose outcome is remembered: those of some forty scenes."""


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


def offline() -> str:
    """The best recogniser that is here, by name."""
    return "moonshine" if find_model() is not None else "pocketsphinx"


def inline_moonshine() -> MoonshineASR:
    """Moonshine in this process, for simulated time: it hears while the clock stands still, and answers after a stated delay."""

    async def run(work: Callable[[], Any]) -> Any:
        done = work()
        await asyncio.sleep(ASR_FINAL_MS / 1000)
        return done

    return MoonshineASR(run=run)


class InlineSphinx(ASREngine):
    """pocketsphinx in this process, for simulated time: it decodes while the clock stands still, and answers after a stated delay.

    Scenes begin with the same words, sample for sample, so what came of a beginning is remembered and not decoded again.

    Raises ImportError where pocketsphinx is missing.
    """

    name = "pocketsphinx"

    def __init__(self) -> None:
        from ..asr.decoder import Recogniser

        self._recogniser = Recogniser()
        self._decoding: _InlineStream | None = None
        self._known: OrderedDict[bytes, Partial | Decoded | None] = OrderedDict()

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        return _InlineStream(self, on_event, context, memory)

    def partial(self, stream: "_InlineStream", pcm: bytes) -> ASRPartial | None:
        """Adds sound to the utterance of a stream; None for nothing new."""
        found = self._remembered(stream, pcm, lambda: self._recogniser.feed(pcm))
        return None if found is None else ASRPartial(found.text, found.claim)

    def final(self, stream: "_InlineStream") -> "Decoded":
        """Ends the utterance of a stream."""
        found: Decoded = self._remembered(stream, b"", self._recogniser.finish)
        if self._decoding is stream:
            self._decoding = None
        return found

    def _remembered(self, stream: "_InlineStream", pcm: bytes, decode: Callable[[], Any]) -> Any:
        """What came of the utterance so far, with `pcm` at its end; `decode` finds it out where it is not known."""
        stream.digest.update(len(pcm).to_bytes(4, "big") + pcm)
        key = stream.digest.digest()
        stream.pieces.append(pcm)
        if key in self._known:
            self._known.move_to_end(key)
            return self._known[key]
        self._catch_up(stream)
        found = self._known[key] = decode()
        stream.decoded = len(stream.pieces)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found

    def _catch_up(self, stream: "_InlineStream") -> None:
        """One utterance is decoded at a time: the newest. What was known of it by heart is decoded after all."""
        if self._decoding is not stream:
            self._recogniser.begin(stream.context, stream.cmn)
            self._decoding, stream.decoded = stream, 0
        for piece in stream.pieces[stream.decoded : -1]:
            self._recogniser.feed(piece)


class _InlineStream(ASRStream):
    def __init__(
        self, engine: InlineSphinx, on_event: Callable[[ASREvent], None], context: ASRContext, memory: ASRMemory | None
    ) -> None:
        cmn = memory.state.get(CMN) if memory is not None else None
        self.context = context
        self.cmn = cmn if isinstance(cmn, str) else None
        self.digest = hashlib.blake2b(repr((context, self.cmn)).encode(), digest_size=16)
        self.pieces: list[bytes] = []
        self.decoded = 0
        """How many of the pieces the recogniser has been given."""
        self._engine = engine
        self._on_event = on_event
        self._memory = memory
        self._loop = asyncio.get_running_loop()
        self._over = False

    def feed(self, pcm: bytes) -> None:
        if not self._over and (partial := self._engine.partial(self, pcm)):
            self._loop.call_later(ASR_FINAL_MS / 1000, self._tell, partial)

    def end(self) -> None:
        if self._over:
            return
        decoded = self._engine.final(self)
        if self._memory is not None:
            self._memory.state[CMN] = decoded.cmn
        self._loop.call_later(ASR_FINAL_MS / 1000, self._tell, ASRFinal(decoded.text, claim=decoded.claim))

    def cancel(self) -> None:
        self._over = True

    def _tell(self, event: ASREvent) -> None:
        if not self._over:
            self._over = isinstance(event, ASRFinal)
            self._on_event(event)
