"""Is there a voice in it? Every English word that a recogniser can find has a vowel or a voiced consonant in it, and noise, breath and
keys have none: sound without pitch cannot have been words.
"""

import numpy as np
import numpy.typing as npt

FRAME_MS = 10

LOWEST_HZ, HIGHEST_HZ = 70, 400
"""Pitch of adults and children when they talk."""

PERIODIC = 0.5
"""Normalised autocorrelation at the pitch from which a frame counts as voiced. Vowels reach 0.7 to 0.98 in a quiet room, white
noise stays below 0.35 in a window of this length."""

FAINTEST = 30.0
"""Root mean square below which a frame is not looked at: about -60 dBFS, where hum and converters rule."""

_DECIMATE = 4
_HZ = 16_000 // _DECIMATE
_WINDOW = _HZ * 40 // 1000
_HOP = _HZ * FRAME_MS // 1000
_LAGS = slice(_HZ // HIGHEST_HZ, _HZ // LOWEST_HZ + 1)
_BATCH_BYTES = 3200  # 100 ms at a time: a call costs as much for one frame as for ten
_FFT = 256  # >= window + longest lag, so that the circular correlation does not wrap


class Voicing:
    """Which 10 ms frames of an utterance are voiced."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)
        self._undecimated = b""
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._voiced: list[bool] = []

    def feed(self, pcm: bytes) -> None:
        """Adds PCM16 at 16 kHz."""
        pcm = self._undecimated + pcm
        whole = len(pcm) // (2 * _DECIMATE) * (2 * _DECIMATE)
        self._undecimated = pcm[whole:]
        self._pending.append(pcm[:whole])
        self._pending_bytes += whole
        if self._pending_bytes >= _BATCH_BYTES:
            self._judge_pending()

    def voiced_ms(self, start_ms: int, end_ms: int) -> int:
        """How much of that stretch is voiced."""
        self._judge_pending()
        return FRAME_MS * sum(self._voiced[start_ms // FRAME_MS : max(0, end_ms // FRAME_MS)])

    def _judge_pending(self) -> None:
        pcm = b"".join(self._pending)
        self._pending.clear()
        self._pending_bytes = 0
        samples = np.frombuffer(pcm, np.int16).astype(np.float32).reshape(-1, _DECIMATE).mean(axis=1)
        self._rest = np.concatenate([self._rest, samples])
        count = (len(self._rest) - _WINDOW) // _HOP + 1
        if count > 0:
            windows = np.lib.stride_tricks.sliding_window_view(self._rest, _WINDOW)[:: _HOP][:count]
            self._voiced += _judge(windows).tolist()
            self._rest = self._rest[count * _HOP :]


def _judge(windows: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    centred = windows - windows.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(centred, _FFT)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, _FFT)[:, : _LAGS.stop]
    energy = correlation[:, 0]
    # A window shortened by the lag holds less energy; without this low voices would count for less than high ones.
    overlap = 1 - np.arange(_LAGS.start, _LAGS.stop) / _WINDOW
    peak = (correlation[:, _LAGS] / overlap).max(axis=1)
    loud = energy > _WINDOW * FAINTEST**2
    judged: npt.NDArray[np.bool_] = loud & (peak > PERIODIC * np.maximum(energy, 1))
    return judged
