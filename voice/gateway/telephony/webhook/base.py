"""The shared core of all carriers' webhooks: requests, answers, calls and their statuses."""

import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from ....grant import Refused

MAX_AGE_S = 300.0
"""How old a signed request may be, where its carrier says when it was made: what Telnyx's own libraries allow."""

BUSY = "All lines are busy at the moment. Please call again later."
"""What a caller hears of a full server, where the carrier has no tone for it."""

CallState = Literal["queued", "ringing", "answered", "ended", "busy", "no_answer", "failed", "canceled", "machine", "human"]
"""What becomes of a call, in the words of no carrier."""


@dataclass(frozen=True)
class WebhookRequest:
    """A request as the carrier made it."""

    method: str
    url: str
    """As the carrier called it, query included: what signatures are made over."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Names in lower case."""
    body: bytes = b""

    @cached_property
    def query(self) -> dict[str, str]:
        """The parameters of the URL; of repeated ones the last."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True, max_num_fields=200))

    @cached_property
    def form_pairs(self) -> list[tuple[str, str]]:
        """The fields of a form in the body, in order. Raises Refused."""
        try:
            return parse_qsl(self.body.decode(), keep_blank_values=True, max_num_fields=200)
        except ValueError:
            raise Refused("bad_request", "the body is no form") from None

    @cached_property
    def is_json(self) -> bool:
        """Whether the body says that it is JSON."""
        return "json" in self.headers.get("content-type", "")

    @cached_property
    def json(self) -> dict[str, Any]:
        """The body as a JSON object. Raises Refused."""
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            raise Refused("bad_request", "the body must be a JSON object")
        return value

    @cached_property
    def fields(self) -> dict[str, str]:
        """What the carrier says: the form or the JSON in the body, and the parameters of the URL behind them. Raises Refused."""
        if self.method == "GET" or not self.body:
            return self.query
        said = {name: str(value) for name, value in self.json.items()} if self.is_json else dict(self.form_pairs)
        return {**self.query, **said}


@dataclass(frozen=True, slots=True)
class IncomingCall:
    """Somebody calls, or has answered a call of ours."""

    call_id: str
    caller: str
    called: str


@dataclass(frozen=True, slots=True)
class CallStatus:
    """What became of a call."""

    call_id: str
    state: CallState
    detail: str = ""


@dataclass(frozen=True, slots=True)
class StreamOrder:
    """Where the carrier is to stream a call to."""

    url: str
    """`wss://…`, without a query."""
    ticket: str
    """The one-time token that binds the stream to this answer."""
    call: IncomingCall


@dataclass(frozen=True, slots=True)
class Answer:
    """What the carrier is told."""

    body: str
    media_type: str = "text/xml"


def need(fields: Mapping[str, str], *names: str) -> str:
    """The first of the fields that is there. Raises Refused."""
    for name in names:
        if fields.get(name):
            return fields[name][:300]
    raise Refused("bad_request", f"the field '{names[0]}' is missing")


def same(one: str | bytes, other: str | bytes) -> bool:
    """Whether two signatures are equal, in a time that tells nothing of them."""
    return hmac.compare_digest(_bytes(one), _bytes(other))


def unsigned(carrier: str, what: str) -> Refused:
    """The refusal of a request that its carrier did not sign."""
    return Refused("unauthorized", f"this request was not signed by {carrier}: {what}")


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
