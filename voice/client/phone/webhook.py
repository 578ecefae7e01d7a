"""A carrier's webhook: the question "a call comes in, what shall I do?", asked of a server as the carrier asks it."""

from dataclasses import replace
from urllib.parse import urlencode, urlsplit, urlunsplit
from uuid import uuid4

import httpx

from ...gateway.telephony.wire.carriers import Carrier
from . import signature
from .answer import MAX_ANSWER_BYTES, Answer, read_answer
from .errors import CannotConnectError, RefusedError, WebhookError
from .transport import real_address
from .trunk import ACCOUNT_ID, CALL_ID, CallDetails

WEBHOOK_TIMEOUT_S = 15.0
"""How long Twilio waits for TwiML."""

INCOMING = {"CallStatus": "ringing", "Direction": "inbound"}
OUTGOING = {"CallStatus": "in-progress", "Direction": "outbound-api"}

REFUSED = {401: "it does not accept the signature or the credentials", 403: "it does not accept the signature or the credentials"}


def with_ids(carrier: Carrier, details: CallDetails) -> CallDetails:
    """`details` with the ids that the carrier would have made, so that webhook and stream name the same call."""
    return replace(
        details, call_id=details.call_id or CALL_ID[carrier] + uuid4().hex, account=details.account or ACCOUNT_ID[carrier] + uuid4().hex,
    )  # fmt: skip


async def ask(
    carrier: Carrier, url: str, details: CallDetails, *, auth_token: str | None = None, via: str | None = None,
    outgoing: bool = False, timeout_s: float = WEBHOOK_TIMEOUT_S,
) -> Answer:  # fmt: skip
    """Asks the webhook at `url` what to do with a call. `auth_token` signs the question as the carrier does (Vonage: the signature
    secret; Telnyx: an Ed25519 private key in base64). `via`: where the server is really reached (see `transport.real_address`).
    `outgoing`: the server has asked for the call, and it was answered.

    Raises CannotConnectError, RefusedError where the server answers 4xx, WebhookError.
    """
    request = question(carrier, url, details, auth_token, outgoing=outgoing)
    try:
        async with httpx.AsyncClient(timeout=timeout_s, follow_redirects=False) as client:
            if via is not None:
                real = real_address(via)
                headers = {**request.headers, "host": request.url.netloc.decode()}
                where = request.url.copy_with(scheme=real.scheme, host=real.hostname, port=real.port)
                request = httpx.Request(request.method, where, content=request.content, headers=headers)
            response = await client.send(request)
    except httpx.TimeoutException:
        raise CannotConnectError(f"the webhook at {url} did not answer within {timeout_s:g} s, as a carrier would wait") from None
    except httpx.HTTPError as error:
        raise CannotConnectError(f"nobody answers at {url}: {error or type(error).__name__}") from None
    if response.is_client_error:
        reason = REFUSED.get(response.status_code, _begin(response.text))
        raise RefusedError(str(response.status_code), f"the webhook at {url} answered {response.status_code}: {reason}")
    if response.status_code != 200:
        raise WebhookError(f"the webhook at {url} answered {response.status_code}, a carrier wants 200: {_begin(response.text)}")
    if len(response.content) > MAX_ANSWER_BYTES:
        raise WebhookError(f"the webhook at {url} answered {len(response.content)} bytes, more than a carrier reads")
    return read_answer(carrier, response.text)


def question(
    carrier: Carrier, url: str, details: CallDetails, auth_token: str | None = None, *, outgoing: bool = False
) -> httpx.Request:
    """The carrier's HTTP request about a call that comes in, or that was put out and answered. Raises ValueError for an address that is
    none."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname:
        raise ValueError(f"a webhook's address begins with https:// or http://, not {url!r}")
    try:
        state = OUTGOING if outgoing else INCOMING
        match carrier:
            case "vonage":
                return _vonage(url, details, auth_token)
            case "exotel":
                return _exotel(url, details)
            case "plivo":
                return _plivo(url, details, auth_token, state)
            case "telnyx":
                return _telnyx(url, details, auth_token, state)
            case _:
                return _twilio(url, details, auth_token, state)
    except httpx.InvalidURL as error:
        raise ValueError(f"the address {url!r} is none: {error}") from None


def _twilio(url: str, details: CallDetails, auth_token: str | None, state: dict[str, str]) -> httpx.Request:
    form = {
        "CallSid": details.call_id, "AccountSid": details.account, "From": details.caller, "To": details.called,
        **state, "ApiVersion": "2010-04-01", "Caller": details.caller, "Called": details.called,
    }  # fmt: skip
    return _form(url, form, signature.twilio(auth_token, url, form) if auth_token else {})


def _telnyx(url: str, details: CallDetails, auth_token: str | None, state: dict[str, str]) -> httpx.Request:
    form = {
        "CallSid": details.call_id, "CallControlId": details.call_id, "AccountSid": details.account, "From": details.caller,
        "To": details.called, **state,
    }  # fmt: skip
    return _form(url, form, signature.telnyx(auth_token, urlencode(form).encode()) if auth_token else {})


def _plivo(url: str, details: CallDetails, auth_token: str | None, state: dict[str, str]) -> httpx.Request:
    form = {
        "CallUUID": details.call_id, "From": details.caller, "To": details.called, **state, "Event": "StartApp",
    }  # fmt: skip
    return _form(url, form, signature.plivo(auth_token, url, form) if auth_token else {})


def _vonage(url: str, details: CallDetails, secret: str | None) -> httpx.Request:
    query = {"from": details.caller, "to": details.called, "uuid": details.call_id, "conversation_uuid": f"CON-{details.call_id}"}
    return httpx.Request("GET", _with_query(url, query), headers=signature.vonage(secret, b"") if secret else {})


def _exotel(url: str, details: CallDetails) -> httpx.Request:
    query = {"CallSid": details.call_id, "CallFrom": details.caller, "CallTo": details.called, "Direction": "incoming"}
    return httpx.Request("GET", _with_query(url, query))


def _form(url: str, form: dict[str, str], headers: signature.Headers) -> httpx.Request:
    kind = {"content-type": "application/x-www-form-urlencoded"}
    return httpx.Request("POST", url, content=urlencode(form).encode(), headers={**kind, **headers})


def _with_query(url: str, query: dict[str, str]) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(query="&".join(filter(None, (parts.query, urlencode(query))))))


def _begin(text: str) -> str:
    return " ".join(text.split())[:200] or "(nothing)"
