"""What a browser's fake microphone hears: WAV files of 48 kHz mono 16 bit, the format that Chromium wants."""

import math
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.resample import resample

RATE_HZ = 48_000
TONE_HZ = 1000.0
TONE_LEVEL = 0.5


def write_sound(path: Path, samples: npt.NDArray[np.int16]) -> Path:
    """Samples as they are, at 48 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(samples.astype("<i2").tobytes())
    return path


def write_microphone(path: Path, *parts: bytes | float) -> Path:
    """Sounds (PCM16 at 16 kHz) with pauses (seconds) between, in the hiss of a quiet room."""
    rng = np.random.default_rng(5)
    sound = [np.frombuffer(resample(part, EAR_HZ, RATE_HZ), "<i2") if isinstance(part, bytes) else hiss(rng, part) for part in parts]
    return write_sound(path, np.concatenate(sound))


def write_hush(path: Path) -> Path:
    """Only the hiss of a quiet room."""
    return write_microphone(path, 1.0)


def write_tone(path: Path, seconds: float = 60.0) -> Path:
    """A tone that does not end."""
    period = int(RATE_HZ // TONE_HZ)
    one = np.array([int(32767 * TONE_LEVEL * math.sin(2 * math.pi * n / period)) for n in range(period)], np.int16)
    return write_sound(path, np.tile(one, int(seconds * TONE_HZ)))


def hiss(rng: np.random.Generator, seconds: float) -> npt.NDArray[np.int16]:
    """A room in which nobody speaks: no microphone gives nothing but zeros."""
    return rng.integers(-3, 4, int(seconds * RATE_HZ)).astype(np.int16)
