"""A caller over WebRTC or WebSocket that costs next to nothing: its speech is encoded before it begins.

Used by webrtc.py. Every 20 ms it sends a packet of a request or of silence; it counts what comes back, and looks into it only as far as
the size of an Opus packet or the loudness of PCM tells sound from silence.
"""

import asyncio
import statistics
from dataclasses import dataclass, field
from random import Random

import numpy as np
from hubbub.voice.client.whip import PAYLOAD_TYPE, WhipLine
from hubbub.voice.protocol import HEADER_BYTES, KIND_AUDIO, AudioRequest, Join
from hubbub.voice.rtc.opus import Encoder
from hubbub.voice.rtc.rtp import RtpPacket, pack_rtp
from websockets.asyncio.client import connect

FRAME_S = 0.02
REST_S = 1.0
GIVE_UP_S = 8.0
SOUND_BYTES = 20
"""A packet of Opus that is longer holds sound: silence has a few bytes."""


@dataclass
class Speech:
    """One request, ready to be sent either way."""

    packets: list[bytes]
    """Opus, 20 ms each."""
    frames: list[bytes]
    """PCM16 at 16 kHz, 20 ms each."""
    first_loud_s: float
    last_loud_s: float

    @classmethod
    def of(cls, pcm: bytes) -> "Speech":
        """From PCM16 at 16 kHz."""
        frames = [pcm[start : start + 640].ljust(640, b"\0") for start in range(0, len(pcm), 640)]
        encoder = Encoder(16_000, complexity=5)
        encoder.expect_loss(5)
        packets = [encoder.encode(frame) for frame in frames]
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) > 600)
        return cls(packets, frames, int(loud[0]) / 16_000, (int(loud[-1]) + 1) / 16_000)


@dataclass
class Figures:
    """What the callers of one row saw, in ms."""

    setup_ms: list[float] = field(default_factory=list)
    answer_ms: list[float] = field(default_factory=list)
    """From the last loud sample said to the first packet of the answer."""
    unanswered: int = 0
    late: int = 0
    sent: int = 0
    received: int = 0
    lost_sessions: int = 0


def percentile(values: list[float], percent: int) -> float:
    """A percentile, NaN of nothing."""
    if not values:
        return float("nan")
    return values[0] if len(values) == 1 else statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


class Caller:
    """Talks: a request, the answer, a rest, and again."""

    def __init__(self, url: str, room: str, speech: Speech, figures: Figures, *, measure_from: float) -> None:
        self.url, self.room, self.speech, self.figures, self.measure_from = url, room, speech, figures, measure_from
        self._sound_at = self._first_at = 0.0
        self._waiting_since: float | None = None

    async def run(self, until: float, start_s: float) -> None:
        """Connects after `start_s`, and talks until loop time `until`."""
        loop = asyncio.get_running_loop()
        await asyncio.sleep(start_s)
        begun = loop.time()
        await self.open()
        if begun >= self.measure_from - 60:
            self.figures.setup_ms.append((loop.time() - begun) * 1000)
        self._due = loop.time()
        try:
            while loop.time() < until:
                await self._turn(loop)
        finally:
            await self.close()

    async def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        spoken = self._due + self.speech.last_loud_s
        self._waiting_since, self._first_at = spoken, 0.0
        for place in range(len(self.speech.frames)):
            await self._send(place)
        while not self._first_at and loop.time() < spoken + GIVE_UP_S:
            await self._send(-1)
        if spoken > self.measure_from:
            if self._first_at:
                self.figures.answer_ms.append((self._first_at - spoken) * 1000)
            else:
                self.figures.unanswered += 1
        while loop.time() - self._sound_at < REST_S:
            await self._send(-1)

    async def _send(self, place: int) -> None:
        self._due += FRAME_S
        wait = self._due - asyncio.get_running_loop().time()
        if wait > 0:
            await asyncio.sleep(wait)
        self.figures.late += wait < -FRAME_S
        self.figures.sent += 1
        await self.send(place)

    def heard(self, now: float) -> None:
        """Sound came."""
        self.figures.received += 1
        if self._waiting_since is not None and now > self._waiting_since:
            self._waiting_since, self._first_at = None, now
        self._sound_at = now

    async def open(self) -> None:
        """Connects and joins."""
        raise NotImplementedError

    async def send(self, place: int) -> None:
        """Sends a frame of the request; -1 for silence."""
        raise NotImplementedError

    async def close(self) -> None:
        """Leaves."""
        raise NotImplementedError


class WebRTCCaller(Caller):
    """Over WebRTC. In silence it sends what a browser with DTX sends: a small packet in 400 ms."""

    certificate: object = None
    addresses: tuple[str, ...] = ("127.0.0.1",)
    loss = 0.0
    """Share of RTP packets that are lost, each way."""
    random = Random(0)

    async def open(self) -> None:
        self.line = line = WhipLine(self.url, {"room": self.room, "name": "Caller"}, addresses=self.addresses)
        line.wants_rtp = self._look
        self._size = 0
        line.on_rtp = self._packet
        self._sequence, self._timestamp, self._silent = 0, 0, 0
        self.quiet = bytes([self.speech.packets[-1][0] & 0xFC])
        await line.open(20, self.certificate)

    def _look(self, payload_type: int, ssrc: int) -> bool:
        return payload_type == PAYLOAD_TYPE and self.random.random() >= self.loss

    def _packet(self, data: bytes, now: float) -> None:
        if len(data) > 12 + SOUND_BYTES:
            self.heard(now)

    async def send(self, place: int) -> None:
        if place >= 0:
            payload, self._silent = self.speech.packets[place], 0
        else:
            self._silent += 1
            payload = self.quiet if self._silent % 20 == 1 else b""
        if payload:
            packet = RtpPacket(PAYLOAD_TYPE, self._sequence, self._timestamp, self.line.ssrc, payload)
            self._sequence = (self._sequence + 1) & 0xFFFF
            if self.random.random() >= self.loss:
                self.line.send_rtp(pack_rtp(packet))
        self._timestamp = (self._timestamp + 960) & 0xFFFFFFFF

    async def close(self) -> None:
        await self.line.close()


class WebSocketCaller(Caller):
    """Over the native WebSocket: a frame every 20 ms, silence too."""

    async def open(self) -> None:
        self._socket = await connect(self.url.replace("http", "ws") + "/api/voice", compression=None)
        await self._socket.send(Join(type="join", room=self.room, name="Caller", audio=AudioRequest(playhead=False)).model_dump_json())
        joined = await self._socket.recv()
        if '"joined"' not in str(joined):
            raise RuntimeError(str(joined))
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        async for data in self._socket:
            if isinstance(data, bytes) and data[0] == KIND_AUDIO and any(data[HEADER_BYTES : HEADER_BYTES + 64]):
                self.heard(loop.time())

    async def send(self, place: int) -> None:
        await self._socket.send(self.speech.frames[place] if place >= 0 else bytes(640))

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()
