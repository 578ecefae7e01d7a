"""A recogniser that knows what will be said: the timing of a real one, without its mistakes."""

import asyncio
from collections.abc import Callable, Iterable

from ..asr.base import ASRContext, ASREngine, ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from ..audio.frames import EAR_HZ, SAMPLE_BYTES
from ..audio.level import rms_dbfs

LOUD_DBFS = -45.0
"""Level above which a chunk counts as speech."""

MS_A_WORD = 300
"""Speaking rate by which partials reveal their words: 200 words a minute."""


class ScriptedASR(ASREngine):
    """Answers the n-th utterance with the n-th text of its script.

    `partial_ms`: how far partials lag behind the speech, in the sound's own time; None gives no partials. `final_ms`: how long after
    the last speech the final comes, at the earliest when it is asked for. A text that is an Exception fails the utterance. When
    the script is used up, utterances are empty (or its last text repeats, with `repeat`).
    """

    name = "scripted"

    def __init__(
        self, script: Iterable[str | Exception] = (), *, partial_ms: int | None = 60, final_ms: int = 150, repeat: bool = False
    ) -> None:
        self.script = list(script)
        self.partial_ms = partial_ms
        self.partials = partial_ms is not None
        self.final_ms = final_ms
        self.repeat = repeat
        self.opened = 0

    def open(
        self, on_event: Callable[[ASREvent], None], *, context: ASRContext, memory: ASRMemory | None = None
    ) -> ASRStream:
        index, self.opened = self.opened, self.opened + 1
        if index < len(self.script):
            text = self.script[index]
        else:
            text = self.script[-1] if self.repeat and self.script else ""
        return _ScriptedStream(self, text, on_event)


class _ScriptedStream(ASRStream):
    def __init__(self, engine: ScriptedASR, text: str | Exception, on_event: Callable[[ASREvent], None]) -> None:
        self._engine = engine
        self._text = text
        self._on_event = on_event
        self._loop = asyncio.get_running_loop()
        self._loud_ms = 0.0
        self._quiet_ms = 0.0
        self._shown = ""
        self._over = False
        self._ended = False

    def feed(self, pcm: bytes) -> None:
        if self._over or self._ended:
            return
        length_ms = len(pcm) // SAMPLE_BYTES * 1000 / EAR_HZ
        if rms_dbfs(pcm) > LOUD_DBFS:
            self._loud_ms += length_ms
            self._quiet_ms = 0.0
        else:
            self._quiet_ms += length_ms
        if self._engine.partial_ms is not None and isinstance(self._text, str):
            self._partial(self._text, self._engine.partial_ms)

    def _partial(self, text: str, lag_ms: int) -> None:
        words = text.split()
        if self._loud_ms and self._quiet_ms >= lag_ms:
            shown = text
        else:
            shown = " ".join(words[: int(max(0.0, self._loud_ms - lag_ms) / MS_A_WORD)])
        if shown and shown != self._shown and len(shown) > len(self._shown):
            self._shown = shown
            self._loop.call_soon(self._tell, ASRPartial(shown))

    def end(self) -> None:
        if self._over or self._ended:
            return
        self._ended = True
        answer = ASRError(str(self._text)) if isinstance(self._text, Exception) else ASRFinal(self._text if self._loud_ms else "")
        self._loop.call_later(max(0.0, self._engine.final_ms - self._quiet_ms) / 1000, self._tell, answer)

    def cancel(self) -> None:
        self._over = True

    def _tell(self, event: ASREvent) -> None:
        if self._over:
            return
        if not isinstance(event, ASRPartial):
            self._over = True
        self._on_event(event)
