"""What is said in the greeting of an answered call, as far as a recogniser makes it out: machines ask for messages, people offer help.

Only phrases of two words and more count, and words that nobody else says: a recogniser over a telephone line invents the short ones.
"""

import re
from collections.abc import Callable

from ...asr.base import ASRContext, ASREngine, ASRError, ASREvent, ASRFinal, ASRPartial, ASRStream
from ...audio.frames import EAR_HZ, SAMPLE_BYTES

PAUSE_MS = 400
"""Silence after which a recogniser is asked for its final: well before a person is told by his pause (`GreetingPolicy.pause_ms`)."""

PRE_ROLL_MS = 300
"""Sound before a voice begins that a recogniser gets with it."""

MAX_STREAMS = 20
"""Stretches of speech that are recognised; who has not been told by then will not be."""

_MACHINE_SAYS = (
    "leave a message", "leave your name and number", "leave your message", "you have reached", "you've reached", "come to the phone",
    "after the tone", "at the tone", "after the beep", "record your message", "not available", "take your call", "name and number",
    "call you back", "call you back as soon as", "get back to you", "hang up or press", "you may hang up", "for sales press one",
    "press one", "press two", "our opening hours are", "we are closed", "not here right now", "please call back later",
)  # fmt: skip
_PERSON_SAYS = (
    "how can i help you", "how may i help you", "can i help you", "what can i do for you", "who is this", "who is calling",
    "who's calling", "who am i speaking to", "good morning how can i help you",
)  # fmt: skip

PHRASES = (
    "hello", "hello who is this", "yes hello", "good morning", "good afternoon", "please leave a message after the tone",
    "i can't come to the phone right now", "the person you are calling is not available", *_MACHINE_SAYS, *_PERSON_SAYS,
)  # fmt: skip
"""What a recogniser may expect."""

MACHINE = re.compile(
    r"\b(?:leave (?:\w+ ){1,2}(?:message|name)|(?:you have|you've) reached|come to the phone"
    r"|(?:after|at) the (?:tone|beep)|record your message|not available|unavailable|take your call|name and number|back to you"
    r"|call you back|may hang up|press (?:one|two|1|2)|opening hours|we are (?:currently )?closed|not here right now|voice ?mail"
    r"|mailbox|answering machine)\b"
    r"|请留言|语音信箱|留言信箱|无法接通|无法接听|不在服务区|已关机|您拨打的|嘀声|滴声"
)
PERSON = re.compile(
    r"\b(?:(?:can|may|could) i help|help you|can i do for you|who is this|(?:who is|who's) (?:this|calling)|am i speaking"
    r"|this is (?:he|she))\b"
    r"|请问|哪位|有什么可以|找谁"
)


class GreetingWords:
    """Has the speech of one answered call recognised, stretch by stretch, and tells all that was said so far."""

    def __init__(self, asr: ASREngine, language: str, tell: Callable[[str | None], None]) -> None:
        """`tell` is given the words so far, in lower case; None once the recogniser has failed."""
        self._asr = asr
        self._context = ASRContext(language, PHRASES)
        self._tell = tell
        self._said: list[str] = []
        self._stream: ASRStream | None = None
        self._opened = 0
        self._before = bytearray()
        self._closed = False

    def hear(self, pcm: bytes, quiet_ms: int) -> None:
        """Takes sound, PCM16 at 16 kHz. `quiet_ms`: how long nothing has been said by its end."""
        if self._closed:
            return
        if self._stream is None:
            self._before += pcm
            if quiet_ms or self._opened >= MAX_STREAMS:
                del self._before[: max(0, len(self._before) - EAR_HZ * PRE_ROLL_MS // 1000 * SAMPLE_BYTES)]
                return
            self._open()
            pcm = bytes(self._before)
            self._before.clear()
        assert self._stream is not None
        self._stream.feed(pcm)
        if quiet_ms >= PAUSE_MS:
            self._stream.end()
            self._stream = None

    def close(self) -> None:
        """Nothing more is to be recognised."""
        self._closed = True
        if self._stream is not None:
            self._stream.cancel()
            self._stream = None

    def _open(self) -> None:
        place = self._opened
        self._opened += 1
        self._said.append("")

        def receive(event: ASREvent) -> None:
            if self._closed:
                return
            if isinstance(event, ASRError):
                self.close()
                self._tell(None)
            elif isinstance(event, ASRPartial | ASRFinal):
                self._said[place] = event.text.lower()
                self._tell(" ".join(filter(None, self._said)))

        self._stream = self._asr.open(receive, context=self._context)
