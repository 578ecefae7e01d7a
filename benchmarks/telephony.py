"""Telephone calls (Twilio's form, µ-law at 8 kHz) beside the native WebSocket: calls on one core, added latency, barge-in to silence.

`python benchmarks/telephony.py --calls 1 10 25 50` prints Markdown. The server (real Silero VAD, engines by a script without delays of
their own, each call in a room of its own) is pinned to core 0 and the callers to core 1. Every caller asks, hears some seconds of
answer, rests a second, and asks again; in every second turn of a telephone he speaks over the answer instead of hearing it out.
`--kinds channel audiosocket` plays Asterisk instead of Twilio.

*answer* is from the last loud sample said to the first sound of the answer; what the telephone adds is the difference to the
WebSocket's row. *silence* is from the first loud sample of a barge-in to when the caller's ear hears nothing any more: the clear that
empties the carrier's buffer, the pause of Asterisk's queue that a flush follows, or the end of the last frame with sound over AudioSocket,
where what the telephone behind it buffers is to be added. *ahead* is the most that ever waited in Twilio's buffer. *calls a core* is how
many fit into 80 % of one. The carrier stands beside the server: what a real line adds both ways is to be added. A row is to be believed
where *driver late* (frames sent more than 20 ms late), *unanswered* and *foreign* (what others used of the server's core) are nearly 0.
"""

import argparse
import asyncio
import base64
import json
import os
from collections import deque
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
from interrupting_caller import InterruptingCaller, PhoneFigures
from webrtc_caller import Caller, Speech, WebSocketCaller, percentile
from websockets.asyncio.client import connect

FRAME_BYTES = 160
QUIET = frozenset(encode_ulaw(np.arange(-200, 200, 8, dtype="<i2").tobytes()))
"""Codes that are silence: below -44 dBFS."""


class PhoneCaller(InterruptingCaller):
    """Plays Twilio: streams the speech as text messages that were made before, buffers and plays what comes, returns marks. The ear falls
    silent when the buffer is cleared."""

    messages: list[str]
    quiet: str

    @classmethod
    def prepare(cls, pcm: bytes) -> None:
        """Codes the request once, for all callers. `pcm`: PCM16 at 16 kHz."""
        coded = encode_ulaw(resample(pcm, 16_000, 8000))
        frames = [coded[at : at + FRAME_BYTES].ljust(FRAME_BYTES, b"\xff") for at in range(0, len(coded), FRAME_BYTES)]
        cls.messages = [cls._message(frame) for frame in frames]
        cls.quiet = cls._message(b"\xff" * FRAME_BYTES)

    @staticmethod
    def _message(frame: bytes) -> str:
        payload = base64.b64encode(frame).decode()
        return f'{{"event":"media","streamSid":"MZ","media":{{"track":"inbound","payload":"{payload}"}}}}'

    async def open(self) -> None:
        self._buffer: deque[bytes | str] = deque()
        self._waiting_bytes = 0
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
                    self.silenced(loop.time())
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

    async def close(self) -> None:
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        await self._socket.close()


KINDS: dict[str, type[Caller]] = {
    "websocket": WebSocketCaller, "telephone": PhoneCaller, "channel": ChannelCaller, "audiosocket": AudioSocketCaller,
}  # fmt: skip
"""`channel` and `audiosocket` are Asterisk's."""


async def measure(kind: type[Caller], calls: int, arguments: argparse.Namespace, speech: Speech) -> str:
    """One row."""
    if kind is AudioSocketCaller:
        arguments = argparse.Namespace(**{**vars(arguments), "server": [*arguments.server, "--audiosocket", str(AUDIOSOCKET_PORT)]})
    figures = PhoneFigures()
    used = await talk(kind, calls, arguments, speech, figures)
    phone = issubclass(kind, InterruptingCaller)
    label = next(name for name, known in KINDS.items() if known is kind)
    silence = f"{percentile(figures.silence_ms, 50):.0f} / {percentile(figures.silence_ms, 95):.0f}" if phone else ""
    ahead = f"{max(figures.ahead_ms):.0f}" if figures.ahead_ms else ""
    return (
        f"| {label} | {calls} "
        f"| {percentile(figures.answer_ms, 50):.0f} / {percentile(figures.answer_ms, 95):.0f} | {silence} "
        f"| {ahead} | {used.cpu:.0f} | {used.cpu / calls:.2f} | {80 / (used.cpu / calls):.0f} "
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
