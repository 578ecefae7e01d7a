"""An end-of-turn model from an ONNX file with the interface of Smart Turn v3.

Input `input_features`, float32, shape (batch, 80, 800): the log-mel spectrogram of the last 8 s of sound at 16 kHz, zeros before a
shorter turn, made as Whisper's is (25 ms Hann windows every 10 ms, 80 mel bands of Slaney's scale up to 8 kHz, logarithm to base
10, the upper 80 dB, scaled) from sound of mean 0 and variance 1. Output: one number, the probability that the turn is complete.

Smart Turn's weights (BSD-2-Clause) are not part of this project; give the path of a file of your own.
"""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .audio.frames import EAR_HZ, SAMPLE_BYTES
from .audio.pcm import FULL_SCALE
from .network import open_network

SECONDS = 8
MELS = 80
FRAMES = 800
INPUT = "input_features"

_WINDOW = 400
_HOP = 160
_FLOOR = 1e-10
_RANGE = 8.0  # log10 of power: what lies more than 80 dB below the peak is cut off

Features = npt.NDArray[np.float32]


class EndOfTurnModelError(Exception):
    """A model file that cannot be used here. The message says what was expected, what came, and what to do."""


class OnnxEndOfTurn:
    """Judges by the sound alone, with a network of Smart Turn's interface. Blocking: a real network of this kind takes 12 to 80 ms."""

    blocking = True

    def __init__(self, path: str | Path) -> None:
        """Loads the network. Raises EndOfTurnModelError when onnxruntime or the file is missing, or its interface is another."""
        self.path = Path(path)
        self._session = _load(self.path)
        self._check_interface()

    def probability(self, text: str, sound: bytes = b"") -> float:
        """As `EndOfTurnModel.probability`. The text is not looked at; without sound it is 0. Raises EndOfTurnModelError when the
        network fails or answers with something else than one probability."""
        if len(sound) < SAMPLE_BYTES:
            return 0.0
        try:
            answer = np.asarray(self._session.run(None, {INPUT: log_mel(sound)[None]})[0], np.float64).ravel()
        except Exception as error:  # onnxruntime's own errors have no common base
            raise EndOfTurnModelError(f"{self.path}: the network failed ({error})") from error
        if answer.size != 1 or not -1e-3 <= answer[0] <= 1.001:
            raise EndOfTurnModelError(f"{self.path}: must answer one probability from 0 to 1, answered {answer[:4]}")
        return float(np.clip(answer[0], 0, 1))

    def _check_interface(self) -> None:
        inputs = {field.name: field for field in self._session.get_inputs()}
        if list(inputs) != [INPUT]:
            raise EndOfTurnModelError(f"{self.path}: must have one input, '{INPUT}'; it has {', '.join(inputs) or 'none'}. Is it a "
                                      "Smart Turn of version 3?")  # fmt: skip
        shape, kind = inputs[INPUT].shape, inputs[INPUT].type
        wanted = (1, MELS, FRAMES)
        fits = len(shape) == 3 and all(size == want or not isinstance(size, int) for size, want in zip(shape, wanted, strict=True))
        if not fits or kind != "tensor(float)":
            raise EndOfTurnModelError(
                f"{self.path}: '{INPUT}' must be float32 of shape (batch, {MELS}, {FRAMES}); it is {kind} of shape {tuple(shape)}"
            )
        if len(self._session.get_outputs()) != 1:
            raise EndOfTurnModelError(f"{self.path}: must have one output, the probability; it has {len(self._session.get_outputs())}")


def log_mel(sound: bytes) -> Features:
    """The network's input for PCM16 at 16 kHz: float32, shape (80, 800), the last frame ends with the sound."""
    samples = np.frombuffer(sound[: len(sound) // SAMPLE_BYTES * SAMPLE_BYTES], np.int16)[-SECONDS * EAR_HZ :]
    heard = samples.astype(np.float32) / FULL_SCALE
    heard = (heard - heard.mean()) / np.sqrt(heard.var() + 1e-7)
    padded = np.zeros(SECONDS * EAR_HZ, np.float32)
    padded[len(padded) - len(heard) :] = heard
    around = np.pad(padded, _WINDOW // 2, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(around, _WINDOW)[::_HOP][:FRAMES]
    spectrum = np.fft.rfft(frames * _hann(), axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    logs = np.log10(np.maximum(_mel_bands() @ power.T, _FLOOR))
    return np.asarray((np.maximum(logs, logs.max() - _RANGE) + 4) / 4, np.float32)


@cache
def _hann() -> Features:
    return np.asarray(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_WINDOW) / _WINDOW), np.float32)


@cache
def _mel_bands() -> Features:
    """Triangles of equal area over the FFT's bins, shape (80, 201), as Slaney's Auditory Toolbox lays them out."""
    edges = _to_hz(np.linspace(0.0, _to_mel(EAR_HZ / 2), MELS + 2))
    bins = np.fft.rfftfreq(_WINDOW, 1 / EAR_HZ)
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.maximum(0, np.minimum(rise, fall)) * (2 / (edges[2:] - edges[:-2]))[:, None], np.float32)


_LINEAR_HZ, _KNEE_HZ, _STEP = 200 / 3, 1000.0, np.log(6.4) / 27  # Slaney: 15 mels up to 1 kHz, above it 27 to a factor of 6.4


def _to_mel(hz: float) -> float:
    return hz / _LINEAR_HZ if hz < _KNEE_HZ else _KNEE_HZ / _LINEAR_HZ + float(np.log(hz / _KNEE_HZ) / _STEP)


def _to_hz(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    knee = _KNEE_HZ / _LINEAR_HZ
    return np.where(mel < knee, mel * _LINEAR_HZ, _KNEE_HZ * np.exp(_STEP * (mel - knee)))


def _load(path: Path) -> Any:
    if path == Path("."):
        raise EndOfTurnModelError("onnx: needs the path of a file behind it, such as onnx:smart-turn-v3.onnx")
    if not path.is_file():
        raise EndOfTurnModelError(f"{path}: there is no such file; give the path of an ONNX file with Smart Turn's interface")
    try:
        return open_network(path)
    except ImportError:
        raise EndOfTurnModelError("an ONNX end-of-turn model needs onnxruntime: pip install 'hubbub[offline]'") from None
    except Exception as error:  # onnxruntime's own errors have no common base
        raise EndOfTurnModelError(f"{path}: is not an ONNX model that onnxruntime can load ({error})") from None
