"""Telnyx's voice webhook of a TeXML application: a form, signed with Ed25519 over the time and the body; answered in TeXML."""

import base64
import binascii
from xml.sax.saxutils import escape, quoteattr

from ....config.telephony import TelnyxConfig
from . import base as b
from .base import Answer, CallState, CallStatus, IncomingCall, StreamOrder, WebhookRequest

_STATES: dict[str, CallState] = {
    "queued": "queued", "initiated": "queued", "ringing": "ringing", "in-progress": "answered", "answered": "answered",
    "completed": "ended", "busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "canceled",
}  # fmt: skip


def verify(request: WebhookRequest, account: TelnyxConfig, now: float) -> str:
    """`now`: seconds since 1970. Raises Refused, and ImportError without the `cryptography` package."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    at, shown = request.headers.get("telnyx-timestamp", ""), request.headers.get("telnyx-signature-ed25519", "")
    if not (at.isascii() and at.isdigit() and len(at) < 16) or abs(now - int(at)) > b.MAX_AGE_S:
        raise b.unsigned("Telnyx", "telnyx-timestamp is missing or too old. Is this machine's clock right?")
    try:
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(account.public_key + "=" * (-len(account.public_key) % 4)))
        key.verify(base64.b64decode(shown, validate=True), at.encode() + b"|" + request.body)
    except (InvalidSignature, binascii.Error, ValueError):
        raise b.unsigned("Telnyx", "telnyx-signature-ed25519 does not fit. Is telephony.telnyx.public_key the account's?") from None
    return shown


def incoming(request: WebhookRequest) -> IncomingCall:
    """Who calls whom. Raises Refused."""
    fields = request.fields
    return IncomingCall(b.need(fields, "CallSid", "CallControlId"), fields.get("From", "")[:50], fields.get("To", "")[:50])


def answer(stream: StreamOrder, account: TelnyxConfig | None = None) -> Answer:
    """TeXML that opens a bidirectional stream in `rtp` mode (the default would be files of mp3)."""
    codec = account.codec if account is not None else "PCMU"
    url = f"{stream.url}?ticket={stream.ticket}"
    attributes = {
        "url": url, "track": "inbound_track", "codec": codec, "bidirectionalMode": "rtp", "bidirectionalCodec": codec,
        "bidirectionalSamplingRate": "16000" if codec == "L16" else "8000",
    }  # fmt: skip
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return _response(f"<Connect><Stream {written}/></Connect>")


def busy() -> Answer:
    """TeXML that does not take the call: the caller hears that the line is busy."""
    return _response('<Reject reason="busy"/>')


def transfer(number: str) -> Answer:
    """TeXML that puts the caller through."""
    return _response(f"<Dial>{escape(number)}</Dial>")


def status(request: WebhookRequest) -> CallStatus | None:
    """What became of a call; None for what is not told. Raises Refused."""
    fields = request.fields
    call_id = b.need(fields, "CallSid", "CallControlId")
    if answered_by := fields.get("AnsweredBy", ""):
        return CallStatus(call_id, "human" if answered_by == "human" else "machine", answered_by[:40])
    state = _STATES.get(fields.get("CallStatus", ""))
    return None if state is None else CallStatus(call_id, state, fields.get("HangupCause", "")[:40])


def _response(verbs: str) -> Answer:
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>')
