"""Exotel's Voicebot applet asks an HTTPS address where to stream to: parameters in the URL, Basic authentication, answered in JSON."""

import base64
import binascii
import json

from ....config.telephony import ExotelConfig
from ....grant import Refused
from . import base as b
from .base import Answer, CallState, CallStatus, IncomingCall, StreamOrder, WebhookRequest

_STATES: dict[str, CallState] = {
    "queued": "queued", "ringing": "ringing", "in-progress": "answered", "answered": "answered", "completed": "ended", "terminal": "ended",
    "busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "canceled",
}  # fmt: skip


def verify(request: WebhookRequest, account: ExotelConfig, now: float) -> str:
    """Exotel signs nothing; it shows the key and token that the address was configured with. Raises Refused."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(shown, validate=True) if scheme.lower() == "basic" else b""
    except binascii.Error:
        given = b""
    right = f"{account.api_key.get_secret_value()}:{account.api_token.get_secret_value()}"
    if not b.same(given, right):
        raise b.unsigned("Exotel", "configure the applet's address as https://API_KEY:API_TOKEN@…")
    return ""


def incoming(request: WebhookRequest) -> IncomingCall:
    """Who calls whom. Raises Refused."""
    fields = request.fields
    caller, called = fields.get("CallFrom", fields.get("From", "")), fields.get("CallTo", fields.get("To", ""))
    return IncomingCall(b.need(fields, "CallSid"), caller[:50], called[:50])


def answer(stream: StreamOrder, account: ExotelConfig | None = None) -> Answer:
    """Where to stream to. Parameters of the URL come back in the stream's start."""
    return Answer(json.dumps({"url": f"{stream.url}?ticket={stream.ticket}"}), "application/json")


def busy() -> Answer:
    """Exotel's flow goes on with the applet behind the Voicebot when it is given no stream. Raises Refused."""
    raise Refused("server_full", "the server is full")


def transfer(number: str) -> Answer:
    """Exotel's flow goes on as its applets say: a call cannot be put through from here. Raises Refused."""
    raise Refused("not_available", "Exotel's calls are put through by the applet behind the Voicebot, not from here")


def status(request: WebhookRequest) -> CallStatus | None:
    """What became of a call; None for what is not told. Raises Refused."""
    fields = request.fields
    state = _STATES.get(fields.get("Status", fields.get("CallStatus", "")))
    return None if state is None else CallStatus(b.need(fields, "CallSid"), state)
