"""Twilio's voice webhook: a form, signed with HMAC-SHA1 of the account's token or HMAC-SHA256 of a shared key; answered in TwiML.

The signature is made over the URL and the form. It holds no time, so a request that is repeated is recognised by its call: the ticket of
a call is good for one stream.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit, urlunsplit
from xml.sax.saxutils import escape, quoteattr

from ....config.telephony import TwilioConfig
from . import base as b
from .base import Answer, CallState, CallStatus, IncomingCall, StreamOrder, WebhookRequest

_STATES: dict[str, CallState] = {
    "queued": "queued", "initiated": "queued", "ringing": "ringing", "in-progress": "answered", "answered": "answered",
    "completed": "ended", "busy": "busy", "no-answer": "no_answer", "failed": "failed", "canceled": "canceled",
}  # fmt: skip


def verify(request: WebhookRequest, account: TwilioConfig, now: float) -> str:
    """Raises Refused. `now` does not matter: Twilio signs no time."""
    shown = request.headers.get("x-twilio-signature", "")
    settings = dict(part.partition("=")[::2] for part in request.headers.get("x-twilio-webhooks-signature-settings", "").split(","))
    algorithm = {name.strip(): value.strip() for name, value in settings.items()}.get("algorithm", "") or "HMAC_SHA1"
    if algorithm.upper() == "HMAC_SHA256" and account.signing_key is not None:
        secret, digest = account.signing_key, "sha256"
    elif algorithm.upper() == "HMAC_SHA1":
        secret, digest = account.auth_token, "sha1"
    else:
        raise b.unsigned("Twilio", f"the algorithm {algorithm[:40]!r} is not known here, or telephony.twilio.signing_key is missing")
    key = secret.get_secret_value().encode()
    fields = _signed_fields(request)
    good = [b.same(signature(key, url, fields, digest), shown) for url in _forms(request.url)]
    if not shown or not any(good):
        raise b.unsigned("Twilio", "X-Twilio-Signature does not fit. Is telephony.url the address that Twilio calls?")
    return shown


def signature(key: bytes, url: str, fields: list[tuple[str, str]], digest: str = "sha1") -> str:
    """What Twilio writes into `X-Twilio-Signature`: the URL, then each name and value, sorted and once, under HMAC."""
    text = url + "".join(name + value for name, value in sorted(set(fields)))
    return base64.b64encode(hmac.new(key, text.encode(), getattr(hashlib, digest)).digest()).decode()


def incoming(request: WebhookRequest) -> IncomingCall:
    """Who calls whom. Raises Refused."""
    fields = request.fields
    return IncomingCall(b.need(fields, "CallSid"), fields.get("From", "")[:50], fields.get("To", "")[:50])


def answer(stream: StreamOrder, account: TwilioConfig | None = None) -> Answer:
    """TwiML that opens a bidirectional stream. Its URL may have no query, so the ticket is a parameter."""
    parameter = f"<Parameter name={quoteattr('ticket')} value={quoteattr(stream.ticket)}/>"
    return _response(f"<Connect><Stream url={quoteattr(stream.url)}>{parameter}</Stream></Connect>")


def busy() -> Answer:
    """TwiML that does not take the call: the caller hears that the line is busy, and nothing is charged."""
    return _response('<Reject reason="busy"/>')


def transfer(number: str) -> Answer:
    """TwiML that puts the caller through."""
    return _response(f"<Dial>{escape(number)}</Dial>")


def status(request: WebhookRequest) -> CallStatus | None:
    """What became of a call; None for what is not told. Raises Refused."""
    fields = request.fields
    call_id = b.need(fields, "CallSid")
    if answered_by := fields.get("AnsweredBy", ""):
        return CallStatus(call_id, "human" if answered_by == "human" else "machine", answered_by[:40])
    state = _STATES.get(fields.get("CallStatus", ""))
    return None if state is None else CallStatus(call_id, state, fields.get("SipResponseCode", "")[:40])


def _response(verbs: str) -> Answer:
    return Answer(f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>')


def _signed_fields(request: WebhookRequest) -> list[tuple[str, str]]:
    """The form; nothing for a JSON body, whose digest stands in the URL. Raises Refused."""
    if request.method == "GET" or not request.body:
        return []
    digests = parse_qs(urlsplit(request.url).query).get("bodySHA256")
    if digests:
        if not b.same(hashlib.sha256(request.body).hexdigest(), digests[0].lower()):
            raise b.unsigned("Twilio", "bodySHA256 does not fit the body")
        return []
    return request.form_pairs


def _forms(url: str) -> Iterator[str]:
    """The URL as Twilio may have written it: with and without the port, for it does both."""
    yield url
    parts = urlsplit(url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme in ("https", "wss") else 80)
    for netloc in (host, f"{host}:{port}"):
        if netloc != parts.netloc:
            yield urlunsplit(parts._replace(netloc=netloc))
