"""The order of what a carrier sends on one line: nothing before the start, one start, and sound in its sequence.

Theory of operation
===================

| state     | connected | start                                  | media, digit, mark, … | stop      |
|-----------|-----------|----------------------------------------|-----------------------|-----------|
| waiting   | passed on | passed on → streaming                  | refused               | → stopped |
| streaming | ignored   | ignored if of this stream, else refused| passed on             | → stopped |
| stopped   | ignored   | ignored                                | ignored               | ignored   |

Refused means WireError: the sender made a mistake, the call goes on as it was. Telnyx does not promise to send sound in its order,
so with `sort` its chunks wait for the ones missing before them, at most `WINDOW` chunks; what comes after its place was given up is
dropped. Only a gap makes sound wait. A carrier whose numbers turn out to be useless (always late, always with gaps) is no longer sorted.
"""

from dataclasses import dataclass, field

from .base import Connected, FromCarrier, Media, Start, Stop, WireError

WINDOW = 4
"""Chunks that may wait for a missing one: 80 ms, what a small jitter buffer takes."""

DISTRUST = 10
"""So many chunks late, or gaps never filled, in a row mean that the numbers do not count chunks."""


@dataclass(slots=True)
class Order:
    """What passes on one line. Pure; one object a call."""

    sort: bool = False
    state: str = "waiting"
    late: int = 0
    """Chunks dropped because their place had passed."""
    lost: int = 0
    """Chunks that never came in time."""
    repeated_starts: int = 0
    _stream_id: str = ""
    _expected: int | None = None
    _held: dict[int, Media] = field(default_factory=dict)
    _suspicion: int = 0

    def take(self, message: FromCarrier) -> tuple[FromCarrier, ...]:
        """What is to be handled now that `message` has come, in order. Raises WireError."""
        if self.state == "stopped":
            return ()
        if isinstance(message, Stop):
            self.state = "stopped"
            return (*self._all_held(), message)
        if isinstance(message, Connected):
            return (message,) if self.state == "waiting" else ()
        if isinstance(message, Start):
            return self._start(message)
        if self.state == "waiting":
            raise WireError("before_start", f"'{type(message).__name__.lower()}' came before the start of the stream")
        if isinstance(message, Media):
            return self._media(message)
        return (message,)

    def _start(self, start: Start) -> tuple[FromCarrier, ...]:
        if self.state == "waiting":
            self.state, self._stream_id = "streaming", start.stream_id
            return (start,)
        self.repeated_starts += 1
        if start.stream_id != self._stream_id:
            raise WireError("repeated_start", "this line carries a stream already: another one needs a line of its own")
        return ()

    def _media(self, media: Media) -> tuple[FromCarrier, ...]:
        if not media.track.startswith("inbound"):
            return ()  # an echo of our own sound
        if not self.sort or media.chunk is None:
            return (media,)
        if self._expected is None:
            self._expected = media.chunk
        if media.chunk < self._expected:
            self.late += 1
            self._suspect()
            return ()
        if media.chunk == self._expected:
            self._suspicion = 0
            if not self._held:
                self._expected += 1
                return (media,)
        self._held[media.chunk] = media
        if len(self._held) > WINDOW and self._expected not in self._held:
            missing = min(self._held) - self._expected
            self.lost += missing
            self._expected += missing
            self._suspect()
        return self._ready()

    def _ready(self) -> tuple[FromCarrier, ...]:
        if not self.sort:
            return self._all_held()
        ready: list[FromCarrier] = []
        assert self._expected is not None
        while (media := self._held.pop(self._expected, None)) is not None:
            ready.append(media)
            self._expected += 1
        return tuple(ready)

    def _all_held(self) -> tuple[FromCarrier, ...]:
        held, self._held = self._held, {}
        return tuple(held[chunk] for chunk in sorted(held))

    def _suspect(self) -> None:
        self._suspicion += 1
        if self._suspicion >= DISTRUST:
            self.sort = False
