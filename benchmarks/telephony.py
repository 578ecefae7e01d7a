"""Telephone calls (Twilio's form, µ-law at 8 kHz) beside the native WebSocket: calls on one core, added latency, barge-in to silence.

`python benchmarks/telephony.py --calls 1 10 25 50` prints Markdown. The server (real Silero VAD, engines by a script without delays of
their own, each call in a room of its own) is pinned to core 0 and the callers to core 1. Every caller asks, hears some seconds of
answer, rests a second, and asks again; in every second turn of a telephone he speaks over the answer instead of hearing it out.

*answer* is from the last loud sample said to the first sound of the answer; what the telephone adds is the difference to the
WebSocket's row. *silence* is from the first loud sample of a barge-in to the clear that empties the carrier's buffer, from which on the
caller's ear hears nothing. *ahead* is the most that ever waited in a carrier's buffer. *calls a core* is how many fit into 80 % of one.
The carrier stands beside the server: what a real line adds both ways is to be added. A row is to be believed where *driver late* (frames
sent more than 20 ms late), *unanswered* and *foreign* (what others used of the server's core) are nearly 0.
"""

import argparse
import asyncio
import base64
import json
import os
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import uvloop
from asterisk_caller import AUDIOSOCKET_PORT, AudioSocketCaller, ChannelCaller
from crowd import REQUEST, talk
from hubbub.voice.audio.g711 import encode_ulaw
from hubbub.voice.audio.resample import resample
from hubbub.voice.audio.wav import read_wav
from hubbub.voice.gateway.telephony.wire.base import Connected, Start
from hubbub.voice.gateway.telephony.wire.twilio import CarrierEnd
from webrtc_caller import FRAME_S, GIVE_UP_S, REST_S, Caller, Figures, Speech, WebSocketCaller, percentile
from websockets.asyncio.client import connect

FRAME_BYTES = 160
HEAR_S = 1.5
"""How much of an answer is heard before it is spoken over."""

QUIET = frozenset(encode_ulaw(np.arange(-200, 200, 8, dtype="<i2").tobytes()))
"""Codes that are silence: below -44 dBFS."""


@dataclass
class PhoneFigures(Figures):
    """What the telephones of one row saw."""

    silence_ms: list[float] = field(default_factory=list)
    ahead_ms: list[float] = field(default_factory=list)


class PhoneCaller(Caller):
    """Plays Twilio: streams the speech as text messages that were made before, buffers and plays what comes, returns marks."""

    figures: PhoneFigures
    messages: list[str]
    quiet: str
    first_loud_s: float

    @classmethod
    def prepare(cls, pcm: bytes) -> None:
        """Codes the request once, for all callers. `pcm`: PCM16 at 16 kHz."""
        coded = encode_ulaw(resample(pcm, 16_000, 8000))
        frames = [coded[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for at in range(0, len(coded), FRAME_BYTES)]
        cls.messages = [cls._message(frame) for frame in frames]
        cls.quiet = cls._message(b"\xff" * FRAME_BYTES)
        loud = np.flatnonzero(np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) > 600)
        cls.first_loud_s = int(loud[0]) / 16_000

    @staticmethod
    def _message(frame: bytes) -> str:
        payload = base64.b64encode(frame).decode()
        return f'{{"event":"media","streamSid":"MZ","media":{{"track":"inbound","payload":"{payload}"}}}}'

    async def open(self) -> None:
        self._buffer: deque[bytes | str] = deque()
        self._waiting_bytes, self._cleared_at, self._turns = 0, 0.0, 0
        end = CarrierEnd()
        self._socket = await connect(f"{self.url.replace('http', 'ws')}/api/calls/twilio", compression=None)
        for message in (Connected(), Start("MZ", f"CA-{self.room}", "AC", parameters={"room": "room0"})):
            await self._socket.send(str(end.send(message)))
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        loop = asyncio.get_running_loop()
        async for data in self._socket:
            message: dict[str, Any] = json.loads(data)
            match message["event"]:
                case "media":
                    payload = base64.b64decode(message["media"]["payload"])
                    self._buffer.append(payload)
                    self._waiting_bytes += len(payload)
                    if not QUIET.issuperset(payload[::7]):
                        self.heard(loop.time())
                case "mark":
                    self._buffer.append(message["mark"]["name"])
                case "clear":
                    self._cleared_at = loop.time()
                    marks = [entry for entry in self._buffer if isinstance(entry, str)]
                    self._buffer.clear()
                    self._waiting_bytes = 0
                    for mark in marks:
                        await self._return(mark)

    async def _return(self, mark: str) -> None:
        await self._socket.send(f'{{"event":"mark","streamSid":"MZ","mark":{{"name":"{mark}"}}}}')

    async def send(self, place: int) -> None:
        await self._socket.send(self.messages[place] if place >= 0 else self.quiet)
        self.figures.ahead_ms.append(self._waiting_bytes / 8)
        wanted = FRAME_BYTES
        while self._buffer and (wanted or isinstance(self._buffer[0], str)):
            entry = self._buffer.popleft()
            if isinstance(entry, str):
                await self._return(entry)
                continue
            self._waiting_bytes -= min(wanted, len(entry))
            if len(entry) > wanted:
                self._buffer.appendleft(entry[wanted:])
            wanted = max(0, wanted - len(entry))

    async def _turn(self, loop: asyncio.AbstractEventLoop) -> None:
        self._turns += 1
        if self._turns % 2:
            await super()._turn(loop)
            return
        spoken = self._due + self.speech.last_loud_s
        self._waiting_since, self._first_at = spoken, 0.0
        for place in range(len(self.messages)):
            await self._send(place)
        while not self._first_at and loop.time() < spoken + GIVE_UP_S:
            await self._send(-1)
        for _ in range(int(HEAR_S / FRAME_S)):
            await self._send(-1)
        onset = self._due + self.first_loud_s
        for place in range(len(self.messages)):
            await self._send(place)
        if onset > self.measure_from and self._cleared_at > onset:
            self.figures.silence_ms.append((self._cleared_at - onset) * 1000)
        while loop.time() - self._sound_at < REST_S:
            await self._send(-1)

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()


KINDS: dict[str, type[Caller]] = {
    "websocket": WebSocketCaller, "telephone": PhoneCaller, "channel": ChannelCaller, "audiosocket": AudioSocketCaller,
}  # fmt: skip
"""`channel` and `audiosocket` are Asterisk's; they hear each answer out."""


async def measure(kind: type[Caller], calls: int, arguments: argparse.Namespace, speech: Speech) -> str:
    """One row."""
    if kind is AudioSocketCaller:
        arguments = argparse.Namespace(**{**vars(arguments), "server": [*arguments.server, "--audiosocket", str(AUDIOSOCKET_PORT)]})
    figures = PhoneFigures()
    used = await talk(kind, calls, arguments, speech, figures)
    phone = kind is PhoneCaller
    label = next(name for name, known in KINDS.items() if known is kind)
    silence = f"{percentile(figures.silence_ms, 50):.0f} / {percentile(figures.silence_ms, 95):.0f}" if phone else ""
    return (
        f"| {label} | {calls} "
        f"| {percentile(figures.answer_ms, 50):.0f} / {percentile(figures.answer_ms, 95):.0f} | {silence} "
        f"| {f'{max(figures.ahead_ms):.0f}' if phone else ''} | {used.cpu:.0f} | {used.cpu / calls:.2f} | {80 / (used.cpu / calls):.0f} "
        f"| {len(figures.answer_ms)} | {figures.unanswered} | {100 * figures.late / max(1, figures.sent):.1f} | {used.foreign:.0f} "
        f"| {figures.lost_sessions} |"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, nargs="+", default=[1, 10, 25, 50])
    parser.add_argument("--seconds", type=float, default=25)
    parser.add_argument("--kinds", nargs="+", choices=list(KINDS), default=["websocket", "telephone"])
    parser.add_argument("--server", nargs=argparse.REMAINDER, default=[], help="more arguments for simulated_server.py; last")
    arguments = parser.parse_args()
    os.sched_setaffinity(0, {1})
    pcm = read_wav(REQUEST, 16_000)
    speech = Speech.of(pcm)
    PhoneCaller.prepare(pcm)
    print("| over | calls | answer ms p50 / p95 | silence ms p50 / p95 | ahead ms | CPU % of a core | a call | calls a core | turns "
          "| unanswered | driver late % | foreign % | lost |")
    print("|---|---|---|---|---|---|---|---|---|---|---|---|---|")
    for calls in arguments.calls:
        for kind in arguments.kinds:
            print(await measure(KINDS[kind], calls, arguments, speech), flush=True)


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
