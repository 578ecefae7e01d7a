"""The door: what a gateway asks of the house before somebody has a seat."""

from typing import Protocol

from starlette.requests import HTTPConnection

from .event import AudioFormat, Joined, Role
from .grant import OPEN, Grant, Refused
from .session import Session

__all__ = ["OPEN", "Door", "Grant", "Refused"]


class Door(Protocol):
    """What a gateway needs of the house."""

    def admit(self, knock: HTTPConnection) -> Grant: ...

    async def join(self, room: str, name: str, *, grant: Grant = OPEN, role: Role | None = None) -> Session: ...

    def resume(self, token: str) -> Session: ...

    def leave(self, session: Session, reason: str) -> None: ...

    def describe(self, session: Session, audio: AudioFormat) -> Joined: ...
