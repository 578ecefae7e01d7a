"""All of Asterisk's ways in: AudioSocket over TCP, and its WebSocket channel, which either side may open."""

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self, TypeVar

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from ...api.answer import refusal, refuse_handshake
from ...config.asterisk import AsteriskConfig
from ...door import Door, Grant, Refused
from ...session import Session
from ..telephony.wire.base import WireError
from . import channel
from .audiosocket import AudioSocketServer
from .calls import MAX_ANSWER_BYTES, REGISTERED_FOR_S, CallRequest, ChannelRequest, ExpectedCalls, explained
from .pacer import Pacer

log = logging.getLogger("hubbub.gateway.asterisk")

SUBPROTOCOL = "media"
"""What Asterisk asks for as a client, and insists on as a server."""

CONNECT_TIMEOUT_S = 5.0
MAX_MESSAGE_BYTES = 256 * 1024
AnyCall = TypeVar("AnyCall", bound=CallRequest)


class AsteriskGateway:
    """An async context manager: entering listens (raises OSError where AudioSocket cannot), leaving ends all calls.

    Routes: `POST /api/calls/audiosocket` registers a call for AudioSocket; the WebSocket `/api/calls/asterisk` is where Asterisk's
    channel connects to; `POST /api/calls/asterisk` connects to a channel that waits in Asterisk (`Dial(WebSocket/INCOMING/…)`).
    """

    def __init__(self, door: Door, config: AsteriskConfig) -> None:
        self._door = door
        self._config = config
        self._expected = ExpectedCalls()
        self._pacer = Pacer()
        self._open = AsyncExitStack()
        self._calls: set[asyncio.Task[None]] = set()
        socket = config.audiosocket
        self.audiosocket = None if socket is None else AudioSocketServer(door, socket, self._expected, self._pacer)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as opening:
            await opening.enter_async_context(self._pacer)
            if self.audiosocket is not None:
                await opening.enter_async_context(self.audiosocket)
            self._open = opening.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pacer.end("closing")
        if self._calls:
            await asyncio.wait(self._calls, timeout=1)
        for task in self._calls:
            task.cancel()
        await asyncio.gather(*self._calls, return_exceptions=True)
        await self._open.aclose()

    def routes(self) -> list[BaseRoute]:
        """The ways in over HTTP."""
        return [
            Route("/api/calls/audiosocket", self._register, methods=["POST"]),
            Route("/api/calls/asterisk", self._call_asterisk, methods=["POST"]),
            WebSocketRoute("/api/calls/asterisk", self._called_by_asterisk),
        ]

    # ── AudioSocket ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _register(self, request: Request) -> Response:
        try:
            grant = self._door.admit(request)
            if self.audiosocket is None:
                raise Refused("conflict", "this server listens for no AudioSocket: configure telephony.asterisk.audiosocket")
            call = await _body(request, CallRequest)
            _check_room(call, grant)
            uuid = self._expected.register(call, grant, asyncio.get_running_loop().time())
        except Refused as error:
            return refusal(error)
        host = self.audiosocket.host
        address = f"{request.url.hostname if host in ('0.0.0.0', '::') else host}:{self.audiosocket.port}"
        answer = {"uuid": str(uuid), "address": address, "expires_s": REGISTERED_FOR_S, "dialplan": f"AudioSocket({uuid},{address})"}
        return JSONResponse(answer, 201)

    # ── the WebSocket channel ─────────────────────────────────────────────────────────────────────────────────────────

    async def _called_by_asterisk(self, socket: WebSocket) -> None:
        """Asterisk connects: `Dial(WebSocket/NAME/c(slin16)f(json)v(room=ROOM,name=NAME))`."""
        try:
            grant = self._door.admit(socket)
            query = dict(socket.query_params)
            call = _checked(CallRequest, {name: query[name] for name in ("room", "name", "role") if name in query})
            _check_room(call, grant)
        except Refused as error:
            log.warning("refused code=%s: %s", error.code, error)
            await refuse_handshake(socket, error)
            return
        offered = socket.scope.get("subprotocols") or []
        await socket.accept(SUBPROTOCOL if SUBPROTOCOL in offered else None)
        await self._serve(_ServerWire(socket), call, grant)

    async def _call_asterisk(self, request: Request) -> Response:
        """Connects to a channel that waits in Asterisk. Answers once the call is seated."""
        try:
            grant = self._door.admit(request)
            if self._config.channel is None:
                raise Refused("conflict", "no Asterisk is configured to connect to: set telephony.asterisk.channel.url")
            call = await _body(request, ChannelRequest)
            _check_room(call, grant)
            wire = _ClientWire(await _dial(f"{self._config.channel.url.rstrip('/')}/media/{call.connection}"))
        except Refused as error:
            return refusal(error)
        seated: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(self._serve(wire, call, grant, seated), name=f"asterisk-call-{call.connection}")
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        await asyncio.wait((task, seated), return_when=asyncio.FIRST_COMPLETED)
        if seated.done() and seated.exception() is None:
            session = seated.result()
            return JSONResponse({"session": session.id, "room": session.room.name, "name": session.name}, 201)
        error_ = seated.exception() if seated.done() else None
        return refusal(error_ if isinstance(error_, Refused) else Refused("conflict", "Asterisk ended the call before it had a seat"))

    async def _serve(
        self, wire: channel.Wire, call: CallRequest, grant: Grant, seated: "asyncio.Future[Session] | None" = None
    ) -> None:
        """One call from MEDIA_START on. Refusals are logged, and end it."""
        started = None
        try:
            started = await channel.first_message(wire)
            session = await self._seat(call, grant)
        except (WireError, Refused) as error:
            log.warning("call refused: %s", error)
            if seated is not None:
                seated.set_exception(error if isinstance(error, Refused) else Refused("conflict", str(error)))
            await channel.refuse(wire, "plain" if started is None else started.form)
            return
        event = started.event
        log.info(
            "channel=%s room=%s session=%s name=%s format=%s variables=%s",
            event.channel_id, session.room.name, session.id, session.name, event.format, dict(event.channel_variables),
        )  # fmt: skip
        if seated is not None:
            seated.set_result(session)
        await channel.talk(wire, started, session, self._door, self._pacer)

    async def _seat(self, call: CallRequest, grant: Grant) -> Session:
        try:
            return await self._door.join(call.room, call.name, grant=grant, role=call.role)
        except Refused:
            raise
        except Exception as error:  # an engine or a model that does not start
            log.exception("a caller could not be seated")
            raise Refused("internal", f"the room '{call.room}' cannot be opened at the moment; the server's log says why") from error


class _ServerWire:
    """A WebSocket that Asterisk opened."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes | None:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            return None
        data: str | bytes | None = message.get("bytes")
        return message["text"] if data is None else data

    async def send(self, data: str | bytes) -> None:
        if self._socket.client_state is WebSocketState.CONNECTED:
            await (self._socket.send_bytes(data) if isinstance(data, bytes) else self._socket.send_text(data))

    async def close(self) -> None:
        try:
            async with asyncio.timeout(1):
                await self._socket.close()
        except (TimeoutError, RuntimeError, WebSocketDisconnect):
            pass


class _ClientWire:
    """A WebSocket that we opened."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes | None:
        try:
            return await self._socket.recv()
        except ConnectionClosed:
            return None

    async def send(self, data: str | bytes) -> None:
        await self._socket.send(data)

    async def close(self) -> None:
        await self._socket.close()


async def _dial(url: str) -> ClientConnection:
    """Connects to Asterisk. Raises Refused."""
    try:
        return await connect(
            url, subprotocols=[SUBPROTOCOL], compression=None, open_timeout=CONNECT_TIMEOUT_S, close_timeout=1,  # type: ignore[list-item]
            max_size=MAX_MESSAGE_BYTES, user_agent_header=None,
        )  # fmt: skip
    except (OSError, InvalidHandshake, InvalidURI, TimeoutError) as error:
        where = url.rpartition("@")[2]
        raise Refused("unknown_session", f"Asterisk at {where} does not take the connection: {error or type(error).__name__}") from None


async def _body(request: Request, kind: type[AnyCall]) -> AnyCall:
    """What a request asks for. Raises Refused."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_ANSWER_BYTES:
            raise Refused("too_large", f"a call is described in {MAX_ANSWER_BYTES} bytes at most")
    try:
        return kind.model_validate_json(body or b"{}")
    except ValidationError as error:
        raise Refused("bad_request", explained(error)) from None


def _checked(kind: type[CallRequest], values: dict[str, str]) -> CallRequest:
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise Refused("bad_request", explained(error)) from None


def _check_room(call: CallRequest, grant: Grant) -> None:
    if grant.room is not None and call.room != grant.room:
        raise Refused("forbidden", f"this token opens the room '{grant.room}', not '{call.room}'")
