"""Twilio Media Streams, the bidirectional form (`<Connect><Stream>`): µ-law at 8 kHz in JSON.

Numbers are written as text. The stream's id stands in every message from `start` on, and in every message to Twilio. Sound sent to
Twilio waits in its buffer and is played in order; `mark` comes back when what was sent before it has been played, and at once after
a `clear`.
"""

from . import base as b
from . import streams
from .base import Coding, Connected, Data, Digit, FromCarrier, FromServer, MarkPlayed, Media, Start, Stop, Unknown

NAME = "twilio"

_CODING = Coding("ulaw", 8000)


class ServerEnd(b.ServerEnd):
    """The server's end of a Twilio stream."""

    def receive(self, data: Data) -> FromCarrier:
        message = b.read_json(data)
        event = b.text(message, "event")
        if event == "connected":
            return Connected()
        self._same_stream(b.text(message, "streamSid", ""))
        match event:
            case "start":
                return self._started(_read_start(message))
            case "media":
                return streams.read_media(message, self.coding)
            case "dtmf":
                return Digit(b.digit(b.part(message, "dtmf")))
            case "mark":
                return MarkPlayed(b.text(b.part(message, "mark"), "name"))
            case "stop":
                return Stop()
        return Unknown(event[:80])

    def send(self, message: FromServer) -> Data | None:
        return streams.write_to_carrier(message, {"streamSid": self.stream_id})


class CarrierEnd(b.CarrierEnd):
    """Twilio's end of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self._account = self._call = ""

    def receive(self, data: Data) -> FromServer:
        message = b.read_json(data)
        read = streams.read_from_server(message, self.coding)
        if not isinstance(read, Unknown):
            self._this_stream(b.text(message, "streamSid"))
        return read

    def send(self, message: FromCarrier) -> Data | None:
        match message:
            case Connected():
                return b.write_json({"event": "connected", "protocol": "Call", "version": "1.0.0"})
            case Start():
                return self._start(message)
            case Media():
                return self._event("media", media=streams.write_media(self._numbered(message)))
            case Digit(digit):
                return self._event("dtmf", dtmf={"track": "inbound_track", "digit": digit})
            case MarkPlayed(name):
                return self._event("mark", mark={"name": name})
            case Stop():
                return self._event("stop", stop={"accountSid": self._account, "callSid": self._call})
        return None

    def _start(self, start: Start) -> str:
        self._started(start)
        self._account, self._call = start.account, start.call_id
        content = {
            "streamSid": start.stream_id, "accountSid": start.account, "callSid": start.call_id, "tracks": ["inbound"],
            "customParameters": dict(start.parameters),
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        }
        return self._event("start", start=content)

    def _event(self, event: str, **content: object) -> str:
        return b.write_json({"event": event, "sequenceNumber": str(self._next()), "streamSid": self.stream_id, **content})


def _read_start(message: dict[str, object]) -> Start:
    start = b.part(message, "start")
    form = b.part(start, "mediaFormat")
    encoding = b.text(form, "encoding")
    if encoding != "audio/x-mulaw" or b.number(form, "sampleRate") != 8000:
        raise b.WireError("bad_format", f"Twilio streams audio/x-mulaw at 8000 Hz; {encoding[:80]!r} came")
    taken = b.parameters(start.get("customParameters"))
    return Start(
        stream_id=b.text(start, "streamSid"), call_id=b.text(start, "callSid"), account=b.text(start, "accountSid", ""),
        parameters=taken, coding=_CODING,
    )
