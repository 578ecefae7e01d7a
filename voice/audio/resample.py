"""From one sampling rate to another, a frame at a time.

Rates of a simple ratio, as those of telephones, ears and mouths have it, are this package's own work (`polyphase.py`); others are left to
FFmpeg's resampler through PyAV, which does the same in several times the processor's time. Both hold back 1 to 2 ms of sound (soxr's
streaming interface holds back 20 to 115 ms) and keep aliases below -90 dB.
"""

from typing import TYPE_CHECKING

from .frames import SAMPLE_BYTES
from .pcm import to_samples
from .polyphase import HopStream, plan_for

if TYPE_CHECKING:
    from av.audio.resampler import AudioResampler

_MIN_HZ, _MAX_HZ = 4_000, 192_000  # beyond these a rate is a mistake, not a sound card
_LEAST_SAMPLES = 1024  # FFmpeg gives nothing for a stream shorter than its filter: 32 samples times the ratio


class Resampler:
    """Changes the sampling rate of a stream of PCM16.

    The total length that `push` and `flush` give for `n` samples is exactly `resampled_length(n, from_hz,
    to_hz)`, and the sound is the same, bit for bit, however the stream is cut into chunks. Equal rates pass
    through untouched. One object serves one direction of one stream; after `flush` it is ready for the next
    one.

    Measured on a 2.5 GHz core: about 15 µs per 20 ms frame for a simple ratio, 60 to 120 µs for others, 0.1 µs where the rates are equal.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        """Raises ValueError for a rate outside 4 to 192 kHz."""
        for rate_hz in (from_hz, to_hz):
            if not _MIN_HZ <= rate_hz <= _MAX_HZ:
                raise ValueError(f"a sampling rate from {_MIN_HZ} to {_MAX_HZ} Hz is needed; {rate_hz} came")
        self.from_hz = from_hz
        self.to_hz = to_hz
        self._plan = plan_for(from_hz, to_hz)
        self._hops: HopStream | None = None
        self._inner: AudioResampler | None = None
        self._came_samples = 0
        self._gave_samples = 0

    def push(self, pcm: bytes) -> bytes:
        """The sound that is complete once `pcm` is added; a little of it stays inside until more comes.

        Raises ValueError on an odd number of bytes.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"PCM16 sound has two bytes a sample; {len(pcm)} bytes came, which is odd")
        if self.from_hz == self.to_hz or not pcm:
            return pcm
        self._came_samples += len(pcm) // SAMPLE_BYTES
        sound = self._feed(pcm)
        self._gave_samples += len(sound) // SAMPLE_BYTES
        return sound

    def flush(self) -> bytes:
        """The rest of the sound, to the exact length; the next `push` begins a new stream."""
        wanted = resampled_length(self._came_samples, self.from_hz, self.to_hz) - self._gave_samples
        if wanted <= 0:
            self.reset()
            return b""
        rest = self._rest()
        self.reset()
        size = wanted * SAMPLE_BYTES
        return rest[:size].ljust(size, b"\0")

    def reset(self) -> None:
        """Forgets the stream so far, including what is still inside."""
        self._hops = None
        self._inner = None
        self._came_samples = 0
        self._gave_samples = 0

    def _feed(self, pcm: bytes) -> bytes:
        if self._plan is None:
            return self._through_ffmpeg(pcm)
        if self._hops is None:
            self._hops = HopStream(self._plan)
        return self._hops.push(to_samples(pcm))

    def _rest(self) -> bytes:
        if self._hops is not None:
            return self._hops.flush()
        more = self._through_ffmpeg(bytes(_LEAST_SAMPLES * SAMPLE_BYTES)) if self._came_samples < _LEAST_SAMPLES else b""
        return more + self._through_ffmpeg(None)

    def _through_ffmpeg(self, pcm: bytes | None) -> bytes:
        import av  # 0.2 s to load: a server is ready before its first caller needs it
        from av.audio.resampler import AudioResampler

        if self._inner is None:
            self._inner = AudioResampler(format="s16", layout="mono", rate=self.to_hz)
        frame = None
        if pcm is not None:
            frame = av.AudioFrame(format="s16", layout="mono", samples=len(pcm) // SAMPLE_BYTES)
            frame.sample_rate = self.from_hz
            frame.planes[0].update(pcm)
        frames = self._inner.resample(frame)
        # A plane may be longer than its sound: FFmpeg pads for alignment.
        return b"".join([bytes(memoryview(out.planes[0])[: out.samples * SAMPLE_BYTES]) for out in frames])


def resampled_length(samples: int, from_hz: int, to_hz: int) -> int:
    """Length in samples of a sound of `samples` at `from_hz` once it is at `to_hz`: the nearest whole number,
    halves up.
    """
    return (2 * samples * to_hz + from_hz) // (2 * from_hz)


def resample(pcm: bytes, from_hz: int, to_hz: int) -> bytes:
    """A whole PCM16 sound at another sampling rate. Raises ValueError as `Resampler` does."""
    resampler = Resampler(from_hz, to_hz)
    return resampler.push(pcm) + resampler.flush()
