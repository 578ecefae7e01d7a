"""A synthesiser with stated delays and exact word times: tones instead of speech."""

import asyncio
import re
from collections.abc import AsyncGenerator

import numpy as np

from ..tts.base import SpokenWord, TTSChunk, TTSEngine, TTSError, Voice

WORD_MS = 300
"""Every word lasts this long (200 words a minute), the last fifth of it silent."""


class ScriptedTTS(TTSEngine):
    """Speaks every word as a tone of 300 ms.

    `first_sound_ms`: until the first chunk of a sentence. `speed`: how much faster than real time the rest comes; 0 is at once.
    `fail_on`: a sentence that holds this text raises TTSError.
    """

    name = "scripted"

    def __init__(self, *, rate_hz: int = 24_000, first_sound_ms: int = 0, speed: float = 0.0, fail_on: str | None = None) -> None:
        self.rate_hz = rate_hz
        self.first_sound_ms = first_sound_ms
        self.speed = speed
        self.fail_on = fail_on
        self.spoken: list[str] = []
        """What was asked for, sentence by sentence."""
        samples = rate_hz * WORD_MS // 1000
        wave = np.sin(2 * np.pi * 200 * np.arange(samples) / rate_hz) * 9000
        wave[samples * 4 // 5 :] = 0
        self._word = wave.astype(np.int16).tobytes()

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        self.spoken.append(text)
        if self.first_sound_ms:
            await asyncio.sleep(self.first_sound_ms / 1000)
        if self.fail_on is not None and self.fail_on in text:
            raise TTSError(f"the script says that {self.fail_on!r} cannot be spoken")
        samples = len(self._word) // 2
        for number, match in enumerate(re.finditer(r"\S+", text)):
            if number and self.speed:
                await asyncio.sleep(WORD_MS / 1000 / self.speed)
            yield TTSChunk(self._word, (SpokenWord(match.start(), match.end(), number * samples),))
