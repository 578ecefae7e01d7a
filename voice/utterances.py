"""The utterances of a caller's open turn: their recogniser streams, and the sound that an end-of-turn model looks at.

Streams are fed with sound as it comes, before any VAD has judged it, so that no partial waits for a window to be full. The sound
that is kept is what was judged.
"""

from .asr.base import ASRStream
from .audio.frames import EAR_HZ, SAMPLE_BYTES
from .turn.complete import SOUND_MS

_KEPT = SOUND_MS * EAR_HZ // 1000 * SAMPLE_BYTES
_MOVE = EAR_HZ * SAMPLE_BYTES  # one move a second, not one a window


class Utterances:
    """Streams by the number of their utterance. The newest may be open; the others owe their final."""

    def __init__(self) -> None:
        self._streams: dict[int, ASRStream] = {}
        self._open: ASRStream | None = None
        self._sound = bytearray()

    def open(self, utterance: int, stream: ASRStream, judged: bytes, waiting: bytes, *, goes_on: bool) -> None:
        """An utterance begins: `stream` gets the sound before and after the point that has been judged. `goes_on`: in a turn that has
        sound already."""
        stream.feed(judged + waiting)
        if not goes_on:
            self._sound[:] = judged
        self._streams[utterance] = self._open = stream

    def feed(self, pcm: bytes) -> None:
        """Sound has come (PCM16 at 16 kHz)."""
        if self._open is not None:
            self._open.feed(pcm)

    def end(self, utterance: int) -> None:
        """The caller pauses: the final is asked for."""
        self._open = None
        self._streams[utterance].end()

    def drop(self, utterance: int) -> None:
        """It was no speech."""
        self._open = None
        self._streams.pop(utterance).cancel()

    def forget(self, utterance: int) -> None:
        """Its stream has said its last."""
        stream = self._streams.pop(utterance, None)
        if stream is self._open:
            self._open = None

    def close(self) -> None:
        """The turn is over: whoever still owes text is no longer asked."""
        self._open = None
        for stream in self._streams.values():
            stream.cancel()
        self._streams.clear()
        self._sound.clear()

    def keep(self, pcm: bytes) -> None:
        """Keeps judged sound of the turn, the last `SOUND_MS`."""
        self._sound += pcm
        surplus = len(self._sound) - _KEPT
        if surplus > _MOVE:
            del self._sound[:surplus]

    @property
    def sound(self) -> bytes:
        """The turn's sound so far: PCM16 at 16 kHz, the last `SOUND_MS` at most."""
        return bytes(self._sound[-_KEPT:])
