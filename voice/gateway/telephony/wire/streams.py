"""What Twilio coined for its Media Streams, and Exotel and Telnyx took over: `media`, `mark` and `clear` on the way to the carrier, and
the members of `media` on the way from it. Plivo sends the same `media`."""

from collections.abc import Mapping
from typing import Any

from . import base as b
from .base import Clear, Coding, FromServer, Mark, Media, Unknown


def write_to_carrier(message: FromServer, stream: Mapping[str, str]) -> str | None:
    """A message to the carrier. `stream`: the member that names the stream, where the carrier wants one."""
    match message:
        case Media(payload):
            return b.write_json({"event": "media", **stream, "media": {"payload": b.base64_text(payload)}})
        case Mark(name):
            return b.write_json({"event": "mark", **stream, "mark": {"name": name}})
        case Clear():
            return b.write_json({"event": "clear", **stream})
    return None


def read_from_server(message: Mapping[str, Any], coding: Coding) -> FromServer:
    """The carrier's reading of such a message. Raises WireError."""
    event = b.text(message, "event")
    match event:
        case "media":
            return Media(b.sound(b.part(message, "media"), coding))
        case "mark":
            return Mark(b.text(b.part(message, "mark"), "name"))
        case "clear":
            return Clear()
    return Unknown(event[:80])


def read_media(message: Mapping[str, Any], coding: Coding) -> Media:
    """Sound from the carrier. Raises WireError."""
    media = b.part(message, "media")
    return Media(b.sound(media, coding), b.number(media, "chunk"), b.number(media, "timestamp"), b.text(media, "track", "inbound"))


def write_media(media: Media) -> dict[str, str | None]:
    """The members of `media` as the carrier writes them, numbers as text."""
    return {
        "track": media.track, "chunk": str(media.chunk), "timestamp": str(media.timestamp_ms), "payload": b.base64_text(media.payload),
    }  # fmt: skip
