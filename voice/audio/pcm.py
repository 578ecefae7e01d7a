"""Between PCM16 bytes, which travel, and numpy arrays, which are computed with."""

import numpy as np
import numpy.typing as npt

from .frames import SAMPLE_BYTES

FULL_SCALE = 32768.0
"""Magnitude of the loudest negative sample: int16 divided by this lies in [-1, 1)."""


def to_samples(pcm: bytes) -> npt.NDArray[np.int16]:
    """The samples of `pcm`, shape (n,), as a read-only view without a copy.

    Raises ValueError when the number of bytes is odd, which means that the sound was cut inside a sample.
    """
    if len(pcm) % SAMPLE_BYTES:
        raise ValueError(f"PCM16 sound has two bytes a sample; {len(pcm)} bytes came, which is odd")
    return np.frombuffer(pcm, dtype="<i2")


def to_pcm(values: npt.NDArray[np.floating] | npt.NDArray[np.integer]) -> bytes:
    """PCM16 bytes of `values`, in units of int16 steps, shape (n,): rounded to the nearest step and clipped,
    never wrapped.
    """
    if values.dtype == np.int16:
        return values.astype("<i2", copy=False).tobytes()
    rounded = np.rint(values) if np.issubdtype(values.dtype, np.floating) else values
    clipped: npt.NDArray[np.int16] = np.clip(rounded, -32768, 32767).astype("<i2")
    return clipped.tobytes()
