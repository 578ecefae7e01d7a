"""All of Asterisk's ways in: AudioSocket over TCP, and its WebSocket channel, which either side may open."""

import asyncio
import logging
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from ...api.answer import refusal, refuse_handshake
from ...api.body import read_model
from ...grant import Grant, Refused
from ...session import Session
from ..telephony.exchange import Exchange
from ..telephony.wire.base import WireError
from . import channel
from .audiosocket import AudioSocketServer
from .calls import REGISTERED_FOR_S, CallRequest, ChannelRequest, ExpectedCalls, explained
from .pacer import Pacer
from .seating import Seating

log = logging.getLogger("hubbub.gateway.asterisk")

SUBPROTOCOL = "media"
"""What Asterisk asks for as a client, and insists on as a server."""

CONNECT_TIMEOUT_S = 5.0
MAX_MESSAGE_BYTES = 256 * 1024


class AsteriskGateway:
    """An async context manager: entering listens (raises OSError where AudioSocket cannot), leaving ends all calls.

    Routes: `POST /api/calls/audiosocket` registers a call for AudioSocket; the WebSocket `/api/calls/asterisk` is where Asterisk's
    channel connects to; `POST /api/calls/asterisk` connects to a channel that waits in Asterisk (`Dial(WebSocket/INCOMING/…)`);
    `GET /api/calls/asterisk/next` tells a dialplan where a call goes on that an agent has put through.
    """

    def __init__(self, exchange: Exchange) -> None:
        self._door = exchange.house
        self._config = exchange.config.asterisk
        self._seating = Seating(exchange)
        self._expected = ExpectedCalls()
        self._pacer = Pacer()
        self._open = AsyncExitStack()
        self._calls: set[asyncio.Task[None]] = set()
        socket = self._config.audiosocket
        self.audiosocket = None if socket is None else AudioSocketServer(self._seating, socket, self._expected, self._pacer)

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
            Route("/api/calls/asterisk/next", self._goes_on, methods=["GET"]),
            WebSocketRoute("/api/calls/asterisk", self._called_by_asterisk),
        ]

    # ── AudioSocket ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _register(self, request: Request) -> Response:
        try:
            grant = self._door.admit(request)
            if self.audiosocket is None:
                raise Refused("conflict", "this server listens for no AudioSocket: configure telephony.asterisk.audiosocket")
            call = await read_model(request, CallRequest)
            self._seating.check(call, grant)
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
            call = _call_of(dict(socket.query_params))
            self._seating.check(call, grant)
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
            call = await read_model(request, ChannelRequest)
            self._seating.check(call, grant)
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

    async def _goes_on(self, request: Request) -> Response:
        """The dialplan asks where a call goes on, as `${CURL(…)}` can: a number as plain text, or nothing."""
        try:
            self._door.admit(request)
        except Refused as error:
            return refusal(error)
        call = request.query_params.get("call", "")
        return PlainTextResponse(self._seating.transfers.take(call, asyncio.get_running_loop().time()))

    async def _serve(
        self, wire: channel.Wire, call: CallRequest, grant: Grant, seated: "asyncio.Future[Session] | None" = None
    ) -> None:
        """One call from MEDIA_START on. Refusals are logged, and end it."""
        started = None
        try:
            started = await channel.first_message(wire)
            session = await self._seating.seat(call, grant, started.event.channel_id)
        except (WireError, Refused) as error:
            log.warning("call refused: %s", error)
            if seated is not None:
                seated.set_exception(error if isinstance(error, Refused) else Refused("conflict", str(error)))
            await channel.refuse(wire, "plain" if started is None else started.form)
            return
        log.info("channel=%s variables=%s", started.event.channel_id, dict(started.event.channel_variables))
        if seated is not None:
            seated.set_result(session)
        await channel.talk(wire, started, session, self._seating, self._pacer)


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


def _call_of(query: dict[str, str]) -> CallRequest:
    """What the variables of a dial string (`v(room=…,tenant=…)`) say of a call: those that we know, and the rest as its parameters.
    Raises Refused.
    """
    known = {name: query[name] for name in ("room", "agent", "name", "caller", "called") if name in query}
    rest = {name: value for name, value in query.items() if name not in (*known, "token", "resume")}
    try:
        return CallRequest.model_validate({**known, "parameters": rest})
    except ValidationError as error:
        raise Refused("bad_request", explained(error)) from None
