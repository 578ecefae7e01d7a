"""The door: what a gateway asks of the house before somebody has a seat."""

from dataclasses import dataclass
from typing import Protocol

from starlette.requests import HTTPConnection

from .event import AudioFormat, Joined, Role
from .session import Session


class Refused(Exception):
    """The house does not let somebody in, or does not do what he asks. The text says why and what to do; `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody who knocks may do. The default is what an open server grants to everybody."""

    room: str | None = None
    """The only room he may join; None for any."""
    name: str | None = None
    """The name he must bear; None for one of his choice."""
    role: Role = "moderator"
    """The most he may be."""
    key: str = ""
    """Who vouches for him, for limits and the log: an id of a key, never the key; empty on an open server."""
    address: str = ""
    """Where he knocks from, for limits."""


OPEN = Grant()


class Door(Protocol):
    """What a gateway needs of the house."""

    def admit(self, knock: HTTPConnection) -> Grant: ...

    async def join(self, room: str, name: str, *, grant: Grant = OPEN, role: Role = "speaker") -> Session: ...

    def resume(self, token: str) -> Session: ...

    def leave(self, session: Session, reason: str) -> None: ...

    def describe(self, session: Session, audio: AudioFormat) -> Joined: ...
