"""The exchange: which calls there are, who may call, and where each call goes.

A call comes in two parts, a webhook (`answer`) and the stream that it asked for (`plan_of`, then `seat`); a ticket binds them. Where a
carrier has no account in the configuration its streams are taken like anybody else who knocks: on a server that is open to its own
machine, so that calls can be tried without a carrier.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Protocol, cast

from starlette.requests import HTTPConnection
from starlette.websockets import WebSocket

from ...config.model import Config, RoomConfig
from ...config.telephony import TelephonyConfig, allows, digits_of
from ...door import Door
from ...grant import OPEN, Grant, Refused
from ...origin import host_of, networks
from ...phone import PhoneControl
from ...session import Session
from .call_control import CallControl
from .hold import HoldMusic
from .live import LiveCall
from .outgoing import Outgoing, OutgoingCall
from .rest.accounts import accounts
from .rest.base import CarrierREST
from .tickets import CallPlan, Seen, Tickets
from .webhook import exotel, plivo, telnyx, twilio, vonage
from .webhook.base import Answer, CallStatus, IncomingCall, StreamOrder, WebhookRequest
from .wire.base import Start
from .wire.carriers import Carrier

if TYPE_CHECKING:
    from ...rooms import Rooms

log = logging.getLogger("hubbub.gateway.telephony")

PATH = "/api/calls"

MAX_STARTING = 100
"""Streams that may be open without having started: anybody can open one at a carrier's address, and show no ticket for ten seconds."""

WEBHOOKS: dict[Carrier, ModuleType] = {"twilio": twilio, "telnyx": telnyx, "plivo": plivo, "vonage": vonage, "exotel": exotel}

SPEAKER = Grant(role="speaker")
"""What a caller may do who came through his carrier."""

Offer = Callable[[Session, PhoneControl], Callable[[], None]]
"""Offers the agents of a session's room what may be done with its call; the answer takes it back."""


class CallHouse(Door, Protocol):
    """What the exchange needs of the house."""

    config: Config
    directory: "Rooms"

    async def create_room(self, name: str, config: RoomConfig, grant: Grant = OPEN, *, counted: bool = True) -> None: ...

    async def delete_room(self, name: str) -> None: ...


class Exchange:
    """All calls of one server that come through carriers with WebSockets."""

    def __init__(self, house: CallHouse, *, rest: dict[Carrier, CarrierREST] | None = None, offer: Offer | None = None) -> None:
        """`rest` replaces the carriers' REST interfaces, for tests."""
        self.house = house
        self.config: TelephonyConfig = house.config.telephony
        self.rest = accounts(self.config) if rest is None else rest
        self.tickets = Tickets()
        self.starting = 0
        """Streams that are open and have no seat yet."""
        self._seats: set[str] = set()
        """Sessions of calls, Asterisk's among them."""
        self._joining = 0
        """Calls whose room is being opened."""
        self.live: dict[str, LiveCall] = {}
        """The calls that have a seat, by their sessions' ids."""
        self.outgoing = Outgoing(self)
        self.call_control = CallControl(self)
        self.music = HoldMusic(Path(self.config.hold_music) if self.config.hold_music else None)
        self._numbers = {digits_of(number): there for number, there in self.config.numbers.items()}
        self._offer = offer
        self._take_back: dict[str, Callable[[], None]] = {}
        self._seen = Seen()
        self._proxies = networks(house.config.server.access.trusted_proxies)

    async def close(self) -> None:
        """Ends what the exchange holds; the calls themselves end with the house."""
        await self.outgoing.close()
        await asyncio.gather(*(one.close() for one in self.rest.values()), return_exceptions=True)

    def account(self, carrier: Carrier) -> Any:
        """The carrier's section of the configuration; None where there is none."""
        return getattr(self.config, carrier)

    @property
    def is_full(self) -> bool:
        """Whether as many calls are on it, or on their way into a room, as may be."""
        return len(self._seats) + self._joining >= self.config.max_calls

    def _check_full(self) -> None:
        """Raises Refused."""
        if self.is_full:
            raise Refused("server_full", f"the server is full: {self.config.max_calls} calls are on it (telephony.max_calls)")

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def url_of(self, knock: HTTPConnection) -> str:
        """Where the sender of a request reaches this server, without a slash at the end."""
        if self.config.url is not None:
            return self.config.url.rstrip("/")
        scheme, host = host_of(knock, self._proxies)
        return f"{scheme}://{host}"

    def answer(self, carrier: Carrier, request: WebhookRequest, base_url: str) -> Answer:
        """What a carrier is told that says that somebody calls, or has answered. Raises Refused."""
        webhook = WEBHOOKS[carrier]
        self.verify(carrier, request)
        call: IncomingCall = webhook.incoming(request)
        if request.query.get("transfer"):
            return self._put_through(carrier, request)
        plan = self.plan(call, request)
        if self.is_full and not plan.outgoing:  # who calls is told in his carrier's way; who was called hears the line end
            log.warning("call=%s carrier=%s the server is full: the caller is told that it is busy", call.call_id, carrier)
            return cast(Answer, webhook.busy())
        self._check_full()
        ticket = self.tickets.issue(carrier, plan, asyncio.get_running_loop().time())
        log.info("call=%s carrier=%s from=%s to=%s room=%s", call.call_id, carrier, self.shown(call.caller), call.called, plan.room)
        answer: Answer = webhook.answer(StreamOrder(self.stream_url(carrier, base_url), ticket, call), self.account(carrier))
        return answer

    def stream_url(self, carrier: Carrier, base_url: str) -> str:
        """Where a carrier is to stream to, without a query."""
        return f"ws{base_url.removeprefix('http')}{PATH}/{carrier}"

    def status(self, carrier: Carrier, request: WebhookRequest) -> CallStatus | None:
        """Takes what a carrier tells of a call. Raises Refused."""
        self._seen.check(self.verify(carrier, request), time.time())
        told: CallStatus | None = WEBHOOKS[carrier].status(request)
        if told is not None:
            log.info("call=%s carrier=%s status=%s %s", told.call_id, carrier, told.state, told.detail)
            self.outgoing.told(request.query.get("outgoing", ""), told)
        return told

    def verify(self, carrier: Carrier, request: WebhookRequest) -> str:
        """What tells a request from all others, once its carrier is found to have signed it. Raises Refused."""
        account = self.account(carrier)
        if account is None:
            raise Refused("forbidden", f"this server takes no calls from {carrier}: configure telephony.{carrier}")
        try:
            signed: str = WEBHOOKS[carrier].verify(request, account, time.time())
        except ImportError as error:
            raise Refused("not_available", f"{error}: install hubbub[telephony]") from None
        return signed

    def plan(self, call: IncomingCall, request: WebhookRequest) -> CallPlan:
        """Where a call goes: as it was dialled, by the number that was called, by the webhook's address, or to the room of all others."""
        outgoing = request.query.get("outgoing", "")
        if outgoing:
            return self.outgoing.plan(outgoing, call)
        if not allows(self.config.callers, call.caller) and self.config.callers != ("*",):
            raise Refused("forbidden", "this number may not call here: it is not among telephony.callers")
        there = self._numbers.get(digits_of(call.called))
        room = request.query.get("room") or (there.room if there else self.config.room)
        agent = request.query.get("agent") or (there.agent if there else None)
        self.check_room(room, agent)
        return CallPlan(call, room, agent, grant=SPEAKER)

    def _put_through(self, carrier: Carrier, request: WebhookRequest) -> Answer:
        number = "+" + "".join(filter(str.isdigit, request.query["transfer"]))
        if not allows(self.config.destinations, number):
            raise Refused("forbidden", "calls may not be put through to that number: it is not among telephony.destinations")
        answer: Answer = WEBHOOKS[carrier].transfer(number)
        return answer

    def check_destination(self, number: str) -> None:
        """Raises Refused unless the number may be called."""
        if not number.lstrip("+").isdigit() or not 3 <= len(number) <= 20:
            raise Refused("bad_request", "'to' must be a telephone number, such as +14155550100")
        if not allows(self.config.destinations, number):
            raise Refused("forbidden", "this number may not be called: it is not among telephony.destinations")

    def urls_for(self, call: OutgoingCall, base_url: str) -> tuple[str, str]:
        """What a carrier asks when an outgoing call is answered, and where it tells what becomes of it."""
        base = f"{base_url}{PATH}/{call.carrier}"
        status_url = f"{base}/status?outgoing={call.id}"
        if call.carrier != "exotel":
            return f"{base}?outgoing={call.id}", status_url
        plan = self.outgoing.plan(call.id, IncomingCall("", "", ""))  # Exotel streams without asking
        ticket = self.tickets.issue("exotel", plan, asyncio.get_running_loop().time())
        return f"ws{base.removeprefix('http')}?ticket={ticket}", status_url

    # ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────────

    def knock(self, socket: WebSocket, carrier: Carrier | None) -> Grant | None:
        """Judges who opens a stream, before it is accepted: what he may do, or None where his ticket will tell. Raises Refused."""
        self._check_full()
        if self.starting >= MAX_STARTING:
            raise Refused("too_many", f"{MAX_STARTING} streams are open that have not started: try again in some seconds")
        if carrier is not None and self.account(carrier) is not None:
            return None
        return self.house.admit(socket)

    def plan_of(self, carrier: Carrier, start: Start, grant: Grant | None, asked: dict[str, str]) -> CallPlan:
        """What a stream is for. `asked`: the parameters of its address; the start's own come before them. Raises Refused."""
        said = {**asked, **start.parameters}
        if self.account(carrier) is not None:
            now = asyncio.get_running_loop().time()
            plan = self.tickets.take(carrier, said.get("ticket", ""), start.call_id, now)
            plan.parameters = {name: value for name, value in said.items() if name not in ("ticket", "token")}
            return plan
        if grant is None:
            raise Refused("unauthorized", "this stream shows neither a ticket nor a token")
        room = grant.room or said.get("room") or self.config.room
        agent = said.get("agent")
        self.check_room(room, agent)
        call = IncomingCall(start.call_id, start.caller, start.called)
        return CallPlan(call, room, agent, said.get("name", ""), grant=grant, parameters=said)

    def check_room(self, room: str, agent: str | None) -> None:
        """Raises Refused unless the room is there, and the agent in it, and where callers share the room, the first in it."""
        config = self.house.directory.known.get(room)
        if config is None:
            raise Refused("unknown_room", f"there is no room {room[:64]!r} for the call to go to")
        if agent is not None and agent.casefold() not in {one.name.casefold() for one in config.agents}:
            names = ", ".join(one.name for one in config.agents)
            raise Refused("unknown_participant", f"there is no agent {agent[:64]!r} in the room '{room}'; these are: {names}")
        if agent is not None and not self.config.private_rooms and agent.casefold() != config.agents[0].name.casefold():
            raise Refused(
                "bad_request",
                f"the agent {agent[:64]!r} cannot be chosen: telephony.private_rooms is false, and in a room that callers share the first "
                f"agent, {config.agents[0].name}, greets and answers them all",
            )

    async def join(self, plan: CallPlan) -> Session:
        """A seat for a call, in a room of its own unless the configuration says otherwise. Raises Refused."""
        self._check_full()
        self._joining += 1
        try:
            session = await self._join(plan)
        finally:
            self._joining -= 1
        self._seats.add(session.id)
        return session

    async def _join(self, plan: CallPlan) -> Session:
        name = plan.name or self.shown(plan.call.caller if plan.direction == "in" else plan.call.called)
        if not self.config.private_rooms:
            return await self.house.join(plan.room, name, grant=plan.grant, role="speaker")
        config = self._own_config(plan)
        own = f"{plan.room[:40]}.call-{time.time_ns() & 0xFFFFFFFFFF:010x}"
        await self.house.create_room(own, config, counted=False)  # telephony.max_calls bounds these
        try:
            grant = Grant(role="speaker", key=plan.grant.key, address=plan.grant.address)
            return await self.house.join(own, name, grant=grant, role="speaker")
        except BaseException:
            await self.house.delete_room(own)
            raise

    def _own_config(self, plan: CallPlan) -> RoomConfig:
        """The room that a call is meant for, made for this call: the agent that was asked for first, who greets and answers first."""
        config = self.house.directory.known[plan.room]
        agents = config.agents
        if plan.agent is not None:
            wanted = plan.agent.casefold()
            agents = tuple(sorted(agents, key=lambda one: one.name.casefold() != wanted))
        if plan.quiet:
            agents = tuple(one.model_copy(update={"greeting": None}) for one in agents)
        return config.model_copy(update={"agents": agents})

    def say(self, live: LiveCall, text: str) -> None:
        """Says the first words of an outgoing call: those that were asked for, or the greeting of its first agent."""
        room = self.house.directory.open.get(live.session.room.name)
        greetings = [one.greeting for one in self.house.directory.known[live.plan.room].agents if one.greeting]
        words = text or next(iter(greetings), "")
        if room is not None and words:
            room.say(words)

    def begin(self, live: LiveCall) -> None:
        """A call has its seat."""
        self.live[live.session.id] = live
        self.offer(live.session, live)
        live.tell("started", live.plan.direction)
        self.outgoing.begun(live)

    async def end(self, live: LiveCall, reason: str) -> None:
        """A call is over: its seat, and a room that was made for it, go."""
        live.close()
        live.tell("ended", reason)
        self.live.pop(live.session.id, None)
        self.outgoing.ended(live, reason)
        await self.leave(live.session, reason)

    def offer(self, session: Session, call: PhoneControl) -> None:
        """The agents of a seated call's room may treat it, until it leaves."""
        if self._offer is not None:
            self._take_back[session.id] = self._offer(session, call)

    async def leave(self, session: Session, reason: str) -> None:
        """Gives up a call's seat, and a room that was made for it."""
        self._seats.discard(session.id)
        if (take_back := self._take_back.pop(session.id, None)) is not None:
            take_back()
        room = session.room.name
        self.house.leave(session, reason)
        if self.config.private_rooms:
            try:
                await self.house.delete_room(room)
            except Refused:
                log.debug("room=%s was gone already", room)

    def shown(self, number: str) -> str:
        """A number as it is shown and logged."""
        plain = "".join(one for one in number if one.isalnum() or one in "+ .@-_").strip()[:40]
        if not plain or not any(map(str.isdigit, plain)):
            return "caller"
        return f"caller …{plain[-4:]}" if self.config.mask_numbers else plain
