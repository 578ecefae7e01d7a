"""Tickets to a recording's sound: what an `<audio>` element shows at the door, since it can send no header.

A ticket is good for the sound of one recording and for a few minutes. It stands in an address, where browsers keep it; so it opens
nothing else, and the key or token that it was given for cannot be read from it.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable

from ..grant import Refused

LIFE_S = 900
"""How long a ticket is good: a quarter of an hour, as the pages' players ask for a new one when they need it."""

_TICKET = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})")


class Tickets:
    """Makes tickets, and checks them."""

    def __init__(self, key: str | None, *, wall_clock: Callable[[], float] = time.time) -> None:
        """`key`: a server key, so that every process that has it honours them; None for tickets of this process only."""
        self._secret = hmac.digest((key or secrets.token_hex(32)).encode(), b"hubbub recording ticket", "sha256")
        self._wall_clock = wall_clock

    def make(self, recording: str, *, until: int = 0) -> tuple[str, int]:
        """A ticket to a recording's sound, and for how many seconds it is good. `until`: no longer than this, in seconds since 1970; 0
        for no such end."""
        now = int(self._wall_clock())
        expires = min(now + LIFE_S, until or now + LIFE_S)
        return f"{expires}.{self._sign(recording, expires)}", expires - now

    def check(self, recording: str, ticket: str) -> None:
        """Raises Refused (`unauthorized`)."""
        found = _TICKET.fullmatch(ticket)
        if found is None or not hmac.compare_digest(found[2], self._sign(recording, int(found[1]))):
            raise Refused("unauthorized", "the ticket is refused: it is none for the sound of this recording")
        if int(found[1]) <= self._wall_clock():
            raise Refused("unauthorized", "the ticket is refused: it has expired; ask for another one")

    def _sign(self, recording: str, expires: int) -> str:
        return hmac.new(self._secret, f"{expires}\n{recording}".encode(), hashlib.sha256).hexdigest()
