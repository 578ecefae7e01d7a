"""The data channel `hubbub`: the native protocol's JSON messages, both ways, without `join`."""

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from ... import protocol as wire
from ...audio.frames import MOUTH_HZ
from ...event import Error, Event
from ...eventlog import LOG_EVENTS
from ...session import Session
from ..control import MAX_BAD_MESSAGES, MAX_MESSAGES_A_SECOND, MAX_TEXTS_A_SECOND, Pace, obey

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

log = logging.getLogger("hubbub.gateway.webrtc")

LABEL = "hubbub"
MAX_BUFFERED = 1024 * 1024
"""Bytes that may wait for a client that does not read; then the connection ends as slow."""
MAX_WAITING = LOG_EVENTS + 500
"""Events that wait for the channel to open: all that a session's log may have to tell again, and some."""


class EventChannel:
    """One peer's data channel."""

    def __init__(self, session: Session) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the connection should end, once the channel says so: `leave`, `misbehaved` or `slow`."""
        self._session = session
        self._channel: RTCDataChannel | None = None
        self._waiting: deque[str] = deque(maxlen=MAX_WAITING)
        self._bad = 0
        self._messages, self._texts = Pace(MAX_MESSAGES_A_SECOND), Pace(MAX_TEXTS_A_SECOND)

    def offer(self, channel: "RTCDataChannel") -> None:
        """Takes a channel that the client opened; all but one open one with the right label are closed."""
        taken = self._channel is not None and self._channel.readyState == "open"
        if channel.label != LABEL or taken:
            channel.close()
            return
        self._channel = channel
        channel.on("message", self.receive)
        while self._waiting:
            self._write(self._waiting.popleft())

    def send(self, event: Event) -> None:
        """Sends an event, or keeps it until the channel is open."""
        text = event.model_dump_json()
        if self._channel is None:
            self._waiting.append(text)
        else:
            self._write(text)

    @property
    def buffered(self) -> int:
        """Bytes that have not been sent yet."""
        return self._channel.bufferedAmount if self._channel is not None else 0

    def receive(self, message: Any) -> None:
        """Takes a message of the client."""
        if self.over.done():
            return
        now = asyncio.get_running_loop().time()
        if self._messages.exceeded(now):
            if not self.over.done():
                self._tell("too_many_messages", f"more than {MAX_MESSAGES_A_SECOND} messages in a second", fatal=True)
                self._end("misbehaved")
            return
        try:
            self._obey(message, now)
        except wire.ProtocolError as error:
            self._bad += 1
            log.info("session=%s bad message code=%s: %s", self._session.id, error.code, error)
            self._tell(error.code, str(error), fatal=self._bad > MAX_BAD_MESSAGES)
            if self._bad > MAX_BAD_MESSAGES:
                self._end("misbehaved")
        except Exception:
            log.exception("session=%s a message could not be obeyed", self._session.id)

    def _obey(self, message: Any, now: float) -> None:
        if not isinstance(message, str):
            raise wire.ProtocolError("bad_message", "the data channel carries JSON text; sound goes over the audio track")
        if len(message) > wire.MAX_MESSAGE_BYTES:
            raise wire.ProtocolError("too_large", f"a message has {wire.MAX_MESSAGE_BYTES} characters at most")
        parsed = wire.parse_client_message(message)
        if isinstance(parsed, wire.Text) and self._texts.exceeded(now):
            raise wire.ProtocolError("too_many_texts", f"more than {MAX_TEXTS_A_SECOND} texts in a second: this one was not taken")
        if not obey(parsed, self._session, now, output_hz=MOUTH_HZ):
            self._end("leave")

    def _tell(self, code: str, message: str, *, fatal: bool) -> None:
        self._session.emit(Error(at_ms=self._session.now_ms, code=code, message=message, fatal=fatal))

    def _write(self, text: str) -> None:
        channel = self._channel
        if channel is None or channel.readyState != "open":
            return
        if channel.bufferedAmount > MAX_BUFFERED:
            self._end("slow")
            return
        try:
            channel.send(text)
        except ValueError as error:  # larger than the client takes in one message
            log.warning("session=%s an event was not sent: %s", self._session.id, error)

    def _end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)
