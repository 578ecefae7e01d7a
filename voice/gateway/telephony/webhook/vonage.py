"""Vonage's answer and event webhooks: parameters in the URL or JSON, signed with a JWT (HS256); answered with an NCCO."""

import hashlib
import json

import jwt
from jwt.types import Options

from ....config.telephony import VonageConfig
from . import base as b
from .base import BUSY, Answer, CallState, CallStatus, IncomingCall, StreamOrder, WebhookRequest

_STATES: dict[str, CallState] = {
    "started": "queued", "ringing": "ringing", "answered": "answered", "completed": "ended", "disconnected": "ended", "busy": "busy",
    "timeout": "no_answer", "unanswered": "no_answer", "failed": "failed", "rejected": "failed", "cancelled": "canceled",
    "machine": "machine", "human": "human",
}  # fmt: skip


def verify(request: WebhookRequest, account: VonageConfig, now: float) -> str:
    """`now`: seconds since 1970. Raises Refused."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise b.unsigned("Vonage", "a JWT is missing in Authorization. Are signed webhooks switched on for the application?")
    secret = account.signature_secret.get_secret_value()
    options: Options = {"require": ["iat", "jti"], "verify_iat": False, "verify_exp": False}
    try:
        claims = jwt.decode(token, secret, algorithms=["HS256"], options=options)
    except jwt.InvalidTokenError:
        raise b.unsigned("Vonage", "the JWT does not fit. Is telephony.vonage.signature_secret the account's?") from None
    if not isinstance(claims["iat"], int | float) or abs(now - claims["iat"]) > b.MAX_AGE_S:
        raise b.unsigned("Vonage", "the JWT is too old. Is this machine's clock right?")
    digest = claims.get("payload_hash")
    if request.body and digest is None:
        raise b.unsigned("Vonage", "the JWT does not say which body it belongs to")
    if digest is not None and not b.same(str(digest).lower(), hashlib.sha256(request.body).hexdigest()):
        raise b.unsigned("Vonage", "the JWT belongs to another body")
    if not b.same(str(claims.get("application_id", account.application_id)), account.application_id):
        raise b.unsigned("Vonage", "the JWT belongs to another application")
    return str(claims["jti"])


def incoming(request: WebhookRequest) -> IncomingCall:
    """Who calls whom. Raises Refused."""
    fields = request.fields
    return IncomingCall(b.need(fields, "uuid", "conversation_uuid"), fields.get("from", "")[:50], fields.get("to", "")[:50])


def answer(stream: StreamOrder, account: VonageConfig | None = None) -> Answer:
    """An NCCO that connects the call to a WebSocket. What the stream's first message is to say goes into its headers."""
    rate_hz = account.rate_hz if account is not None else 16_000
    headers = {"ticket": stream.ticket, "call_id": stream.call.call_id, "from": stream.call.caller, "to": stream.call.called}
    endpoint = {"type": "websocket", "uri": stream.url, "content-type": f"audio/l16;rate={rate_hz}", "headers": headers}
    return _ncco({"action": "connect", "endpoint": [endpoint]})


def busy() -> Answer:
    """An NCCO that says that all lines are busy: it can say nothing without taking the call, which ends behind it."""
    return _ncco({"action": "talk", "text": BUSY, "language": "en-US"})


def transfer(number: str) -> Answer:
    """An NCCO that puts the caller through."""
    return _ncco({"action": "connect", "endpoint": [{"type": "phone", "number": number.lstrip("+")}]})


def status(request: WebhookRequest) -> CallStatus | None:
    """What became of a call; None for what is not told. Raises Refused."""
    fields = request.fields
    state = _STATES.get(fields.get("status", ""))
    return None if state is None else CallStatus(b.need(fields, "uuid"), state, fields.get("sub_state", fields.get("reason", ""))[:40])


def _ncco(*actions: dict[str, object]) -> Answer:
    return Answer(json.dumps(list(actions)), "application/json")
