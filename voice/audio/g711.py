"""G.711: the µ-law and A-law of telephony, one byte a sample.

Encoding and decoding are look-ups in tables that are built once, at first use. The results equal those of
Python's former `audioop` module for every input (`lin2ulaw`, `ulaw2lin`, `lin2alaw`, `alaw2lin` at width 2),
which was the de facto reference: it drops the low bits of a sample (two for µ-law, three for A-law) with an
arithmetic shift before it looks for the segment. Sampling rate is the caller's business; on a phone line it
is 8 kHz.
"""

from functools import cache

import numpy as np
import numpy.typing as npt

from .pcm import to_samples

_ULAW_BIAS = 0x84 >> 2  # ITU-T G.711 in 14-bit steps: makes every segment start at a power of two
_ULAW_CLIP = 8159  # largest magnitude of the 14-bit scale that still has a code
_ULAW_SEGMENT_ENDS = np.array([0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF, 0x1FFF])
_ALAW_SEGMENT_ENDS = np.array([0x1F, 0x3F, 0x7F, 0xFF, 0x1FF, 0x3FF, 0x7FF, 0xFFF])


def encode_ulaw(pcm: bytes) -> bytes:
    """PCM16 to µ-law, half as many bytes. Raises ValueError on an odd number of bytes."""
    return _encode(pcm, _ulaw_codes())


def decode_ulaw(codes: bytes) -> bytes:
    """µ-law to PCM16, twice as many bytes."""
    return _ulaw_values()[np.frombuffer(codes, np.uint8)].tobytes()


def encode_alaw(pcm: bytes) -> bytes:
    """PCM16 to A-law, half as many bytes. Raises ValueError on an odd number of bytes."""
    return _encode(pcm, _alaw_codes())


def decode_alaw(codes: bytes) -> bytes:
    """A-law to PCM16, twice as many bytes."""
    return _alaw_values()[np.frombuffer(codes, np.uint8)].tobytes()


def _encode(pcm: bytes, table: npt.NDArray[np.uint8]) -> bytes:
    return table[to_samples(pcm).view(np.uint16)].tobytes()


def _all_samples() -> npt.NDArray[np.int32]:
    # In the order of the unsigned view of an int16, which is how the tables are indexed.
    return np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)


@cache
def _ulaw_codes() -> npt.NDArray[np.uint8]:
    samples = _all_samples() >> 2
    magnitude = np.minimum(np.abs(samples), _ULAW_CLIP) + _ULAW_BIAS
    segment = np.searchsorted(_ULAW_SEGMENT_ENDS, magnitude)
    code = np.where(segment >= 8, 0x7F, (segment << 4) | ((magnitude >> (segment + 1)) & 0x0F))
    mask = np.where(samples < 0, 0x7F, 0xFF)  # the line carries the code inverted; the sign is the top bit
    return (code ^ mask).astype(np.uint8)


@cache
def _ulaw_values() -> npt.NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    bias = 0x84
    magnitude = ((((code & 0x0F) << 3) + bias) << ((code & 0x70) >> 4)) - bias
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


@cache
def _alaw_codes() -> npt.NDArray[np.uint8]:
    samples = _all_samples() >> 3
    magnitude = np.where(samples < 0, -samples - 1, samples)  # A-law has no zero: -1 is the mirror of 0
    segment = np.searchsorted(_ALAW_SEGMENT_ENDS, magnitude)
    code = (segment << 4) | ((magnitude >> np.maximum(segment, 1)) & 0x0F)
    mask = np.where(samples < 0, 0x55, 0xD5)  # even bits inverted, as the line carries them
    return (code ^ mask).astype(np.uint8)


@cache
def _alaw_values() -> npt.NDArray[np.int16]:
    code = np.arange(256) ^ 0x55
    segment = (code & 0x70) >> 4
    mantissa = ((code & 0x0F) << 4) + np.where(segment > 0, 0x108, 8)
    magnitude = mantissa << np.maximum(segment - 1, 0)
    values: npt.NDArray[np.int16] = np.where(code & 0x80, magnitude, -magnitude).astype("<i2")
    return values
