"""The far end's playout buffer: what a carrier does with the sound, marks and clears that a server sends it, counted in samples.

Theory of operation
===================

Sound waits in the order in which it came, and leaves in time (`pull`), with silence where none waits. A mark stands at the end of all
sound sent before it, and is *due* (`take_due`) when that sound has left: at once where none waits. `clear` throws away what waits; the
marks in it are due at once (Twilio, Telnyx, Vonage, Exotel) or never (`drops_marks`: Plivo's checkpoints, Asterisk's FLUSH_MEDIA).
`pause` stops the leaving and keeps what waits (Asterisk only). Beyond `limit_ms` new sound is refused and counted. With `prefill_ms` a
line that ran dry waits for so much before it goes on, or for as long: the jitter buffer of a line whose sender paces.

No clock and no I/O here: whoever owns the line pulls 20 ms each 20 ms. At any moment

    received = played + cleared + buffered        (samples)
"""

from collections import deque

from ...audio.frames import SAMPLE_BYTES

MAX_MARKS = 10_000
"""Marks that may wait; a server that sends more without any sound is told so (`refused_marks`)."""


class Line:
    """The playout buffer of one call at `rate_hz`, PCM16."""

    def __init__(self, rate_hz: int, *, drops_marks: bool = False, limit_ms: int = 120_000, prefill_ms: int = 0) -> None:
        """`limit_ms`: sound that may wait. Raises ValueError for a rate or a limit below 1."""
        if rate_hz < 1 or limit_ms < 1:
            raise ValueError(f"a line needs a rate and a limit of at least 1, not {rate_hz} Hz and {limit_ms} ms")
        self.rate_hz = rate_hz
        self.drops_marks = drops_marks
        self.limit_samples = limit_ms * rate_hz // 1000
        self._prefill_samples = prefill_ms * rate_hz // 1000
        self._filling = 0
        """Samples of silence that are still given while the line fills."""
        self.paused = False
        self.received = 0
        """Samples taken."""
        self.played = 0
        """Samples of them that have left."""
        self.cleared = 0
        """Samples of them that were thrown away."""
        self.refused = 0
        """Samples that found the buffer full."""
        self.refused_marks = 0
        self.gaps = 0
        """How often a stretch of sound was interrupted because nothing had come in time: heard as a break inside a word."""
        self.largest = 0
        """Most samples that ever waited: how far the server sends ahead."""
        self._chunks: deque[bytes] = deque()
        self._first_offset = 0
        self._marks: deque[tuple[int, str]] = deque()
        self._due: list[str] = []
        self._ran_dry = False

    @property
    def buffered(self) -> int:
        """Samples that wait."""
        return self.received - self.played - self.cleared

    @property
    def buffered_ms(self) -> float:
        """The same in milliseconds."""
        return self.buffered * 1000 / self.rate_hz

    def play(self, pcm: bytes) -> int:
        """Takes PCM16, any whole number of samples. Answers how many samples were refused. Raises ValueError on half a sample."""
        if len(pcm) % SAMPLE_BYTES:
            raise ValueError(f"sound comes as 16-bit samples, but {len(pcm)} bytes is an odd number")
        room = self.limit_samples - self.buffered
        surplus = max(0, len(pcm) // SAMPLE_BYTES - room)
        if surplus:
            pcm = pcm[: len(pcm) - surplus * SAMPLE_BYTES]
            self.refused += surplus
        if pcm:
            if not self._chunks:
                self._filling = self._prefill_samples
            if self._ran_dry:
                self.gaps += 1
                self._ran_dry = False
            self._chunks.append(pcm)
            self.received += len(pcm) // SAMPLE_BYTES
            self.largest = max(self.largest, self.buffered)
        return surplus

    def mark(self, name: str) -> None:
        """Sets a mark behind everything that waits."""
        if not self.buffered:
            self._due.append(name)
        elif len(self._marks) >= MAX_MARKS:
            self.refused_marks += 1
        else:
            self._marks.append((self.received, name))

    def clear(self) -> int:
        """Throws away what waits. Answers how many samples that were."""
        thrown = self.buffered
        self.cleared += thrown
        self._chunks.clear()
        self._first_offset = 0
        if not self.drops_marks:
            self._due += [name for _, name in self._marks]
        self._marks.clear()
        self._ran_dry = False
        return thrown

    def pause(self) -> None:
        """Silence, and what waits goes on waiting."""
        self.paused = True

    def resume(self) -> None:
        """On from where it stopped."""
        self.paused = False

    def pull(self, samples: int) -> bytes:
        """The next `samples` samples for the ear, with silence where nothing waits."""
        if self.paused or not self._chunks:
            return bytes(samples * SAMPLE_BYTES)
        if self._filling > 0 and self.buffered < self._prefill_samples + samples:
            self._filling -= samples
            return bytes(samples * SAMPLE_BYTES)
        self._filling = 0
        sound = self._take(samples * SAMPLE_BYTES)
        count = len(sound) // SAMPLE_BYTES
        self.played += count
        position = self.received - self.buffered
        while self._marks and self._marks[0][0] <= position:
            self._due.append(self._marks.popleft()[1])
        self._ran_dry = count < samples or not self._chunks
        return sound + bytes((samples - count) * SAMPLE_BYTES)

    def take_due(self) -> list[str]:
        """The marks that have come due since the last time, in order."""
        due, self._due = self._due, []
        return due

    def stretch_ends(self) -> None:
        """The silence from here on is meant (the server said that nothing follows, or it lasted too long to be a hole): no gap."""
        self._ran_dry = False

    def _take(self, size: int) -> bytes:
        parts: list[bytes] = []
        while size > 0 and self._chunks:
            chunk = self._chunks[0]
            piece = chunk[self._first_offset : self._first_offset + size]
            parts.append(piece)
            size -= len(piece)
            self._first_offset += len(piece)
            if self._first_offset == len(chunk):
                self._chunks.popleft()
                self._first_offset = 0
        return parts[0] if len(parts) == 1 else b"".join(parts)
