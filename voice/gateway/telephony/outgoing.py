"""Calls that we make: dialled through a carrier's REST interface, answered by its webhook, seated like any other call."""

import asyncio
import logging
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from ...grant import OPEN, Grant, Refused
from .greeting import GreetingPolicy, Verdict
from .rest.base import Dial, RestError
from .tickets import CallPlan
from .webhook.base import CallState, CallStatus, IncomingCall
from .wire.carriers import Carrier

if TYPE_CHECKING:
    from .exchange import Exchange
    from .live import LiveCall

log = logging.getLogger("hubbub.gateway.telephony")

MAX_KEPT = 1000
"""Outgoing calls that are remembered; the oldest that are over go first."""

OVER: frozenset[CallState] = frozenset({"ended", "busy", "no_answer", "failed", "canceled"})

OnMachine = Literal["talk", "hang_up", "wait_for_beep"]


@dataclass(slots=True)
class OutgoingCall:
    """A call that was asked for, and what became of it."""

    id: str
    carrier: Carrier
    to: str
    sender: str
    room: str
    agent: str | None = None
    name: str = ""
    say: str = ""
    """Said first, when somebody has answered; empty for the agent's greeting."""
    on_machine: OnMachine = "talk"
    """What to do where a machine answers. `wait_for_beep` says `say` after its beep."""
    grant: Grant = OPEN
    state: CallState = "queued"
    detail: str = ""
    answered_by: Verdict | None = None
    call_id: str = ""
    """The carrier's id."""
    session: str = ""
    made: float = field(default_factory=time.time)
    """Seconds since 1970."""

    @property
    def waits(self) -> bool:
        """Whether the agent's greeting waits: for a verdict, or because other words are said."""
        return self.on_machine != "talk" or bool(self.say)


class Outgoing:
    """The outgoing calls of an exchange."""

    def __init__(self, exchange: "Exchange") -> None:
        self.calls: OrderedDict[str, OutgoingCall] = OrderedDict()
        self._exchange = exchange
        self._tasks: set[asyncio.Task[None]] = set()

    async def close(self) -> None:
        """Ends what waits for somebody to answer."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def dial(
        self, carrier: Carrier, to: str, room: str, base_url: str, *, sender: str | None = None, agent: str | None = None, name: str = "",
        say: str = "", on_machine: OnMachine = "talk", grant: Grant = OPEN, ring_s: int = 30,
    ) -> OutgoingCall:  # fmt: skip
        """Calls somebody into a room. `base_url`: where the carrier reaches this server. Raises Refused."""
        exchange = self._exchange
        rest, account = exchange.rest.get(carrier), exchange.account(carrier)
        if rest is None or account is None:
            raise Refused("not_available", f"this server cannot call through {carrier}: configure telephony.{carrier}")
        exchange.check_destination(to)
        exchange.check_room(room, agent)
        sender = sender or account.number
        if sender is None:
            raise Refused("bad_request", f"the number that the call comes from is missing: give 'from', or set telephony.{carrier}.number")
        if len(exchange.live) + self.under_way >= exchange.config.max_calls:
            raise Refused("server_full", f"the server is full: {exchange.config.max_calls} calls are on it")
        call = OutgoingCall(secrets.token_hex(8), carrier, to, sender, room, agent, name, say, on_machine, grant)
        self._keep(call)
        answer_url, status_url = exchange.urls_for(call, base_url)
        try:
            call.call_id = await rest.dial(Dial(to, sender, answer_url, status_url, ring_s))
        except RestError as error:
            self._change(call, "failed", str(error))
            raise Refused("internal", f"the carrier did not take the call: {error}") from None
        log.info("call=%s carrier=%s outgoing=%s to=%s room=%s dialled", call.call_id, carrier, call.id, exchange.shown(to), room)
        return call

    @property
    def under_way(self) -> int:
        """Calls that ring."""
        return sum(1 for call in self.calls.values() if call.state in ("queued", "ringing"))

    async def cancel(self, call: OutgoingCall) -> None:
        """Ends a call. Raises Refused."""
        if call.state in OVER:
            return
        live = self._exchange.live.get(call.session)
        if live is not None:
            live.call.end("hang_up")
            return
        try:
            await self._exchange.rest[call.carrier].hang_up(call.call_id)
        except RestError as error:
            raise Refused("internal", str(error)) from None
        self._change(call, "canceled")

    def plan(self, outgoing: str, answered: IncomingCall) -> CallPlan:
        """What an answered call is for. Raises Refused."""
        call = self.calls.get(outgoing)
        if call is None or call.state in OVER:
            raise Refused("conflict", "nobody asked for this call, or it is over")
        call.call_id = answered.call_id or call.call_id  # Plivo told the id of the request before
        both = IncomingCall(answered.call_id, call.sender, call.to)
        grant = Grant(role="speaker", key=call.grant.key)
        return CallPlan(both, call.room, call.agent, call.name, "out", grant, outgoing=call.id, quiet=call.waits)

    def told(self, outgoing: str, status: CallStatus) -> None:
        """The carrier tells what becomes of a call."""
        call = self.calls.get(outgoing)
        if call is None or call.state in OVER:
            return
        if status.state in ("human", "machine"):
            call.answered_by = call.answered_by or ("human" if status.state == "human" else "machine")
        else:
            self._change(call, status.state, status.detail)

    def begun(self, live: "LiveCall") -> None:
        """A call has its seat: who has answered is found out, and what was asked for is said."""
        call = self.calls.get(live.plan.outgoing)
        if call is None:
            return
        call.session = live.session.id
        self._change(call, "answered")
        if call.waits:
            if call.on_machine != "talk":
                room = self._exchange.house.directory.open.get(live.session.room.name)
                asr, language = (None, "en") if room is None else (room.engines.asr, room.context.language)
                live.listen_for_machine(GreetingPolicy(), asr, language)
            task = asyncio.create_task(self._greet(call, live), name=f"outgoing-{call.id}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def ended(self, live: "LiveCall", reason: str) -> None:
        """Its seat is gone."""
        call = self.calls.get(live.plan.outgoing)
        if call is not None and call.state not in OVER:
            self._change(call, "ended", reason)

    async def _greet(self, call: OutgoingCall, live: "LiveCall") -> None:
        """Says the first words when it is known who has answered."""
        if live.first_verdict is not None and live.ready is not None:
            call.answered_by = await live.first_verdict
            if call.answered_by == "machine" and call.on_machine == "hang_up":
                live.call.end("hang_up")
                return
            await live.ready
        self._exchange.say(live, call.say)

    def _change(self, call: OutgoingCall, state: CallState, detail: str = "") -> None:
        call.state, call.detail = state, detail

    def _keep(self, call: OutgoingCall) -> None:
        self.calls[call.id] = call
        for old in list(self.calls.values())[: max(0, len(self.calls) - MAX_KEPT)]:
            if old.state in OVER:
                del self.calls[old.id]
