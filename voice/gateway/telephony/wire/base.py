"""The shared core of all carriers' wire formats: the messages, the two ends, and reading untrusted JSON."""

import base64
import binascii
import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

Codec = Literal["ulaw", "alaw", "l16"]
"""How a call's sound is coded: G.711 µ-law or A-law, one byte a sample, or linear PCM16, little-endian."""

Data = str | bytes
"""A WebSocket message: text or binary."""

MAX_PAYLOAD_BYTES = 100_000
"""Most sound in one message: Exotel's own limit, the largest of all carriers; 2 s of its highest rate."""

MAX_PARAMETERS = 32
MAX_PARAMETER_CHARS = 1024
"""Custom parameters that are taken from a start message. Twilio allows 500 characters in each, Vonage 512 bytes in all."""

_MAX_NUMBER_DIGITS = 18


class WireError(ValueError):
    """A message that the carrier's protocol does not allow. `code` is for programs, the text for people."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Coding:
    """How the sound of a call is coded, and its sampling rate."""

    codec: Codec = "ulaw"
    rate_hz: int = 8000

    @property
    def sample_bytes(self) -> int:
        """Bytes of one sample."""
        return 2 if self.codec == "l16" else 1

    def samples(self, payload: bytes) -> int:
        """Whole samples in a payload."""
        return len(payload) // self.sample_bytes


# ── from the carrier ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Connected:
    """The socket is open; the call is described by the `Start` that follows."""

    token: str = ""
    """Telnyx: the stream's authentication token, where one was configured."""


@dataclass(frozen=True, slots=True)
class Start:
    """The stream of a call begins. Fields that the carrier does not send are empty."""

    stream_id: str = ""
    call_id: str = ""
    account: str = ""
    caller: str = ""
    """Number that calls, in the carrier's form (mostly E.164)."""
    called: str = ""
    """Number that was called."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What our own answer to the webhook asked the carrier to hand on."""
    coding: Coding = Coding()


@dataclass(frozen=True, slots=True)
class Media:
    """Sound, in the coding that `Start` named. From the server to the carrier only `payload` counts."""

    payload: bytes
    chunk: int | None = None
    """Running number of the sound messages; None where the carrier does not count."""
    timestamp_ms: int | None = None
    """Milliseconds since the stream began."""
    track: str = "inbound"


@dataclass(frozen=True, slots=True)
class Digit:
    """The caller pressed a key: 0-9, *, # or A-D."""

    digit: str
    duration_ms: int | None = None


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """Everything that was sent before the mark has been played, or was cleared (the wire does not tell which)."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier has emptied its buffer, as asked."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The carrier says that something went wrong."""

    message: str
    code: str = ""


@dataclass(frozen=True, slots=True)
class Stop:
    """The stream has ended: the call is over, or goes on elsewhere."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """An event that this version does not know: to be ignored."""

    event: str


# ── from the server ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Mark:
    """Asks to be told when everything sent before has been played."""

    name: str


@dataclass(frozen=True, slots=True)
class Clear:
    """Asks the carrier to throw away what it has not played yet."""


@dataclass(frozen=True, slots=True)
class SendDigits:
    """Asks the carrier to play key tones into the call (Plivo only)."""

    digits: str


FromCarrier = Connected | Start | Media | Digit | MarkPlayed | Cleared | Failure | Stop | Unknown
FromServer = Media | Mark | Clear | SendDigits | Unknown


class ServerEnd(ABC):
    """The server's end of one call's line."""

    def __init__(self) -> None:
        self.stream_id = ""
        self.coding = Coding()
        self._begun = False

    @abstractmethod
    def receive(self, data: Data) -> FromCarrier:
        """Reads a message of the carrier. Raises WireError on one that its protocol does not allow."""

    @abstractmethod
    def send(self, message: FromServer) -> Data | None:
        """Writes a message to the carrier; None where this carrier's protocol has no such message."""

    def _started(self, start: Start) -> Start:
        """The first start says whose line this is and how it is coded; a later one, which `order.py` judges, changes nothing."""
        if not self._begun:
            self._begun = True
            self.stream_id, self.coding = start.stream_id, start.coding
        return start

    def _same_stream(self, stream_id: str) -> None:
        if self.stream_id and stream_id and stream_id != self.stream_id:
            raise WireError("wrong_stream", f"this line carries the stream {self.stream_id!r}; a message of {stream_id[:80]!r} came")


class CarrierEnd(ABC):
    """The carrier's end of one call's line. Numbers that a message leaves open are filled in as the carrier would."""

    def __init__(self) -> None:
        self.stream_id = ""
        self.coding = Coding()
        self._sequence = 0
        self._chunk = 0
        self._samples = 0

    @abstractmethod
    def receive(self, data: Data) -> FromServer:
        """Reads a message of the server. Raises WireError on one that the carrier's protocol does not allow."""

    @abstractmethod
    def send(self, message: FromCarrier) -> Data | None:
        """Writes a message to the server; None where this carrier's protocol has no such message."""

    def _started(self, start: Start) -> None:
        self.stream_id, self.coding = start.stream_id, start.coding

    def _this_stream(self, stream_id: str) -> None:
        if stream_id != self.stream_id:
            raise WireError("wrong_stream", f"this line carries the stream {self.stream_id!r}; {stream_id[:80]!r} came")

    def _next(self) -> int:
        self._sequence += 1
        return self._sequence

    def _numbered(self, media: Media) -> Media:
        """`media` with its running number and its time, counted on where the sender left them open."""
        chunk = self._chunk + 1 if media.chunk is None else media.chunk
        at_ms = self._samples * 1000 // self.coding.rate_hz if media.timestamp_ms is None else media.timestamp_ms
        self._chunk = chunk
        self._samples += self.coding.samples(media.payload)
        return replace(media, chunk=chunk, timestamp_ms=at_ms)


# ── reading and writing JSON ──────────────────────────────────────────────────────────────────────────────────────────


def read_json(data: Data) -> dict[str, Any]:
    """A text message as a JSON object. Raises WireError."""
    if not isinstance(data, str):
        raise WireError("binary_message", "a text message with JSON is expected here; a binary one came")
    try:
        value = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise WireError("bad_json", f"the message is no JSON: {error}") from None
    if not isinstance(value, dict):
        raise WireError("bad_json", "the message must be a JSON object")
    return value


def write_json(message: Mapping[str, Any]) -> str:
    """A message as compact JSON."""
    return json.dumps(message, separators=(",", ":"), ensure_ascii=False)


def part(message: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object under `name`. Raises WireError."""
    value = message.get(name)
    if not isinstance(value, dict):
        raise WireError("bad_message", f"the message needs an object '{name}'")
    return value


def text(message: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """The text under `name`; `default` where it is absent or null. Raises WireError."""
    value = message.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise WireError("bad_message", f"'{name}' must be text")
    return value


def number(message: Mapping[str, Any], name: str) -> int | None:
    """The whole number under `name`, written as a number or, as most carriers do, as text; None where absent. Raises WireError."""
    value = message.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= _MAX_NUMBER_DIGITS:
        return int(value)
    raise WireError("bad_message", f"'{name}' must be a whole number")


def sound(message: Mapping[str, Any], coding: Coding) -> bytes:
    """The base64 sound under `payload`, whole samples. Raises WireError."""
    encoded = text(message, "payload")
    if len(encoded) > MAX_PAYLOAD_BYTES * 4 // 3 + 4:
        raise WireError("too_much_sound", f"a message may hold {MAX_PAYLOAD_BYTES} bytes of sound at most")
    try:
        payload = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise WireError("bad_payload", "'payload' is not base64") from None
    return whole_samples(payload, coding)


def whole_samples(payload: bytes, coding: Coding) -> bytes:
    """`payload`, checked to be whole samples. Raises WireError."""
    if len(payload) % coding.sample_bytes:
        raise WireError("bad_payload", f"linear sound has two bytes a sample; {len(payload)} bytes came, which is odd")
    return payload


def base64_text(payload: bytes) -> str:
    """Sound as the text that goes into JSON."""
    return base64.b64encode(payload).decode("ascii")


def digit(message: Mapping[str, Any]) -> str:
    """The key under `digit`. Raises WireError."""
    value = message.get("digit")
    value = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(value, str) or len(value) != 1 or value.upper() not in "0123456789*#ABCD":
        raise WireError("bad_digit", "'digit' must be one key: 0-9, *, # or A-D")
    return value.upper()


def parameters(value: object) -> dict[str, str]:
    """Custom parameters: an object of texts and numbers. Raises WireError."""
    if value is None:
        return {}
    if not isinstance(value, dict) or len(value) > MAX_PARAMETERS:
        raise WireError("bad_parameters", f"custom parameters must be an object of at most {MAX_PARAMETERS} texts")
    taken: dict[str, str] = {}
    for name, content in value.items():
        content = str(content) if isinstance(content, int | float) and not isinstance(content, bool) else content
        if not isinstance(content, str) or len(name) + len(content) > MAX_PARAMETER_CHARS:
            raise WireError("bad_parameters", f"custom parameters must be texts of at most {MAX_PARAMETER_CHARS} characters")
        taken[name] = content
    return taken


def rate(message: Mapping[str, Any], name: str, allowed: tuple[int, ...], default: int = 8000) -> int:
    """A sampling rate in Hz out of those that the carrier documents. Raises WireError."""
    value = number(message, name)
    if value is None:
        return default
    if value not in allowed:
        raise WireError("bad_format", f"'{name}' must be one of {', '.join(map(str, allowed))} Hz; {value} came")
    return value
