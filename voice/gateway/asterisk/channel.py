"""The gateway of Asterisk's WebSocket channel: one WebSocket a call, whichever side opened it.

The text messages are `control.py`'s, the sound of a call `mouth.py`'s; this is the skin that reads and writes. Asterisk has a queue of
its own and plays it in time, so sound is sent at real time with a few frames ahead, which a late tick cannot empty. A hold pauses
that queue (silence at once, nothing lost), a cut flushes it, and marks, one in 100 ms, tell how far it has come.
"""

import asyncio
import contextlib
import logging
from collections import deque
from typing import Any, Protocol

from ...audio.frames import FRAME_MS, MOUTH_HZ
from ...event import AudioFormat, Clear, Event, Hold, Resume
from ...playout import Sound
from ...session import Session
from ..telephony.coding import encode, frame_bytes
from ..telephony.ear import CarrierEar
from ..telephony.wire.base import Coding, WireError
from . import control as c
from .handset import Handset
from .mouth import EAR_DELAY_MS, LEAD_MS, PacedMouth
from .pacer import Pacer
from .seating import Seating

log = logging.getLogger("hubbub.gateway.channel")

AHEAD_S = 0.06
"""Sound that Asterisk's queue is kept filled with, in seconds: three frames, which a late tick cannot empty."""

MARK_FRAMES = 5
"""A mark each 100 ms: what the ledger of heard words is exact to."""

START_TIMEOUT_S = 5.0
"""Asterisk sends MEDIA_START as soon as the socket is open."""

MAX_OUTGOING = 500
"""Messages that may wait for an Asterisk that does not read: about 8 s; then the call ends."""

MAX_BAD_MESSAGES = 50
MAX_SOUND_MS = 1000
"""Longest sound in one message; Asterisk sends 20 ms."""


class Wire(Protocol):
    """A WebSocket, of either side."""

    async def receive(self) -> str | bytes | None:
        """The next message; None when the far end has closed."""

    async def send(self, data: str | bytes) -> None: ...

    async def close(self) -> None: ...


class Started:
    """How a call of Asterisk speaks: its MEDIA_START, and the form in which it came. Raises WireError where we cannot speak so."""

    def __init__(self, data: str) -> None:
        event = c.read_event(data)
        if not isinstance(event, c.MediaStart):
            raise WireError("before_start", f"Asterisk's first message must be MEDIA_START, not {data[:80]!r}")
        self.event = event
        self.form = c.form_of(data)
        coding = c.FORMATS.get(event.format)
        if coding is None:
            raise WireError(
                "bad_format", f"the coding '{event.format[:40]}' is not spoken here: dial with c(slin16), or one of {', '.join(c.FORMATS)}"
            )
        self.coding: Coding = coding


class ChannelConnection:
    """One call as its session sees it."""

    reports_playhead = True
    lead_ms = LEAD_MS

    def __init__(self, wire: Wire, started: Started, session: Session) -> None:
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the call should end, once it should."""
        self.bad_messages = 0
        self._wire = wire
        self._started = started
        self._coding = started.coding
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._mouth = PacedMouth(self._coding.rate_hz)
        self._ear = CarrierEar(self._coding)
        self._queue: deque[str | bytes] = deque()
        self._wake = asyncio.Event()
        self._full = False
        self._paused_at: float | None = None
        self.handset: Handset | None = None
        self._dry_at = 0.0
        """When Asterisk's queue will have run dry, by the clock."""
        self._unmarked = 0
        self._buffers = frame_bytes(self._coding) % started.event.optimal_frame_size != 0
        self._command("ANSWER")  # the caller of a channel dialled with `n` hears it ring until here; the others are answered already
        if self._buffers:
            self._command("START_MEDIA_BUFFERING")

    # ── to Asterisk ───────────────────────────────────────────────────────────────────────────────────────────────────

    def send_event(self, event: Event) -> None:
        if self.handset is not None:
            self.handset.take(event)
        match event:
            case Hold(reply=reply):
                self._mouth.hold(reply)
                self._pause(True)
            case Resume(reply=reply):
                self._mouth.resume(reply)
                self._pause(False)
            case Clear(reply=reply):
                self._mouth.clear(reply)
                self._flush()

    def send_sound(self, sound: Sound) -> None:
        if self.handset is not None:
            self.handset.resume()
        self._mouth.take(sound)

    def send_voices(self, pcm: bytes) -> None:
        self._pause(False)  # what little of a held reply is still there is heard now: who speaks is not kept waiting for it
        self._mouth.take_voices(pcm)

    def end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)

    def beat(self, now: float) -> None:
        """Sends what keeps Asterisk's queue filled, where there is something to hear."""
        if self._full or self._paused_at is not None:
            return
        while self._dry_at - now < AHEAD_S:
            before = self._mouth.sent
            pcm, _ = self._mouth.frame()
            other = b"" if self.handset is None else self.handset.frame(self._coding.rate_hz)
            if self._mouth.idle and self._unmarked:
                self._mark()
            if self._mouth.idle and not other:
                return
            pcm = other or pcm
            self._dry_at = max(self._dry_at, now) + FRAME_MS / 1000
            self._put(encode(self._coding, pcm))
            if self._mouth.sent != before:
                self._unmarked += 1
                if self._unmarked >= MARK_FRAMES:
                    self._mark()

    def hang_up(self) -> None:
        """Tells Asterisk to end the call, before anything that waits."""
        self._queue.clear()
        self._command("HANGUP")

    async def write(self) -> None:
        """Writes what is queued, until cancelled."""
        while True:
            await self.flush()
            self._wake.clear()
            await self._wake.wait()

    async def flush(self) -> None:
        """Writes what is queued now."""
        while self._queue:
            await self._wire.send(self._queue.popleft())

    def _mark(self) -> None:
        reply, offset = self._mouth.sent
        self._unmarked = 0
        self._command("MARK_MEDIA", f"{reply}.{offset}")

    def _pause(self, paused: bool) -> None:
        now = self._loop.time()
        if paused and self._paused_at is None:
            self._paused_at = now
            self._command("PAUSE_MEDIA")
        elif not paused and self._paused_at is not None:
            self._dry_at = max(self._dry_at, self._paused_at) + now - self._paused_at
            self._paused_at = None
            self._command("CONTINUE_MEDIA")

    def _flush(self) -> None:
        """Throws away what Asterisk has not played, and what waits here for it."""
        self._queue = deque(message for message in self._queue if isinstance(message, str) and "MARK_MEDIA" not in message)
        self._unmarked = 0
        self._command("FLUSH_MEDIA")
        self._pause(False)
        self._dry_at = self._loop.time()
        if self._buffers:
            self._command("START_MEDIA_BUFFERING")

    def _command(self, name: Any, identity: str = "") -> None:
        self._put(c.write_command(c.Command(name, identity), self._started.form))

    def _put(self, message: str | bytes) -> None:
        if len(self._queue) >= MAX_OUTGOING:
            self.end("slow")
            return
        self._queue.append(message)
        self._wake.set()

    # ── from Asterisk ─────────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, data: str | bytes) -> str:
        """Takes a message. Answers why the call has ended, or nothing."""
        try:
            if isinstance(data, bytes):
                self._hear(data)
            else:
                self._obey(c.read_event(data))
        except (WireError, ValueError) as error:
            self.bad_messages += 1
            log.warning("channel=%s session=%s bad message: %s", self._started.event.channel_id, self._session.id, error)
            if self.bad_messages > MAX_BAD_MESSAGES:
                return "misbehaved"
        return ""

    def _hear(self, data: bytes) -> None:
        if len(data) > frame_bytes(self._coding, MAX_SOUND_MS):
            raise WireError("too_much_sound", f"{len(data)} bytes of sound in one message are more than {MAX_SOUND_MS} ms: dropped")
        heard = self._ear.hear(data)
        on_hold = self.handset is not None and self.handset.on_hold
        self._session.hear(bytes(len(heard)) if on_hold else heard)

    def _obey(self, event: c.Event) -> None:
        match event:
            case c.MarkProcessed(identity):
                reply, _, offset = identity.partition(".")
                if not (reply.isdecimal() and offset.isdecimal() and len(identity) <= 40):
                    raise WireError("bad_mark", f"a mark came back that was not sent: {identity[:40]!r}")
                self._loop.call_later(EAR_DELAY_MS / 1000, self._played, int(reply), int(offset))
            case c.DtmfEnd(pressed):
                self._ear.key_pressed()
                self._session.press_keys(pressed)
            case c.Xoff():
                self._full = True
                log.warning("channel=%s Asterisk's queue is full: it does not play what it was sent", self._started.event.channel_id)
            case c.Xon():
                self._full = False
            case c.Fault(words):
                log.warning("channel=%s session=%s Asterisk reports: %s", self._started.event.channel_id, self._session.id, words)
            case c.MediaStart():
                raise WireError("repeated_start", "MEDIA_START came twice: each call needs a connection of its own")
            case c.Unknown(name):
                log.debug("channel=%s unknown event %s", self._started.event.channel_id, name)

    def _played(self, reply: int, offset: int) -> None:
        if self._session.connection is self:
            self._session.played(reply, offset, self._loop.time())


async def first_message(wire: Wire) -> Started:
    """Waits for MEDIA_START. Raises WireError."""
    try:
        async with asyncio.timeout(START_TIMEOUT_S):
            data = await wire.receive()
    except TimeoutError:
        raise WireError("before_start", f"no MEDIA_START came within {START_TIMEOUT_S:.0f} s") from None
    if not isinstance(data, str):
        what = "sound came first" if data else "the connection was closed"
        raise WireError("before_start", f"Asterisk's first message must be MEDIA_START; {what}")
    return Started(data)


async def talk(wire: Wire, started: Started, session: Session, seating: Seating, pacer: Pacer) -> None:
    """Runs one seated call from its start to its end, and gives its seat up."""
    connection = ChannelConnection(wire, started, session)
    audio = AudioFormat(input_rate_hz=started.coding.rate_hz, output_rate_hz=MOUTH_HZ, lead_ms=LEAD_MS)
    session.attach(connection, seating.door.describe(session, audio))
    connection.handset = handset = seating.begin(session, connection.end)
    pacer.add(connection)
    reader = asyncio.create_task(_read(wire, connection), name=f"channel-read-{session.id}")
    writer = asyncio.create_task(connection.write(), name=f"channel-write-{session.id}")
    why = "lost"
    try:
        ends: set[asyncio.Future[Any]] = {reader, writer, connection.over}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if connection.over.done():
            why = connection.over.result()
        elif reader.done() and reader.exception() is None:
            why = reader.result()
    finally:
        pacer.discard(connection)
        for task in (reader, writer):
            task.cancel()
        await asyncio.gather(reader, writer, return_exceptions=True)
        session.detach(connection, asyncio.get_running_loop().time())
        await seating.end(session, handset, why)
        log.info("channel=%s session=%s ended: %s", started.event.channel_id, session.id, why)
    if why not in ("hung up", "lost", "slow"):
        connection.hang_up()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await connection.flush()
    await wire.close()


async def refuse(wire: Wire, form: c.Form) -> None:
    """Hangs a call up that has no seat."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(1):
            await wire.send(c.write_command(c.Command("HANGUP"), form))
    await wire.close()


async def _read(wire: Wire, connection: ChannelConnection) -> str:
    """Reads until the call ends. Answers why."""
    while (data := await wire.receive()) is not None:
        if why := connection.receive(data):
            return why
    return "hung up"
