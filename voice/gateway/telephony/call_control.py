"""Calls that Telnyx tells of by Call Control: each event is taken once, and answered with commands over REST.

    call.initiated, incoming   answer, or reject (busy, or not allowed to call)
    call.answered              streaming_start, with the ticket that binds the stream to the call
    call.hangup and others     what became of an outgoing call
"""

import asyncio
import logging
import time
from typing import TYPE_CHECKING

from ...grant import Refused
from .rest.base import RestError
from .rest.telnyx import TelnyxREST
from .tickets import Seen
from .webhook import call_control
from .webhook.base import WebhookRequest
from .webhook.call_control import CallEvent

if TYPE_CHECKING:
    from .exchange import Exchange

log = logging.getLogger("hubbub.gateway.telephony")


class CallControl:
    """Telnyx's events of one server."""

    def __init__(self, exchange: "Exchange") -> None:
        self._exchange = exchange
        self._signatures, self._events = Seen(), Seen()

    async def take(self, request: WebhookRequest, base_url: str) -> None:
        """Takes an event and gives the commands that it asks for. What Telnyx does not do is logged: to be asked again would not help.
        Raises Refused."""
        self._signatures.check(self._exchange.verify("telnyx", request), time.time())
        event = call_control.event(request)
        try:
            self._events.check(event.id, time.time())
        except Refused:
            log.info("call=%s carrier=telnyx event=%s told again", event.call.call_id, event.kind)
            return
        log.info("call=%s carrier=telnyx event=%s %s", event.call.call_id, event.kind, event.detail)
        outgoing = request.query.get("outgoing", "")
        if outgoing and event.status is not None:
            self._exchange.outgoing.told(outgoing, event.status)
        rest = self._exchange.rest.get("telnyx")
        if not isinstance(rest, TelnyxREST):
            return
        try:
            if event.kind == "call.initiated" and event.incoming:
                await self._pick_up(rest, event, request)
            elif event.kind == "call.answered":
                await self._stream(rest, event, request, base_url)
        except RestError as error:
            log.error("call=%s carrier=telnyx %s: %s", event.call.call_id, event.kind, error)

    async def _pick_up(self, rest: TelnyxREST, event: CallEvent, request: WebhookRequest) -> None:
        if self._exchange.is_full:
            log.warning("call=%s carrier=telnyx the server is full: the caller is told that it is busy", event.call.call_id)
            await rest.reject(event.call.call_id, "USER_BUSY")
            return
        try:
            self._exchange.plan(event.call, request)
        except Refused:
            await rest.reject(event.call.call_id, "CALL_REJECTED")
            raise
        await rest.answer(event.call.call_id, event.id)

    async def _stream(self, rest: TelnyxREST, event: CallEvent, request: WebhookRequest, base_url: str) -> None:
        try:
            plan = self._exchange.plan(event.call, request)
            ticket = self._exchange.tickets.issue("telnyx", plan, asyncio.get_running_loop().time())
        except Refused:
            await rest.hang_up(event.call.call_id)
            raise
        await rest.start_stream(event.call.call_id, f"{self._exchange.stream_url('telnyx', base_url)}?ticket={ticket}", event.id)
