"""Whether what the microphone hears is our own voice coming back from a loudspeaker.

A caller without headphones sends our sound back, weaker and later. The VAD is right to call that speech; it must not interrupt us.
The guard compares the newest stretch of the microphone with the last second and a half of what was sent, at every delay at once:
if one of them explains most of the microphone's energy, it was an echo. A caller who speaks over it leaves most of the energy
unexplained. Nothing is computed unless the VAD hears speech while a reply plays. Pure.
"""

from collections import deque

import numpy as np
import numpy.fft  # here, or the first caller's first pause waits for it to load
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

Samples = npt.NDArray[np.float32]

_STEP = MOUTH_HZ // COMPARE_HZ * SAMPLE_BYTES
_MOST_ARRIVED = SENT_MS * MOUTH_HZ // 1000 * SAMPLE_BYTES


_KEPT = SENT_MS * COMPARE_HZ // 1000
_COMPARED = STRETCH_SAMPLES * COMPARE_HZ // EAR_HZ


class EchoGuard:
    """Remembers what was sent to one caller, and recognises it when it comes back."""

    def __init__(self) -> None:
        self._arrived = bytearray()
        """What was sent since the last comparison: PCM16 at 24 kHz."""
        self._sent: Samples = np.zeros(0, np.float32)
        self._reference: _Reference | None = None
        self._heard: deque[bytes] = deque()
        self._heard_bytes = 0

    def sent(self, pcm: bytes) -> None:
        """Takes what leaves for the caller: PCM16 at 24 kHz."""
        self._arrived += pcm
        surplus = len(self._arrived) - _MOST_ARRIVED
        if surplus > _MOST_ARRIVED:
            del self._arrived[:surplus]

    def heard(self, pcm: bytes) -> None:
        """Takes a window of the microphone: PCM16 at 16 kHz."""
        self._heard.append(pcm)
        self._heard_bytes += len(pcm)
        while self._heard_bytes - len(self._heard[0]) >= STRETCH_SAMPLES * SAMPLE_BYTES:
            self._heard_bytes -= len(self._heard.popleft())

    def is_echo(self, newer: bytes = b"") -> bool:
        """Whether the newest stretch of the microphone is explained by what was sent. `newer`: what came after the last window, PCM16 at
        16 kHz."""
        heard = self._stretch(newer)
        return self._explained(heard) >= (EXPLAINED if _sounding(heard) >= SURE_BLOCKS else EXPLAINED_SHORT)

    def explained(self) -> float:
        """The share of the newest stretch's energy that a delayed copy of what was sent explains, from 0 to 1."""
        return self._explained(self._stretch())

    def _stretch(self, newer: bytes = b"") -> Samples:
        return _decimated(b"".join([*self._heard, newer]), EAR_HZ)[-_COMPARED:]

    def _explained(self, heard: Samples) -> float:
        if not len(heard):
            return 0.0
        heard = heard - heard.mean()
        energy = float(heard @ heard)
        if energy < len(heard) * 4.0:
            return 0.0
        reference = self._sound_sent(len(heard))
        return 0.0 if reference is None else reference.explains(heard, energy)

    def _sound_sent(self, length: int) -> "_Reference | None":
        """What was sent, ready to be compared with a stretch of `length`. Kept while nothing more is sent: a held reply is compared
        with one window after another."""
        if self._arrived:
            whole = len(self._arrived) // _STEP * _STEP
            new = _decimated(bytes(self._arrived[:whole]), MOUTH_HZ)
            del self._arrived[:whole]
            self._sent = np.concatenate([self._sent, new])[-_KEPT:]
            self._reference = None
        if len(self._sent) and (self._reference is None or self._reference.length != length):
            self._reference = _Reference(self._sent, length)
        return self._reference


class _Reference:
    """What was sent, with what every comparison needs of it."""

    def __init__(self, sent: Samples, length: int) -> None:
        self.length = length
        sent = np.concatenate([np.zeros(length, np.float32), sent])  # the stretch may begin before the reply did
        sent -= sent.mean()
        self._delays = len(sent) - length + 1
        self._size = _fast_size(len(sent))  # what wraps around falls on delays that are not looked at
        self._spectrum = np.fft.rfft(sent, self._size)
        running = np.concatenate([[0.0], np.cumsum(sent * sent, dtype=np.float64)])
        local = running[length:] - running[:-length]
        quiet = local < local.max(initial=0.0) * 1e-3 + 1.0
        self._one_over = np.where(quiet, 0.0, 1.0 / np.maximum(local, 1.0)).astype(np.float32)
        """Of the energy at each delay; 0 where there is too little to compare with."""

    def explains(self, heard: Samples, energy: float) -> float:
        """The share of `heard`'s energy that the best delay explains."""
        crossed = np.fft.irfft(self._spectrum * np.conj(np.fft.rfft(heard, self._size)), self._size)[: self._delays]
        crossed *= crossed
        crossed *= self._one_over
        return min(1.0, float(crossed.max(initial=0.0)) / energy)


def _fast_size(least: int) -> int:
    """A length from `least` on that a fast Fourier transform is quick with: a multiple of 512 by 2, 3 and 5."""
    return next(size for size in range(-(-least // 512) * 512, 1 << 30, 512) if _is_smooth(size))


def _is_smooth(number: int) -> bool:
    for prime in (2, 3, 5):
        while number % prime == 0:
            number //= prime
    return number == 1


def _sounding(heard: Samples) -> int:
    """How many blocks of 16 ms of a stretch hold sound: at an onset, most of it is still silence."""
    blocks = heard[: len(heard) // 64 * 64].reshape(-1, 64)
    energy = (blocks * blocks).sum(axis=1)
    return int((energy > energy.max(initial=1.0) * 0.05).sum())


def _decimated(pcm: bytes, rate_hz: int) -> Samples:
    """Sound at `COMPARE_HZ`, by averaging neighbours: what aliases is the same on both sides and weak."""
    samples = np.frombuffer(pcm, np.int16)
    factor = rate_hz // COMPARE_HZ
    averaged: Samples = samples[: len(samples) // factor * factor].reshape(-1, factor).sum(axis=1, dtype=np.int32) / np.float32(factor)
    return averaged.astype(np.float32, copy=False)
