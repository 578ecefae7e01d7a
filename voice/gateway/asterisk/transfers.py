"""Where calls are to go on that an agent has put through: their dialplan asks when the conversation has ended. Pure.

Asterisk lets nobody but its dialplan, or who has a login to its manager, move a caller. So Hubbub ends its leg of the call, and what stands
behind `Dial` or `AudioSocket` asks `GET /api/calls/asterisk/next?call=…`, which answers with the number once, or with nothing.
"""

from collections import OrderedDict

KEPT_S = 60.0
"""How long a dialplan may take to ask; it asks at once."""

MAX_KEPT = 10_000


class Transfers:
    """The numbers that wait to be asked for. Times are seconds of one clock."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, tuple[str, float]] = OrderedDict()

    def put(self, call: str, number: str, now: float) -> None:
        """A call is to go on to a number."""
        self._forget(now)
        self._waiting.pop(call, None)
        self._waiting[call] = number, now + KEPT_S
        if len(self._waiting) > MAX_KEPT:
            self._waiting.popitem(last=False)

    def take(self, call: str, now: float) -> str:
        """The number that a call is to go on to, once; empty where it is simply over."""
        self._forget(now)
        return self._waiting.pop(call, ("", 0.0))[0]

    def __len__(self) -> int:
        return len(self._waiting)

    def _forget(self, now: float) -> None:
        while self._waiting and next(iter(self._waiting.values()))[1] <= now:
            self._waiting.popitem(last=False)
