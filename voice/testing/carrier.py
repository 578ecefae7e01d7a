"""A telephone carrier in simulated time: streams a call to a gateway, buffers and plays what comes back, answers marks and clears.

It speaks the carrier's own wire format at both ends, so that a test sees what a caller's ear would have heard, to the sample. For a
carrier over real sockets see `hubbub.voice.client.phone`.
"""

import asyncio
from collections import deque

from ..audio.frames import EAR_HZ, FRAME_MS, SAMPLE_BYTES
from ..audio.resample import Resampler
from ..event import AudioFormat, Joined
from ..gateway.telephony.call import PhoneCall
from ..gateway.telephony.coding import decode, encode
from ..gateway.telephony.wire.base import (
    Clear,
    Cleared,
    Coding,
    Connected,
    Data,
    Digit,
    FromCarrier,
    FromServer,
    Mark,
    MarkPlayed,
    Media,
    Start,
    Stop,
    WireError,
)
from ..gateway.telephony.wire.carriers import Carrier, carrier_end
from ..gateway.telephony.wire.line import Line
from ..protocol import PROTOCOL_VERSION
from ..room import VoiceRoom
from ..session import Session
from .network import SimulatedNetwork

CODING_OF: dict[Carrier, Coding] = {
    "twilio": Coding("ulaw", 8000), "telnyx": Coding("alaw", 8000), "plivo": Coding("ulaw", 8000), "vonage": Coding("l16", 16000),
    "exotel": Coding("l16", 8000),
}  # fmt: skip
"""What each carrier streams unless a test wants another."""


class SimulatedCarrier:
    """One call into a room. The caller speaks with `say`, and `heard` is what came to his ear."""

    def __init__(
        self,
        room: VoiceRoom,
        carrier: Carrier = "twilio",
        *,
        coding: Coding | None = None,
        name: str = "caller",
        uplink: SimulatedNetwork | None = None,
        downlink: SimulatedNetwork | None = None,
        marks: bool = True,
    ) -> None:
        """`uplink` and `downlink`: the line between the carrier and the gateway. `marks`: False for a carrier that never sends one back."""
        self.coding = coding or CODING_OF[carrier]
        self.heard = bytearray()
        """What the caller heard since the call began, PCM16 at the call's rate, silence included."""
        self.fill_ms: list[float] = []
        """How much sound waited in the carrier's buffer, at each 20 ms."""
        self.sizes: set[int] = set()
        """Lengths, in bytes, of the sound messages that came."""
        self.clears: list[float] = []
        """When a clear arrived, in seconds of loop time."""
        self.marks_back = 0
        self.refused: list[str] = []
        """Why messages of ours were refused, if they were."""
        self._carrier = carrier
        self._room = room
        self._marks = marks
        self._end = carrier_end(carrier)
        self._line = Line(carrier)
        self._loop = asyncio.get_running_loop()
        self._up = uplink or SimulatedNetwork()
        self._down = downlink or SimulatedNetwork()
        self._going_up: deque[Data] = deque()
        self._coming_down: deque[Data] = deque()
        self._frame = self.coding.rate_hz * FRAME_MS // 1000 * SAMPLE_BYTES
        self._to_say: deque[bytes] = deque()
        self._buffer: deque[bytes | Mark] = deque()
        self._resampler = Resampler(EAR_HZ, self.coding.rate_hz)
        self.call: PhoneCall
        self.session: Session
        self._send_now(Connected())
        self._send_now(Start(f"stream-{name}", f"call-{name}", "account", coding=self.coding))
        self._join(name)
        self._tasks = [asyncio.create_task(self._live()), asyncio.create_task(self.call.outbox.write(self._write))]

    # ── what a test does ──────────────────────────────────────────────────────────────────────────────────────────────

    def say(self, pcm: bytes) -> None:
        """Speaks PCM16 at 16 kHz into the telephone, after what is being said already."""
        sound = self._resampler.push(pcm) + self._resampler.flush()
        for start in range(0, len(sound), self._frame):
            self._to_say.append(sound[start : start + self._frame].ljust(self._frame, b"\0"))

    async def said(self) -> None:
        """Waits until everything has been said."""
        while self._to_say:
            await asyncio.sleep(FRAME_MS / 1000)

    def press(self, digits: str) -> None:
        """Presses keys."""
        for digit in digits:
            self.send(Digit(digit))

    def send(self, message: FromCarrier) -> None:
        """Sends any message of the carrier, on the line's own time."""
        if (data := self._end.send(message)) is not None:
            self.send_raw(data)

    def send_raw(self, data: Data) -> None:
        """Sends anything at all."""
        self._going_up.append(data)
        self._loop.call_at(self._up.control(self._loop.time()), lambda: self._deliver(self._going_up.popleft()))

    async def leave(self) -> None:
        """Hangs up."""
        self.send(Stop())
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self.session.detach(self.call, self._loop.time())
        self._room.leave(self.session)
        await self.call.close()

    # ── the gateway's side ────────────────────────────────────────────────────────────────────────────────────────────

    def _join(self, name: str) -> None:
        self.session = self._room.join(name)
        self.call.seat(self.session)
        joined = Joined(
            protocol=PROTOCOL_VERSION, room=self._room.name, name=self.session.name, session=self.session.id, resume_token="",
            participants=self._room.participants, audio=AudioFormat(input_rate_hz=self.coding.rate_hz, output_rate_hz=self.coding.rate_hz),
        )  # fmt: skip
        self.session.attach(self.call, joined)

    def _send_now(self, message: FromCarrier) -> None:
        if (data := self._end.send(message)) is not None:
            self._deliver(data)

    def _deliver(self, data: Data) -> None:
        try:
            for message in self._line.receive(data):
                if isinstance(message, Start):
                    self.call = PhoneCall(self._carrier, self._line.end, message)
                elif not isinstance(message, Connected):
                    self.call.receive(message)
        except WireError as error:
            self.refused.append(error.code)

    async def _write(self, data: Data) -> None:
        self._coming_down.append(data)
        self._loop.call_at(self._down.control(self._loop.time()), self._arrive)

    # ── the carrier's side ────────────────────────────────────────────────────────────────────────────────────────────

    def _arrive(self) -> None:
        message: FromServer = self._end.receive(self._coming_down.popleft())
        match message:
            case Media(payload):
                self.sizes.add(len(payload))
                self._buffer.append(decode(self.coding, payload))
            case Mark():
                self._buffer.append(message)
                self._return_marks()
            case Clear():
                self._clear()

    def _clear(self) -> None:
        self.clears.append(self._loop.time())
        pending = [entry for entry in self._buffer if isinstance(entry, Mark)]
        self._buffer.clear()
        if self._carrier in ("twilio", "telnyx", "exotel"):  # Plivo and Vonage forget them
            for mark in pending:
                self._return(mark)
        self.send(Cleared())

    def _return(self, mark: Mark) -> None:
        if self._marks:
            self.marks_back += 1
            self.send(MarkPlayed(mark.name))

    def _return_marks(self) -> None:
        """Marks that nothing stands before any more come back."""
        while self._buffer and isinstance(mark := self._buffer[0], Mark):
            self._buffer.popleft()
            self._return(mark)

    async def _live(self) -> None:
        due = self._loop.time()
        while True:
            pcm = self._to_say.popleft() if self._to_say else bytes(self._frame)
            self.send(Media(encode(self.coding, pcm)))
            self._play()
            due += FRAME_MS / 1000
            await asyncio.sleep(max(0.0, due - self._loop.time()))

    def _play(self) -> None:
        waiting = sum(len(entry) for entry in self._buffer if isinstance(entry, bytes))
        self.fill_ms.append(waiting * 1000 / SAMPLE_BYTES / self.coding.rate_hz)
        out = b""
        while self._buffer and len(out) < self._frame:
            self._return_marks()
            if not self._buffer:
                break
            entry = self._buffer.popleft()
            assert isinstance(entry, bytes)
            piece, rest = entry[: self._frame - len(out)], entry[self._frame - len(out) :]
            out += piece
            if rest:
                self._buffer.appendleft(rest)
        self._return_marks()
        self.heard += out.ljust(self._frame, b"\0")
