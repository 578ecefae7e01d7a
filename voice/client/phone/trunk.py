"""A carrier's side of one call, without I/O: what it says to a server, and what it does with what the server says.

One object a call. `greet` begins it; each 20 ms the owner calls `speak` with what the caller says and `listen` for what the caller hears;
`receive` takes what the server sends; what is to be sent waits in `outgoing`. Each carrier's own rules are in the subclasses: those
that speak over a WebSocket here, Asterisk's two in `asterisk.py`.
"""

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import uuid4

from ...audio.frames import FRAME_MS, SAMPLE_BYTES
from ...gateway.telephony.coding import decode, encode, frame_bytes
from ...gateway.telephony.wire import base as w
from ...gateway.telephony.wire.carriers import Carrier, carrier_end
from .line import Line

Data = str | bytes

KEYS = frozenset("0123456789*#ABCD")

KEY_MS = 200
"""How long a key is held."""

GAP_IS_A_PAUSE_MS = 300
"""Silence of the server after which it was a pause and no hole in its sound."""


CALLER, CALLED = "+15550100001", "+15550100002"
"""Numbers that belong to nobody."""


@dataclass(frozen=True, slots=True)
class CallDetails:
    """Who calls whom, and what a carrier tells of it. Ids that are left empty are made up in the carrier's own form."""

    caller: str = CALLER
    called: str = CALLED
    account: str = ""
    call_id: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict)


# ── what a server did, as a program sees it ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class SoundCame:
    """The server sent sound; this much of it waits now, in ms."""

    ms: float
    buffered_ms: float


@dataclass(frozen=True, slots=True)
class MarkCame:
    """The server set a mark."""

    name: str


@dataclass(frozen=True, slots=True)
class ClearCame:
    """The server had what waited thrown away: so much, in ms."""

    thrown_ms: float


@dataclass(frozen=True, slots=True)
class ServerHungUp:
    """The server ended the call."""

    why: str = ""


@dataclass(frozen=True, slots=True)
class Complaint:
    """The server sent what the carrier's protocol does not allow, or what this carrier ignores. The call goes on."""

    text: str


TrunkEvent = SoundCame | MarkCame | ClearCame | ServerHungUp | Complaint


class Trunk(ABC):
    """The carrier's side of one call."""

    def __init__(
        self, details: CallDetails, rate_hz: int, *, drops_marks: bool = False, limit_ms: int = 120_000, prefill_ms: int = 0
    ) -> None:
        self.details = details
        self.rate_hz = rate_hz
        """Rate of the sound both ways, PCM16 mono on our side."""
        self.line = Line(rate_hz, drops_marks=drops_marks, limit_ms=limit_ms, prefill_ms=prefill_ms)
        self.outgoing: deque[Data] = deque()
        """What is to be sent to the server, in order."""
        self._quiet_frames = 0

    @property
    def frame_samples(self) -> int:
        """Samples of 20 ms."""
        return self.rate_hz * FRAME_MS // 1000

    @abstractmethod
    def greet(self) -> None:
        """The first messages of a call."""

    @abstractmethod
    def speak(self, pcm: bytes) -> None:
        """The caller says this: PCM16, 20 ms each 20 ms."""

    @abstractmethod
    def press(self, digit: str) -> None:
        """The caller presses a key. Raises ValueError for one that no telephone has."""

    @abstractmethod
    def receive(self, data: Data) -> list[TrunkEvent]:
        """Takes what the server sent; answers what it did."""

    @abstractmethod
    def stop(self) -> None:
        """The caller hangs up: the last messages of the call."""

    def listen(self) -> bytes:
        """The next 20 ms for the caller's ear. Marks that come due are sent back."""
        waited = self.line.buffered
        pcm = self.line.pull(self.frame_samples)
        self._send_due_marks()
        self._quiet_frames = 0 if waited or self.line.paused else self._quiet_frames + 1
        if self._quiet_frames * FRAME_MS == GAP_IS_A_PAUSE_MS:
            self.line.stretch_ends()
        return pcm

    @abstractmethod
    def _mark_played(self, name: str) -> None: ...

    def _send_due_marks(self) -> None:
        for name in self.line.take_due():
            self._mark_played(name)

    def _play(self, pcm: bytes) -> list[TrunkEvent]:
        refused = self.line.play(pcm)
        events: list[TrunkEvent] = [SoundCame(len(pcm) / SAMPLE_BYTES * 1000 / self.rate_hz, self.line.buffered_ms)]
        if refused:
            events.append(Complaint(f"the server sends too far ahead: {self.line.limit_samples * 1000 // self.rate_hz} ms wait already"))
        return events

    def _clear(self) -> list[TrunkEvent]:
        thrown = self.line.clear() * 1000 / self.rate_hz
        self._send_due_marks()
        return [ClearCame(thrown)]


def check_key(digit: str) -> str:
    """A key in the carriers' form. Raises ValueError."""
    if digit.upper() not in KEYS or len(digit) != 1:
        raise ValueError(f"a key is one of 0-9, *, #, A-D, not {digit!r}")
    return digit.upper()


class CarrierTrunk(Trunk):
    """Twilio, Telnyx, Plivo, Vonage or Exotel."""

    def __init__(self, carrier: Carrier, details: CallDetails, coding: w.Coding | None = None) -> None:
        """`coding`: what the answer to the webhook asked for; None for the carrier's usual one. Raises ValueError for one that the
        carrier does not speak."""
        coding = coding or CODINGS[carrier][0]
        if coding not in CODINGS[carrier]:
            known = ", ".join(f"{one.codec} at {one.rate_hz} Hz" for one in CODINGS[carrier])
            raise ValueError(f"{carrier} streams {known}; {coding.codec} at {coding.rate_hz} Hz was asked for")
        super().__init__(details, coding.rate_hz, drops_marks=carrier == "plivo", limit_ms=LIMIT_MS.get(carrier, 120_000))
        self.carrier = carrier
        self.coding = coding
        self._end = carrier_end(carrier)
        self._waiting = bytearray()
        self._message_bytes = MESSAGE_MS.get(carrier, FRAME_MS) * coding.rate_hz // 1000 * SAMPLE_BYTES

    def greet(self) -> None:
        if self.carrier in ("twilio", "telnyx", "exotel"):
            self._send(w.Connected())
        details = self.details
        self._send(
            w.Start(
                stream_id=_made_up(STREAM_ID[self.carrier]), call_id=details.call_id or _made_up(CALL_ID[self.carrier]),
                account=details.account or _made_up(ACCOUNT_ID[self.carrier]), caller=details.caller, called=details.called,
                parameters=details.parameters, coding=self.coding,
            )
        )  # fmt: skip

    def speak(self, pcm: bytes) -> None:
        self._waiting += pcm
        while len(self._waiting) >= self._message_bytes:
            message = bytes(self._waiting[: self._message_bytes])
            del self._waiting[: self._message_bytes]
            self._send(w.Media(encode(self.coding, message)))

    def press(self, digit: str) -> None:
        self._send(w.Digit(check_key(digit), KEY_MS))

    def stop(self) -> None:
        self._send(w.Stop("callended" if self.carrier == "exotel" else ""))

    def receive(self, data: Data) -> list[TrunkEvent]:
        try:
            message = self._end.receive(data)
            match message:
                case w.Media(payload):
                    return [*self._play(decode(self.coding, payload)), *self._check_size(len(payload))]
                case w.Mark(name):
                    self.line.mark(name)
                    self._send_due_marks()
                    return [MarkCame(name)]
                case w.Clear():
                    events = self._clear()
                    if self.carrier in ("plivo", "vonage"):
                        self._send(w.Cleared())
                    return events
                case w.SendDigits(digits):
                    return [Complaint(f"the server plays the keys {digits}, which nobody here hears")]
                case w.Unknown(event):
                    return [Complaint(f"{self.carrier} has no message '{event}': ignored")]
        except (w.WireError, ValueError) as error:
            return [Complaint(str(error))]
        return []

    def _check_size(self, size: int) -> list[TrunkEvent]:
        """What two carriers ask of the size of sound messages, in bytes."""
        frame = frame_bytes(self.coding)
        if self.carrier == "vonage" and size != frame:
            return [Complaint(f"Vonage wants sound in binary messages of exactly {frame} bytes (20 ms); one of {size} came")]
        if self.carrier == "exotel" and size % EXOTEL_MULTIPLE:
            return [Complaint(f"Exotel wants sound in multiples of {EXOTEL_MULTIPLE} bytes; {size} came")]
        return []

    def _mark_played(self, name: str) -> None:
        self._send(w.MarkPlayed(name))

    def _send(self, message: w.FromCarrier) -> None:
        data = self._end.send(message)
        if data is not None:
            self.outgoing.append(data)


CODINGS: dict[Carrier, tuple[w.Coding, ...]] = {
    "twilio": (w.Coding("ulaw", 8_000),),
    "telnyx": (
        w.Coding("ulaw", 8_000), w.Coding("alaw", 8_000), w.Coding("l16", 8_000), w.Coding("l16", 16_000), w.Coding("l16", 24_000),
    ),
    "plivo": (w.Coding("ulaw", 8_000), w.Coding("l16", 8_000), w.Coding("l16", 16_000)),
    "vonage": (w.Coding("l16", 16_000), w.Coding("l16", 8_000), w.Coding("l16", 24_000)),
    "exotel": (w.Coding("l16", 8_000), w.Coding("l16", 16_000), w.Coding("l16", 24_000), w.Coding("ulaw", 8_000)),
}  # fmt: skip
"""What each carrier speaks; the first is what it speaks unless asked otherwise."""

MESSAGE_MS: dict[Carrier, int] = {"exotel": 100}
"""Sound in one message of the caller, where it is not 20 ms."""

EXOTEL_MULTIPLE = 320
"""Bytes that sound to Exotel must come in multiples of, by its documents."""

LIMIT_MS: dict[Carrier, int] = {"vonage": 60_000}
"""Sound that a carrier buffers, where its documents say."""

CALL_ID = {"twilio": "CA", "telnyx": "v3:", "plivo": "", "vonage": "", "exotel": ""}
STREAM_ID = {"twilio": "MZ", "telnyx": "", "plivo": "", "vonage": "", "exotel": ""}
ACCOUNT_ID = {"twilio": "AC", "telnyx": "", "plivo": "MA", "vonage": "", "exotel": ""}


def _made_up(prefix: str) -> str:
    return prefix + uuid4().hex
