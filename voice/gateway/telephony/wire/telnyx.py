"""Telnyx media streaming, bidirectional in `rtp` mode: PCMU, PCMA or L16 in JSON.

Like Twilio's in snake_case, with three differences: the messages to Telnyx name no stream; the coding is negotiated (G722, OPUS and
AMR-WB are refused here, they are not asked for); and sound may arrive out of order, to be sorted by `chunk` (see `order.py`).

L16 is read and written little-endian: Telnyx does not say which it is, and those who use it do so.
"""

from . import base as b
from . import streams
from .base import (
    Coding,
    Connected,
    Data,
    Digit,
    Failure,
    FromCarrier,
    FromServer,
    MarkPlayed,
    Media,
    Start,
    Stop,
    Unknown,
)

NAME = "telnyx"

ENCODINGS: dict[str, b.Codec] = {"PCMU": "ulaw", "PCMA": "alaw", "L16": "l16"}
RATES_HZ = (8000, 16000, 24000)
_NAMES = {codec: encoding for encoding, codec in ENCODINGS.items()}


class ServerEnd(b.ServerEnd):
    """The server's end of a Telnyx stream."""

    def receive(self, data: Data) -> FromCarrier:
        message = b.read_json(data)
        event = b.text(message, "event")
        if event == "connected":
            return Connected(b.text(message, "x-telnyx-streaming-auth-token", ""))
        self._same_stream(b.text(message, "stream_id", ""))
        match event:
            case "start":
                return self._started(_read_start(message))
            case "media":
                return streams.read_media(message, self.coding)
            case "dtmf":
                return Digit(b.digit(b.part(message, "dtmf")))
            case "mark":
                return MarkPlayed(b.text(b.part(message, "mark"), "name"))
            case "error":
                return _read_failure(message)
            case "stop":
                return Stop(_reason(message))
        return Unknown(event[:80])

    def send(self, message: FromServer) -> Data | None:
        return streams.write_to_carrier(message, {})


class CarrierEnd(b.CarrierEnd):
    """Telnyx's end of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self._account = self._call = ""

    def receive(self, data: Data) -> FromServer:
        return streams.read_from_server(b.read_json(data), self.coding)

    def send(self, message: FromCarrier) -> Data | None:
        match message:
            case Connected(token):
                said = {"x-telnyx-streaming-auth-token": token} if token else {}
                return b.write_json({"event": "connected", "version": "1.0.0", **said})
            case Start():
                return self._start(message)
            case Media():
                return self._event("media", media=streams.write_media(self._numbered(message)))
            case Digit(digit):
                return self._event("dtmf", dtmf={"digit": digit})
            case MarkPlayed(name):
                return self._event("mark", mark={"name": name})
            case Failure(text, code):
                return self._event("error", payload={"code": int(code) if code.isdigit() else code, "title": text})
            case Stop(reason):
                said = {"reason": reason} if reason else {}
                return self._event("stop", stop={"user_id": self._account, "call_control_id": self._call, **said})
        return None

    def _start(self, start: Start) -> str:
        self._started(start)
        self._account, self._call = start.account, start.call_id
        content = {
            "user_id": start.account, "call_control_id": start.call_id, "client_state": "",
            "custom_parameters": dict(start.parameters), "from": start.caller, "to": start.called,
            "media_format": {"encoding": _NAMES[start.coding.codec], "sample_rate": start.coding.rate_hz, "channels": 1},
        }
        return self._event("start", start=content)

    def _event(self, event: str, **content: object) -> str:
        return b.write_json({"event": event, "sequence_number": str(self._next()), "stream_id": self.stream_id, **content})


def _read_start(message: dict[str, object]) -> Start:
    start = b.part(message, "start")
    form = b.part(start, "media_format")
    encoding = b.text(form, "encoding")
    if encoding.upper() not in ENCODINGS:
        known = ", ".join(ENCODINGS)
        raise b.WireError("bad_format", f"the coding must be one of {known}; {encoding[:80]!r} came: ask Telnyx for another in the answer")
    codec = ENCODINGS[encoding.upper()]
    rate_hz = b.rate(form, "sample_rate", RATES_HZ if codec == "l16" else (8000,))
    return Start(
        stream_id=b.text(message, "stream_id"), call_id=b.text(start, "call_control_id"), account=b.text(start, "user_id", ""),
        caller=b.text(start, "from", ""), called=b.text(start, "to", ""),
        parameters=b.parameters(start.get("custom_parameters")), coding=Coding(codec, rate_hz),
    )


def _read_failure(message: dict[str, object]) -> Failure:
    said = message.get("payload")
    said = said if isinstance(said, dict) else message
    words = said.get("detail") or said.get("title") or "the carrier reports an error"
    return Failure(str(words)[:500], str(said.get("code", ""))[:40])


def _reason(message: dict[str, object]) -> str:
    stop = message.get("stop")
    return b.text(stop, "reason", "")[:80] if isinstance(stop, dict) else ""
