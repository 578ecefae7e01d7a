"""Sound that a program makes while it is said, such as a microphone's: cut into frames, and held back a little, so that pieces that come
unevenly leave no holes. Pure: frames of the call are its clock."""

from collections import deque

from ...audio.frames import SAMPLE_BYTES

AHEAD_FRAMES = 3
"""What waits before a frame is said: 60 ms, the unevenness of a sound card's pieces and of a loop."""

MAX_FRAMES = 50
"""What may wait at all: one second."""


class LiveSound:
    """One call's live sound. What ran dry begins again with `AHEAD_FRAMES`."""

    def __init__(self, frame_samples: int) -> None:
        self._size = frame_samples * SAMPLE_BYTES
        self._rest = bytearray()
        self._frames: deque[bytes] = deque()
        self._flows = False

    @property
    def full(self) -> bool:
        """No more should be put."""
        return len(self._frames) >= MAX_FRAMES

    def put(self, piece: bytes) -> None:
        """Adds PCM16 of any length."""
        self._rest += piece
        while len(self._rest) >= self._size:
            self._frames.append(bytes(self._rest[: self._size]))
            del self._rest[: self._size]
        self._flows = self._flows or len(self._frames) >= AHEAD_FRAMES

    def finish(self) -> None:
        """Nothing more comes for now: what waits is said, the last of it filled up with silence."""
        if whole := bytes(self._rest[: len(self._rest) // SAMPLE_BYTES * SAMPLE_BYTES]):
            self._frames.append(whole.ljust(self._size, b"\0"))
        self._rest.clear()
        self._flows = bool(self._frames)

    def drop(self) -> None:
        """What waits is not said."""
        self._rest.clear()
        self._frames.clear()
        self._flows = False

    def next(self) -> bytes | None:
        """The next frame; None where there is none, or it is too early for it."""
        if not self._flows:
            return None
        frame = self._frames.popleft()
        self._flows = bool(self._frames)
        return frame
