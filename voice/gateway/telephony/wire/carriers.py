"""Which carriers there are, and telling by a first message which of them it is."""

from typing import Literal, get_args

from . import base as b
from . import exotel, plivo, telnyx, twilio, vonage
from .base import CarrierEnd, Data, ServerEnd, WireError

Carrier = Literal["twilio", "telnyx", "plivo", "vonage", "exotel"]
CARRIERS: tuple[Carrier, ...] = get_args(Carrier)

_SERVER_ENDS: dict[Carrier, type[ServerEnd]] = {
    "twilio": twilio.ServerEnd, "telnyx": telnyx.ServerEnd, "plivo": plivo.ServerEnd, "vonage": vonage.ServerEnd,
    "exotel": exotel.ServerEnd,
}
_CARRIER_ENDS: dict[Carrier, type[CarrierEnd]] = {
    "twilio": twilio.CarrierEnd, "telnyx": telnyx.CarrierEnd, "plivo": plivo.CarrierEnd, "vonage": vonage.CarrierEnd,
    "exotel": exotel.CarrierEnd,
}


def server_end(carrier: Carrier) -> ServerEnd:
    """The server's end of a new call of that carrier."""
    return _SERVER_ENDS[carrier]()


def carrier_end(carrier: Carrier) -> CarrierEnd:
    """The carrier's end of a new call."""
    return _CARRIER_ENDS[carrier]()


def detect(data: Data) -> Carrier | None:
    """Whose message this is, by what only that carrier's has; None for a greeting that several of them share (the next message
    tells). Raises WireError when it is nobody's.
    """
    message = b.read_json(data)
    event = message.get("event")
    start = message.get("start")
    if event == "websocket:connected":
        return "vonage"
    if event == "start" and isinstance(start, dict):
        if "streamSid" in start:
            return "twilio"
        if "call_control_id" in start:
            return "telnyx"
        if "streamId" in start:
            return "plivo"
        if "stream_sid" in start:
            return "exotel"
    if event == "connected":
        return "twilio" if "protocol" in message else "telnyx" if "version" in message else None
    raise WireError("unknown_carrier", "this is no carrier's first message: Twilio, Telnyx, Plivo, Vonage or Exotel was expected")
