"""One phone call as a connection of a session: what the carrier says goes to the session, what the session says to the carrier.

A carrier cannot pause, so a hold clears its buffer at once and what was in it is sent again if the reply goes on. Nothing here decides
about turns; a call that ends takes its seat along, because no carrier connects a call again.
"""

import asyncio
import functools
import logging
from collections.abc import Callable

from ...audio.frames import FRAME_MS, MOUTH_HZ, SAMPLE_BYTES
from ...event import Clear as ClearEvent
from ...event import Event, Floor
from ...event import Hold as HoldEvent
from ...playout import Sound
from ...session import Session
from .ear import CarrierEar
from .hold import HoldSound
from .mouth import LEAD_MS, MARK_MS, CarrierMouth
from .outbox import Outbox
from .tones import key_sound
from .wire.base import Digit, Failure, FromCarrier, FromServer, Mark, MarkPlayed, Media, SendDigits, ServerEnd, Start, Stop

log = logging.getLogger("hubbub.gateway.telephony")

MESSAGE_MS = {"exotel": 100}
"""Sound in one message to a carrier, where it is not 20 ms: Exotel's documents say that less than 100 ms leaves gaps."""

MARKS_LATE_S = 2.0
"""A carrier that has not sent back one mark by then sends none: the clock says what was heard."""

MARK_TRUST_MS = 80
"""How long after a mark was due the carrier is taken to play on. Longer would fill its buffer while a network that stands still keeps its
marks from us; what waits there bridges the jitter beyond."""

PROBE = "0.0.0"
"""The mark that is sent while the carrier's buffer is empty: it comes back at once, and tells how long the way there and back is."""

MAX_TRIP_S = 0.4
"""Longest way there and back that is reckoned with."""

CLEAR_MARGIN_S = 0.06
"""A reply that goes on after a clear is taken up so much before the place where the clear is reckoned to have cut it: the way there may
have been longer than it is at best. What was heard is heard twice then, rather than what was not being left out."""

GOODBYE_S = 20.0
"""How long a hang-up waits for the goodbye before it to be heard."""

PACED_AHEAD_MS = 100
"""How far ahead the sound of a hold, and of keys, is sent."""


class PhoneCall:
    """A call, from the carrier's start message on. Implements `voice.connection.Connection`."""

    reports_playhead = True
    lead_ms = LEAD_MS

    def __init__(self, carrier: str, end: ServerEnd, start: Start, *, hold_sound: HoldSound | None = None) -> None:
        loop = asyncio.get_running_loop()
        self.carrier = carrier
        self.start = start
        self.outbox = Outbox(end)
        self.over: asyncio.Future[str] = loop.create_future()
        """Why the call should end, once it should: `hang_up`, `stop`, `slow`, `replaced`, `removed`, `closing` or `time`."""
        self.session: Session | None = None
        self.on_hold = False
        self.listener: Callable[[bytes, bytes], None] | None = None
        """Who hears the caller in the session's place, his sound as it came and as PCM16 at 16 kHz: who tells a machine's greeting from a
        person's. A greeting is no turn of the conversation, and an agent that answered it would speak before the beep."""
        message_ms = MESSAGE_MS.get(carrier, FRAME_MS)
        self.mouth = CarrierMouth(end.coding, message_ms=message_ms)
        self.ear = CarrierEar(end.coding)
        self._loop = loop
        self._mark_ms = max(MARK_MS, message_ms)
        self._message_samples = end.coding.rate_hz * message_ms // 1000
        self._hold_sound = hold_sound or HoldSound(end.coding.rate_hz)
        self._hold_task: asyncio.Task[None] | None = None
        self._tones = bytearray()
        self._tones_task: asyncio.Task[None] | None = None
        self._goodbye: asyncio.TimerHandle | None = None
        self._trip_s = 0.0
        self._probed_at = 0.0
        self._first_mark: float | None = None
        self._marks_come = False
        self._warned: set[str] = set()

    def seat(self, session: Session) -> None:
        """The call has a seat: what comes from now on goes to it."""
        self.session = session
        self._probe()

    # ── from the carrier ──────────────────────────────────────────────────────────────────────────────────────────────

    def receive(self, message: FromCarrier) -> None:
        """Takes what the carrier says, in order. Raises ValueError on sound that is none."""
        session, now = self.session, self._loop.time()
        if session is None:
            return
        match message:
            case Media(payload):
                heard, unheard = self.ear.hear(payload), self.on_hold or self.listener is not None
                if self.listener is not None:
                    self.listener(payload, heard)
                session.hear(bytes(len(heard)) if unheard else heard)
                self._watch_marks(session, now)
            case Digit(digit):
                self.ear.key_pressed()
                session.press_keys(digit)
            case MarkPlayed(name=name) if name == PROBE:
                self._time_trip(session, now)
            case MarkPlayed(name):
                if (place := self.mouth.played(name)) is not None:
                    self._played(session, *place, now)
            case Stop():
                self.end("stop")
            case Failure(text, code):
                log.error("call=%s carrier=%s reports an error: %s %s", self.start.call_id, self.carrier, code, text)

    def _played(self, session: Session, reply: int, offset: int, now: float) -> None:
        """A mark says where the carrier was; what leaves now finds it a trip further, but never further than it can have played."""
        self._marks_come = True
        ahead_s = (self.mouth.reached(now) - offset) / MOUTH_HZ
        session.played(reply, offset, now, trip_s=max(0.0, min(self._trip_s, ahead_s)))

    def _probe(self) -> None:
        self._probed_at = self._loop.time()
        self._put([Mark(PROBE)])

    def _time_trip(self, session: Session, now: float) -> None:
        """The shortest time there and back: what is longer waited somewhere."""
        self._marks_come = True
        self._trip_s = min(self._trip_s or MAX_TRIP_S, now - self._probed_at)
        session.trust_reports(self._mark_ms + MARK_TRUST_MS + round(self._trip_s * 1000))

    def _watch_marks(self, session: Session, now: float) -> None:
        if self._first_mark is not None and not self._marks_come and now - self._first_mark > MARKS_LATE_S:
            self._marks_come = True
            session.reports_stopped(now)
            log.warning("call=%s carrier=%s sends no marks back: what was heard is estimated", self.start.call_id, self.carrier)

    # ── voice.connection.Connection ───────────────────────────────────────────────────────────────────────────────────

    def send_event(self, event: Event) -> None:
        match event:
            case HoldEvent(reply=reply):
                self._clear(reply)
            case ClearEvent(reply=reply):
                self._clear(reply)
                self._stay()
            case Floor(mouth="idle"):
                if self._goodbye is not None:
                    self.end("hang_up")
                elif self.mouth.ahead_ms(self._loop.time()) <= 0:
                    self._probe()

    def send_sound(self, sound: Sound) -> None:
        now = self._loop.time()
        if self.on_hold:
            self.resume()
        if self._first_mark is None:
            self._first_mark = now
        self._put(self.mouth.sound(sound, now))

    def send_voices(self, pcm: bytes) -> None:
        if not self.on_hold:
            self._put(self.mouth.voices(pcm, self._loop.time()))

    def end(self, why: str) -> None:
        if not self.over.done():
            self.over.set_result(why)

    def _clear(self, reply: int) -> None:
        """Silence at the caller's ear at once. What the carrier throws away of a reply that may go on is sent again then."""
        now = self._loop.time()
        if messages := self.mouth.clear(now):
            self._put(messages)
            if self.session is not None:
                self.session.lost(reply, now - CLEAR_MARGIN_S)

    def _put(self, messages: list[FromServer]) -> None:
        self.outbox.put(messages)
        if self.outbox.full:
            self.end("slow")

    # ── what an agent may do with a call ──────────────────────────────────────────────────────────────────────────────

    def hold(self) -> None:
        """Puts the caller on hold: he hears comfort noise or music and is not heard, until `resume` or until an agent speaks."""
        if not self.on_hold:
            self.on_hold = True
            take = functools.partial(self._hold_sound.take, self._message_samples)
            self._hold_task = asyncio.create_task(self._pace(take), name=f"hold-{self.start.call_id}")

    def resume(self) -> None:
        """Takes the caller off hold."""
        if self.on_hold:
            self.on_hold = False
            if self._hold_task is not None:
                self._hold_task.cancel()
            self._put(self.mouth.clear(self._loop.time()))

    def hang_up(self) -> None:
        """Ends the call, once the caller has heard the reply that is being spoken. Who breaks in stays on the line."""
        if self._goodbye is None:
            self._goodbye = self._loop.call_later(GOODBYE_S, self.end, "hang_up")

    def send_digits(self, digits: str) -> None:
        """Plays keys into the call: by the carrier where its stream can (Plivo), else as their tones. Raises ValueError."""
        pcm = key_sound(digits, self.mouth.coding.rate_hz)
        if self.carrier == "plivo":
            self._put([SendDigits(digits)])
            return
        self._tones += pcm
        if self._tones_task is None or self._tones_task.done():
            self._tones_task = asyncio.create_task(self._pace(self._next_tones), name=f"keys-{self.start.call_id}")

    def _next_tones(self) -> bytes:
        size = self._message_samples * SAMPLE_BYTES
        piece = bytes(self._tones[:size])
        del self._tones[:size]
        return piece.ljust(size, b"\0") if piece else b""

    def _stay(self) -> None:
        if self._goodbye is not None:
            self._goodbye.cancel()
            self._goodbye = None

    async def _pace(self, take: Callable[[], bytes]) -> None:
        """Sends sound that is no reply's, a little ahead, until there is none; begins when what was sent before has been played."""
        while True:
            now = self._loop.time()
            while self.mouth.ahead_ms(now) < PACED_AHEAD_MS:
                pcm = take()
                if not pcm:
                    return
                self._put([self.mouth.plain(pcm, now)])
            await asyncio.sleep(FRAME_MS * 2 / 1000)

    async def close(self) -> None:
        """Ends what the call owns."""
        self._stay()
        tasks = [task for task in (self._hold_task, self._tones_task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def complain(self, code: str, text: str) -> None:
        """Logs a message of the carrier that its protocol does not allow: each kind once, with the call's id."""
        if code not in self._warned:
            self._warned.add(code)
            log.warning("call=%s carrier=%s bad message code=%s: %s", self.start.call_id, self.carrier, code, text)
