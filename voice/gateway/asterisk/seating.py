"""Seats for Asterisk's calls: the same rooms, rules and tools as the carriers' calls have, through the exchange."""

import asyncio
import logging
from collections.abc import Callable

from ...grant import Grant, Refused
from ...session import Session
from ..telephony.exchange import Exchange
from ..telephony.tickets import CallPlan
from ..telephony.webhook.base import IncomingCall
from .calls import CallRequest
from .handset import CARRIER, Handset
from .transfers import Transfers

log = logging.getLogger("hubbub.gateway.asterisk")


class Seating:
    """Seats calls and gives their seats up."""

    def __init__(self, exchange: Exchange) -> None:
        self.door = exchange.house
        self._exchange = exchange
        self._seated = 0
        self.transfers = Transfers()
        self._named: dict[str, str] = {}
        """What the dialplan calls a seated call, by its session's id: `call` among its parameters, or its UUID."""

    def __len__(self) -> int:
        return self._seated

    def check(self, call: CallRequest, grant: Grant) -> str:
        """The room that a call goes to, and that it may go there. Raises Refused."""
        room = call.room or grant.room or self._exchange.config.room
        if grant.room is not None and room != grant.room:
            raise Refused("forbidden", f"this token opens the room '{grant.room}', not '{room}'")
        self._exchange.check_room(room, call.agent)
        return room

    async def seat(self, call: CallRequest, grant: Grant, call_id: str) -> Session:
        """A seat in the call's room, or in one of its own that is made like it. Raises Refused."""
        room = self.check(call, grant)
        incoming = IncomingCall(call_id, call.caller, call.called)
        plan = CallPlan(incoming, room, call.agent, call.name, grant=grant, parameters=dict(call.parameters))
        try:
            session = await self._exchange.join(plan)
        except Refused:
            raise
        except Exception as error:  # an engine or a model that does not start
            log.exception("call=%s carrier=%s a caller could not be seated", call_id, CARRIER)
            raise Refused("internal", f"the room '{room}' cannot be opened at the moment; the server's log says why") from error
        log.info(
            "call=%s carrier=%s room=%s session=%s name=%s parameters=%s",
            call_id, CARRIER, session.room.name, session.id, session.name, dict(call.parameters),
        )  # fmt: skip
        self._seated += 1
        self._named[session.id] = call.parameters.get("call") or call_id
        return session

    def begin(self, session: Session, end: Callable[[str], None]) -> Handset:
        """The call's connection is attached: its agents may treat it from now on."""
        named = self._named.get(session.id, "")

        def put_through(number: str) -> None:
            self.transfers.put(named, number, asyncio.get_running_loop().time())

        allowed = self._exchange.config.destinations
        handset = Handset(session, end, self._exchange.music, put_through=put_through, allowed=allowed)
        self._exchange.offer(session, handset)
        handset.tell("started", "in")
        return handset

    async def end(self, session: Session, handset: Handset, why: str) -> None:
        """The call is over."""
        self._seated -= 1
        self._named.pop(session.id, None)
        handset.close()
        handset.tell("ended", why)
        await self._exchange.leave(session, why)
