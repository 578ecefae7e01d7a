"""The engines that every server of this comparison is given: the same delays, the same words, the same tone.

Imports nothing but numpy: it runs in each server's own environment. Delays in milliseconds:

* recogniser: partials 60 behind the speech (one word per 300 of loud sound), the final 150 after the last loud sound reached it,
  whatever the server's voice activity detector thinks;
* model: 300 to the first token, then 50 tokens a second;
* synthesiser: 150 to the first sound, then five times real time; a word is 300 of tone, its last fifth silent.
"""

import argparse
import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

PARTIAL_MS, FINAL_MS, MODEL_MS, TTS_MS = 60, 150, 300, 150
TOKENS_A_SECOND, TTS_SPEED = 50, 5
EAR_HZ, MOUTH_HZ = 16_000, 24_000
MS_A_WORD = 300
LOUD = 600
"""Absolute sample value from which a chunk counts as loud: about -35 dBFS."""
REQUEST = "what is the weather like today"
ANSWER = "Certainly, here is the answer. It has two sentences, so there is something to hear."


def tone() -> bytes:
    """One word: PCM16 mono at 24 kHz."""
    samples = MOUTH_HZ * MS_A_WORD // 1000
    wave = np.sin(2 * np.pi * 200 * np.arange(samples) / MOUTH_HZ) * 9000
    wave[samples * 4 // 5 :] = 0
    return wave.astype(np.int16).tobytes()


WORD = tone()


@dataclass(frozen=True, slots=True)
class Heard:
    """What the recogniser says."""

    text: str
    final: bool


@dataclass(slots=True)
class Recogniser:
    """The recogniser's clock, without I/O: chunks of PCM16 at 16 kHz in, what is to be said out.

    A final falls due 150 ms after the last loud chunk; the caller of `feed` gets it in the chunk that completes these 150 ms, so
    that an utterance with a shorter pause inside stays one.
    """

    loud_ms: float = 0.0
    quiet_ms: float = 0.0
    shown: str = ""
    words: list[str] = field(default_factory=REQUEST.split)

    def feed(self, pcm: bytes) -> Iterator[Heard]:
        samples = np.frombuffer(pcm, np.int16)
        length_ms = samples.size * 1000 / EAR_HZ
        if np.abs(samples.astype(np.int32)).max(initial=0) > LOUD:
            self.loud_ms += length_ms
            self.quiet_ms = 0.0
        else:
            self.quiet_ms += length_ms
        if not self.loud_ms:
            return
        if self.quiet_ms >= FINAL_MS:
            self.loud_ms, self.shown = 0.0, ""
            yield Heard(REQUEST, final=True)
            return
        count = int(max(0.0, self.loud_ms - PARTIAL_MS) / MS_A_WORD)
        shown = REQUEST if self.quiet_ms >= PARTIAL_MS else " ".join(self.words[:count])
        if len(shown) > len(self.shown):
            self.shown = shown
            yield Heard(shown, final=False)


def tokens() -> list[str]:
    """The answer as the model streams it: a word with the space after it."""
    return [word + " " for word in ANSWER.split()]


class Synthesiser:
    """The synthesiser's clock: the first word of a segment after 150 ms, each further at five times real time."""

    def __init__(self) -> None:
        self._spoken = 0
        self._due = 0.0

    async def wait_for_word(self) -> float:
        """Waits until the next word's sound is there; returns where it begins in the segment, in seconds."""
        loop = asyncio.get_running_loop()
        if not self._spoken:
            self._due = loop.time() + TTS_MS / 1000
        else:
            self._due = max(self._due + MS_A_WORD / 1000 / TTS_SPEED, loop.time())
        await asyncio.sleep(max(0.0, self._due - loop.time()))
        self._spoken += 1
        return (self._spoken - 1) * MS_A_WORD / 1000


def arguments(description: str | None, **more: str) -> argparse.Namespace:
    """What every server takes. Pins the process to its core at once, so that threads started by imports follow."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--core", type=int, default=None, help="pin the process to this core")
    for name, default in more.items():
        parser.add_argument(f"--{name}", default=default)
    given = parser.parse_args()
    if given.core is not None:
        os.sched_setaffinity(0, {given.core})
    return given
