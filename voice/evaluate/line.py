"""What is between a caller's mouth and the server: a microphone that hisses, and a line, which is as it is or a telephone's.

No microphone is silent. Digital silence behind clips is a world of its own: a detector that has listened to nothing hears the next
voice 20 ms sooner than over any noise, and a clip that breaks off into it is taken for what a line has lost. So scenes are played over
the hiss of a quiet room (`HISS_DBFS`), whatever the line.

The telephone is G.711 at 8 kHz with loss in bursts, as issue and carriers' statistics have it: 1 % of the frames by the Gilbert-Elliott
model, 100 ms at a time on average. What is lost is silence, as a carrier that conceals nothing sends it on: the harshest
case. At the ear it is concealed and made wide as every sound of 8 kHz is (`EarResampler`).
"""

from collections.abc import Callable
from typing import Literal

import numpy as np

from ..audio.frames import EAR_FRAME_SAMPLES, EAR_HZ, SAMPLE_BYTES
from ..audio.g711 import decode_ulaw, encode_ulaw
from ..audio.pcm import FULL_SCALE, to_pcm, to_samples
from ..audio.resample import Resampler
from ..audio.widen import EarResampler
from ..testing.network import gilbert_loss
from .scene import SPEECH_DBFS

LineName = Literal["wide", "phone"]
LINES: tuple[LineName, ...] = ("wide", "phone")

HISS_DBFS = -65.0
"""Of a microphone in a quiet room, RMS: 39 dB below speech at ITU-T P.56's -26 dBFS. Headsets have 55 to 60 dB, laptops and telephones on a
table 30 to 40."""

PHONE_HZ = 8000
LINE_HZ: dict[LineName, int] = {"wide": EAR_HZ, "phone": PHONE_HZ}
LINE_MS: dict[LineName, float] = {"wide": 0.0, "phone": 2.0}
"""What a line takes before the sound is at the server: the filter of the carrier's codec. As a network's, it is no delay of the server's;
the 2 ms of its own filter (`EarResampler`) are."""

LOSS, BURST_FRAMES = 0.01, 5.0
_PATTERN_FRAMES = 60_000
"""Twenty minutes, after which the pattern repeats."""


class PhoneLine:
    """One direction of a telephone line, PCM16 at 16 kHz in and out, in the same number of samples. Every line of a seed loses the same
    frames."""

    def __init__(self, *, seed: int = 0) -> None:
        self.lost = 0
        self._down = Resampler(EAR_HZ, PHONE_HZ)
        self._up = EarResampler(PHONE_HZ)
        self._pattern = gilbert_loss(_PATTERN_FRAMES, LOSS, length=BURST_FRAMES, seed=seed)
        self._frame = 0
        self._ready = b""

    def carry(self, pcm: bytes) -> bytes:
        """A frame of 20 ms as it comes out at the other end, as long as it went in; what the filters hold back (some milliseconds) is
        silence at the beginning."""
        sound = self._up.push(self._over(self._down.push(pcm)))
        self._ready += sound
        missing = len(pcm) - len(self._ready)
        out = bytes(max(0, missing)) + self._ready[: len(pcm)]
        self._ready = self._ready[len(pcm) :]
        return out

    def _over(self, narrow: bytes) -> bytes:
        lost = self._pattern[self._frame % len(self._pattern)]
        self._frame += 1
        if lost:
            self.lost += 1
            return bytes(len(narrow))
        return decode_ulaw(encode_ulaw(narrow))


class Hiss:
    """White noise of a level (RMS, dBFS) under a stream of PCM16. The same for the same seed."""

    def __init__(self, dbfs: float, *, seed: int = 0) -> None:
        """Raises ValueError for a level that is louder than speech."""
        if not dbfs <= SPEECH_DBFS:
            raise ValueError(f"a microphone's hiss is softer than speech: at most {SPEECH_DBFS:.0f} dBFS, not {dbfs:g}")
        self._rms = 10 ** (dbfs / 20) * FULL_SCALE
        self._random = np.random.default_rng(seed)

    def under(self, pcm: bytes) -> bytes:
        """The sound with the noise under it."""
        samples = to_samples(pcm)
        return to_pcm(samples + self._random.normal(0.0, self._rms, len(samples)))


def way(line: LineName, hiss_dbfs: float | None, *, seed: int = 0) -> Callable[[bytes], bytes]:
    """What becomes of each frame (PCM16 at 16 kHz) between the mouth and the server; `hiss_dbfs`: None for a microphone without noise.
    Raises ValueError as `Hiss` does."""
    hiss = Hiss(hiss_dbfs, seed=seed).under if hiss_dbfs is not None else bytes
    carry = PhoneLine(seed=seed).carry if line == "phone" else bytes
    return lambda pcm: carry(hiss(pcm))


def over_line(pcm: bytes, line: LineName, *, hiss_dbfs: float | None = None, seed: int = 0) -> bytes:
    """A whole recording (PCM16 at 16 kHz) as it comes over a line."""
    carry, size = way(line, hiss_dbfs, seed=seed), EAR_FRAME_SAMPLES * SAMPLE_BYTES
    padded = pcm.ljust(-(-len(pcm) // size) * size, b"\0")
    return b"".join(carry(padded[at : at + size]) for at in range(0, len(padded), size))[: len(pcm)]
