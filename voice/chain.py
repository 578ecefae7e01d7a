"""The replies of a conversation, one after another: each is made with what it answers and who hears it, and memory holds what was
heard of one before the next one reads it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Any

from ..agents.draft import Draft
from ..agents.event import AgentEvent
from ..agents.hub import MsgHub
from ..agents.message import Msg
from .reply import AgentSeat, ReplyRun, Turn, spoken
from .settle import ending, remember

if TYPE_CHECKING:
    from .room import VoiceRoom
    from .session import Session

log = logging.getLogger("hubbub.room")


class ReplyChain:
    """Makes and settles one conversation's replies. `sessions` is the conversation's own, `on_generated` is told of every reply whose
    text is all known."""

    def __init__(
        self, room: "VoiceRoom", hub: MsgHub | None, sessions: "dict[str, Session]", on_generated: Callable[[ReplyRun], None]
    ) -> None:
        self.last: ReplyRun | None = None
        """The reply that ended last, until it is settled."""
        self._room = room
        self._hub = hub
        self._sessions = sessions
        self._on_generated = on_generated

    def make(
        self, seat: AgentSeat, turn: Turn, msgs: list[Msg] | None, draft: Draft | None = None, *, words: str = "",
        listeners: "Sequence[Session] | None" = None, **options: Any,
    ) -> ReplyRun:  # fmt: skip
        """A reply to `turn`, not begun yet: the agent's own to `msgs`, or given `words`. `listeners`: who alone hears it, and with whom
        only this agent remembers it; else all who are there and have a line. `options` are the agent's `reply`'s."""

        def source(draft: Draft | None) -> AsyncIterator[AgentEvent]:
            if words:
                return spoken(seat.name, words)
            return seat.agent.reply_stream(msgs, draft=draft, **options)

        now = asyncio.get_running_loop().time()
        everybody = list(self._sessions.values()) if listeners is None else list(listeners)
        present = [session for session in everybody if not session.line.is_absent(now)]
        speak_early = draft is None or self._room.policy.speculation == "full"
        run = ReplyRun(0, seat, turn, source, present or everybody, self.last, draft, speak_early, self._on_generated)
        run.fixed = bool(words)
        run.private = listeners is not None
        return run

    def make_draft(self, seat: AgentSeat, turn: Turn, msgs: list[Msg], draft: Draft) -> ReplyRun:
        """A reply that is begun before it is certain."""
        run = self.make(seat, turn, msgs, draft)
        run.number = self._room.next_number()
        return run

    def number(self, run: ReplyRun) -> None:
        """A reply begins now, after all that have ended."""
        run.number = self._room.next_number()
        run.previous = self.last

    def end(self, run: ReplyRun) -> ReplyRun | None:
        """A reply is over; answers the one before it."""
        before, self.last = self.last, run
        return before

    async def settle(self, run: ReplyRun, heard: str, *, by: str | None, told: tuple[AgentSeat, ...], before: ReplyRun | None) -> None:
        """Makes memory true, and tells everybody how the reply ended. `by`: who broke in; `told`: who has it already."""
        msg: Msg | None = None
        try:
            if before is not None:  # a reply that was begun while that one played has not waited for it
                await before.settled.wait()
            hub = None if run.private else self._hub
            msg = await remember(run, heard, by, hub, tuple(seat.agent for seat in told))
            if msg is not None:
                self._room.remember([msg], private=self._hub is None or run.private)
            for session in run.listeners if run.private else list(self._sessions.values()):
                session.emit(ending(run, heard, by).model_copy(update={"at_ms": session.now_ms}))
        except Exception:
            log.exception("room=%s reply=%d could not be settled", self._room.name, run.number)
        finally:
            run.conclude(msg)
            if self.last is run:  # nobody waits for it any more, and it holds who heard it
                self.last = None
