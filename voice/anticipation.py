"""Replies begun before it is certain that they are wanted: the one draft of a conversation.

It comes in two kinds. On a person's turn that looks complete, as the turn machine asks for it; and on the end of an agent's reply: when
all of its text is known, the next speaker begins to think while it still plays. A draft's sound waits behind a gate, and its memory is
staged; it is taken when everything came as expected, and thrown away without a trace when it came otherwise.
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..agents.draft import Draft
from ..agents.message import Msg
from .agenda import Agenda
from .reply import AgentSeat, ReplyRun, Turn

if TYPE_CHECKING:
    from .room import VoiceRoom

log = logging.getLogger("hubbub.room")

MakeRun = Callable[[AgentSeat, Turn, list[Msg], Draft], ReplyRun]


class Anticipation:
    """The draft of a conversation, if there is one. `make_run` makes its reply."""

    def __init__(self, room: "VoiceRoom", agenda: Agenda, make_run: MakeRun, failed: Callable[[ReplyRun], None]) -> None:
        self.draft: ReplyRun | None = None
        self._room = room
        self._agenda = agenda
        self._make_run = make_run
        self._failed = failed

    def of_turn(self, turn: Turn) -> None:
        """A person's turn looks complete: whoever will answer it begins. One at a time: a second caller's turn waits for certainty."""
        draft = self.draft
        if self._agenda.asks or (draft is not None and (draft.turn.session is not turn.session or draft.turn.text == turn.text)):
            return
        self.discard()
        after = self._agenda.after_turns([turn])
        seat = self._agenda.seat(after.queue[0]) if after.queue else None
        if seat is not None:
            self._begin(seat, turn, turn.msg)
            self._room.metrics.counters["speculations"] += 1

    def of_reply(self, run: ReplyRun) -> None:
        """All of a reply's text is known: the agent that will speak after it begins to think."""
        if self.draft is not None or self._agenda.asks or self._agenda.turns or self._agenda.said:
            return
        after = self._agenda.after_reply(run.seat.name, run.text)
        seat = self._agenda.seat(after.queue[0]) if after.queue else None
        if seat is not None and seat is not run.seat:
            self._begin(seat, Turn(run.seat.name, run.text), Msg(run.seat.name, run.text, "assistant"))
            self._room.metrics.counters["agent_speculations"] += 1

    def answering(self, turns: list[Turn], seat: AgentSeat | None) -> ReplyRun | None:
        """The draft, if it answers just this; any other is thrown away."""
        draft = self.draft
        if (
            draft is not None and len(turns) == 1 and draft.seat is seat and draft.turn.session is turns[0].session
            and draft.turn.text == turns[0].text and not draft.failure
        ):  # fmt: skip
            self.draft = None
            draft.turn = turns[0]
            self._room.metrics.counters["speculations_used"] += 1
            return draft
        self.discard()
        return None

    def following(self, run: ReplyRun, heard: str) -> ReplyRun | None:
        """The draft, if it follows just this reply, heard to its end, and the floor is its agent's."""
        draft = self.draft
        if draft is None or draft.turn.session is not None or draft.turn.speaker != run.seat.name or draft.failure:
            return None
        if not (heard == run.text == draft.turn.text and self._agenda.first is draft.seat):
            return None
        self.draft = None
        self._room.metrics.counters["agent_speculations_used"] += 1
        return draft

    def discard(self, *, of: object = None) -> None:
        """Throws the draft away; with `of` only if it was begun for this caller."""
        run = self.draft
        if run is None or (of is not None and run.turn.session is not of):
            return
        self.draft = None
        if run.draft is not None and run.draft.state == "open":
            run.draft.discard()
        for session in run.listeners:
            session.playout.cut(run.number)
        run.settled.set()
        self._room.spawn(run.stop())
        self._room.metrics.counters["speculations_discarded"] += 1
        self._room.metrics.counters["speculated_characters_wasted"] += len(run.text)
        log.debug("room=%s reply=%d speculation discarded chars=%d", self._room.name, run.number, len(run.text))

    def _begin(self, seat: AgentSeat, turn: Turn, msg: Msg) -> None:
        self.draft = self._make_run(seat, turn, [msg], Draft())
        self.draft.start(self._failed)
