"""What a caller on hold hears: comfort noise, or music over and over."""

from pathlib import Path

from ...audio.fade import FADE_MS, fade_in, fade_out
from ...audio.noise import ComfortNoise
from ...audio.wav import read_audio


class HoldSound:
    """An endless stream for one call, PCM16 at its rate."""

    def __init__(self, rate_hz: int, music: bytes = b"") -> None:
        """`music`: PCM16 at `rate_hz`, played over and over; none for comfort noise."""
        fade = rate_hz * FADE_MS // 1000
        self._music = fade_out(fade_in(music, fade), fade)
        self._at = 0
        self._noise = ComfortNoise(rate_hz)

    def take(self, samples: int) -> bytes:
        """The next `samples` samples."""
        if not self._music:
            return self._noise.take(samples)
        out = b""
        while len(out) < 2 * samples:
            piece = self._music[self._at : self._at + 2 * samples - len(out)]
            out += piece
            self._at = (self._at + len(piece)) % len(self._music)
        return out


class HoldMusic:
    """A file of music, read once for each rate that calls have."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._at_rate: dict[int, bytes] = {}

    def is_ready(self, rate_hz: int) -> bool:
        """Whether `at` reads no file: reading one takes up to seconds, and belongs into a thread."""
        return self._path is None or rate_hz in self._at_rate

    def at(self, rate_hz: int) -> HoldSound:
        """The hold sound of a new call. Raises voice.audio.wav.AudioFileError."""
        if self._path is None:
            return HoldSound(rate_hz)
        if rate_hz not in self._at_rate:
            self._at_rate[rate_hz] = read_audio(self._path, rate_hz)
        return HoldSound(rate_hz, self._at_rate[rate_hz])
