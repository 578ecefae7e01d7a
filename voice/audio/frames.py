"""The units of sound inside the house.

All sound is mono, 16-bit signed little-endian PCM ("PCM16"), carried as `bytes`. The ear (VAD, ASR, turn machine) works
at 16 kHz, the mouth (playout) at 24 kHz; a gateway that speaks another rate resamples at the door.
"""

EAR_HZ = 16_000
"""Rate of everything that is heard: the rate of Silero VAD and of nearly every recogniser."""

MOUTH_HZ = 24_000
"""Rate of everything that is spoken: the rate of most speech providers and of OpenAI's realtime protocol."""

FRAME_MS = 20
"""Length of a frame, the packet time of Opus, RTP and every carrier."""

SAMPLE_BYTES = 2

EAR_FRAME_SAMPLES = EAR_HZ * FRAME_MS // 1000
MOUTH_FRAME_SAMPLES = MOUTH_HZ * FRAME_MS // 1000


def samples_to_ms(samples: int, rate_hz: int) -> float:
    """Length in milliseconds of a number of samples at `rate_hz`."""
    return samples * 1000 / rate_hz


def ms_to_samples(ms: float, rate_hz: int) -> int:
    """Number of whole samples in a length of `ms` milliseconds at `rate_hz`, rounded to the nearest."""
    return round(ms * rate_hz / 1000)


def silence(samples: int) -> bytes:
    """`samples` samples of digital silence."""
    return bytes(samples * SAMPLE_BYTES)
