"""Telnyx's Call Control: events in JSON, signed as its other webhooks are; what is to be done is commanded over REST, not answered.

    {"data": {"id": "…", "event_type": "call.initiated", "payload": {"call_control_id": "v3:…", "direction": "incoming", "from": "+1…", …}}}
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ....grant import Refused
from .base import CallState, CallStatus, IncomingCall, WebhookRequest

_CAUSES: dict[str, CallState] = {
    "user_busy": "busy", "no_answer": "no_answer", "timeout": "no_answer", "originator_cancel": "canceled", "call_rejected": "failed",
    "unallocated_number": "failed", "not_found": "failed", "unspecified": "failed",
}  # fmt: skip
"""What a hang-up means for a call that nobody had answered; every other is an end."""


@dataclass(frozen=True, slots=True)
class CallEvent:
    """One event of a call."""

    id: str
    """The same when Telnyx tells it again."""
    kind: str
    """Such as `call.initiated`."""
    call: IncomingCall
    incoming: bool
    """Somebody calls us; false where we call, and where it is not said."""
    detail: str = ""
    """Why it was hung up, or who a machine detection has found."""

    @property
    def status(self) -> CallStatus | None:
        """What has become of the call; None for what is not told."""
        call_id = self.call.call_id
        match self.kind:
            case "call.initiated":
                return CallStatus(call_id, "ringing")
            case "call.answered":
                return CallStatus(call_id, "answered")
            case "call.hangup":
                return CallStatus(call_id, _CAUSES.get(self.detail, "ended"), self.detail)
            case "call.machine.detection.ended" | "call.machine.premium.detection.ended":
                if self.detail.startswith(("human", "machine", "fax")):
                    return CallStatus(call_id, "human" if self.detail.startswith("human") else "machine", self.detail)
        return None


def event(request: WebhookRequest) -> CallEvent:
    """The event in a request. Raises Refused."""
    data = _object(request.json, "data")
    payload = _object(data, "payload")
    call = IncomingCall(_text(payload, "call_control_id", 300), _text(payload, "from", 50, ""), _text(payload, "to", 50, ""))
    detail = _text(payload, "hangup_cause", 40, "") or _text(payload, "result", 40, "")
    return CallEvent(
        _text(data, "id", 100), _text(data, "event_type", 100), call, _text(payload, "direction", 20, "") == "incoming", detail
    )


def _object(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = holder.get(name)
    if not isinstance(value, dict):
        raise Refused("bad_request", f"the field '{name}' must be an object")
    return value


def _text(holder: Mapping[str, Any], name: str, most: int, missing: str | None = None) -> str:
    value = holder.get(name)
    if value is None and missing is not None:
        return missing
    if not isinstance(value, str) or not value:
        raise Refused("bad_request", f"the field '{name}' must be a text")
    return value[:most]
