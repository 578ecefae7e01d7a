"""Tickets: what binds a call's stream to the webhook that asked for it. Pure; the caller says what time it is, in seconds.

A webhook is signed by its carrier, the WebSocket that follows is not, or not well (Twilio signs its address only). So the answer to the
webhook holds a ticket that is good for one stream, of this carrier and call, within two minutes. A carrier that asks twice about a
call, because it did not get the first answer, gets the same ticket; once its stream has come, asking again is a replay and refused.
"""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Literal

from ...grant import OPEN, Grant, Refused
from .webhook.base import IncomingCall
from .wire.carriers import Carrier

TICKET_S = 120.0
"""How long a carrier may take from our answer to its stream; it takes about a second."""

REMEMBERED_S = 4 * 3600.0
"""How long a call that has come is known, and a replay of its webhook refused."""

MAX_TICKETS = 10_000
MAX_REMEMBERED = 100_000


@dataclass(slots=True)
class CallPlan:
    """What is known of a call before its stream comes."""

    call: IncomingCall
    room: str
    agent: str | None = None
    name: str = ""
    """The participant's name; empty for one made of the caller's number."""
    direction: Literal["in", "out"] = "in"
    grant: Grant = OPEN
    parameters: dict[str, str] = field(default_factory=dict)
    outgoing: str = ""
    """Our id of an outgoing call."""
    quiet: bool = False
    """No agent greets: the first words are said when it is known who has answered."""

    @property
    def key(self) -> str:
        """What tells the call from others: the carrier's id, or ours where it has none yet."""
        return self.call.call_id or f"outgoing:{self.outgoing}"


@dataclass(slots=True)
class _Ticket:
    token: str
    carrier: Carrier
    plan: CallPlan
    expires: float


class Tickets:
    """The tickets that wait for their stream."""

    def __init__(self) -> None:
        self._of_call: OrderedDict[tuple[Carrier, str], _Ticket] = OrderedDict()
        self._of_token: dict[str, _Ticket] = {}
        self._came: OrderedDict[tuple[Carrier, str], float] = OrderedDict()

    def issue(self, carrier: Carrier, plan: CallPlan, now: float) -> str:
        """The ticket of a call. Raises Refused (`conflict`) where its stream has come already, and (`too_many`) where too many wait."""
        self._forget(now)
        key = (carrier, plan.key)
        if key in self._came:
            raise Refused("conflict", "this call has its stream already: the request is a replay")
        ticket = self._of_call.get(key)
        if ticket is None:
            if len(self._of_call) >= MAX_TICKETS:
                raise Refused("too_many", f"{MAX_TICKETS} calls wait for their streams already")
            ticket = _Ticket(secrets.token_hex(20), carrier, plan, now + TICKET_S)
            self._of_call[key] = self._of_token[_digest(ticket.token)] = ticket
        return ticket.token

    def take(self, carrier: Carrier, token: str, call_id: str, now: float) -> CallPlan:
        """What the stream with this ticket is for, once. `call_id` as the stream says it; empty where it does not. Raises Refused."""
        self._forget(now)
        ticket = self._of_token.get(_digest(token))  # looked up by its digest, so that the time taken tells nothing of the token
        known = ticket.plan.call.call_id if ticket is not None else ""
        if ticket is None or ticket.carrier != carrier or (call_id and known and call_id != known):
            raise Refused("unauthorized", "this stream shows no ticket of a call that waits: it must come from the answer to a webhook")
        self._drop(ticket)
        self._came[carrier, ticket.plan.key] = now + REMEMBERED_S
        if len(self._came) > MAX_REMEMBERED:
            self._came.popitem(last=False)
        return ticket.plan

    def __len__(self) -> int:
        return len(self._of_call)

    def _forget(self, now: float) -> None:
        while self._of_call and (oldest := next(iter(self._of_call.values()))).expires <= now:
            self._drop(oldest)
        while self._came and next(iter(self._came.values())) <= now:
            self._came.popitem(last=False)

    def _drop(self, ticket: _Ticket) -> None:
        self._of_call.pop((ticket.carrier, ticket.plan.key), None)
        self._of_token.pop(_digest(ticket.token), None)


class Seen:
    """Requests that have come, by what their signature makes of them, so that none counts twice."""

    def __init__(self, remembered_s: float = REMEMBERED_S) -> None:
        self._remembered_s = remembered_s
        self._until: OrderedDict[str, float] = OrderedDict()

    def check(self, request: str, now: float) -> None:
        """Raises Refused (`conflict`) for a request that has come before. An empty one is not looked at."""
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)
        if not request:
            return
        if request in self._until:
            raise Refused("conflict", "this request has come before: it is a replay")
        self._until[request] = now + self._remembered_s
        if len(self._until) > MAX_REMEMBERED:
            self._until.popitem(last=False)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
