"""The native protocol's control messages, obeyed: shared by every gateway that speaks it (WebSocket, WebRTC's data channel)."""

from .. import protocol as wire
from ..audio.frames import MOUTH_HZ
from ..event import Pong
from ..session import Session

MAX_BAD_MESSAGES = 20
"""A client that sends more than this many messages that the protocol does not allow is closed."""

MAX_MESSAGES_A_SECOND = 400
"""Messages of any kind in one second: eight times what a microphone at 20 ms sends."""

MAX_TEXTS_A_SECOND = 5
"""Typed turns in one second. Each interrupts the one before and stays in memory: who types faster is no person."""


class Pace:
    """Counts what comes in each second of the loop's clock."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._second = float("-inf")
        self._count = 0

    def exceeded(self, now: float) -> bool:
        """Counts one; whether that is too many in the second that holds `now` (seconds)."""
        if now - self._second >= 1:
            self._second, self._count = now, 0
        self._count += 1
        return self._count > self._limit


def obey(message: wire.ClientMessage, session: Session, now: float, *, output_hz: int) -> bool:
    """Does what a client asks at loop time `now` (seconds); False when it leaves. Raises ProtocolError.

    `output_hz`: the rate in which the client counts its playhead.
    """
    if not isinstance(message, wire.Leave) and not all([share.message(now) for share in session.shares]):
        raise wire.ProtocolError("too_many_messages", "your address or key sends too many messages a minute: this one was not taken")
    match message:
        case wire.Playhead():
            session.played(message.reply, message.offset * MOUTH_HZ // output_hz, now)
        case wire.Text():
            session.type(message.text)
        case wire.Dtmf():
            session.press_keys(message.digits)
        case wire.Interrupt():
            session.press_interrupt()
        case wire.Commit():
            session.press_commit()
        case wire.Mute():
            session.mute(message.muted)
        case wire.Ping():
            session.tell(Pong(at_ms=session.now_ms, id=message.id))
        case wire.Leave():
            return False
        case wire.Join():
            raise wire.ProtocolError("already_joined", "this connection has joined already: open another one for another seat")
    return True
