"""A call's coded sound to PCM16 and back, at the call's own rate."""

from ...audio.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw
from .wire.base import Coding

FRAME_MS = 20
"""Length of a sound message: what every carrier's own messages hold, or divide by."""


def decode(coding: Coding, payload: bytes) -> bytes:
    """Coded sound as PCM16 at `coding.rate_hz`. Raises ValueError on half a sample."""
    match coding.codec:
        case "ulaw":
            return decode_ulaw(payload)
        case "alaw":
            return decode_alaw(payload)
    if len(payload) % 2:
        raise ValueError(f"linear sound has two bytes a sample; {len(payload)} bytes came, which is odd")
    return payload


def encode(coding: Coding, pcm: bytes) -> bytes:
    """PCM16 at `coding.rate_hz`, coded. Raises ValueError on an odd number of bytes."""
    match coding.codec:
        case "ulaw":
            return encode_ulaw(pcm)
        case "alaw":
            return encode_alaw(pcm)
    return pcm


def frame_bytes(coding: Coding, ms: int = FRAME_MS) -> int:
    """Bytes of `ms` milliseconds of coded sound."""
    return coding.rate_hz * ms // 1000 * coding.sample_bytes
