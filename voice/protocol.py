"""The native protocol: JSON control messages and binary sound over one WebSocket. Pure values, no I/O.

A client opens the socket at `/api/voice`, sends `join`, receives `joined`, and then both sides send as they please:

client to server: JSON (`ClientMessage`); binary: bare PCM16LE mono at `input_rate_hz`, any whole number of samples up to
`MAX_AUDIO_MS`.

server to client: JSON (`hubbub.voice.event.ServerEvent`); binary: an `AudioFrame` (8-byte header, then PCM16LE mono at
`output_rate_hz`). A frame says which reply it belongs to and where in that reply's sound it stands, so a client can report
its playhead exactly, and can throw away the frames of a dead reply whenever they arrive.
"""

import struct
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, field_validator

from .event import Role

PROTOCOL_VERSION = 1
FEATURES = ("events.resume", "sound.resume", "tokens", "roles", "dtmf", "voices", "lanes")
"""What was added since the first version 1; a client that needs one looks for its name in `joined.features`."""
PATH = "/api/voice"
MAX_MESSAGE_BYTES = 256 * 1024
"""Largest message of any kind that a server takes; a larger one closes the connection with 1009."""
MAX_AUDIO_MS = 1000
"""Longest sound in one binary message."""
MAX_TEXT_CHARS = 4000
MAX_NAME_CHARS = 64
RATES_HZ = (8000, 16000, 24000, 48000)

CLOSE_NORMAL = 1000
CLOSE_GOING_AWAY = 1001
CLOSE_BAD_MESSAGE = 1008
CLOSE_TOO_BIG = 1009
CLOSE_SLOW = 4008
"""The client does not read what it is sent."""
CLOSE_REPLACED = 4009
"""Another connection took over the session."""
CLOSE_REFUSED = 4003
"""The room or the name was refused; the `error` event before says why."""


class ProtocolError(Exception):
    """A message that the protocol does not allow. `code` is for programs, the text for people: what came, what was expected."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def printable_name(name: str) -> str:
    """A participant's name without the space around it. Raises ProtocolError for an empty, long or unprintable one (control characters,
    characters that turn the direction of writing)."""
    name = name.strip()
    if not name or len(name) > MAX_NAME_CHARS or not name.isprintable():
        raise ProtocolError("bad_name", f"a name needs 1 to {MAX_NAME_CHARS} characters, and only printable ones")
    return name


class _Message(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AudioRequest(_Message):
    input_rate_hz: Literal[8000, 16000, 24000, 48000] = 16000
    output_rate_hz: Literal[8000, 16000, 24000, 48000] = 24000
    playhead: bool = True
    """The client will send `playhead` messages. If not, the server's clock estimates what was heard, under-crediting."""


class Heard(_Message):
    """How far a client had played when it lost its connection: `offset` samples of reply `reply`."""

    reply: int = Field(ge=0)
    offset: int = Field(ge=0)


class Join(_Message):
    """The first message. `resume` is the token of a session that lost its connection; then `after` asks for the events that came after
    that number, and `heard` says where the sound of a reply shall go on.
    """

    type: Literal["join"]
    protocol: int = PROTOCOL_VERSION
    room: str = Field(default="default", min_length=1, max_length=MAX_NAME_CHARS)
    name: str = Field(default="guest", min_length=1, max_length=MAX_NAME_CHARS)
    role: Role | None = None
    """What the caller asks to be; he gets it as far as his token goes. None: what the token says, else `speaker`."""
    audio: AudioRequest = AudioRequest()
    resume: str | None = Field(default=None, max_length=128)
    after: int | None = Field(default=None, ge=0)
    heard: Heard | None = None
    lanes: bool = False
    """Hear every other caller on a lane of his own instead of all of them mixed: for programs."""

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str) -> str:
        try:
            return printable_name(name)
        except ProtocolError as error:
            raise ValueError(str(error)) from None


class Text(_Message):
    """A typed turn."""

    type: Literal["text"]
    text: str = Field(min_length=1, max_length=MAX_TEXT_CHARS)


class Dtmf(_Message):
    """Keys of a telephone were pressed. They interrupt as a typed turn does, and are a turn when `#` or a pause ends them."""

    type: Literal["dtmf"]
    digits: str = Field(pattern=r"^[0-9*#A-D]{1,32}$")


class Interrupt(_Message):
    """Stop the agent that speaks or thinks."""

    type: Literal["interrupt"]


class Commit(_Message):
    """The caller's turn is over now (push-to-talk released)."""

    type: Literal["commit"]


class Mute(_Message):
    """The microphone was muted or opened; a muted caller's open turn ends."""

    type: Literal["mute"]
    muted: bool


class Playhead(_Message):
    """How far the client has played: `offset` samples of reply `reply` have left its loudspeaker."""

    type: Literal["playhead"]
    reply: int = Field(ge=0)
    offset: int = Field(ge=0)


class Ping(_Message):
    type: Literal["ping"]
    id: int = 0


class Leave(_Message):
    """The caller goes, and the seat with it."""

    type: Literal["leave"]


ClientMessage = Join | Text | Dtmf | Interrupt | Commit | Mute | Playhead | Ping | Leave
_adapter: TypeAdapter[Any] = TypeAdapter(Annotated[ClientMessage, Field(discriminator="type")])


def parse_client_message(data: str | bytes) -> ClientMessage:
    """Reads a client's JSON message. Raises ProtocolError with a sentence that names the fault."""
    try:
        message: ClientMessage = _adapter.validate_json(data)
    except ValidationError as error:
        raise _explain(error) from None
    return message


def _explain(error: ValidationError) -> ProtocolError:
    first = error.errors(include_url=False, include_input=False)[0]
    kind = first["type"]
    where = ".".join(str(part) for part in first["loc"])
    if kind == "json_invalid":
        return ProtocolError("bad_json", f"the message is not JSON: {first['msg']}")
    if kind in ("union_tag_invalid", "union_tag_not_found"):
        return ProtocolError(
            "unknown_message",
            "the field 'type' must be one of join, text, dtmf, interrupt, commit, mute, playhead, ping, leave",
        )
    if kind == "model_attributes_type" or not where:
        return ProtocolError("bad_message", "a message must be a JSON object with a field 'type'")
    return ProtocolError("bad_message", f"field '{where}': {first['msg']}")


def check_audio(data: bytes, rate_hz: int) -> bytes:
    """Checks a client's binary message. Raises ProtocolError."""
    if len(data) % 2:
        raise ProtocolError("bad_audio", f"sound comes as 16-bit samples, but {len(data)} bytes is an odd number")
    if len(data) > MAX_AUDIO_MS * rate_hz // 1000 * 2:
        raise ProtocolError(
            "bad_audio", f"{len(data)} bytes is more than {MAX_AUDIO_MS} ms at {rate_hz} Hz: send 20 to 100 ms a message"
        )
    return data


KIND_AUDIO = 1
KIND_VOICES = 2
"""What the other callers of the room say, mixed: live, to be played at once. Its other header fields are zero."""
KIND_LANE = 3
"""What one other caller says, live, for a client that asked for lanes: the header's number is the lane's, its offset the place in time."""
FLAG_LAST = 1
_HEADER = struct.Struct("<BBHI")
HEADER_BYTES = _HEADER.size


@dataclass(frozen=True, slots=True)
class AudioFrame:
    """Sound of a reply on its way to a client."""

    reply: int
    """Number of the reply in its session, from 1. On the wire its low 16 bits."""
    offset: int
    """Place of the first sample in the reply's sound, in samples at the output rate."""
    last: bool
    """Nothing of this reply follows."""
    pcm: bytes


def pack_audio(frame: AudioFrame) -> bytes:
    """The binary message of a frame: kind u8, flags u8, reply u16, offset u32, little-endian, then the sound."""
    head = _HEADER.pack(KIND_AUDIO, FLAG_LAST if frame.last else 0, frame.reply & 0xFFFF, frame.offset & 0xFFFFFFFF)
    return head + frame.pcm


def pack_voices(pcm: bytes) -> bytes:
    """The binary message of a live frame of the other callers' voices: the same header, zero but for its kind, then the sound."""
    return _HEADER.pack(KIND_VOICES, 0, 0, 0) + pcm


@dataclass(frozen=True, slots=True)
class VoicesFrame:
    """What the other callers say, live: PCM16 mono at the output rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class LaneFrame:
    """What one other caller says, live: PCM16 mono at the output rate."""

    lane: int
    """Number of the lane; a `lane` event said whose it is."""
    position: int
    """Place of the first sample on the room's clock, in samples at the output rate: low 32 bits. What is missing between two frames was
    silence."""
    last: bool
    """He has stopped speaking."""
    pcm: bytes


Frame = AudioFrame | VoicesFrame | LaneFrame
"""Sound that a server sends."""


def pack_lane(frame: LaneFrame) -> bytes:
    """The binary message of a lane's frame: kind u8, flags u8, lane u16, position u32, little-endian, then the sound."""
    return _HEADER.pack(KIND_LANE, FLAG_LAST if frame.last else 0, frame.lane & 0xFFFF, frame.position & 0xFFFFFFFF) + frame.pcm


def unpack_binary(data: bytes) -> AudioFrame | VoicesFrame | LaneFrame | None:
    """Reads any binary message of the server; None for one of a kind that is not known. Raises ProtocolError."""
    if len(data) < HEADER_BYTES or (len(data) - HEADER_BYTES) % 2:
        raise ProtocolError("bad_audio", f"{len(data)} bytes cannot be a header of {HEADER_BYTES} and 16-bit samples")
    match data[0]:
        case 1:
            return unpack_audio(data)
        case 2:
            return VoicesFrame(data[HEADER_BYTES:])
        case 3:
            _, flags, lane, position = _HEADER.unpack_from(data)
            return LaneFrame(lane, position, bool(flags & FLAG_LAST), data[HEADER_BYTES:])
    return None


def unpack_audio(data: bytes) -> AudioFrame:
    """Reads a binary message with a reply's sound. Raises ProtocolError."""
    if len(data) < HEADER_BYTES or (len(data) - HEADER_BYTES) % 2:
        raise ProtocolError("bad_audio", f"{len(data)} bytes cannot be a header of {HEADER_BYTES} and 16-bit samples")
    kind, flags, reply, offset = _HEADER.unpack_from(data)
    if kind != KIND_AUDIO:
        raise ProtocolError("bad_audio", f"binary messages of kind {kind} are not known to protocol {PROTOCOL_VERSION}")
    return AudioFrame(reply, offset, bool(flags & FLAG_LAST), data[HEADER_BYTES:])
