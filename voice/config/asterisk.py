"""What can be configured of the calls that come from an Asterisk."""

from ipaddress import ip_network
from typing import Annotated
from uuid import UUID

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from .section import Section

AUDIOSOCKET_PORT = 9092
"""No port is registered for AudioSocket; this is the one of Asterisk's own examples."""

RoomName = Annotated[str, Field(min_length=1, max_length=64)]


class AudioSocketConfig(Section):
    """Where Asterisk's AudioSocket connects to. The protocol has no password: `allowed` and the UUIDs are all that guards it."""

    host: str = Field(default="127.0.0.1", min_length=1, max_length=255)
    port: int = Field(default=AUDIOSOCKET_PORT, ge=0, le=65_535)
    """0 takes any free port."""
    allowed: tuple[str, ...] = Field(default=("127.0.0.0/8", "::1/128"), max_length=200)
    """Addresses and networks that may connect."""
    rooms: dict[str, RoomName] = Field(default={}, max_length=10_000)
    """The room of each UUID that a dialplan uses every time."""
    lookup: str | None = Field(default=None, pattern=r"^https?://", max_length=2000)
    """Asked with `?uuid=` about a UUID that nobody registered; answers `{"room", "name"}`, or 404."""
    room: RoomName | None = None
    """The room of every other call; None to refuse it."""

    @field_validator("allowed")
    @classmethod
    def _networks(cls, allowed: tuple[str, ...]) -> tuple[str, ...]:
        for entry in allowed:
            try:
                ip_network(entry, strict=False)
            except ValueError:
                message = "must hold addresses and networks such as 192.0.2.7 or 10.0.0.0/8, not {entry}"
                raise PydanticCustomError("network", message, {"entry": repr(entry)}) from None
        return allowed

    @field_validator("rooms")
    @classmethod
    def _uuids(cls, rooms: dict[str, str]) -> dict[str, str]:
        found: dict[str, str] = {}
        for uuid, room in rooms.items():
            try:
                found[str(UUID(uuid))] = room
            except ValueError:
                message = "must have UUIDs as keys, such as 40325ec2-5efd-4bd3-805f-53576e581d13, not {uuid}"
                raise PydanticCustomError("uuid", message, {"uuid": repr(uuid)}) from None
        return found


class AsteriskChannelConfig(Section):
    """An Asterisk whose WebSocket channels this server connects to (`Dial(WebSocket/INCOMING/…)`)."""

    url: str = Field(pattern=r"^wss?://", max_length=2000)
    """Its HTTP server, such as `ws://127.0.0.1:8088`; `/media/ID` is added."""


class AsteriskConfig(Section):
    """Calls from an Asterisk. Its WebSocket channel may always connect to `/api/calls/asterisk`, as any caller may."""

    audiosocket: AudioSocketConfig | None = None
    """None listens for no AudioSocket."""
    channel: AsteriskChannelConfig | None = None
