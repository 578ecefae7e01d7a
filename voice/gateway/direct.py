"""A short way between a WebSocket's bytes and a session: uvicorn's protocol, with frames read and written directly once a gateway asks.

ASGI hands every message through a queue, a task switch and, in uvicorn, a pause and a resume of the socket: some 100 µs each, and a
talking caller has a hundred a second. `DirectProtocol` is uvicorn's own (handshake, pings, closing and everything unusual stay its
business), and offers the application a `DirectLine` under `EXTENSION` in the ASGI scope. A gateway that takes it is called with each
whole text and binary message as it is read, and writes frames straight to the transport; disconnects still come through `receive`.

Only single frames of text and sound take the short way. Before it hands anything to uvicorn's parser, the protocol cuts the stream
into whole frames itself, so that the parser always stands between two frames and either may have the next one. Control frames, messages
in several frames, and whatever breaks the rules (no mask, too long, bits that are reserved) are for the parser.
"""

import functools
import importlib.metadata
import logging
from collections.abc import Callable
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:  # a build of websockets without its C extension
    from websockets.utils import apply_mask

from ..leaning import missing

log = logging.getLogger("hubbub.gateway.direct")

_OF_PROTOCOL = ("handle_connect", "data_received", "resume_writing", "send_receive_event_to_app", "handle_parser_exception")
_OF_ONE_PROTOCOL = (
    "config", "conn", "transport", "queue", "frames", "curr_msg_data_type", "handshake_initiated", "handshake_complete", "close_sent",
    "disconnected", "read_paused", "writable",
)  # fmt: skip
"""What we override, and what we look at, of uvicorn's own. Where one of them is gone every message takes uvicorn's way."""

EXTENSION = "hubbub.direct"

_MASKED = 0x80
_FIN_TEXT, _FIN_BINARY = 0x81, 0x82
_LONG, _VERY_LONG = 126, 127

TakeMessage = Callable[[bytes | str], None]


def frame(opcode: int, payload: bytes) -> bytes:
    """A server's frame (RFC 6455, section 5.2: whole, not masked); `opcode` with the FIN bit."""
    length = len(payload)
    if length < _LONG:
        head = bytes((opcode, length))
    elif length < 1 << 16:
        head = bytes((opcode, _LONG, length >> 8, length & 0xFF))
    else:
        head = bytes((opcode, _VERY_LONG)) + length.to_bytes(8, "big")
    return head + payload


class DirectLine:
    """What the application is offered: one connection's short way."""

    def __init__(self, protocol: "DirectProtocol") -> None:
        self._protocol = protocol

    def take(self, on_message: TakeMessage) -> None:
        """From now on every message goes to `on_message` as it is read, first of all those that wait to be received. It must not block,
        and must not raise: what it raises ends the connection."""
        self._protocol.give_to(on_message)

    def send(self, message: bytes | str) -> None:
        """Writes a message; dropped when the connection is closing."""
        self._protocol.write(frame(_FIN_BINARY, message) if isinstance(message, bytes) else frame(_FIN_TEXT, message.encode()))

    @property
    def writable(self) -> bool:
        """Whether the socket takes more: what is written while it does not is kept by the transport, without a bound."""
        return self._protocol.writable.is_set()

    def when_writable(self, on_writable: Callable[[], None]) -> None:
        """Calls `on_writable` each time the socket takes more again."""
        self._protocol.on_writable = on_writable

    def abort(self) -> None:
        """Ends the connection without waiting for a far end that does not read."""
        self._protocol.transport.abort()


class DirectProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a short way. Give it to `uvicorn.Config(ws=…)`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._rest = b""
        """The beginning of a frame whose end has not come."""
        self._in_pieces = False
        """A message in several frames is being received."""
        self._long_way = False
        """The client sent frames before its handshake was answered: the parser may stand within one."""
        self._on_message: TakeMessage | None = None
        self.on_writable: Callable[[], None] | None = None
        """See `DirectLine.when_writable`."""
        self._unknown = missing(WebSocketsSansIOProtocol, _OF_PROTOCOL) + missing(self, _OF_ONE_PROTOCOL)
        if self._unknown:
            self._long_way = True
            _warn_once(", ".join(self._unknown))

    def handle_connect(self, event: Any) -> None:
        """Offers the short way with the request."""
        super().handle_connect(event)
        if hasattr(self, "scope") and not self._unknown and not self.conn.extensions:  # a compressed message is not the bytes that came
            extensions: dict[str, Any] = self.scope["extensions"]
            extensions[EXTENSION] = DirectLine(self)

    def give_to(self, on_message: TakeMessage) -> None:
        """See `DirectLine.take`."""
        kept = []
        while not self.queue.empty():
            kept.append(self.queue.get_nowait())
        self._on_message = on_message
        for event in kept:
            if event["type"] == "websocket.receive":
                text = event.get("text")
                self._deliver(event["bytes"] or b"" if text is None else text)
            else:
                self.queue.put_nowait(event)
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection has ended: lets go of the application, which would else be kept by this circle until cycles are collected."""
        super().connection_lost(exc)
        self._on_message = self.on_writable = None
        if hasattr(self, "scope"):
            self.scope["extensions"].pop(EXTENSION, None)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.on_writable is not None:
            self.on_writable()

    def write(self, data: bytes) -> None:
        """Writes a whole frame."""
        if not (self.close_sent or self.disconnected or self.transport.is_closing()):
            self.transport.write(data)

    def send_receive_event_to_app(self) -> None:
        """A message that took the long way through the parser is whole."""
        if self._on_message is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = b"".join(self.frames)
        self.frames = []
        if self.curr_msg_data_type == "bytes":
            self._deliver(data)
        else:
            self._deliver_text(data)

    def data_received(self, data: bytes) -> None:
        if self._long_way or not self.handshake_complete:
            self._shake_hands(data)
        elif self._rest:
            self._cut(self._rest + data)
        else:
            self._cut(data)

    def _shake_hands(self, data: bytes) -> None:
        if self._unknown:
            super().data_received(data)
            return
        if self.handshake_initiated or data.find(b"\r\n\r\n") not in (-1, len(data) - 4):
            self._long_way = True
        super().data_received(data)

    def _cut(self, data: bytes) -> None:
        """Hands on whole frames, and keeps what follows them."""
        at = 0
        while (found := _measure(data, at)) is not None and self.conn.parser_exc is None:
            head, length = found
            if length > self.config.ws_max_size:  # the parser says so when it reads the head
                super().data_received(data[at:])
                at = len(data)
                break
            end = at + head + length
            if len(data) < end:
                break
            self._take(data, at, head, end)
            at = end
        self._rest = data[at:]

    def _take(self, data: bytes, at: int, head: int, end: int) -> None:
        """Hands on the frame from `at` to `end`."""
        first = data[at]
        plain = first in (_FIN_TEXT, _FIN_BINARY) and data[at + 1] & _MASKED and not self._in_pieces
        if not plain or self._on_message is None:
            if first & 0x0F < 8:  # not a control frame
                self._in_pieces = not first & 0x80
            super().data_received(data[at:end])
        elif not self.close_sent:  # else the application is past its end
            payload = apply_mask(data[at + head : end], data[at + head - 4 : at + head])
            if first == _FIN_BINARY:
                self._deliver(payload)
            else:
                self._deliver_text(payload)

    def _deliver_text(self, data: bytes) -> None:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.conn.fail(1007, "invalid UTF-8")
            self.handle_parser_exception()
            return
        self._deliver(text)

    def _deliver(self, message: bytes | str) -> None:
        assert self._on_message is not None
        try:
            self._on_message(message)
        except Exception:
            log.exception("a message could not be taken: the connection is closed")
            self.conn.fail(1011, "internal error")
            self.handle_parser_exception()


@functools.cache
def _warn_once(lacks: str) -> None:
    version = importlib.metadata.version("uvicorn")
    log.warning("uvicorn %s has no %s: WebSocket messages go by ASGI, which costs some 100 µs each", version, lacks)


def _measure(data: bytes, at: int) -> tuple[int, int] | None:
    """Bytes of the head and of the payload of the frame that begins at `at`; None while its head is not all there. A frame without a
    mask has none to be counted, and is for the parser to refuse."""
    left = len(data) - at
    if left < 2:
        return None
    second = data[at + 1]
    length, mask = second & 0x7F, 4 if second & _MASKED else 0
    if length < _LONG:
        return 2 + mask, length
    if length == _LONG:
        return (4 + mask, int.from_bytes(data[at + 2 : at + 4], "big")) if left >= 4 else None
    return (10 + mask, int.from_bytes(data[at + 2 : at + 10], "big")) if left >= 10 else None
