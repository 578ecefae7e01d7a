"""Vonage Voice API, a `websocket` endpoint: sound in binary messages, events and actions in text.

The first message is `websocket:connected`, with the coding and, flat beside it, the `headers` of our NCCO: what is not in them (the
call's id, the numbers) is not there. Sound is linear PCM16, little-endian, 20 ms a message, and must be sent in messages of exactly that
length. A mark is a `notify`, which comes back when it is its turn; `clear` answers `websocket:cleared`. The end of the call is the end
of the socket.
"""

import re
from collections.abc import Mapping

from . import base as b
from .base import Clear, Cleared, Coding, Data, Digit, FromCarrier, FromServer, Mark, MarkPlayed, Media, Start, Unknown

NAME = "vonage"

RATES_HZ = (8000, 16000, 24000)
_OWN = ("event", "content-type")


class ServerEnd(b.ServerEnd):
    """The server's end of a Vonage stream."""

    def __init__(self) -> None:
        super().__init__()
        self.coding = Coding("l16", 16000)

    def receive(self, data: Data) -> FromCarrier:
        if isinstance(data, bytes):
            return _read_sound(data, self.coding)
        message = b.read_json(data)
        event = b.text(message, "event")
        match event:
            case "websocket:connected":
                return self._started(_read_start(message))
            case "websocket:dtmf":
                nested = message.get("dtmf")
                said = nested if isinstance(nested, dict) else message
                return Digit(b.digit(said), b.number(said, "duration"))
            case "websocket:cleared":
                return Cleared()
            case "websocket:notify":
                payload = message.get("payload")
                if isinstance(payload, dict) and isinstance(payload.get("mark"), str):
                    return MarkPlayed(payload["mark"])
        return Unknown(event[:80])

    def send(self, message: FromServer) -> Data | None:
        match message:
            case Media(payload):
                return payload
            case Mark(name):
                return b.write_json({"action": "notify", "payload": {"mark": name}})
            case Clear():
                return b.write_json({"action": "clear"})
        return None


class CarrierEnd(b.CarrierEnd):
    """Vonage's end of a stream."""

    def __init__(self) -> None:
        super().__init__()
        self.coding = Coding("l16", 16000)

    def receive(self, data: Data) -> FromServer:
        if isinstance(data, bytes):
            return _read_sound(data, self.coding)
        message = b.read_json(data)
        action = b.text(message, "action")
        match action:
            case "clear":
                return Clear()
            case "notify":
                said = b.part(message, "payload")
                if isinstance(said.get("mark"), str):
                    return Mark(said["mark"])
        return Unknown(action[:80])

    def send(self, message: FromCarrier) -> Data | None:
        match message:
            case Start(parameters=parameters, coding=coding):
                self._started(message)
                kind = f"audio/l16;rate={coding.rate_hz}"
                return b.write_json({"event": "websocket:connected", "content-type": kind, **_with_call(message, parameters)})
            case Media(payload):
                return payload
            case Digit(digit, duration_ms):
                said = {} if duration_ms is None else {"duration": duration_ms}
                return b.write_json({"event": "websocket:dtmf", "digit": digit, **said})
            case MarkPlayed(name):
                return b.write_json({"event": "websocket:notify", "payload": {"mark": name}})
            case Cleared():
                return b.write_json({"event": "websocket:cleared"})
        return None


def _read_sound(data: bytes, coding: Coding) -> Media:
    if len(data) > b.MAX_PAYLOAD_BYTES:
        raise b.WireError("too_much_sound", f"a message may hold {b.MAX_PAYLOAD_BYTES} bytes of sound at most")
    return Media(b.whole_samples(data, coding))


def _read_start(message: dict[str, object]) -> Start:
    kind = b.text(message, "content-type")
    found = re.fullmatch(r"audio/l16;\s*rate=(\d{4,5})", kind.strip().lower())
    if found is None or int(found[1]) not in RATES_HZ:
        rates = ", ".join(map(str, RATES_HZ))
        raise b.WireError("bad_format", f"'content-type' must be audio/l16 at one of {rates} Hz; {kind[:80]!r} came")
    taken = b.parameters({name: value for name, value in message.items() if name not in _OWN and not isinstance(value, dict | list)})
    call_id = taken.pop("call_id", "")
    return Start(
        stream_id=call_id, call_id=call_id, caller=taken.pop("from", ""), called=taken.pop("to", ""), parameters=taken,
        coding=Coding("l16", int(found[1])),
    )


def _with_call(start: Start, parameters: Mapping[str, str]) -> dict[str, str]:
    """The headers that our own NCCO asks for: the parameters, and who calls whom."""
    call = {"call_id": start.call_id, "from": start.caller, "to": start.called}
    return {**parameters, **{name: value for name, value in call.items() if value}}
