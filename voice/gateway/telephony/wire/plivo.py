"""Plivo Audio Streams, bidirectional: µ-law at 8 kHz or L16 at 8 or 16 kHz in JSON.

Sound goes out as `playAudio`, which names its own coding; marks are `checkpoint` and come back as `playedStream`, after a
`clearAudio` not at all (`clearedAudio` does). The parameters of our answer come as one text, `a=1;b=2` or a JSON object. There is no
documented `stop`: the socket closes. Compatible services (Vobiz) do send one; it is read.

L16 is read and written little-endian, as Plivo's own examples do.
"""

import json
import re

from . import base as b
from . import streams
from .base import Clear, Cleared, Coding, Data, Digit, FromCarrier, FromServer, Mark, MarkPlayed, Media, SendDigits, Start, Stop, Unknown

NAME = "plivo"

ENCODINGS: dict[str, b.Codec] = {"audio/x-mulaw": "ulaw", "audio/x-l16": "l16"}
RATES_HZ = (8000, 16000)
_NAMES = {codec: encoding for encoding, codec in ENCODINGS.items()}


class ServerEnd(b.ServerEnd):
    """The server's end of a Plivo stream."""

    def receive(self, data: Data) -> FromCarrier:
        message = b.read_json(data)
        event = b.text(message, "event")
        self._same_stream(b.text(message, "streamId", ""))
        match event:
            case "start":
                return self._started(_read_start(message))
            case "media":
                return streams.read_media(message, self.coding)
            case "dtmf":
                return Digit(b.digit(b.part(message, "dtmf")))
            case "playedStream":
                return MarkPlayed(b.text(message, "name"))
            case "clearedAudio":
                return Cleared()
            case "stop":
                return Stop()
        return Unknown(event[:80])

    def send(self, message: FromServer) -> Data | None:
        match message:
            case Media(payload):
                content = {
                    "contentType": _NAMES[self.coding.codec], "sampleRate": self.coding.rate_hz, "payload": b.base64_text(payload),
                }
                return b.write_json({"event": "playAudio", "media": content})
            case Mark(name):
                return b.write_json({"event": "checkpoint", "streamId": self.stream_id, "name": name})
            case Clear():
                return b.write_json({"event": "clearAudio", "streamId": self.stream_id})
            case SendDigits(digits):
                return b.write_json({"event": "sendDTMF", "dtmf": digits})
        return None


class CarrierEnd(b.CarrierEnd):
    """Plivo's end of a stream."""

    def receive(self, data: Data) -> FromServer:
        message = b.read_json(data)
        event = b.text(message, "event")
        match event:
            case "playAudio":
                media = b.part(message, "media")
                return Media(b.sound(media, _read_coding(b.text(media, "contentType"), b.rate(media, "sampleRate", RATES_HZ))))
            case "checkpoint":
                self._this_stream(b.text(message, "streamId"))
                return Mark(b.text(message, "name"))
            case "clearAudio":
                self._this_stream(b.text(message, "streamId"))
                return Clear()
            case "sendDTMF":
                digits = b.text(message, "dtmf")
                if not re.fullmatch(r"[0-9*#wWA-D]{1,100}", digits):
                    raise b.WireError("bad_digit", "'dtmf' must be 1 to 100 keys")
                return SendDigits(digits)
        return Unknown(event[:80])

    def send(self, message: FromCarrier) -> Data | None:
        match message:
            case Start():
                return self._start(message)
            case Media():
                media = self._numbered(message)
                content = {
                    "track": media.track, "timestamp": str(media.timestamp_ms), "chunk": media.chunk,
                    "payload": b.base64_text(media.payload),
                }
                return self._event("media", media=content)
            case Digit(digit):
                at_ms = self._samples * 1000 // self.coding.rate_hz
                return self._event("dtmf", dtmf={"track": "inbound", "digit": digit, "timestamp": str(at_ms)})
            case MarkPlayed(name):
                return self._event("playedStream", name=name)
            case Cleared():
                return self._event("clearedAudio")
        return None

    def _start(self, start: Start) -> str:
        self._started(start)
        content = {
            "callId": start.call_id, "streamId": start.stream_id, "accountId": start.account, "tracks": ["inbound"],
            "mediaFormat": {"encoding": _NAMES[start.coding.codec], "sampleRate": start.coding.rate_hz},
        }
        extra = ";".join(f"{name}={value}" for name, value in start.parameters.items())
        return b.write_json({"event": "start", "sequenceNumber": self._next(), "start": content, "extra_headers": extra})

    def _event(self, event: str, **content: object) -> str:
        return b.write_json({"event": event, "sequenceNumber": self._next(), "streamId": self.stream_id, **content})


def _read_start(message: dict[str, object]) -> Start:
    start = b.part(message, "start")
    form = b.part(start, "mediaFormat")
    coding = _read_coding(b.text(form, "encoding"), b.rate(form, "sampleRate", RATES_HZ))
    taken = _read_extra(message.get("extra_headers", start.get("extra_headers")))
    return Start(
        stream_id=b.text(start, "streamId"), call_id=b.text(start, "callId"), account=b.text(start, "accountId", ""),
        caller=b.text(start, "from", ""), called=b.text(start, "to", ""), parameters=taken, coding=coding,
    )


def _read_coding(encoding: str, rate_hz: int) -> Coding:
    codec = ENCODINGS.get(encoding.partition(";")[0].strip().lower())
    if codec is None or (codec == "ulaw" and rate_hz != 8000):
        raise b.WireError("bad_format", f"the coding must be one of {', '.join(ENCODINGS)}; {encoding[:80]!r} at {rate_hz} Hz came")
    return Coding(codec, rate_hz)


def _read_extra(extra: object) -> dict[str, str]:
    """`extra_headers`: an object, its JSON, or `name=value` separated by `;` or `,`; Plivo may put `X-PH-` before a name."""
    if isinstance(extra, str) and extra.lstrip().startswith("{"):
        try:
            extra = json.loads(extra)
        except (ValueError, RecursionError):
            raise b.WireError("bad_parameters", "'extra_headers' looks like JSON but is none") from None
    elif isinstance(extra, str):
        pairs = [pair.partition("=") for pair in re.split(r"[;,]", extra) if pair.strip()]
        extra = {name.strip(): value.strip() for name, _, value in pairs}
    return {name.removeprefix("X-PH-"): value for name, value in b.parameters(extra).items()}
