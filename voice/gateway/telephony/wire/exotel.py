"""Exotel's Voicebot applet (AgentStream): linear PCM16 at 8, 16 or 24 kHz in JSON, like Twilio's in snake_case.

About 100 ms come in a message. What is sent back should come in multiples of 320 bytes and at least 100 ms at a time, or gaps
are heard. A stream of the ExoML verb may carry µ-law instead; its `media_format` says so.
"""

from . import base as b
from . import streams
from .base import Coding, Connected, Data, Digit, FromCarrier, FromServer, MarkPlayed, Media, Start, Stop, Unknown

NAME = "exotel"

RATES_HZ = (8000, 16000, 24000)


class ServerEnd(b.ServerEnd):
    """The server's end of an Exotel stream."""

    def __init__(self) -> None:
        super().__init__()
        self.coding = Coding("l16", 8000)

    def receive(self, data: Data) -> FromCarrier:
        message = b.read_json(data)
        event = b.text(message, "event")
        if event == "connected":
            return Connected()
        self._same_stream(b.text(message, "stream_sid", ""))
        match event:
            case "start":
                return self._started(_read_start(message))
            case "media":
                return streams.read_media(message, self.coding)
            case "dtmf":
                said = b.part(message, "dtmf")
                return Digit(b.digit(said), b.number(said, "duration"))
            case "mark":
                return MarkPlayed(b.text(b.part(message, "mark"), "name"))
            case "clear":
                return b.Cleared()
            case "stop":
                stop = message.get("stop")
                return Stop(b.text(stop, "reason", "")[:80] if isinstance(stop, dict) else "")
        return Unknown(event[:80])

    def send(self, message: FromServer) -> Data | None:
        return streams.write_to_carrier(message, {"stream_sid": self.stream_id})


class CarrierEnd(b.CarrierEnd):
    """Exotel's end of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.coding = Coding("l16", 8000)
        self._account = self._call = ""

    def receive(self, data: Data) -> FromServer:
        message = b.read_json(data)
        read = streams.read_from_server(message, self.coding)
        if not isinstance(read, Unknown):
            self._this_stream(b.text(message, "stream_sid"))
        return read

    def send(self, message: FromCarrier) -> Data | None:
        match message:
            case Connected():
                return b.write_json({"event": "connected"})
            case Start():
                return self._start(message)
            case Media():
                media = self._numbered(message)
                content = {"chunk": str(media.chunk), "timestamp": str(media.timestamp_ms), "payload": b.base64_text(media.payload)}
                return self._event("media", media=content)
            case Digit(digit, duration_ms):
                said = {} if duration_ms is None else {"duration": str(duration_ms)}
                return self._event("dtmf", dtmf={"digit": digit, **said})
            case MarkPlayed(name):
                return self._event("mark", mark={"name": name})
            case Stop(reason):
                said = {"reason": reason} if reason else {}
                return self._event("stop", stop={"call_sid": self._call, "account_sid": self._account, **said})
        return None

    def _start(self, start: Start) -> str:
        self._started(start)
        self._account, self._call = start.account, start.call_id
        encoding, bits = ("audio/x-mulaw", "8") if start.coding.codec == "ulaw" else ("audio/x-raw", "16")
        content = {
            "stream_sid": start.stream_id, "call_sid": start.call_id, "account_sid": start.account, "from": start.caller,
            "to": start.called, "custom_parameters": dict(start.parameters),
            "media_format": {"encoding": encoding, "sample_rate": str(start.coding.rate_hz), "bit_rate": bits},
        }
        return self._event("start", start=content)

    def _event(self, event: str, **content: object) -> str:
        return b.write_json({"event": event, "sequence_number": str(self._next()), "stream_sid": self.stream_id, **content})


def _read_start(message: dict[str, object]) -> Start:
    start = b.part(message, "start")
    form = start.get("media_format")
    form = form if isinstance(form, dict) else {}
    ulaw = "mulaw" in b.text(form, "encoding", "").lower()
    coding = Coding("ulaw" if ulaw else "l16", b.rate(form, "sample_rate", (8000,) if ulaw else RATES_HZ))
    return Start(
        stream_id=b.text(start, "stream_sid"), call_id=b.text(start, "call_sid"), account=b.text(start, "account_sid", ""),
        caller=b.text(start, "from", ""), called=b.text(start, "to", ""),
        parameters=b.parameters(start.get("custom_parameters")), coding=coding,
    )
