"""The carriers' gateway: webhooks and streams, the thin skin that reads and writes. One WebSocket is one call."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from ...api.answer import refusal, refuse_handshake
from ...api.body import read_body
from ...audio.wav import AudioFileError
from ...event import AudioFormat
from ...grant import Grant, Refused
from ..control import Pace
from ..direct import EXTENSION, DirectLine
from .call import PhoneCall
from .exchange import PATH, Exchange
from .live import LiveCall
from .rest.base import RestError
from .webhook.base import WebhookRequest
from .wire.base import Data, FromCarrier, Start, Stop, WireError
from .wire.carriers import CARRIERS, Carrier, detect
from .wire.line import MAX_BAD_MESSAGES, Line

log = logging.getLogger("hubbub.gateway.telephony")

START_TIMEOUT_S = 10.0
"""Carriers send their start message as soon as the socket is open."""

MAX_MESSAGES_A_SECOND = 2000
"""More in one second is a flood: a carrier whose line stood still for a while and then delivers all of it at once sends less (100 a second
of sound and marks). The sound of such a burst that is older than the ear takes is dropped there."""

CLOSE_NORMAL, CLOSE_REFUSED, CLOSE_GOING_AWAY = 1000, 1008, 1001


class _Gone(Exception):
    """The carrier closed the socket."""


def routes(exchange: Exchange) -> list[BaseRoute]:
    """Each carrier's webhook, its statuses and its streams; and one address for the streams of all of them."""
    made: list[BaseRoute] = [WebSocketRoute(f"{PATH}/media", _stream(exchange, None))]
    for carrier in CARRIERS:
        made += [
            Route(f"{PATH}/{carrier}", _webhook(exchange, carrier), methods=["GET", "POST"]),
            Route(f"{PATH}/{carrier}/status", _status(exchange, carrier), methods=["GET", "POST"]),
            WebSocketRoute(f"{PATH}/{carrier}", _stream(exchange, carrier)),
        ]
    return made


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _webhook(exchange: Exchange, carrier: Carrier) -> Callable[[Request], Awaitable[Response]]:
    async def webhook(request: Request) -> Response:
        try:
            asked = await _read_webhook(request, exchange)
            if carrier == "telnyx" and asked.is_json:
                await exchange.call_control.take(asked, exchange.url_of(request))
                return Response(status_code=200)
            answer = exchange.answer(carrier, asked, exchange.url_of(request))
        except Refused as error:
            log.warning("carrier=%s webhook refused code=%s: %s", carrier, error.code, error)
            return refusal(error)
        return Response(answer.body, media_type=answer.media_type)

    return webhook


def _status(exchange: Exchange, carrier: Carrier) -> Callable[[Request], Awaitable[Response]]:
    async def status(request: Request) -> Response:
        try:
            exchange.status(carrier, await _read_webhook(request, exchange))
        except Refused as error:
            log.warning("carrier=%s status refused code=%s: %s", carrier, error.code, error)
            return refusal(error)
        return Response(status_code=204)

    return status


async def _read_webhook(request: Request, exchange: Exchange) -> WebhookRequest:
    """A request as its carrier made it. Raises Refused."""
    body = await read_body(request)
    query = request.scope["query_string"].decode("latin-1")
    url = f"{exchange.url_of(request)}{request.scope.get('raw_path', request.url.path.encode()).decode('latin-1').partition('?')[0]}"
    headers = {name.lower(): value for name, value in request.headers.items()}
    return WebhookRequest(request.method, f"{url}?{query}" if query else url, headers, body)


# ── streams ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _stream(exchange: Exchange, carrier: Carrier | None) -> Callable[[WebSocket], Awaitable[None]]:
    async def stream(socket: WebSocket) -> None:
        await serve(socket, exchange, carrier)

    return stream


async def serve(socket: WebSocket, exchange: Exchange, carrier: Carrier | None) -> None:
    """Runs one call, from the opening of its stream to its end. `carrier`: None for whichever it turns out to be."""
    try:
        grant = exchange.knock(socket, carrier)
    except Refused as error:
        await refuse_handshake(socket, error)
        return
    exchange.starting += 1
    try:
        seated = await _seat(socket, exchange, carrier, grant)
    finally:
        exchange.starting -= 1
    if seated is not None:
        await _run(socket, exchange, *seated)


async def _seat(socket: WebSocket, exchange: Exchange, carrier: Carrier | None, grant: Grant | None) -> tuple[LiveCall, Line] | None:
    """From the opening of a stream to its seat; None where it gets none, and has been told."""
    await socket.accept()
    try:
        line, start = await _begin(socket, carrier)
        plan = exchange.plan_of(line.carrier, start, grant, dict(socket.query_params))
        ready = exchange.music.is_ready(line.end.coding.rate_hz)
        hold_sound = _hold_sound(exchange, line) if ready else await asyncio.to_thread(_hold_sound, exchange, line)
        call = PhoneCall(line.carrier, line.end, start, hold_sound=hold_sound)
        session = await exchange.join(plan)
    except (WireError, Refused) as error:
        log.warning("carrier=%s stream refused code=%s: %s", carrier or "?", error.code, error)
        await _close(socket, CLOSE_REFUSED, str(error)[:100])
        return None
    except _Gone:
        return None
    except Exception:  # an engine or a model that does not start: the others go on
        log.exception("carrier=%s a call could not be seated", carrier or "?")
        await _close(socket, CLOSE_REFUSED, "the room cannot be opened at the moment")
        return None
    transfer_url = f"{exchange.url_of(socket)}{PATH}/{line.carrier}?transfer="
    rest = exchange.rest.get(line.carrier)
    return LiveCall(line.carrier, plan, call, session, rest, exchange.config.destinations, transfer_url), line


async def _begin(socket: WebSocket, carrier: Carrier | None) -> tuple[Line, Start]:
    """Reads until the stream has started. Raises WireError and _Gone."""
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            line = None if carrier is None else Line(carrier)
            while True:
                data = await _receive(socket)
                if line is None and (found := detect(data)) is not None:
                    line = Line(found)
                if line is None:
                    continue
                for message in _before_start(line, data):
                    if isinstance(message, Start):
                        return line, message
                    if isinstance(message, Stop):
                        raise _Gone
    except TimeoutError:
        raise WireError("no_start", f"no start of a stream came within {START_TIMEOUT_S:.0f} s") from None


def _before_start(line: Line, data: Data) -> tuple[FromCarrier, ...]:
    """Reads a message before the stream has started; what comes too soon, or is none, is passed over. Raises WireError for a start that
    cannot be used.
    """
    try:
        return line.receive(data)
    except WireError as error:
        if error.code in ("bad_format", "bad_parameters"):
            raise
        log.warning("carrier=%s bad message before the start code=%s: %s", line.carrier, error.code, error)
        return ()


async def _run(socket: WebSocket, exchange: Exchange, live: LiveCall, line: Line) -> None:
    call, session, loop = live.call, live.session, asyncio.get_running_loop()
    call.seat(session)
    rate_hz = line.end.coding.rate_hz
    audio = AudioFormat(input_rate_hz=rate_hz, output_rate_hz=rate_hz, lead_ms=call.lead_ms)
    session.attach(call, exchange.house.describe(session, audio))
    exchange.begin(live)
    too_long = loop.call_later(exchange.config.max_call_s, call.end, "time")

    async def write(data: Data) -> None:
        await (socket.send_bytes(data) if isinstance(data, bytes) else socket.send_text(data))

    incoming = _Incoming(call, line)
    direct: DirectLine | None = socket.scope.get("extensions", {}).get(EXTENSION)
    if direct is not None:
        call.outbox.go_directly(direct)
        direct.take(incoming.take)
    reader = asyncio.create_task(_read(socket, incoming), name=f"read-{session.id}")
    writer = asyncio.create_task(call.outbox.write(write), name=f"write-{session.id}")
    how = "lost"
    try:
        ends: set[asyncio.Future[Any]] = {reader, writer, call.over}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        how = call.over.result() if call.over.done() else _result(reader)
    finally:
        too_long.cancel()
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)
        await _finish(socket, exchange, live, how)


class _Incoming:
    """Takes what a carrier sends, each message as it comes."""

    def __init__(self, call: PhoneCall, line: Line) -> None:
        self._call, self._line = call, line
        self._bad, self._pace, self._loop = 0, Pace(MAX_MESSAGES_A_SECOND), asyncio.get_running_loop()

    def take(self, data: Data) -> None:
        """Never raises: what is wrong with a message is logged once, and too much of it ends the call."""
        call = self._call
        if call.over.done():
            return
        if self._pace.exceeded(self._loop.time()):
            call.complain("too_many_messages", f"more than {MAX_MESSAGES_A_SECOND} messages in a second")
            call.end("misbehaved")
            return
        try:
            for message in self._line.receive(data):
                call.receive(message)
        except ValueError as error:
            self._bad += 1
            call.complain(getattr(error, "code", "bad_message"), str(error))
            if self._bad > MAX_BAD_MESSAGES:
                call.end("misbehaved")
        except Exception:
            log.exception("call=%s a message could not be taken", call.start.call_id)
            call.end("lost")


async def _read(socket: WebSocket, incoming: _Incoming) -> str:
    """Reads until the carrier has gone. On a direct line nothing else comes this way."""
    with contextlib.suppress(_Gone):
        while True:
            incoming.take(await _receive(socket))
    return "lost"


def _result(reader: "asyncio.Task[str]") -> str:
    """How the reader ended; a socket that broke under reader or writer is lost."""
    if reader.done() and not reader.cancelled() and (error := reader.exception()) is not None:
        log.error("a call failed while it was read", exc_info=error)
    return reader.result() if reader.done() and not reader.cancelled() and reader.exception() is None else "lost"


async def _finish(socket: WebSocket, exchange: Exchange, live: LiveCall, how: str) -> None:
    """The call is over: the carrier is told in the way that fits how it ended, and everything of it is given back."""
    log.info("call=%s carrier=%s session=%s connection ended: %s", live.call_id, live.carrier, live.session.id, how)
    await live.call.close()
    closed = await _close(socket, CLOSE_GOING_AWAY if how == "closing" else CLOSE_NORMAL, "goodbye")
    direct: DirectLine | None = socket.scope.get("extensions", {}).get(EXTENSION)
    if not closed and direct is not None:
        direct.abort()
    live.session.detach(live.call, asyncio.get_running_loop().time())
    await exchange.end(live, live.ended_by or _REASONS.get(how, how))
    if how in ("hang_up", "time", "removed", "misbehaved", "slow") and live.rest is not None and not live.ended_by:
        try:  # most carriers end a call with its stream, but not all that are configured otherwise
            await live.rest.hang_up(live.call_id)
        except RestError as error:
            log.info("call=%s carrier=%s is not hung up: %s", live.call_id, live.carrier, error)


_REASONS = {
    "stop": "hung up", "lost": "hung up", "hang_up": "the agent hung up", "time": "the call was too long", "slow": "the line was lost",
    "closing": "the server is closing", "removed": "a moderator took the seat away",
    "misbehaved": "too many messages that the protocol does not allow",
}  # fmt: skip


async def _receive(socket: WebSocket) -> Data:
    """The next message. Raises _Gone."""
    message = await socket.receive()
    if message["type"] == "websocket.disconnect":
        raise _Gone
    data: Data | None = message.get("bytes")
    return data if data is not None else str(message["text"])


def _hold_sound(exchange: Exchange, line: Line) -> Any:
    try:
        return exchange.music.at(line.end.coding.rate_hz)
    except (AudioFileError, OSError) as error:
        log.error("telephony.hold_music cannot be played: %s", error)
        return None


async def _close(socket: WebSocket, code: int, reason: str) -> bool:
    """Whether the socket took the close."""
    if socket.application_state is not WebSocketState.CONNECTED:
        return True
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        try:
            async with asyncio.timeout(1):
                await socket.close(code, reason)
        except TimeoutError:
            return False
    return True
