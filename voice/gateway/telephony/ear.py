"""What a call says, on its way from the carrier to the session's ear: decoded, what the line lost filled in, key tones taken out,
resampled to 16 kHz."""

from ...audio.conceal import Concealer
from ...audio.frames import SAMPLE_BYTES
from ...audio.widen import EarResampler
from .coding import decode
from .tones import key_tone
from .wire.base import Coding

AFTER_KEY_MS = 100
"""Sound after a reported key that is not heard: carriers report a key while its tone still sounds."""

_FRAME_MS = 20


class CarrierEar:
    """The sound of one call on its way from the carrier."""

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self.tones = 0
        """Frames that were a key's tone."""
        self._concealer = Concealer(coding.rate_hz)  # before keys leave silence of their own
        self._resampler = EarResampler(coding.rate_hz, conceals=False)
        self._frame_bytes = coding.rate_hz * _FRAME_MS // 1000 * SAMPLE_BYTES
        self._deaf_bytes = 0

    def key_pressed(self) -> None:
        """The carrier reports a key: its tone may still be in the sound that follows."""
        self._deaf_bytes = self.coding.rate_hz * AFTER_KEY_MS // 1000 * SAMPLE_BYTES

    def hear(self, payload: bytes) -> bytes:
        """Coded sound as PCM16 at 16 kHz. Raises ValueError on half a sample."""
        pcm = self._concealer.push(decode(self.coding, payload))
        if len(pcm) <= self._frame_bytes:
            pcm = self._without_tones(pcm)
        else:
            frames = [pcm[at : at + self._frame_bytes] for at in range(0, len(pcm), self._frame_bytes)]
            pcm = b"".join(map(self._without_tones, frames))
        return self._resampler.push(pcm)

    def _without_tones(self, frame: bytes) -> bytes:
        if self._deaf_bytes > 0:
            self._deaf_bytes -= len(frame)
            self._concealer.forget()
            return bytes(len(frame))
        if key_tone(frame, self.coding.rate_hz):
            self.tones += 1
            self._concealer.forget()
            return bytes(len(frame))
        return frame
