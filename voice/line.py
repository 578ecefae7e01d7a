"""A session's line to its caller: one connection after another, and the log of all that he was told, from which a client that lost its
connection is told what it has missed."""

import logging

from .connection import Connection
from .event import Error, Event, Joined, Left
from .eventlog import EventLog
from .seat import SendLane, Tap

told = logging.getLogger("hubbub.told")
"""Errors that callers were told, for the operator's eyes (`voice/operate/errors.py`)."""

ABSENT_S = 3.0
"""How long a reply waits for a listener whose connection was lost: a change of network takes one to two seconds."""


class Line:
    """The line of one session, whose id, room and name stand in the log."""

    def __init__(self, session: str, room: str, name: str) -> None:
        self.connection: Connection | None = None
        self.lost_at: float | None = None
        """Loop time at which the last connection was lost, in seconds; None while there is one, and before the first."""
        self.lanes_to: SendLane | None = None
        """Where the others' voices go one by one; None where he hears them mixed."""
        self.log = EventLog()
        self.tap: Tap | None = None
        """Who listens in."""
        self.used = False
        """There has been a connection."""
        self.over = False
        """`left` was told, the last event of a session: what the room does afterwards is not told any more."""
        self._whose = (session, room, name)

    def attach(self, connection: Connection, joined: Joined, after: int | None) -> None:
        """A connection takes the last one's place. The far end is told `joined`, then what it has missed after event `after`."""
        resumed, self.used = self.used, True
        self.connection, self.lanes_to, self.lost_at = connection, None, None
        missed = self.log.after(after) if after is not None else []
        self.tell(joined.model_copy(update={"resumed": resumed, "missed": len(missed)}))
        for event in missed:
            connection.send_event(event)

    def detach(self, connection: Connection, now: float) -> None:
        """The connection is gone, if it is still this one."""
        if self.connection is connection:
            self.connection, self.lanes_to, self.lost_at = None, None, now

    def away_s(self, now: float) -> float:
        """How long the line has been gone, in seconds; 0 where it stands."""
        return 0.0 if self.lost_at is None else now - self.lost_at

    def is_absent(self, now: float) -> bool:
        """Whether the line has been gone for so long that nobody waits for the caller."""
        return self.away_s(now) > ABSENT_S

    def emit(self, event: Event) -> None:
        """Appends an event to the log and tells whoever listens."""
        if self.over:
            return
        self.over = isinstance(event, Left)
        if isinstance(event, Error):
            told.info("session=%s room=%s name=%s code=%s: %s", *self._whose, event.code, event.message)
        self.tell(self.log.append(event))

    def tell(self, event: Event) -> None:
        """Tells whoever listens, the connection first, what is not for the log: what concerns this one connection."""
        if self.connection is not None:
            self.connection.send_event(event)
        if self.tap is not None:
            self.tap.emitted(event)

    def close(self) -> None:
        """The session is over: nobody listens in any more."""
        if self.tap is not None:
            self.tap.closed()
            self.tap = None
