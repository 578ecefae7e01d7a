"""Whether what the microphone hears is our own voice coming back from a loudspeaker.

A caller without headphones sends our sound back, weaker and later. The VAD is right to call that speech; it must not interrupt us.
The guard compares the newest stretch of the microphone with the last second and a half of what was sent, at every delay at once:
if one of them explains most of the microphone's energy, it was an echo. A caller who speaks over it leaves most of the energy
unexplained. Nothing is computed unless the VAD hears speech while a reply plays. Pure.
"""

from collections import deque

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES

SENT_MS = 1200
"""Sound that is kept for comparison: the lead (120 ms), the far end's buffers and network (300 ms), the room, and the stretch itself."""

STRETCH_SAMPLES = 2048
"""Microphone sound that is compared: 128 ms, some dozen pitch periods, so that two different voices seldom look alike."""

COMPARE_HZ = 4000
"""Rate of the comparison: a voice has most of its energy below 2 kHz, and a sixth of the samples is a tenth of the work."""

EXPLAINED = 0.45
"""Share of the microphone's energy (squared correlation) from which it is an echo. Different voices reach 0.25 by chance; a
loudspeaker and a small room keep 0.5 and more of a direct path."""


EXPLAINED_SHORT = 0.75
"""The same while less than `SURE_BLOCKS` of 16 ms hold sound: a few pitch periods of any voice look like a few of ours."""

SURE_BLOCKS = 5


class EchoGuard:
    """Remembers what was sent to one caller, and recognises it when it comes back."""

    def __init__(self) -> None:
        self._sent: deque[bytes] = deque()
        self._sent_bytes = 0
        self._heard: deque[bytes] = deque()
        self._heard_bytes = 0

    def sent(self, pcm: bytes) -> None:
        """Takes what leaves for the caller: PCM16 at 24 kHz."""
        self._sent.append(pcm)
        self._sent_bytes += len(pcm)
        while self._sent and self._sent_bytes - len(self._sent[0]) > SENT_MS * MOUTH_HZ // 1000 * SAMPLE_BYTES:
            self._sent_bytes -= len(self._sent.popleft())

    def heard(self, pcm: bytes) -> None:
        """Takes a window of the microphone: PCM16 at 16 kHz."""
        self._heard.append(pcm)
        self._heard_bytes += len(pcm)
        while self._heard and self._heard_bytes - len(self._heard[0]) >= STRETCH_SAMPLES * SAMPLE_BYTES:
            self._heard_bytes -= len(self._heard.popleft())

    def is_echo(self) -> bool:
        """Whether the newest stretch of the microphone is explained by what was sent."""
        return self.explained() >= (EXPLAINED if self._sounding() >= SURE_BLOCKS else EXPLAINED_SHORT)

    def _sounding(self) -> int:
        """How many blocks of 16 ms of the newest stretch hold sound: at an onset, most of it is still silence."""
        heard = _decimated(b"".join(self._heard), EAR_HZ)[-STRETCH_SAMPLES * COMPARE_HZ // EAR_HZ :]
        blocks = heard[: len(heard) // 64 * 64].reshape(-1, 64)
        energy = (blocks * blocks).sum(axis=1)
        return int((energy > energy.max(initial=1.0) * 0.05).sum())

    def explained(self) -> float:
        """The share of the newest stretch's energy that a delayed copy of what was sent explains, from 0 to 1."""
        if not self._sent or not self._heard:
            return 0.0
        heard = _decimated(b"".join(self._heard), EAR_HZ)[-STRETCH_SAMPLES * COMPARE_HZ // EAR_HZ :]
        sent = _decimated(b"".join(self._sent), MOUTH_HZ)
        sent = np.concatenate([np.zeros(len(heard)), sent])  # the stretch may begin before the reply did
        heard, sent = heard - heard.mean(), sent - sent.mean()
        energy = float(heard @ heard)
        if energy < len(heard) * 4.0:
            return 0.0
        size = 1 << (len(sent) + len(heard) - 1).bit_length()
        crossed = np.fft.irfft(np.fft.rfft(sent, size) * np.conj(np.fft.rfft(heard, size)), size)[: len(sent) - len(heard) + 1]
        running = np.concatenate([[0.0], np.cumsum(sent * sent)])
        local = running[len(heard) :] - running[: -len(heard)]
        quiet = local < local.max(initial=0.0) * 1e-3 + 1.0
        share = np.where(quiet, 0.0, crossed * crossed / (np.maximum(local, 1.0) * energy))
        return float(min(1.0, share.max(initial=0.0)))


def _decimated(pcm: bytes, rate_hz: int) -> npt.NDArray[np.float64]:
    """Sound at `COMPARE_HZ`, by averaging neighbours: what aliases is the same on both sides and weak."""
    samples = np.frombuffer(pcm, np.int16)
    factor = rate_hz // COMPARE_HZ
    averaged: npt.NDArray[np.float64] = samples[: len(samples) // factor * factor].reshape(-1, factor).mean(axis=1)
    return averaged
