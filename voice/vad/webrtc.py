"""The detector of the WebRTC project, through the `webrtcvad-wheels` distribution: the light alternative.

It costs a few microseconds a window and needs no network, but it takes coughs, key clicks and any steady noise for speech:
in babble or music at 10 dB it stays on for good. Use it where Silero cannot be installed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ
from .base import VADEngine, VADError, VADStream, check_call

WINDOW_SAMPLES = 320
"""20 ms, the middle one of the three lengths it takes (10, 20 and 30 ms)."""

_WEIGHT = 0.4  # of the newest window: two windows that agree carry the probability across one half, one does not


@dataclass(slots=True)
class _State:
    detector: Any
    probability: float = 0.0


class WebRTCVAD(VADEngine):
    """WebRTC's detector. Its yes or no of each window is smoothed into a probability over about three windows."""

    name = "webrtc"
    window_samples = WINDOW_SAMPLES

    def __init__(self, mode: int = 3) -> None:
        """`mode` from 0 (takes nearly everything for speech) to 3 (the strictest).

        Raises ValueError for another mode, VADError when the module is missing.
        """
        if mode not in range(4):
            raise ValueError(f"a mode from 0 to 3 is needed; {mode} came")
        try:
            import webrtcvad
        except ImportError as error:  # also where the old `webrtcvad` distribution stumbles over pkg_resources
            raise VADError(
                "webrtc needs webrtcvad-wheels (not webrtcvad, which fails on Python 3.12 and later); "
                "install it with `pip install 'hubbub[offline]'`"
            ) from error
        self._new_detector = webrtcvad.Vad
        self._mode = mode

    def open(self) -> VADStream:
        """A detector of its own, about 1 kB."""
        return VADStream(_State(self._new_detector(self._mode)))

    def judge(self, streams: Sequence[VADStream], windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Probability of speech in the next window of each stream, as `VADEngine.judge` says. `windows`: (n, 320)."""
        check_call(streams, windows, WINDOW_SAMPLES)
        answer = np.empty(len(streams), np.float32)
        for row, stream in enumerate(streams):
            state: _State = stream.state
            speech = state.detector.is_speech(windows[row].tobytes(), EAR_HZ)
            state.probability += _WEIGHT * ((1.0 if speech else 0.0) - state.probability)
            answer[row] = state.probability
        return answer
