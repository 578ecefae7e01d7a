"""Lines that a caller's sound comes over: as it is, or by telephone.

The telephone is G.711 at 8 kHz with loss in bursts, as issue and carriers' statistics have it: 1 % of the frames by the Gilbert-Elliott
model, 100 ms at a time on average. What is lost is silence, as a carrier that conceals nothing sends it on: the harshest
case. At the ear it is concealed and made wide as every sound of 8 kHz is (`EarResampler`).
"""

from typing import Literal

from ..audio.frames import EAR_FRAME_SAMPLES, EAR_HZ, SAMPLE_BYTES
from ..audio.g711 import decode_ulaw, encode_ulaw
from ..audio.resample import Resampler
from ..audio.widen import EarResampler
from ..testing.network import gilbert_loss

LineName = Literal["wide", "phone"]
LINES: tuple[LineName, ...] = ("wide", "phone")

PHONE_HZ = 8000
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


def over_line(pcm: bytes, line: LineName, *, seed: int = 0) -> bytes:
    """A whole recording (PCM16 at 16 kHz) as it comes over a line."""
    if line == "wide":
        return pcm
    phone, size = PhoneLine(seed=seed), EAR_FRAME_SAMPLES * SAMPLE_BYTES
    padded = pcm.ljust(-(-len(pcm) // size) * size, b"\0")
    return b"".join(phone.carry(padded[at : at + size]) for at in range(0, len(padded), size))[: len(pcm)]
