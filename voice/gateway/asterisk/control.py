"""What Asterisk's WebSocket channel and a media server say to each other in text messages, as values, both ways. Pure, no I/O.

Sound goes in binary messages, bare; text messages are *events* (from Asterisk) and *commands* (to it), each in one of two forms:
JSON (`f(json)` in the dial string) or plain text, Asterisk's default. Source: the documentation of `chan_websocket`, and what an
Asterisk 22.10 says. Two traps:

- a text message to Asterisk of more than 128 bytes is dropped, with no more than a line in Asterisk's log;
- FLUSH_MEDIA takes the marks that wait with it (they are never reported) and ends buffering, but does not end PAUSE_MEDIA.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, get_args

from ..telephony.wire.base import Codec, Coding, WireError, digit, number, part, read_json, text, write_json

Form = Literal["json", "plain"]
Direction = Literal["both", "in", "out"]

MAX_COMMAND_BYTES = 128
MAX_SOUND_BYTES = 32 * 1024
"""Most sound in one message that we send. Asterisk closes a line on a WebSocket message that does not fit its buffer of 64 KiB."""

QUEUE_FRAMES, XOFF_FRAMES, XON_FRAMES = 1000, 900, 800
"""Frames that Asterisk queues at most, and where it says MEDIA_XOFF and MEDIA_XON."""

FORMATS: dict[str, Coding] = {
    "ulaw": Coding("ulaw", 8_000), "alaw": Coding("alaw", 8_000),
    "slin": Coding("l16", 8_000), "slin12": Coding("l16", 12_000), "slin16": Coding("l16", 16_000), "slin24": Coding("l16", 24_000),
    "slin32": Coding("l16", 32_000), "slin44": Coding("l16", 44_100), "slin48": Coding("l16", 48_000), "slin96": Coding("l16", 96_000),
    "slin192": Coding("l16", 192_000),
}  # fmt: skip
"""Asterisk's names of the codings that are spoken here. G.722, Opus and the like are refused: they cannot be marked or flushed."""
FORMAT_OF: dict[tuple[Codec, int], str] = {(coding.codec, coding.rate_hz): name for name, coding in FORMATS.items()}

MAX_VARIABLES = 64
MAX_VARIABLE_CHARS = 1024


# ── events ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class MediaStart:
    """The first event of a call."""

    connection_id: str
    channel: str
    channel_id: str
    format: str
    optimal_frame_size: int
    """Bytes of one frame: outside of buffering every binary message must be a multiple of it."""
    ptime: int = 20
    channel_variables: Mapping[str, str] = field(default_factory=dict)
    """JSON only."""


@dataclass(frozen=True, slots=True)
class Xoff:
    """Asterisk's queue is nearly full: send no more sound."""


@dataclass(frozen=True, slots=True)
class Xon:
    """It has room again."""


@dataclass(frozen=True, slots=True)
class MarkProcessed:
    """What was sent before the mark has been given to the channel."""

    correlation_id: str


@dataclass(frozen=True, slots=True)
class BufferingCompleted:
    """What was sent until STOP_MEDIA_BUFFERING has been given to the channel."""

    correlation_id: str = ""


@dataclass(frozen=True, slots=True)
class QueueDrained:
    """The queue ran empty, as REPORT_QUEUE_DRAINED asked to be told once."""


@dataclass(frozen=True, slots=True)
class DtmfEnd:
    """The caller pressed a key."""

    digit: str


@dataclass(frozen=True, slots=True)
class Status:
    """The answer to GET_STATUS."""

    queue_length: int = 0
    xon_level: int = XON_FRAMES
    xoff_level: int = XOFF_FRAMES
    queue_full: bool = False
    bulk_media: bool = False
    media_paused: bool = False


@dataclass(frozen=True, slots=True)
class Fault:
    """Asterisk could not do what it was told."""

    error_text: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event or command that this version does not know: to be ignored."""

    name: str


Event = MediaStart | Xoff | Xon | MarkProcessed | BufferingCompleted | QueueDrained | DtmfEnd | Status | Fault | Unknown

# ── commands ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Command:
    """A command: its name, and for some an id that comes back (`correlation_id`) or a direction."""

    name: Literal[
        "ANSWER", "HANGUP", "START_MEDIA_BUFFERING", "STOP_MEDIA_BUFFERING", "MARK_MEDIA", "FLUSH_MEDIA", "GET_STATUS",
        "REPORT_QUEUE_DRAINED", "PAUSE_MEDIA", "CONTINUE_MEDIA", "SET_MEDIA_DIRECTION",
    ]  # fmt: skip
    correlation_id: str = ""
    direction: Direction | Literal[""] = ""


_COMMANDS = frozenset(get_args(Command.__annotations__["name"]))
_WITH_ID = ("MARK_MEDIA", "STOP_MEDIA_BUFFERING")
_BARE: dict[str, Event] = {"MEDIA_XOFF": Xoff(), "MEDIA_XON": Xon(), "QUEUE_DRAINED": QueueDrained()}
_WORD = re.compile(r"(\w+):(\S*)")


def form_of(data: str) -> Form:
    """In which form a text message is."""
    return "json" if data.lstrip().startswith("{") else "plain"


# ── what a media server reads and writes ──────────────────────────────────────────────────────────────────────────────


def read_event(data: str) -> Event:
    """An event of Asterisk, in either form. Raises WireError."""
    if form_of(data) == "json":
        message = read_json(data)
        return _event(text(message, "event"), message)
    name, _, rest = data.strip().partition(" ")
    if name in ("MEDIA_MARK_PROCESSED", "MEDIA_BUFFERING_COMPLETED"):
        return _event(name, {"correlation_id": rest.strip()})
    if name == "ERROR":
        return Fault((rest.partition("error_text:")[2] or rest)[:500])
    values: dict[str, Any] = dict(_WORD.findall(rest))
    return _event(name, {key: value == "true" if value in ("true", "false") else value for key, value in values.items()})


def write_command(command: Command, form: Form) -> str:
    """A command in Asterisk's form. Raises ValueError where Asterisk would drop it unheard."""
    if form == "json":
        more = {name: value for name in ("correlation_id", "direction") if (value := getattr(command, name))}
        data = write_json({"command": command.name, **more})
    elif command.direction:
        raise ValueError("SET_MEDIA_DIRECTION exists only in JSON: dial with f(json)")
    else:
        data = f"{command.name} {command.correlation_id}".rstrip()
    if len(data.encode()) > MAX_COMMAND_BYTES:
        raise ValueError(f"Asterisk drops text messages of more than {MAX_COMMAND_BYTES} bytes: {data[:60]}…")
    return data


def _event(name: str, message: Mapping[str, Any]) -> Event:
    match name:
        case "MEDIA_START":
            return _media_start(message)
        case "MEDIA_MARK_PROCESSED":
            return MarkProcessed(text(message, "correlation_id"))
        case "MEDIA_BUFFERING_COMPLETED":
            return BufferingCompleted(text(message, "correlation_id", ""))
        case "DTMF_END":
            return DtmfEnd(digit(message))
        case "STATUS":
            return _status(message)
        case "ERROR":
            return Fault(text(message, "error_text", "Asterisk reports an error")[:500])
    return _BARE.get(name) or Unknown(name[:80])


def _media_start(message: Mapping[str, Any]) -> MediaStart:
    size = number(message, "optimal_frame_size")
    if size is None or not 1 <= size <= MAX_SOUND_BYTES:
        raise WireError("bad_message", f"'optimal_frame_size' must be 1 to {MAX_SOUND_BYTES} bytes")
    variables = part(message, "channel_variables") if "channel_variables" in message else {}
    if len(variables) > MAX_VARIABLES or any(len(f"{key}{value}") > MAX_VARIABLE_CHARS for key, value in variables.items()):
        raise WireError("bad_message", f"more than {MAX_VARIABLES} channel variables, or one of more than {MAX_VARIABLE_CHARS} characters")
    return MediaStart(
        text(message, "connection_id", ""), text(message, "channel", ""), text(message, "channel_id", ""), text(message, "format"),
        size, number(message, "ptime") or 20, {key: str(value) for key, value in variables.items()},
    )


def _status(message: Mapping[str, Any]) -> Status:
    return Status(
        number(message, "queue_length") or 0, number(message, "xon_level") or XON_FRAMES, number(message, "xoff_level") or XOFF_FRAMES,
        message.get("queue_full") is True, message.get("bulk_media") is True, message.get("media_paused") is True,
    )


# ── what Asterisk reads and writes (for tests, and for hubbub.voice.client.phone) ─────────────────────────────────────


def read_command(data: str, form: Form) -> Command | Unknown:
    """A command, as an Asterisk that was dialled in `form` reads it. Raises WireError."""
    if form == "json":
        message = read_json(data)
        name = text(message, "command")
        values: Mapping[str, Any] = message
    else:
        name, _, rest = data.strip().partition(" ")
        values = {"correlation_id": rest.strip()} if rest.strip() else {}
    if name not in _COMMANDS:
        return Unknown(name[:80])
    direction = text(values, "direction", "") if name == "SET_MEDIA_DIRECTION" else ""
    if name == "SET_MEDIA_DIRECTION" and direction not in get_args(Direction):
        raise WireError("bad_message", "SET_MEDIA_DIRECTION needs a direction: both, in or out (in JSON)")
    identity = text(values, "correlation_id", "") if name in _WITH_ID else ""
    return Command(name, identity, direction)  # type: ignore[arg-type]


def write_event(event: Event, form: Form, channel_id: str = "") -> str:
    """An event in Asterisk's own words."""
    name = _NAMES[type(event)]
    values = {} if isinstance(event, Unknown) else {one.name: getattr(event, one.name) for one in fields(event)}
    if form == "json":
        rest = values if isinstance(event, MediaStart) else {"channel_id": channel_id, **values}
        return json.dumps({"event": name, **rest}, separators=(",", ":"))
    match event:
        case MarkProcessed(identity) | BufferingCompleted(identity):
            return f"{name} {identity}".rstrip()
        case Xon() | Xoff() | QueueDrained():
            return name
        case MediaStart():
            values.pop("channel_variables")
        case DtmfEnd(pressed):
            values = {"digit": pressed, "channel_id": channel_id}
        case _:
            values = {"channel_id": channel_id, **values}
    return " ".join([name, *(f"{key}:{str(value).lower() if isinstance(value, bool) else value}" for key, value in values.items())])


_NAMES: dict[type, str] = {
    MediaStart: "MEDIA_START", Xoff: "MEDIA_XOFF", Xon: "MEDIA_XON", MarkProcessed: "MEDIA_MARK_PROCESSED",
    BufferingCompleted: "MEDIA_BUFFERING_COMPLETED", QueueDrained: "QUEUE_DRAINED", DtmfEnd: "DTMF_END", Status: "STATUS",
    Fault: "ERROR", Unknown: "UNKNOWN",
}  # fmt: skip
