"""A detector that only measures loudness: for tests in simulated time and for tones, never for people.

It has no memory and costs next to nothing, so that hours of scripted conversation run in seconds. A cough, a door and a
word are the same to it.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..audio.pcm import FULL_SCALE
from .base import VADEngine, VADStream, check_call


class EnergyVAD(VADEngine):
    """Speech is what is loud: the probability rises in a straight line from 0 to 1 around a level.

    It is 0.5 where the window's RMS level is `threshold_dbfs`, 0 from 6 dB below and 1 from 6 dB above.
    """

    name = "energy"

    def __init__(self, threshold_dbfs: float = -45.0, window_samples: int = 512) -> None:
        """The window's default is Silero's, so that tests in simulated time have the timing of the real detector."""
        self.window_samples = window_samples
        self.threshold_dbfs = threshold_dbfs

    def open(self) -> VADStream:
        """A stream without any state."""
        return VADStream(None)

    def judge(self, streams: Sequence[VADStream], windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Probability of speech in each window, as `VADEngine.judge` says. `windows`: (n, window_samples)."""
        check_call(streams, windows, self.window_samples)
        values = windows.astype(np.float32)
        mean_square = np.einsum("ns,ns->n", values, values) / np.float32(self.window_samples * FULL_SCALE * FULL_SCALE)
        level_dbfs = 10.0 * np.log10(np.maximum(mean_square, np.float32(1e-13)))
        probabilities: npt.NDArray[np.float32] = np.clip((level_dbfs - self.threshold_dbfs + 6.0) / 12.0, 0.0, 1.0)
        return probabilities.astype(np.float32, copy=False)
