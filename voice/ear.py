"""The ear: a caller's sound on its way to the VAD and the recogniser, on the session's own clock.

Positions are samples at 16 kHz since the session began. `received` is how much sound has come, `at` how much of it has been judged.
The ear keeps a short past, from which a recogniser gets its pre-roll, and bounds what may wait: a client that sends faster than
real time loses the surplus, and one that stops sending is given silence, so that time goes on and its turn can end.
"""

import numpy as np
import numpy.typing as npt

from .audio.frames import EAR_FRAME_SAMPLES, EAR_HZ, SAMPLE_BYTES, ms_to_samples

PAST_MS = 1200
"""Judged sound that is kept: more than the longest pre-roll."""

AHEAD_MS = 2000
"""Sound that may come before its time (a burst after a stall); what comes on top is dropped."""

STARVED_MS = 300
"""A stream this late has stopped: silence takes its place. Longer than the jitter of a bad mobile line."""

DRIFT = 0.01
"""How fast the expected position follows the client's clock: enough for any crystal (100 ppm), too slow to hide a burst."""


class Ear:
    """The incoming sound of one session. Pure state; the session says what time it is."""

    def __init__(self, window_samples: int) -> None:
        self.window_samples = window_samples
        self.at = 0
        self.received = 0
        self.dropped = 0
        """Samples thrown away because they came faster than real time."""
        self._begun = False
        """Something was heard of the far end."""
        self._expected = 0.0
        self._buffer = bytearray()
        self._base = 0
        self._absent_from = 0
        self._absent_until = 0
        self._rested_until = 0

    def push(self, pcm: bytes) -> int:
        """Takes PCM16 at 16 kHz, any whole number of samples. Answers how many samples were dropped.

        What passed before the first of it was silence, and makes the stream no later: a WebRTC connection comes about some hundred ms after
        its caller has joined, and a far end that rests (`rest`) would else be given these as silence all at once, and its turn end early.
        """
        if not self._begun:
            self._begun = True
            if (missing := int(self._expected) - self.received - len(pcm) // SAMPLE_BYTES) >= EAR_FRAME_SAMPLES:
                self._fill(missing)
        room = int(self._expected) + ms_to_samples(AHEAD_MS, EAR_HZ) - self.received
        samples = len(pcm) // SAMPLE_BYTES
        surplus = max(0, samples - max(0, room))
        if surplus:
            self.dropped += surplus
            pcm = pcm[: (samples - surplus) * SAMPLE_BYTES]
        self._buffer += pcm
        self.received += samples - surplus
        return surplus

    def advance(self, samples: float) -> bytes:
        """Lets the clock go on by so many samples of real time, and fills in silence where the stream has stopped: answers it."""
        late = self._expected - self.received
        self._expected += samples * (1 - DRIFT if late > 0 else 1 + DRIFT)
        starved = self._expected - self.received - ms_to_samples(STARVED_MS, EAR_HZ)
        if starved <= 0:
            return b""
        return self._fill(int(starved) + self.window_samples)

    def rest(self, until: int | None = None) -> bytes:
        """The far end says that it sends nothing because nothing is said: silence up to now, at once. Answers it.

        Where speech begins again, a frame of it comes for the time that has just passed; so less than a frame is not filled in, but where
        position `until` is waited for, and reached: the end of a turn does not wait for the rest of a frame that is silence.
        """
        missing = int(self._expected) - self.received
        waited_for = until is not None and self.received < until <= int(self._expected)
        if missing < EAR_FRAME_SAMPLES and not waited_for:
            return b""
        filled = self._fill(missing)
        self._rested_until = self.received
        return filled

    def _fill(self, missing: int) -> bytes:
        if self._absent_until != self.received:
            self._absent_from = self.received
        filled = bytes(missing * SAMPLE_BYTES)
        self._buffer += filled
        self.received += missing
        self._absent_until = self.received
        return filled

    @property
    def clock(self) -> int:
        """Where real time stands in this sound, in samples: between windows too, and evenly where it comes in bursts."""
        return int(self._expected)

    @property
    def late(self) -> int:
        """How many samples less than real time have come; 0 where none is missing."""
        return max(0, int(self._expected) - self.received)

    @property
    def ready(self) -> bool:
        """Whether a whole window waits."""
        return self.received - self.at >= self.window_samples

    @property
    def absent(self) -> bool:
        """Whether the next window is nothing but filled-in silence: no VAD needs to hear it."""
        return self._absent_from <= self.at and self.at + self.window_samples <= self._absent_until

    @property
    def starved(self) -> bool:
        """Whether the stream has stopped: the newest sound is filled-in silence."""
        return 0 < self.received == self._absent_until != self._rested_until

    def window(self) -> npt.NDArray[np.int16]:
        """The next window, shape (window_samples,), int16; a view that must be dropped before the ear changes."""
        offset = (self.at - self._base) * SAMPLE_BYTES
        return np.frombuffer(self._buffer, np.int16, self.window_samples, offset)

    def judged(self) -> bytes:
        """The next window has been judged: time moves to its end. Answers its sound."""
        start = (self.at - self._base) * SAMPLE_BYTES
        sound = bytes(self._buffer[start : start + self.window_samples * SAMPLE_BYTES])
        self.at += self.window_samples
        past = self.at - self._base - ms_to_samples(PAST_MS, EAR_HZ)
        if past > EAR_HZ:  # one move a second, not one a window
            del self._buffer[: past * SAMPLE_BYTES]
            self._base += past
        return sound

    def since(self, start: int) -> bytes:
        """The judged sound from position `start` (or from as far back as is kept) to `at`."""
        first = max(start, self._base) - self._base
        return bytes(self._buffer[first * SAMPLE_BYTES : (self.at - self._base) * SAMPLE_BYTES])

    def newest(self, samples: int) -> bytes:
        """The last so many samples that have come, judged or not; empty where so many were never there."""
        return bytes(self._buffer[-samples * SAMPLE_BYTES :]) if len(self._buffer) >= samples * SAMPLE_BYTES else b""

    def waiting(self) -> bytes:
        """The sound that has come and is not judged yet."""
        return bytes(self._buffer[(self.at - self._base) * SAMPLE_BYTES :])
