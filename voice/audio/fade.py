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
