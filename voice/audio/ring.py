"""Two bounded buffers of the ear: the moments before an onset, and the windows that a detector judges."""

from collections import deque

import numpy as np
import numpy.typing as npt

from .frames import SAMPLE_BYTES, ms_to_samples
from .pcm import to_samples


class PreRoll:
    """Keeps the last moments of a stream of PCM16, so that a recogniser started at an onset still gets the
    first phoneme.

    Bounded by construction: one buffer of `ms` milliseconds at `rate_hz`; the newest sound replaces the
    oldest.
    """

    def __init__(self, ms: float, rate_hz: int) -> None:
        """Raises ValueError when `ms` or `rate_hz` leave no room for a sample."""
        samples = ms_to_samples(ms, rate_hz)
        if samples < 1:
            raise ValueError(f"a pre-roll needs room for at least one sample; {ms} ms at {rate_hz} Hz has none")
        self._size = samples * SAMPLE_BYTES
        self._buffer = bytearray(self._size)
        self._next = 0
        self._held = 0

    @property
    def samples(self) -> int:
        """Number of samples held now."""
        return self._held // SAMPLE_BYTES

    def push(self, pcm: bytes) -> None:
        """Adds sound, forgetting what is older than the length of the buffer. Raises ValueError on an odd
        number of bytes.
        """
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"PCM16 sound has two bytes a sample; {len(pcm)} bytes came, which is odd")
        size = self._size
        if len(pcm) >= size:
            self._buffer[:] = pcm[len(pcm) - size :]
            self._next, self._held = 0, size
            return
        end = self._next + len(pcm)
        if end <= size:
            self._buffer[self._next : end] = pcm
        else:
            first = size - self._next
            self._buffer[self._next :] = pcm[:first]
            self._buffer[: end - size] = pcm[first:]
        self._next = end % size
        self._held = min(size, self._held + len(pcm))

    def take(self) -> bytes:
        """All that is held, oldest first; the buffer is empty afterwards."""
        start = self._next - self._held
        if start >= 0:
            pcm = bytes(self._buffer[start : self._next])
        else:
            pcm = bytes(self._buffer[start:]) + bytes(self._buffer[: self._next])
        self.clear()
        return pcm

    def clear(self) -> None:
        """Forgets all that is held."""
        self._next = 0
        self._held = 0


class WindowCutter:
    """Cuts chunks of any length into windows of one fixed length.

    A chunk is kept as it came; its samples are copied once, into the row of the batch that the detector
    judges. At most `max_samples` wait: what is pushed above that drops the oldest whole windows, which `push`
    returns and `dropped_samples` counts, so that whoever keeps the time can count them as passed.
    """

    def __init__(self, window_samples: int, max_samples: int | None = None) -> None:
        """`max_samples` defaults to 64 windows, two seconds of Silero's. Raises ValueError when it is less
        than two windows.
        """
        if window_samples < 1:
            raise ValueError(f"a window needs at least one sample; {window_samples} came")
        bound = 64 * window_samples if max_samples is None else max_samples
        if bound < 2 * window_samples:
            raise ValueError(f"room for two windows ({2 * window_samples} samples) is the least; {bound} came")
        self.window_samples = window_samples
        self.dropped_samples = 0
        """Samples dropped since the start because they came faster than they were taken."""
        self.taken_samples = 0
        """Samples that have left in windows or were dropped: the position of the next window in the stream.
        """
        self._bound = bound
        self._chunks: deque[npt.NDArray[np.int16]] = deque()
        self._first = 0  # samples of the oldest chunk that have been used
        self._waiting = 0

    @property
    def waiting_samples(self) -> int:
        """Samples that wait to be taken, whole windows or not."""
        return self._waiting

    @property
    def ready(self) -> int:
        """Whole windows that wait to be taken."""
        return self._waiting // self.window_samples

    def push(self, pcm: bytes) -> int:
        """Adds PCM16 sound; returns how many samples were dropped for it. Raises ValueError on an odd number
        of bytes.
        """
        samples = to_samples(pcm)
        if not samples.size:
            return 0
        self._chunks.append(samples)
        self._waiting += samples.size
        if self._waiting <= self._bound:
            return 0
        windows = -(-(self._waiting - self._bound) // self.window_samples)
        dropped = windows * self.window_samples
        self._skip(dropped)
        self.dropped_samples += dropped
        return dropped

    def take_into(self, row: npt.NDArray[np.int16]) -> bool:
        """Copies the next window into `row`, shape (window_samples,); False, and `row` untouched, when none
        is ready.

        Raises ValueError when `row` has another shape.
        """
        window = self.window_samples
        if row.shape != (window,):
            raise ValueError(f"a row of shape ({window},) is needed; {row.shape} came")
        if self._waiting < window:
            return False
        filled = 0
        while filled < window:
            chunk = self._chunks[0]
            part = min(window - filled, chunk.size - self._first)
            row[filled : filled + part] = chunk[self._first : self._first + part]
            filled += part
            self._use(part)
        self._waiting -= window
        self.taken_samples += window
        return True

    def take(self) -> npt.NDArray[np.int16] | None:
        """The next window as an array of its own, or None when none is ready."""
        row = np.empty(self.window_samples, np.int16)
        return row if self.take_into(row) else None

    def clear(self) -> None:
        """Forgets what waits, such as the half window at the end of a stream. The counters keep their values."""
        self._chunks.clear()
        self._first = 0
        self._waiting = 0

    def _skip(self, samples: int) -> None:
        self._waiting -= samples
        self.taken_samples += samples
        while samples:
            part = min(samples, self._chunks[0].size - self._first)
            samples -= part
            self._use(part)

    def _use(self, samples: int) -> None:
        self._first += samples
        if self._first == self._chunks[0].size:
            self._chunks.popleft()
            self._first = 0
