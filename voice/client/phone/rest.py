"""The carriers' REST interfaces, as the carrier reads them: an HTTP request in, what it asks for out; and what the carrier tells of a call
afterwards. Pure, no I/O.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl
from uuid import uuid4

from ...gateway.telephony.wire.carriers import Carrier
from .trunk import CALL_ID

State = Literal["ringing", "answered", "completed", "busy", "no_answer"]

MAX_BODY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Dial:
    """Somebody is to be called."""

    to: str
    sender: str
    answer_url: str
    """What is asked once somebody has answered; of Exotel the stream itself."""
    status_url: str = ""
    ring_s: int = 30
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class HangUp:
    """A call is to be ended."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Transfer:
    """A call is to be put through: `what` is the TwiML, the NCCO, the number or the address that says where to."""

    call_id: str
    what: str


@dataclass(frozen=True, slots=True)
class Wrong:
    """The request is none of the carrier's."""

    status: int
    message: str


Action = Dial | HangUp | Transfer | Wrong


@dataclass(frozen=True, slots=True)
class RestRequest:
    """An HTTP request to the carrier."""

    method: str
    path: str
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""

    @property
    def fields(self) -> dict[str, Any]:
        """The body: JSON, or a form. Raises ValueError."""
        if not self.body:
            return {}
        if "json" in self.headers.get("content-type", ""):
            value = json.loads(self.body)
            if not isinstance(value, dict):
                raise ValueError("the body must be a JSON object")
            return value
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=200))


def read(carrier: Carrier, request: RestRequest) -> Action:
    """What a request asks the carrier to do."""
    try:
        fields = request.fields
    except (ValueError, RecursionError) as error:
        return Wrong(400, f"the body cannot be read: {error}")
    try:
        for pattern, reader in _PATHS[carrier]:
            if found := re.fullmatch(pattern, f"{request.method} {request.path}"):
                action: Action = reader(found.groupdict().get("call", ""), fields)
                return action
    except (KeyError, IndexError, TypeError, ValueError) as error:
        return Wrong(400, f"the field {error} is missing or wrong")
    return Wrong(404, f"{carrier} has no {request.method} {request.path}, or none that is played here")


def answer(carrier: Carrier, action: Action) -> tuple[int, dict[str, Any]]:
    """The HTTP status and body of the carrier's answer."""
    if isinstance(action, Wrong):
        return action.status, {"message": action.message, "error": action.message, "status": action.status}
    if not isinstance(action, Dial):
        return (204 if carrier in ("plivo", "vonage") else 200), {}
    call = action.call_id
    match carrier:
        case "twilio":
            return 201, {"sid": call, "status": "queued", "to": action.to, "from": action.sender, "direction": "outbound-api"}
        case "telnyx":
            return 200, {"data": {"call_sid": call, "status": "queued", "to": action.to, "from": action.sender}}
        case "plivo":
            return 201, {"message": "call fired", "request_uuid": call, "api_id": str(uuid4())}
        case "vonage":
            return 201, {"uuid": call, "status": "started", "direction": "outbound", "conversation_uuid": f"CON-{call}"}
    return 200, {"Call": {"Sid": call, "Status": "in-progress", "From": action.sender, "To": action.to, "Direction": "outbound-api"}}


def status(carrier: Carrier, dial: Dial, state: State) -> dict[str, str]:
    """The fields by which the carrier tells what becomes of a call."""
    numbers = {"From": dial.sender, "To": dial.to}
    match carrier:
        case "plivo":
            event = {"ringing": "Ring", "answered": "StartApp"}.get(state, "Hangup")
            return {"CallUUID": dial.call_id, "RequestUUID": dial.call_id, "Event": event, "CallStatus": _STATES[state], **numbers}
        case "vonage":
            words = {"ringing": "ringing", "answered": "answered", "completed": "completed", "busy": "busy", "no_answer": "timeout"}
            return {"uuid": dial.call_id, "status": words[state], "from": dial.sender, "to": dial.to, "direction": "outbound"}
        case "exotel":
            return {"CallSid": dial.call_id, "Status": _STATES[state], "EventType": "answered" if state == "answered" else "terminal"}
    return {"CallSid": dial.call_id, "CallStatus": _STATES[state], "Direction": "outbound-api", **numbers}


_STATES = {"ringing": "ringing", "answered": "in-progress", "completed": "completed", "busy": "busy", "no_answer": "no-answer"}


# ── reading, a carrier at a time ──────────────────────────────────────────────────────────────────────────────────────


def _new(carrier: Carrier) -> str:
    return CALL_ID[carrier] + uuid4().hex


def _twilio_dial(call: str, fields: dict[str, Any]) -> Action:
    if "Url" not in fields:
        return Wrong(400, "only calls with 'Url' are played here, not those with 'Twiml' or 'ApplicationSid'")
    status_url = fields.get("StatusCallback", "")
    return Dial(fields["To"], fields["From"], fields["Url"], status_url, int(fields.get("Timeout", 60)), _new("twilio"))


def _twilio_change(call: str, fields: dict[str, Any]) -> Action:
    if fields.get("Status") in ("completed", "canceled"):
        return HangUp(call)
    return Transfer(call, fields["Twiml"] if "Twiml" in fields else fields["Url"])


def _telnyx_dial(call: str, fields: dict[str, Any]) -> Action:
    status_url = fields.get("StatusCallback", "")
    return Dial(fields["To"], fields["From"], fields["Url"], status_url, int(fields.get("Timeout", 30)), _new("telnyx"))


def _plivo_dial(call: str, fields: dict[str, Any]) -> Action:
    status_url = fields.get("hangup_url", "")
    return Dial(fields["to"], fields["from"], fields["answer_url"], status_url, int(fields.get("ring_timeout", 120)), _new("plivo"))


def _vonage_dial(call: str, fields: dict[str, Any]) -> Action:
    if "answer_url" not in fields:
        return Wrong(400, "only calls with 'answer_url' are played here, not those with an 'ncco'")
    status_url = (fields.get("event_url") or [""])[0]
    to, sender = fields["to"][0]["number"], fields["from"]["number"]
    return Dial(to, sender, fields["answer_url"][0], status_url, int(fields.get("ringing_timer", 60)), _new("vonage"))


def _vonage_change(call: str, fields: dict[str, Any]) -> Action:
    if fields["action"] == "hangup":
        return HangUp(call)
    return Transfer(call, json.dumps(fields["destination"]))


def _exotel_dial(call: str, fields: dict[str, Any]) -> Action:
    folded = {name.lower(): value for name, value in fields.items()}
    return Dial(folded["from"], folded["callerid"], folded["streamurl"], folded.get("statuscallback", ""), 30, _new("exotel"))


_CALL = r"(?P<call>[^/]+)"
_PATHS: dict[Carrier, list[tuple[str, Any]]] = {
    "twilio": [
        (r"POST /2010-04-01/Accounts/[^/]+/Calls\.json", _twilio_dial),
        (rf"POST /2010-04-01/Accounts/[^/]+/Calls/{_CALL}\.json", _twilio_change),
    ],
    "telnyx": [
        (r"POST /v2/texml/calls/[^/]+", _telnyx_dial),
        (rf"POST /v2/calls/{_CALL}/actions/hangup", lambda call, fields: HangUp(call)),
        (rf"POST /v2/calls/{_CALL}/actions/transfer", lambda call, fields: Transfer(call, fields["to"])),
    ],
    "plivo": [
        (r"POST /v1/Account/[^/]+/Call/", _plivo_dial),
        (rf"DELETE /v1/Account/[^/]+/Call/{_CALL}/", lambda call, fields: HangUp(call)),
        (rf"POST /v1/Account/[^/]+/Call/{_CALL}/", lambda call, fields: Transfer(call, fields["aleg_url"])),
    ],
    "vonage": [("POST /v1/calls", _vonage_dial), (rf"PUT /v1/calls/{_CALL}", _vonage_change)],
    "exotel": [(r"POST /v1/[Aa]ccounts/[^/]+/[Cc]alls/connect(?:\.json)?", _exotel_dial)],
}
