"""Short fades, so that sound that starts or stops in the middle does not click."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from .pcm import to_pcm, to_samples

FADE_MS = 5
"""A length that is too short to hear as a fade and long enough to hide the click of a cut voice."""


def fade_in(pcm: bytes, samples: int) -> bytes:
    """`pcm` rising from silence over its first `samples` samples along a raised cosine; a shorter `pcm` rises
    over all of it.

    Raises ValueError on an odd number of bytes or a negative `samples`.
    """
    return _fade(pcm, samples, at_end=False)


def fade_out(pcm: bytes, samples: int) -> bytes:
    """`pcm` falling to silence over its last `samples` samples along a raised cosine; a shorter `pcm` falls
    over all of it.

    Raises ValueError on an odd number of bytes or a negative `samples`.
    """
    return _fade(pcm, samples, at_end=True)


class Edges:
    """Takes the clicks out of a stream that stops and starts anywhere: a hold, a cut, a resume, a frame that came too late.

    One for each outgoing stream that we mix ourselves; whoever sends it gives every stretch of it, in order, to `sound` or to
    `silence`, and sends what comes back, which is always as long as what was given. What stops is followed by a *tail*: its own last
    milliseconds, backwards and falling to nothing, so that the curve has no step. The tail is no sound of the reply: no sample of it
    was taken from what waits, nothing is lost, and playheads count as before. What starts rises from nothing. In the middle of a
    stream nothing is touched or copied.

    Not for a far end that buffers and is told to throw its buffer away: there the last sound sent is not the last sound heard.
    """

    def __init__(self, rate_hz: int, *, fade_ms: int = FADE_MS) -> None:
        """Raises ValueError unless the fade is at least one sample long."""
        self._samples = rate_hz * fade_ms // 1000
        if self._samples < 1:
            raise ValueError(f"a fade of {fade_ms} ms at {rate_hz} Hz has no sample")
        self._last = b""
        """The newest stretch of sound while nothing but sound has come; empty in silence."""
        self._tail = b""
        """What is left of a tail that a short stretch of silence had no room for."""

    def sound(self, pcm: bytes, *, joins: bool = True) -> bytes:
        """The next stretch, PCM16. `joins`: False where it does not go on from the stretch before (another reply after a cut)."""
        if not pcm:
            return pcm
        if self._last and joins:
            short = len(pcm) < 2 * self._samples
            self._last = (self._last + pcm)[-2 * self._samples :] if short else pcm
            return pcm
        tail = self._falling() if self._last else self._tail
        self._last, self._tail = pcm, b""
        risen = fade_in(pcm, self._samples)
        return _added(risen, tail) if tail else risen

    def silence(self, samples: int) -> bytes:
        """A stretch in which nothing is to be heard: the tail of the sound before, then zeros."""
        if self._last:
            self._tail, self._last = self._falling(), b""
        if not self._tail:
            return _zeros(samples)
        now, self._tail = self._tail[: 2 * samples], self._tail[2 * samples :]
        return now + bytes(2 * samples - len(now))

    def _falling(self) -> bytes:
        mirrored = to_samples(self._last[-2 * self._samples :])[::-1]
        return to_pcm(mirrored * _rise(mirrored.size)[::-1])


@lru_cache(maxsize=16)
def _zeros(samples: int) -> bytes:
    return bytes(2 * samples)


def _added(pcm: bytes, tail: bytes) -> bytes:
    both = min(len(pcm), len(tail))
    return to_pcm(to_samples(pcm[:both]) + to_samples(tail[:both])) + pcm[both:]


def _fade(pcm: bytes, samples: int, *, at_end: bool) -> bytes:
    if samples < 0:
        raise ValueError(f"a fade cannot be {samples} samples long")
    values = to_samples(pcm)
    length = min(samples, values.size)
    if not length:
        return pcm
    if at_end:
        return pcm[: -2 * length] + to_pcm(values[-length:] * _rise(length)[::-1])
    return to_pcm(values[:length] * _rise(length)) + pcm[2 * length :]


@lru_cache(maxsize=16)  # a server uses a handful of lengths: one a rate
def _rise(samples: int) -> npt.NDArray[np.float32]:
    # Half a step from either end, so that fading in and out mirror each other and no sample is wasted on
    # exact silence.
    phase = (np.arange(samples) + 0.5) / samples
    return (0.5 - 0.5 * np.cos(np.pi * phase)).astype(np.float32)
