"""Sound over a reply is judged when it comes, not at the next tick."""

import numpy as np
import pytest
from hubbub.voice.session import Session
from hubbub.voice.turn import signals as s
from hubbub.voice.turn.policy import TurnPolicy
from quiet_room import QuietRoom
from test_session_endpointing import ScriptedVAD

LOUD, HISS = (np.full(320, level, np.int16).tobytes() for level in (3000, 30))


class Room(QuietRoom):
    """Counts who was hurried."""

    hurried = 0

    def hurry(self, session: Session) -> None:
        self.hurried += 1


@pytest.mark.parametrize(
    ("frame", "replying", "hurried"), [(LOUD, True, 1), (HISS, True, 0), (LOUD, False, 0)], ids=["over a reply", "hiss", "no reply"]
)
def test_who_breaks_in_waits_for_no_tick(frame, replying, hurried):
    room = Room()
    session = Session("ann", room, vad=ScriptedVAD(), policy=TurnPolicy())
    if replying:
        session.announce(1, "Ava", interruptible=True)
        session.step(s.PlayoutStarted(session.now, 1))
    session.hear(frame)
    assert room.hurried == 0  # not a whole window yet
    session.hear(frame)
    assert room.hurried == hurried
