"""What an agent may do with a call of Asterisk: hold, put through, hang up, send keys. Implements `voice.phone.PhoneControl`."""

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from ...audio.frames import FRAME_MS, SAMPLE_BYTES
from ...audio.wav import AudioFileError
from ...config.telephony import allows
from ...event import Call as CallEvent
from ...event import Clear, Event, Floor
from ...phone import PhoneError
from ...session import Session
from ..telephony.call import GOODBYE_S
from ..telephony.hold import HoldSound
from ..telephony.live import MAX_DIGITS
from ..telephony.tones import key_sound

log = logging.getLogger("hubbub.gateway.asterisk")

CARRIER = "asterisk"


class Music(Protocol):
    """What callers on hold hear, at a call's rate."""

    def is_ready(self, rate_hz: int) -> bool:
        """Whether `at` reads no file."""

    def at(self, rate_hz: int) -> HoldSound: ...


class Handset:
    """One call in an agent's hand."""

    def __init__(
        self, session: Session, end: Callable[[str], None], music: Music, *, put_through: Callable[[str], None],
        allowed: tuple[str, ...] = (),
    ) -> None:  # fmt: skip
        """`end` ends the call, with the reason; `put_through` is told the number before a call ends that is to go on there; `allowed`:
        patterns of such numbers."""
        self._put_through = put_through
        self._allowed = allowed
        self._number = ""
        """Where the call goes on when the goodbye has been heard."""
        self.on_hold = False
        """The caller hears the hold's sound, and is not heard."""
        self._session = session
        self._end = end
        self._music = music
        self._sound: HoldSound | None = None
        self._sound_hz = 0
        self._reading: asyncio.Task[None] | None = None
        self._tones = bytearray()
        self._rate_hz = 8000
        self._goodbye: asyncio.TimerHandle | None = None

    # ── voice.phone.PhoneControl ──────────────────────────────────────────────────────────────────────────────────────

    @property
    def name(self) -> str:
        return self._session.name

    def hold(self) -> None:
        if not self.on_hold:
            self.on_hold = True
            self.tell("on_hold")

    def resume(self) -> None:
        if self.on_hold:
            self.on_hold = False
            self.tell("resumed")

    def hang_up(self) -> None:
        if self._goodbye is None:
            self._goodbye = asyncio.get_running_loop().call_later(GOODBYE_S, self._leave)

    def send_digits(self, digits: str) -> None:
        if not 0 < len(digits) <= MAX_DIGITS:
            raise PhoneError(f"one to {MAX_DIGITS} keys can be sent at a time")
        try:
            self._tones += key_sound(digits, self._rate_hz)
        except ValueError as error:
            raise PhoneError(str(error)) from None

    async def transfer(self, number: str) -> None:
        if not number.lstrip("+").isdigit() or not allows(self._allowed, number):
            raise PhoneError("calls may not be put through to that number: it is not among telephony.destinations")
        self._number = number
        self.hang_up()

    # ── the call's side ───────────────────────────────────────────────────────────────────────────────────────────────

    def take(self, event: Event) -> None:
        """Takes what happens in the session: a goodbye that was heard ends the call, and who breaks into one stays on the line."""
        if isinstance(event, Floor) and event.mouth == "idle" and self._goodbye is not None:
            self._leave()
        elif isinstance(event, Clear):
            self._stay()

    def frame(self, rate_hz: int) -> bytes:
        """The next 20 ms of what is no reply's: tones of keys, or the sound of a hold; empty where there is neither."""
        self._rate_hz = rate_hz
        samples = rate_hz * FRAME_MS // 1000
        if self._tones:
            size = samples * SAMPLE_BYTES
            piece = bytes(self._tones[:size])
            del self._tones[:size]
            return piece.ljust(size, b"\0")
        return self._hold_sound(rate_hz).take(samples) if self.on_hold else b""

    def tell(self, state: str, detail: str = "") -> None:
        """Says what becomes of the call, to its session and its room."""
        session = self._session
        event = CallEvent.model_validate(
            {"at_ms": session.now_ms, "speaker": self.name, "carrier": CARRIER, "state": state, "detail": detail}
        )
        session.share(event)

    def close(self) -> None:
        """The call is over."""
        self._stay()
        if self._reading is not None:
            self._reading.cancel()

    def _stay(self) -> None:
        """The goodbye is off."""
        self._number = ""
        if self._goodbye is not None:
            self._goodbye.cancel()
            self._goodbye = None

    def _leave(self) -> None:
        if self._number:
            self._put_through(self._number)
            self.tell("transferred", f"…{self._number[-4:]}")
        self._end("transferred" if self._number else "hang_up")

    def _hold_sound(self, rate_hz: int) -> HoldSound:
        if self._sound is None or self._sound_hz != rate_hz:
            self._sound_hz = rate_hz
            if self._music.is_ready(rate_hz):
                self._sound = self._music.at(rate_hz)
            else:
                self._sound = HoldSound(rate_hz)  # comfort noise, until the music has been read
                self._reading = asyncio.create_task(self._read_music(rate_hz), name="asterisk-hold-music")
        return self._sound

    async def _read_music(self, rate_hz: int) -> None:
        try:
            music = await asyncio.to_thread(self._music.at, rate_hz)
        except (AudioFileError, OSError) as error:
            log.error("telephony.hold_music cannot be played: %s", error)
            return
        if rate_hz == self._sound_hz:
            self._sound = music
