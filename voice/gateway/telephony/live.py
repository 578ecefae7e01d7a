"""A call that is under way: its connection, its seat, and what may be done with it. Implements `voice.phone.PhoneControl`."""

import asyncio
import logging
import time
from dataclasses import dataclass, field

from ...asr.base import ASREngine
from ...config.telephony import allows
from ...event import Call as CallEvent
from ...phone import PhoneError
from ...session import Session
from .call import PhoneCall
from .coding import decode
from .greeting import FRAME_MS, GreetingDetector, GreetingPolicy, Verdict
from .greeting_words import GreetingWords
from .rest.base import CarrierREST, RestError
from .tickets import CallPlan
from .wire.carriers import Carrier

log = logging.getLogger("hubbub.gateway.telephony")

MAX_DIGITS = 32


@dataclass(eq=False)
class LiveCall:
    """One call, from its seat to its end."""

    carrier: Carrier
    plan: CallPlan
    call: PhoneCall
    session: Session
    rest: CarrierREST | None
    allowed: tuple[str, ...]
    """Patterns of the numbers that it may be transferred to."""
    transfer_url: str = ""
    """What a carrier that asks how to put a call through is told to ask; the number is added."""
    began: float = field(default_factory=time.time)
    ended_by: str = ""
    first_verdict: asyncio.Future[Verdict] | None = None
    """Who answered, once it is known: `human`, `machine` or `unknown`."""
    words: GreetingWords | None = None
    """Who makes out what is said until then."""
    ready: asyncio.Future[Verdict] | None = None
    """When to speak: `human` or `unknown` at once, `beep` when a machine is ready to record."""

    @property
    def name(self) -> str:
        return self.session.name

    @property
    def call_id(self) -> str:
        """The carrier's id."""
        return self.plan.call.call_id or self.call.start.call_id

    def tell(self, state: str, detail: str = "") -> None:
        """Says what becomes of the call, to its session and to the log."""
        event = CallEvent.model_validate(
            {"at_ms": self.session.now_ms, "speaker": self.name, "carrier": self.carrier, "state": state, "detail": detail}
        )
        self.session.share(event)
        room, session = self.session.room.name, self.session.id
        log.info("call=%s carrier=%s room=%s session=%s %s %s", self.call_id, self.carrier, room, session, state, detail)

    # ── voice.phone.PhoneControl ──────────────────────────────────────────────────────────────────────────────────────

    def hold(self) -> None:
        if not self.call.on_hold:
            self.call.hold()
            self.tell("on_hold")

    def resume(self) -> None:
        if self.call.on_hold:
            self.call.resume()
            self.tell("resumed")

    def hang_up(self) -> None:
        self.call.hang_up()

    def send_digits(self, digits: str) -> None:
        if not 0 < len(digits) <= MAX_DIGITS:
            raise PhoneError(f"one to {MAX_DIGITS} keys can be sent at a time")
        try:
            self.call.send_digits(digits)
        except ValueError as error:
            raise PhoneError(str(error)) from None

    async def transfer(self, number: str) -> None:
        if not number.lstrip("+").isdigit() or not allows(self.allowed, number):
            raise PhoneError("calls may not be put through to that number: it is not among telephony.destinations")
        if self.rest is None:
            raise PhoneError(f"this server cannot put {self.carrier}'s calls through: its account is not configured")
        try:
            await self.rest.transfer(self.call_id, number, f"{self.transfer_url}{number.lstrip('+')}")
        except RestError as error:
            log.error("call=%s carrier=%s cannot be put through: %s", self.call_id, self.carrier, error)
            raise PhoneError("the carrier could not put the call through") from None
        self.ended_by = "transferred"
        self.tell("transferred", f"…{number[-4:]}")

    # ── who answers an outgoing call ──────────────────────────────────────────────────────────────────────────────────

    def listen_for_machine(self, policy: GreetingPolicy, asr: ASREngine | None = None, language: str = "en") -> None:
        """Tells, by how the callee greets, whether a person or a machine has answered; each as an event. `asr`: who makes out his words;
        without them lengths alone decide."""
        detector = GreetingDetector(self.call.mouth.coding.rate_hz, policy)
        coding = self.call.mouth.coding
        size = coding.rate_hz * FRAME_MS // 1000 * 2
        rest = bytearray()

        def take_words(words: str | None) -> None:
            if (found := detector.hear_words(words)) is not None:
                self._heard_greeting(found)

        if asr is not None:
            self.words, detector.words = GreetingWords(asr, language, take_words), ""

        def hear(payload: bytes, heard: bytes) -> None:
            rest.extend(decode(coding, payload))
            while len(rest) >= size:
                found = detector.hear(bytes(rest[:size]))
                del rest[:size]
                if found is not None:
                    self._heard_greeting(found)
            if self.words is not None and detector.verdict is None:
                self.words.hear(heard, detector.quiet_ms)
            if detector.done:
                self.call.listener = None

        loop = asyncio.get_running_loop()
        self.first_verdict, self.ready = loop.create_future(), loop.create_future()
        self.call.listener = hear

    def close(self) -> None:
        """The call is over, or it is known who has answered: nobody listens for words any more."""
        if self.words is not None:
            self.words.close()

    def _heard_greeting(self, found: Verdict) -> None:
        self.close()
        if found != "unknown":
            self.tell(found)
        if self.first_verdict is not None and not self.first_verdict.done():
            self.first_verdict.set_result(found)
        if self.ready is not None and not self.ready.done() and found != "machine":
            self.ready.set_result(found)
