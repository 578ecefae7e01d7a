"""A session's log: its events in order, numbered, and bounded; what a client that lost its connection has missed is read from it."""

from collections import deque
from collections.abc import Iterator

from .event import Event, Gap

LOG_EVENTS = 2000
"""Events that are kept; the oldest go first. A lively minute has some hundreds, and a lost seat is kept for a minute."""


class EventLog:
    """The events of one session, with their numbers (`seq`, from 1)."""

    def __init__(self, limit: int = LOG_EVENTS) -> None:
        self._events: deque[Event] = deque(maxlen=limit)
        self.seq = 0
        """The number of the newest event."""

    def append(self, event: Event) -> Event:
        """Keeps an event; answers it with its number."""
        self.seq += 1
        numbered = event.model_copy(update={"seq": self.seq})
        self._events.append(numbered)
        return numbered

    def after(self, seq: int) -> list[Event]:
        """What came after event `seq`, in order; where some of it is not kept any more, a `Gap` stands in its place."""
        missed: list[Event] = []
        for event in reversed(self._events):
            if event.seq <= seq:
                break
            missed.append(event)
        missed.reverse()
        first = self.seq - len(self._events) + 1
        if seq < first - 1:
            missed.insert(0, Gap(after=seq, until=first - 1))
        return missed

    def __iter__(self) -> Iterator[Event]:
        return iter(self._events)

    def __len__(self) -> int:
        return len(self._events)
