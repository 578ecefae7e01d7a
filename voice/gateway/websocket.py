"""The native protocol's gateway: one WebSocket is one connection of a session.

Messages take the short way (`direct.py`) where the server offers it, and ASGI's where it does not.

The wire format lives in `voice/protocol.py`; this is the thin skin that reads and writes. Nothing here decides about turns.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from .. import protocol as wire
from ..api.answer import refusal, refuse_handshake
from ..audio.frames import EAR_HZ, MOUTH_HZ
from ..audio.resample import Resampler
from ..audio.widen import EarResampler
from ..door import Door, Grant, Refused
from ..event import AudioFormat, Error, Event, Left, Words
from ..mouthpiece import LEAD_MS
from ..playout import Sound
from ..session import Session
from .control import MAX_BAD_MESSAGES, MAX_MESSAGES_A_SECOND, MAX_TEXTS_A_SECOND, Pace, obey
from .direct import EXTENSION, DirectLine

log = logging.getLogger("hubbub.gateway.websocket")

MAX_OUTGOING = 600
"""Messages that may wait for a client that does not read: 12 s of sound. Then the connection closes with 4008."""

JOIN_TIMEOUT_S = 10.0

MAX_UNSEATED = 500
"""Sockets that were accepted and have not joined yet. Who opens more is refused before the upgrade."""


class WebSocketConnection:
    """The outgoing half: takes events and sound at once, writes them in order; what the socket does not take waits in a bounded queue."""

    def __init__(self, socket: WebSocket, audio: wire.AudioRequest) -> None:
        self.reports_playhead = audio.playhead
        self.lead_ms = LEAD_MS
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the connection should end, once it should: `leave`, `misbehaved`, `slow`, `replaced`, `removed` or `closing`."""
        self.line: DirectLine | None = socket.scope.get("extensions", {}).get(EXTENSION)
        self.limit = MAX_OUTGOING
        """Messages that may wait; more where a client asks for events that it missed."""
        self._socket = socket
        self.output_hz = audio.output_rate_hz
        self._resampler: Resampler | None = None
        self._next: tuple[int, int] = (0, 0)
        self._resampled = 0
        self._voices = None if self.output_hz == MOUTH_HZ else Resampler(MOUTH_HZ, self.output_hz)
        self._lanes: dict[int, Resampler] = {}
        self._queue: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        if self.line is not None:
            self.line.when_writable(self._write_directly)

    def send_event(self, event: Event) -> None:
        if isinstance(event, Words) and self.output_hz != MOUTH_HZ:
            words = tuple(word.model_copy(update={"at": word.at * self.output_hz // MOUTH_HZ}) for word in event.words)
            event = event.model_copy(update={"words": words})
        self._put(event.model_dump_json())

    def send_sound(self, sound: Sound) -> None:
        frame = wire.AudioFrame(sound.reply, sound.offset, sound.last, sound.pcm)
        if self.output_hz != MOUTH_HZ:
            frame = self._at_output_rate(sound)
        self._put(wire.pack_audio(frame))

    async def write(self) -> None:
        """Writes what is queued, until cancelled. On a direct line nothing is left to it."""
        while True:
            await self.flush()
            self._wake.clear()
            await self._wake.wait()

    async def flush(self) -> None:
        """Writes what is queued now."""
        if self.line is not None:
            self._write_directly()
            return
        while self._queue and self._socket.client_state is WebSocketState.CONNECTED:
            message = self._queue.popleft()
            if isinstance(message, bytes):
                await self._socket.send_bytes(message)
            else:
                await self._socket.send_text(message)

    def send_voices(self, pcm: bytes) -> None:
        self._put(wire.pack_voices(pcm if self._voices is None else self._voices.push(pcm)))

    def send_lane(self, number: int, position: int, pcm: bytes, last: bool) -> None:
        """Sends a frame of what one other caller says."""
        if self.output_hz != MOUTH_HZ:
            resampler = self._lanes.setdefault(number, Resampler(MOUTH_HZ, self.output_hz))
            pcm = resampler.push(pcm) + (resampler.flush() if last else b"")
            if last:
                del self._lanes[number]
        self._put(wire.pack_lane(wire.LaneFrame(number, position * self.output_hz // MOUTH_HZ, last, pcm)))

    def end(self, why: str) -> None:
        """Asks the gateway to close the connection."""
        if not self.over.done():
            self.over.set_result(why)

    def _put(self, message: str | bytes) -> None:
        if self.line is not None and not self._queue and self.line.writable:
            self.line.send(message)
            return
        if len(self._queue) >= self.limit:
            self.end("slow")
            return
        self._queue.append(message)
        self._wake.set()

    def _write_directly(self) -> None:
        while self.line is not None and self._queue and self.line.writable:
            self.line.send(self._queue.popleft())

    def _at_output_rate(self, sound: Sound) -> wire.AudioFrame:
        """Resamples a frame; its place is counted in the samples that the client gets."""
        if self._resampler is None or (sound.reply, sound.offset) != self._next:  # another reply, or one that goes on elsewhere
            self._resampler = Resampler(MOUTH_HZ, self.output_hz)
            self._resampled = sound.offset * self.output_hz // MOUTH_HZ
        self._next = sound.reply, sound.offset + len(sound.pcm) // 2
        pcm = self._resampler.push(sound.pcm)
        if sound.last:
            pcm += self._resampler.flush()
        offset, self._resampled = self._resampled, self._resampled + len(pcm) // 2
        return wire.AudioFrame(sound.reply, offset, sound.last, pcm)


def routes(door: Door) -> list[BaseRoute]:
    """The WebSocket of the native protocol; and, at the same address, the answer to a plain request: what the handshake would be
    answered, for clients that are not told (browsers hide the answer to a WebSocket's handshake).
    """
    unseated: set[WebSocket] = set()

    async def voice(socket: WebSocket) -> None:
        await serve_websocket(socket, door, unseated)

    async def plain(request: Request) -> Response:
        try:
            door.admit(request)
        except Refused as error:
            return refusal(error)
        message = "this address speaks WebSocket: see docs/protocol.md"
        answer = {"error": {"code": "upgrade_required", "message": message}}
        return JSONResponse(answer, 426, {"upgrade": "websocket", "connection": "upgrade"})

    return [WebSocketRoute(wire.PATH, voice), Route(wire.PATH, plain)]


async def serve_websocket(socket: WebSocket, door: Door, unseated: set[WebSocket] | None = None) -> None:
    """Runs one connection from its handshake to its end. `unseated`: the sockets of this door that have not joined yet."""
    unseated = set() if unseated is None else unseated
    try:
        grant = door.admit(socket)
        if len(unseated) >= MAX_UNSEATED:
            raise Refused("server_full", f"{MAX_UNSEATED} connections are about to join: try again in a moment")
    except Refused as error:
        log.debug("a handshake was refused: %s", error.code)  # the door counts them; a line each would be a way to fill a disk
        await refuse_handshake(socket, error)
        return
    unseated.add(socket)
    try:
        seated = await _seat(socket, door, grant)
    finally:
        unseated.discard(socket)
    if seated is not None:
        await _serve(socket, door, *seated)


async def _seat(socket: WebSocket, door: Door, grant: Grant) -> tuple[Session, wire.Join] | None:
    """Accepts a connection and does what its first message asks; None where that was refused."""
    await socket.accept()
    try:
        join = await _first_message(socket)
        session = door.resume(join.resume) if join.resume else await door.join(join.room, join.name, grant=grant, role=join.role)
        return session, join
    except (wire.ProtocolError, Refused) as error:
        await _refuse(socket, error.code, str(error))
    except WebSocketDisconnect:
        pass
    except Exception as error:  # an engine or a model that does not start: the caller hears of it, and the others go on
        log.exception("a caller could not be seated: %s", error)
        await _refuse(socket, "internal", "the room cannot be opened at the moment; the server's log says why")
    return None


async def _serve(socket: WebSocket, door: Door, session: Session, join: wire.Join) -> None:
    """Runs a connection that has its seat, to its end."""
    connection = WebSocketConnection(socket, join.audio)
    audio = AudioFormat(input_rate_hz=join.audio.input_rate_hz, output_rate_hz=join.audio.output_rate_hz, lead_ms=LEAD_MS)
    heard = None if join.heard is None else (join.heard.reply, join.heard.offset * MOUTH_HZ // join.audio.output_rate_hz)
    connection.limit += 0 if join.after is None else session.log.count_after(join.after)
    previous = session.attach(connection, door.describe(session, audio), after=join.after, heard=heard)
    if join.lanes:
        session.line.lanes_to = connection.send_lane
    if previous is not None:
        previous.end("replaced")
    incoming = Incoming(session, connection, join.audio.input_rate_hz)
    if connection.line is not None:
        connection.line.take(incoming.take)
    reader = asyncio.create_task(_read(socket, incoming), name=f"read-{session.id}")
    writer = asyncio.create_task(connection.write(), name=f"write-{session.id}")
    try:
        ends: set[asyncio.Future[Any]] = {reader, writer, connection.over}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        how = connection.over.result() if connection.over.done() else "lost"
        await _farewell(how, socket, door, session, connection)
    finally:
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)
        session.detach(connection, asyncio.get_running_loop().time())


async def _first_message(socket: WebSocket) -> wire.Join:
    try:
        async with asyncio.timeout(JOIN_TIMEOUT_S):
            message = await socket.receive()
    except TimeoutError:
        raise wire.ProtocolError("no_join", f"no 'join' message came within {JOIN_TIMEOUT_S:.0f} s") from None
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    text = message.get("text")
    if text is None:
        raise wire.ProtocolError("not_joined", "the first message must be 'join'; sound came instead")
    parsed = wire.parse_client_message(text)
    if not isinstance(parsed, wire.Join):
        raise wire.ProtocolError("not_joined", f"the first message must be 'join'; '{parsed.type}' came instead")
    if parsed.protocol != wire.PROTOCOL_VERSION:
        raise wire.ProtocolError(
            "bad_protocol", f"this server speaks protocol {wire.PROTOCOL_VERSION}, not {parsed.protocol}: update the older side"
        )
    return parsed


class Incoming:
    """The incoming half: obeys what the client sends. When that ends the connection it says so through `over`: `leave` or
    `misbehaved`."""

    def __init__(self, session: Session, connection: WebSocketConnection, input_hz: int) -> None:
        self._session = session
        self._connection = connection
        self._input_hz = input_hz
        self._resampler = None if input_hz == EAR_HZ else EarResampler(input_hz)
        self._loop = asyncio.get_running_loop()
        self._messages, self._texts = Pace(MAX_MESSAGES_A_SECOND), Pace(MAX_TEXTS_A_SECOND)
        self._bad = 0

    def take(self, message: bytes | str) -> None:
        """Takes a message: sound (binary) or a control message (text)."""
        if self._connection.over.done():
            return
        now = self._loop.time()
        if self._messages.exceeded(now):
            text = f"more than {MAX_MESSAGES_A_SECOND} messages in a second"
            self._session.emit(Error(code="too_many_messages", message=text, fatal=True))
            self._connection.end("misbehaved")
            return
        try:
            if isinstance(message, str):
                self._obey(message, now)
                return
            pcm = wire.check_audio(message, self._input_hz)
            self._session.hear(pcm if self._resampler is None else self._resampler.push(pcm))
        except wire.ProtocolError as error:
            self._complain(error)

    def _obey(self, message: str, now: float) -> None:
        parsed = wire.parse_client_message(message)
        if isinstance(parsed, wire.Text) and self._texts.exceeded(now):
            raise wire.ProtocolError("too_many_texts", f"more than {MAX_TEXTS_A_SECOND} texts in a second: this one was not taken")
        if not obey(parsed, self._session, now, output_hz=self._connection.output_hz):
            self._connection.end("leave")

    def _complain(self, error: wire.ProtocolError) -> None:
        self._bad += 1
        session, fatal = self._session, self._bad > MAX_BAD_MESSAGES
        log.info("session=%s bad message code=%s: %s", session.id, error.code, error)
        session.emit(Error(at_ms=session.now_ms, code=error.code, message=str(error), fatal=fatal))
        if fatal:
            self._connection.end("misbehaved")


async def _read(socket: WebSocket, incoming: Incoming) -> None:
    """Reads until the client has gone. On a direct line nothing else comes this way."""
    while True:
        message = await socket.receive()
        if message["type"] == "websocket.disconnect":
            return
        data = message.get("bytes")
        incoming.take(message["text"] if data is None else data)


async def _farewell(how: str, socket: WebSocket, door: Door, session: Session, connection: WebSocketConnection) -> None:
    """Says goodbye in the way that fits how it ended."""
    log.info("session=%s connection ended: %s", session.id, how)
    match how:
        case "replaced":
            await _close(socket, wire.CLOSE_REPLACED, "another connection took this session over")
        case "slow":
            closed = await _close(socket, wire.CLOSE_SLOW, "the client does not read what it is sent")
            if not closed and connection.line is not None:
                connection.line.abort()
        case "removed":
            await _flush_and_close(socket, connection, wire.CLOSE_REFUSED, "this seat was taken away")
        case "closing":
            await _flush_and_close(socket, connection, wire.CLOSE_GOING_AWAY, "the server is closing")
        case "leave":
            session.emit(Left(at_ms=session.now_ms, reason="left"))
            door.leave(session, "left")
            await _flush_and_close(socket, connection, wire.CLOSE_NORMAL, "goodbye")
        case "misbehaved":
            await _flush_and_close(socket, connection, wire.CLOSE_BAD_MESSAGE, "too many messages that the protocol does not allow")


async def _flush_and_close(socket: WebSocket, connection: WebSocketConnection, code: int, reason: str) -> None:
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(1):
            await connection.flush()
    await _close(socket, code, reason)


async def _refuse(socket: WebSocket, code: str, message: str) -> None:
    with contextlib.suppress(RuntimeError, WebSocketDisconnect):
        await socket.send_text(Error(code=code, message=message, fatal=True).model_dump_json())
    await _close(socket, wire.CLOSE_REFUSED if code not in ("bad_json", "unknown_message") else wire.CLOSE_BAD_MESSAGE, code)


async def _close(socket: WebSocket, code: int, reason: str) -> bool:
    """Whether the close could be written."""
    with contextlib.suppress(TimeoutError, RuntimeError, WebSocketDisconnect):
        async with asyncio.timeout(1):
            await socket.close(code, reason)
            return True
    return False
