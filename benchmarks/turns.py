"""Measures turns over the native WebSocket: added latency, CPU and memory per session, with simulated engines and the real VAD.

    python benchmarks/turns.py                       # added latency: engines of 0 ms, one session
    python benchmarks/turns.py --sessions 1 10 50    # CPU and memory at these numbers of sessions
    python benchmarks/turns.py --find                # how many sessions a core carries with p95 within 50 ms of one session's
    python benchmarks/turns.py --asr-ms 150 --model-ms 300 --tts-ms 150 --speculation off model full

The server is pinned to core 0 and this driver to core 1. Each session speaks a recorded request (espeak-ng, from audio_fixtures),
hears the answer for a while and speaks again. *Voice to voice* (v2v) is from the last loud sample sent to the first loud sample
received; *beyond the endpoint* is that minus the silence that the turn machine waited for in this turn (it adapts to the caller);
*bound* is what the nominal wait and the engines' own times allow at best. *Loop lag*: by how much each side's event loop was late in
the last 20 s (`loop_lag.py`); what the driver's was late by is in every figure of the row, and not the server's doing.
"""

import argparse
import asyncio
import os
import signal
import statistics
import subprocess
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from hubbub.voice.audio.frames import MOUTH_HZ
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.client import VoiceClient
from hubbub.voice.clock import TICK_MS
from hubbub.voice.event import Clear, Turn
from hubbub.voice.protocol import AudioFrame
from loop_lag import LoopLag

HERE = Path(__file__).parent
SPEECH = HERE.parent / "audio_fixtures"
FRAME_S, FRAME_BYTES = 0.02, 640
REPORT_S = 0.1
SETTLE_S = 5.0
"""After a server is ready: what it loads behind the open door (WebRTC) is loaded by then."""
WITHIN_MS = 50
"""How far p95 may leave one session's before a core counts as full."""
DRIVER_LATE = 0.01
LOUD = 600
"""Absolute sample value from which a frame counts as loud: about -35 dBFS."""


@dataclass
class Figures:
    """What one run gave."""

    v2v_ms: list[float] = field(default_factory=list)
    last_v2v_ms: dict[str, float] = field(default_factory=dict)
    added_ms: list[float] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    late_frames: int = 0
    frames: int = 0


class Talker:
    """One caller: a microphone that never stops, a script of speech, an ear with a stop-watch."""

    def __init__(self, url: str, room: str, speech: bytes, *, listen_s: float, start_s: float, figures: Figures) -> None:
        self.url, self.room, self.speech, self.figures = url, room, speech, figures
        self.listen_s, self.start_s = listen_s, start_s
        samples = np.frombuffer(speech, np.int16)
        self.last_loud = int(np.flatnonzero(np.abs(samples) > LOUD)[-1]) / 16_000
        self.speech_end = 0.0
        self.heard_first = asyncio.Event()
        self.playing: deque[tuple[float, int, int]] = deque()
        """When each frame that came will have been played (loop time), its reply, and the place of its end."""
        self.play_end = self.reported = 0.0

    async def run(self, until: float) -> None:
        async with VoiceClient(self.url, room=self.room, name="bench") as client:
            reader = asyncio.create_task(self._read(client))
            try:
                await self._talk(client, until)
            finally:
                reader.cancel()
                await asyncio.gather(reader, return_exceptions=True)

    async def _talk(self, client: VoiceClient, until: float) -> None:
        loop = asyncio.get_running_loop()
        quiet = bytes(FRAME_BYTES)
        chunks = [self.speech[i : i + FRAME_BYTES].ljust(FRAME_BYTES, b"\0") for i in range(0, len(self.speech), FRAME_BYTES)]
        due = loop.time() + self.start_s
        await asyncio.sleep(self.start_s)
        while loop.time() < until:
            began = due
            self.speech_end = 0.0
            self.heard_first.clear()
            for n, chunk in enumerate(chunks):
                await self._send(client, chunk, due)
                due += FRAME_S
                if not self.speech_end and (n + 1) * FRAME_S >= self.last_loud:
                    self.speech_end = began + self.last_loud + (due - began - (n + 1) * FRAME_S)
            waited = 0.0
            while waited < self.listen_s or (not self.heard_first.is_set() and waited < 6):
                await self._send(client, quiet, due)
                due += FRAME_S
                waited += FRAME_S

    async def _send(self, client: VoiceClient, chunk: bytes, due: float) -> None:
        """A chunk leaves when its last sample has been spoken, as a microphone would deliver it."""
        loop = asyncio.get_running_loop()
        wait = due + FRAME_S - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)
        elif wait < -FRAME_S:
            self.figures.late_frames += 1
        self.figures.frames += 1
        await client.send_audio(chunk)
        await self._report(client, loop.time())

    async def _report(self, client: VoiceClient, now: float) -> None:
        """Ten times a second, what has been played: in real time, as a loudspeaker does."""
        if now - self.reported < REPORT_S or not self.playing or self.playing[0][0] > now:
            return
        while self.playing and self.playing[0][0] <= now:
            _, reply, offset = self.playing.popleft()
        self.reported = now
        await client.send_playhead(reply, offset)

    async def _read(self, client: VoiceClient) -> None:
        loop = asyncio.get_running_loop()
        async for item in client:
            now = loop.time()
            if isinstance(item, AudioFrame):
                self._hear(item, now)
            elif isinstance(item, Clear):
                self.playing.clear()
                self.play_end = now
            elif isinstance(item, Turn):
                self.figures.turns.append(item)
                if self.heard_first.is_set():
                    self.figures.added_ms.append(self.figures.last_v2v_ms[self.room] - item.latency.endpoint_ms)

    def _hear(self, frame: AudioFrame, now: float) -> None:
        samples = len(frame.pcm) // 2
        self.play_end = max(self.play_end, now) + samples / MOUTH_HZ
        self.playing.append((self.play_end, frame.reply, frame.offset + samples))
        if not self.speech_end or self.heard_first.is_set() or now <= self.speech_end:
            return
        if np.abs(np.frombuffer(frame.pcm, np.int16)).max(initial=0) > LOUD:
            self.heard_first.set()
            self.figures.v2v_ms.append((now - self.speech_end) * 1000)
            self.figures.last_v2v_ms[self.room] = self.figures.v2v_ms[-1]


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def percentile(values: list[float], share: float) -> float:
    return float(np.percentile(values, share * 100)) if values else float("nan")


async def measure(arguments: argparse.Namespace, sessions: int, speculation: str) -> tuple[Figures, str]:
    """One row: what was measured, and the line that tells it."""
    command = [sys.executable, str(HERE / "simulated_server.py"), "--core", "0", "--speculation", speculation]
    for name in ("asr_ms", "partial_ms", "model_ms", "tts_ms", "endpoint_ms", "gap_ms", "vad", "tick_ms"):
        command += [f"--{name.replace('_', '-')}", str(getattr(arguments, name))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:  # noqa: ASYNC220 - a driver, not a server
        try:
            assert server.stdout is not None
            ready = (await asyncio.to_thread(server.stdout.readline)).split()
            url = f"http://127.0.0.1:{ready[1]}"
            speech = read_audio(str(SPEECH / arguments.speech), 16_000)
            figures = Figures()
            await asyncio.sleep(SETTLE_S)
            idle_mb = memory_mb(server.pid)
            loop = asyncio.get_running_loop()
            until = loop.time() + arguments.seconds
            talkers = [
                Talker(url, f"room{n}", speech, listen_s=arguments.listen_s,
                       start_s=n * (arguments.listen_s + 2) / sessions, figures=figures)
                for n in range(sessions)
            ]
            tasks = [asyncio.create_task(talker.run(until)) for talker in talkers]
            lag = LoopLag()
            watching = asyncio.create_task(lag.watch())
            await asyncio.sleep(3)
            cpu, began = cpu_seconds(server.pid), time.monotonic()
            await asyncio.sleep(max(1.0, until - loop.time() - 1))
            spent, took = cpu_seconds(server.pid) - cpu, time.monotonic() - began
            busy_mb = memory_mb(server.pid)
            watching.cancel()
            server.send_signal(signal.SIGUSR1)
            late = (await asyncio.to_thread(server.stdout.readline)).split()[1:]
            await asyncio.gather(*tasks)
        finally:
            server.terminate()
    line = row(arguments, sessions, speculation, figures, spent / took, (busy_mb - idle_mb) / sessions)
    return figures, f"{line} {' / '.join(late)} | {' / '.join(f'{ms:.1f}' for ms in lag.percentiles())} |"


def row(arguments: argparse.Namespace, sessions: int, mode: str, figures: Figures, cores: float, mb: float) -> str:
    bound = max(arguments.endpoint_ms, arguments.asr_ms) + arguments.model_ms + arguments.tts_ms
    if mode == "full":
        bound = max(arguments.endpoint_ms, max(arguments.partial_ms, 0) + arguments.model_ms + arguments.tts_ms)
    if mode == "model":
        bound = max(arguments.endpoint_ms, max(arguments.partial_ms, 0) + arguments.model_ms) + arguments.tts_ms
    v2v = figures.v2v_ms
    endpoint = statistics.median(turn.latency.endpoint_ms for turn in figures.turns) if figures.turns else float("nan")
    return (
        f"| {sessions} | {mode} | {len(v2v)} | {percentile(v2v, 0.5):.0f} | {percentile(v2v, 0.95):.0f} | {bound} "
        f"| {percentile(v2v, 0.5) - bound:.0f} | {percentile(v2v, 0.95) - bound:.0f} | {endpoint:.0f} "
        f"| {percentile(figures.added_ms, 0.5):.0f} | {percentile(figures.added_ms, 0.95):.0f} "
        f"| {cores * 100:.1f} | {cores * 100 / sessions:.2f} | {cores * 60 / sessions:.2f} | {mb:.2f} "
        f"| {figures.late_frames / max(1, figures.frames):.2%} |"
    )


HEADER = """| sessions | speculation | turns | v2v p50 ms | p95 | bound ms | over it p50 | p95 | endpoint p50 ms \
| beyond the endpoint p50 ms | p95 \
| core % | core % a session | CPU s a session-min | MB a session | driver late | server's loop lag p50 / p95 / p99 ms | driver's |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


async def find(arguments: argparse.Namespace) -> None:
    """How many sessions one core carries: more and more until p95 leaves one session's by 50 ms, then between, to the nearest 5."""
    mode = arguments.speculation[0]

    async def p95(sessions: int) -> float:
        figures, line = await measure(arguments, sessions, mode)
        print(line, flush=True)
        late = figures.late_frames / max(1, figures.frames)
        if late > DRIVER_LATE:
            print(f"  the driver itself was late with {late:.1%} of its chunks: what {sessions} sessions give cannot be told here")
            return float("inf")
        return percentile(figures.v2v_ms, 0.95)

    limit = await p95(1) + WITHIN_MS
    good, bad = 1, 0
    for sessions in (20, 40, 60, 80, 100, 120):
        if not await p95(sessions) <= limit:
            bad = sessions
            break
        good = sessions
    while bad and bad - good > 5:
        middle = (good + bad) // 10 * 5
        if await p95(middle) <= limit:
            good = middle
        else:
            bad = middle
    print(f"\n{good} sessions on one core with p95 within {WITHIN_MS} ms of one session's ({limit:.0f} ms at most)")


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[1])
    parser.add_argument("--find", action="store_true", help="find how many sessions a core carries; takes 3 to 6 minutes")
    parser.add_argument("--speculation", nargs="+", default=["full"])
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--listen-s", type=float, default=3.0)
    parser.add_argument("--speech", default="requests/what_time_is_it.wav")
    parser.add_argument("--vad", default="silero")
    parser.add_argument("--tick-ms", type=int, default=TICK_MS, help="period of the media clock")
    for name, default in (("asr", 0), ("partial", 60), ("model", 0), ("tts", 0), ("endpoint", 320), ("gap", 160)):
        parser.add_argument(f"--{name}-ms", type=int, default=default)
    arguments = parser.parse_args()
    if os.cpu_count() and os.cpu_count() > 1:  # type: ignore[operator]
        os.sched_setaffinity(0, {1})
    print(HEADER, flush=True)
    if arguments.find:
        await find(arguments)
        return
    for sessions in arguments.sessions:
        for mode in arguments.speculation:
            print((await measure(arguments, sessions, mode))[1], flush=True)


if __name__ == "__main__":
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
