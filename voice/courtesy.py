"""People before agents: while a person speaks, no agent begins."""

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from .turn.machine import Ear

if TYPE_CHECKING:
    from .session import Session

NOISE_S = 4.0
"""Whoever makes sound for this long without a word that a recogniser finds holds up nobody any more: a vacuum cleaner, a television."""


class Courtesy:
    """How long a conversation has been waiting for its callers to fall silent."""

    def __init__(self) -> None:
        self._since: float | None = None

    @property
    def waiting(self) -> bool:
        """Whether something waits for a caller who speaks."""
        return self._since is not None

    def waits_for(self, sessions: "Iterable[Session]") -> bool:
        """Whether one of these speaks whom an agent must not interrupt. Sound without words is waited for `NOISE_S`."""
        speaking = [one for one in sessions if one.may_speak and one.state.ear is not Ear.QUIET]
        if not speaking:
            return False
        now = asyncio.get_running_loop().time()
        if self._since is None:
            self._since = now
        return now - self._since < NOISE_S or any(session.state.text for session in speaking)

    def forget(self) -> None:
        """Nothing waits any more."""
        self._since = None
