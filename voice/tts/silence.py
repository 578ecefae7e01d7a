"""Leading silence of a synthesiser, cut off and counted.

A caller waits for the first sample that can be heard, not for the first sample.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace

import numpy as np

from ..audio.frames import SAMPLE_BYTES, ms_to_samples
from .base import SpokenWord, TTSChunk

THRESHOLD = 64
"""Loudest sample that still counts as silence: 64 of 32768 is -54 dBFS, below the hiss of a quiet room in a headset and
well below the softest consonant that espeak-ng or the cloud voices make."""

KEPT_MS = 5.0
"""What is kept before the first loud sample, so that a soft attack is not clipped."""


class LeadingSilence:
    """Takes the silence off the front of one synthesis. Sound goes in and out as PCM16 mono."""

    def __init__(self, rate_hz: int) -> None:
        self._kept_samples = ms_to_samples(KEPT_MS, rate_hz)
        self._waiting = bytearray()
        self.trimmed_samples = 0
        """Samples taken off so far."""
        self.over = False
        """Whether the first audible sample has been seen; from then on sound passes untouched."""

    def push(self, pcm: bytes) -> bytes:
        """Returns what may be played of the sound so far: nothing while all of it is silence."""
        if self.over:
            return pcm
        self._waiting += pcm
        # As int32, because abs(-32768) does not fit 16 bits.
        loud = np.flatnonzero(np.abs(np.frombuffer(self._waiting, np.int16).astype(np.int32)) > THRESHOLD)
        samples = len(self._waiting) // SAMPLE_BYTES
        keep_from = int(loud[0]) - self._kept_samples if loud.size else samples - self._kept_samples
        keep_from = max(0, keep_from)
        self.trimmed_samples += keep_from
        sound = bytes(self._waiting[keep_from * SAMPLE_BYTES :])
        self.over = bool(loud.size)
        self._waiting = bytearray() if self.over else bytearray(sound)
        return sound if self.over else b""


async def without_leading_silence(chunks: AsyncGenerator[TTSChunk, None], rate_hz: int) -> AsyncGenerator[TTSChunk, None]:
    """One synthesis without the silence at its front, whether its engine took that off or not. What was taken off stands in
    `trimmed_samples`, beside what the engine took itself; words that came with it come with the first sound, at their new place."""
    silence = LeadingSilence(rate_hz)
    words: tuple[SpokenWord, ...] = ()
    reported = taken = 0
    async with aclosing(chunks):
        async for chunk in chunks:
            if silence.over and not silence.trimmed_samples:  # the usual case: an engine that begins to speak at once
                yield chunk
                continue
            words += chunk.words
            taken += chunk.trimmed_samples
            if sound := silence.push(chunk.pcm):
                off = silence.trimmed_samples
                yield TTSChunk(sound, tuple(_earlier(word, off) for word in words), off - reported + taken)
                words, reported, taken = (), off, 0
        if words:
            off = silence.trimmed_samples
            yield TTSChunk(b"", tuple(_earlier(word, off) for word in words), off - reported + taken)


def _earlier(word: SpokenWord, samples: int) -> SpokenWord:
    return replace(word, at_sample=max(0, word.at_sample - samples))
