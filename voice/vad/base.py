"""What a voice activity detector is.

One engine serves every session of the process. Each session owns a `VADStream`, which is plain state; the engine judges
the next window of many streams in one call, so that a neural network pays its fixed cost once a tick and not once a caller.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt


class VADError(Exception):
    """An engine that cannot be used here. The message says what is missing and what to install or set."""


class VADStream:
    """The state that an engine keeps for one caller. Opaque to everybody else."""

    __slots__ = ("state",)

    def __init__(self, state: Any) -> None:
        self.state = state


class VADEngine(ABC):
    """Judges windows of sound for speech."""

    name: str
    """Name used in configuration and in the log, such as `silero`."""

    window_samples: int
    """Samples at 16 kHz in one window (Silero: 512, which is 32 ms)."""

    glance_samples: int = 0
    """Samples at 16 kHz that `glance` takes; 0 where an engine knows nothing before a window is complete."""

    @abstractmethod
    def open(self) -> VADStream:
        """A fresh state for one caller."""

    @abstractmethod
    def judge(self, streams: Sequence[VADStream], windows: npt.NDArray[np.int16]) -> npt.NDArray[np.float32]:
        """Probability of speech in the next window of each stream, updating the streams' states.

        `windows` has shape (len(streams), window_samples), int16 at 16 kHz; the answer has shape (len(streams),) with values
        from 0 to 1. A stream appears at most once in a call. Runs on the caller's thread, and must be quick: it stands in the
        way of a caller's onset.

        Raises ValueError when shapes do not match.
        """

    def glance(self, stream: VADStream, sound: npt.NDArray[np.int16]) -> float:
        """Probability of speech in the newest `glance_samples` of a stream, whose last ones `judge` has not seen yet. The stream's state
        stays as it is. Raises ValueError when the shape does not match, NotImplementedError where `glance_samples` is 0."""
        raise NotImplementedError(f"{self.name} judges whole windows only")

    def close(self) -> None:  # noqa: B027 - not abstract: most engines have nothing to free
        """Frees what the engine holds. The default has nothing to free."""


def check_call(streams: Sequence[VADStream], windows: npt.NDArray[np.int16], window_samples: int) -> None:
    """Raises ValueError unless `streams` and `windows` are what `VADEngine.judge` asks for."""
    if windows.shape != (len(streams), window_samples) or windows.dtype != np.int16:
        raise ValueError(
            f"{len(streams)} streams need windows of shape ({len(streams)}, {window_samples}) and type int16; "
            f"{windows.shape} and {windows.dtype} came"
        )
    if len(set(map(id, streams))) != len(streams):
        raise ValueError("a stream came twice in one call; its windows must be judged one after the other")
