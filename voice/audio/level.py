"""How loud a sound is, and making it louder or quieter."""

import math

import numpy as np

from .pcm import FULL_SCALE, to_pcm, to_samples

SILENCE_DBFS = -127.0
"""Stands for minus infinity, as in RFC 6464. Nothing but silence is below it: one step of one sample in a
frame is above -121.
"""


def rms_dbfs(pcm: bytes) -> float:
    """Root-mean-square level of PCM16 `pcm` in dB relative to full scale, from `SILENCE_DBFS` to 0.

    Full scale is the constant -32768 (the dBov of RFC 6464), so a sine that just does not clip measures -3.
    Silence and no sound at all both measure `SILENCE_DBFS`. Raises ValueError on an odd number of bytes.
    """
    samples = to_samples(pcm)
    if not samples.size:
        return SILENCE_DBFS
    values = samples.astype(np.float32)  # exact to 0.001 dB, half the time of float64
    mean_square = float(values @ values) / samples.size
    if mean_square <= 0.0:
        return SILENCE_DBFS
    return max(SILENCE_DBFS, 10.0 * math.log10(mean_square / (FULL_SCALE * FULL_SCALE)))


def peak_dbfs(pcm: bytes) -> float:
    """Level of the largest sample of PCM16 `pcm` in dB relative to full scale, from `SILENCE_DBFS` to 0."""
    samples = to_samples(pcm)
    if not samples.size:
        return SILENCE_DBFS
    peak = max(int(samples.max()), -int(samples.min()))
    return 20.0 * math.log10(peak / FULL_SCALE) if peak else SILENCE_DBFS


def change_level(pcm: bytes, gain_db: float) -> bytes:
    """PCM16 `pcm` made louder (positive `gain_db`) or quieter (negative); what would pass full scale is
    clipped.
    """
    samples = to_samples(pcm)
    if gain_db == 0.0:
        return pcm
    return to_pcm(samples.astype(np.float32) * np.float32(10.0 ** (gain_db / 20.0)))
