"""Plivo's voice webhook: a form, signed (V3) with HMAC-SHA256 over URL, form and a nonce; answered in Plivo's XML."""

import base64
import hashlib
import hmac
from collections import defaultdict
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from ....config.telephony import PlivoConfig
from . import base as b
from .base import Answer, CallState, CallStatus, IncomingCall, StreamOrder, WebhookRequest

_STATES: dict[str, CallState] = {
    "queued": "queued", "ringing": "ringing", "ring": "ringing", "in-progress": "answered", "answer": "answered", "completed": "ended",
    "hangup": "ended", "busy": "busy", "no-answer": "no_answer", "timeout": "no_answer", "failed": "failed", "cancel": "canceled",
}  # fmt: skip


def verify(request: WebhookRequest, account: PlivoConfig, now: float) -> str:
    """`now` does not matter: the nonce tells requests apart. Raises Refused."""
    nonce, shown = request.headers.get("x-plivo-signature-v3-nonce", ""), request.headers.get("x-plivo-signature-v3", "")
    fields = request.form_pairs if request.method == "POST" and request.body else []
    right = signature(account.auth_token.get_secret_value(), request.method, request.url, fields, nonce)
    good = [b.same(right, one.strip()) for one in shown.split(",")]  # one for each of the account's tokens
    if not nonce or not any(good):
        raise b.unsigned("Plivo", "X-Plivo-Signature-V3 does not fit. Is telephony.url the address that Plivo calls?")
    return nonce


def signature(token: str, method: str, url: str, fields: list[tuple[str, str]], nonce: str) -> str:
    """What Plivo writes into `X-Plivo-Signature-V3`: the URL with its query sorted, the form sorted behind a dot, a dot, the nonce."""
    parts = urlsplit(url)
    query = parse_qs(parts.query, keep_blank_values=True)
    text = f"{parts.scheme}://{parts.netloc}{parts.path}"
    in_url = "&".join(f"{name}={value}" for name in sorted(query) for value in sorted(query[name]))
    if in_url or fields:
        text += f"?{in_url}"
    if method == "POST" and fields:
        form: dict[str, list[str]] = defaultdict(list)
        for name, value in fields:
            form[name].append(value)
        text += "." + "".join(name + value for name in sorted(form) for value in sorted(form[name]))
    digest = hmac.new(token.encode(), f"{text}.{nonce}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def incoming(request: WebhookRequest) -> IncomingCall:
    """Who calls whom. Raises Refused."""
    fields = request.fields
    return IncomingCall(b.need(fields, "CallUUID"), fields.get("From", "")[:50], fields.get("To", "")[:50])


def answer(stream: StreamOrder, account: PlivoConfig | None = None) -> Answer:
    """XML that opens a bidirectional stream. Extra headers may hold letters and digits only: the ticket is such."""
    linear = account is not None and account.codec == "l16"
    attributes = {
        "bidirectional": "true", "keepCallAlive": "true",
        "contentType": "audio/x-l16;rate=16000" if linear else "audio/x-mulaw;rate=8000", "extraHeaders": f"ticket={stream.ticket}",
    }  # fmt: skip
    written = " ".join(f"{name}={quoteattr(value)}" for name, value in attributes.items())
    return _response(f"<Stream {written}>{escape(stream.url)}</Stream>")


def busy() -> Answer:
    """XML that does not take the call: the caller hears that the line is busy."""
    return _response('<Hangup reason="busy"/>')


def transfer(number: str) -> Answer:
    """XML that puts the caller through."""
    return _response(f"<Dial><Number>{escape(number)}</Number></Dial>")


def status(request: WebhookRequest) -> CallStatus | None:
    """What became of a call; None for what is not told. Raises Refused."""
    fields = request.fields
    call_id = b.need(fields, "CallUUID", "RequestUUID")
    if fields.get("Machine", "").lower() == "true":
        return CallStatus(call_id, "machine")
    state = _STATES.get(fields.get("CallStatus", "").lower()) or _STATES.get(fields.get("Event", "").lower())
    return None if state is None else CallStatus(call_id, state, fields.get("HangupCauseName", fields.get("HangupCause", ""))[:40])


def _response(verbs: str) -> Answer:
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>')
