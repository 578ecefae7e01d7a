"""Who speaks over the reply that is being said: while anybody does, it is silent for everybody."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from .reply import ReplyRun

if TYPE_CHECKING:
    from .session import Session


class Holds:
    """The callers who hold a conversation's reply. Each one's own playout is held and resumed by his session; the others' from here."""

    def __init__(self) -> None:
        self._holders: set[Session] = set()

    def hold(self, session: "Session", run: ReplyRun | None) -> None:
        """A caller speaks over the reply."""
        self._holders.add(session)
        if run is not None:
            _each_other(session, run, lambda other: other.mouthpiece.hold(run.number))

    def resume(self, session: "Session", run: ReplyRun | None, reply: int) -> None:
        """It was no interruption: the reply goes on, unless somebody else holds it."""
        self.let_go(session, run)
        if self._holders:
            session.mouthpiece.hold(reply)

    def let_go(self, session: "Session", run: ReplyRun | None) -> None:
        """A caller holds it no longer, or has gone."""
        self._holders.discard(session)
        if not self._holders and run is not None:
            now = asyncio.get_running_loop().time()
            _each_other(session, run, lambda other: other.mouthpiece.resume(run.number, now))

    def clear(self) -> None:
        """The reply is over."""
        self._holders.clear()


def _each_other(session: "Session", run: ReplyRun, act: "Callable[[Session], None]") -> None:
    for other in run.listeners:
        if other is not session:
            act(other)
