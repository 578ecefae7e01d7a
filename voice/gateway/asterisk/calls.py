"""Which room a call belongs to: what was registered for its UUID, what the configuration says, or what a program answers."""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from uuid import UUID, uuid4

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ...config.asterisk import AudioSocketConfig
from ...door import OPEN, Grant, Refused

log = logging.getLogger("hubbub.gateway.asterisk")

REGISTERED_FOR_S = 300.0
"""How long a registered UUID waits for its call: an outgoing call may ring for a while."""

MAX_REGISTERED = 10_000

MAX_ANSWER_BYTES = 64 * 1024
MAX_PARAMETERS = 32

LOOKUP_TIMEOUT_S = 3.0
"""How long a lookup may take; the caller hears silence meanwhile."""


class CallRequest(BaseModel):
    """Where a call goes: the body of a registration, and the answer to a lookup."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True)

    room: str | None = Field(default=None, min_length=1, max_length=64)
    """None for `telephony.room`."""
    agent: str | None = Field(default=None, min_length=1, max_length=64)
    """Who greets and answers first; None for the room's first."""
    name: str = Field(default="", max_length=64)
    """The caller's name in the room; empty for one made of his number."""
    caller: str = Field(default="", max_length=64)
    called: str = Field(default="", max_length=64)
    """The numbers, as Asterisk knows them."""
    parameters: dict[str, str] = Field(default={}, max_length=MAX_PARAMETERS)
    """What the dialplan knows of the call; goes to the log with it."""


class ChannelRequest(CallRequest):
    """A WebSocket channel that waits in Asterisk."""

    connection: str = Field(pattern=r"^[\w.-]{1,128}$")
    """The channel's variable MEDIA_WEBSOCKET_CONNECTION_ID."""


@dataclass(frozen=True, slots=True)
class CallPlan:
    """A call that may come in, and what it may do."""

    request: CallRequest
    grant: Grant = OPEN
    expires_at: float = field(default=float("inf"))


class ExpectedCalls:
    """The UUIDs that were registered and have not called yet. Each serves one call."""

    def __init__(self) -> None:
        self._plans: OrderedDict[UUID, CallPlan] = OrderedDict()

    def register(self, request: CallRequest, grant: Grant, now: float) -> UUID:
        """A new UUID for a call at loop time `now`. Raises Refused where too many wait."""
        while self._plans and next(iter(self._plans.values())).expires_at <= now:
            self._plans.popitem(last=False)
        if len(self._plans) >= MAX_REGISTERED:
            raise Refused("too_many", f"{MAX_REGISTERED} registered calls wait already: let them call, or let them expire")
        uuid = uuid4()
        self._plans[uuid] = CallPlan(request, grant, now + REGISTERED_FOR_S)
        return uuid

    def take(self, uuid: UUID, now: float) -> CallPlan | None:
        """What was registered for a UUID, once."""
        plan = self._plans.pop(uuid, None)
        return plan if plan is not None and plan.expires_at > now else None

    def __len__(self) -> int:
        return len(self._plans)


async def plan_of(uuid: UUID, expected: ExpectedCalls, config: AudioSocketConfig) -> CallPlan:
    """Where the call of a UUID goes. Raises Refused."""
    plan = expected.take(uuid, asyncio.get_running_loop().time())
    if plan is not None:
        return plan
    if (room := config.rooms.get(str(uuid))) is not None:
        return CallPlan(CallRequest(room=room))
    if config.lookup is not None:
        return CallPlan(await look_up(config.lookup, uuid))
    if config.room is not None:
        return CallPlan(CallRequest(room=config.room))
    raise Refused(
        "unauthorized",
        f"nobody registered the call {uuid}: register it with POST /api/calls/audiosocket, or set room, rooms or lookup under "
        "telephony.asterisk.audiosocket",
    )


async def look_up(url: str, uuid: UUID) -> CallRequest:
    """Asks a program about a call: GET `url?uuid=…` answers a CallRequest as JSON, or 404 for a call that nobody wants. Raises Refused."""
    try:
        async with asyncio.timeout(LOOKUP_TIMEOUT_S), httpx.AsyncClient(timeout=LOOKUP_TIMEOUT_S) as client:
            answer = await client.get(url, params={"uuid": str(uuid)})
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
        raise Refused("internal", f"the lookup of call {uuid} failed: {type(error).__name__} {error}".rstrip()) from None
    if answer.status_code != 200:
        raise Refused("forbidden", f"the lookup of call {uuid} answered {answer.status_code}")
    if len(answer.content) > MAX_ANSWER_BYTES:
        raise Refused("internal", f"the lookup of call {uuid} answered {len(answer.content)} bytes: more than {MAX_ANSWER_BYTES}")
    try:
        return CallRequest.model_validate_json(answer.content)
    except ValidationError as error:
        raise Refused("internal", f"the lookup of call {uuid} answered what is no call: {explained(error)}") from None


def explained(error: ValidationError) -> str:
    """The first fault of a body, in a sentence."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"field '{where}': {first['msg']}" if where else first["msg"]
