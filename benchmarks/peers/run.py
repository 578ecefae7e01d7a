"""Measures Hubbub, Pipecat and LiveKit Agents side by side: one driver, the same simulated engines, plain WebSockets.

    make bench-peers                                                     # everything: about 20 minutes
    python benchmarks/peers/run.py --servers hubbub-full pipecat --sessions 1 --seconds 25

The server is pinned to core 0 and this driver to core 1; use a machine that does nothing else ("foreign" says how much of the
server's core others used). Each caller speaks the fixture, hears two seconds of the answer, speaks over it (a barge-in), hears the
next answer to its end, and begins again. A turn's time is from the last loud sample spoken to the first loud sample received. The
engines are in simulated.py; each server's settings are named at the top of its own file.
"""

import argparse
import asyncio
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from caller import Caller, Figures
from figures import header, row, summarise
from hubbub.voice.audio.wav import read_audio
from lines import HubbubLine, Line, PlainLine
from process import sample

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PEERS_PYTHON = ROOT / ".venv-peers" / "bin" / "python"
SERVERS = ("hubbub-off", "hubbub-model", "hubbub-full", "pipecat", "livekit")
CYCLE_S = 11.0
"""About one caller's cycle: the starts of all callers are spread over it."""
SETTLE_S = 5.0
"""Between a server's being ready and its idle memory being read: what it loads behind the open door is loaded by then."""


def warm_up_s(sessions: int) -> float:
    """Left out of all figures: connecting, and the models that a server loads with each session."""
    return 4.0 + 0.3 * sessions


@dataclass(frozen=True)
class Server:
    """A running server."""

    process: subprocess.Popen[str]
    port: int
    native: bool

    def line(self, number: int) -> Line:
        return HubbubLine(self.port, number) if self.native else PlainLine(self.port, number)


def command(name: str, endpoint_ms: int) -> list[str]:
    if name.startswith("hubbub-"):
        return [sys.executable, str(HERE / "hubbub_server.py"), "--core", "0", "--speculation", name.removeprefix("hubbub-"),
                "--endpoint", str(endpoint_ms)]
    if not PEERS_PYTHON.exists():
        raise SystemExit("the peers are not installed: run `sh benchmarks/peers/install.sh`")
    return [str(PEERS_PYTHON), str(HERE / f"{name}_server.py"), "--core", "0"]


async def start(name: str, endpoint_ms: int, log: int | None = subprocess.DEVNULL) -> Server:
    """Starts a server and waits until it is ready. Raises SystemExit when it ends before that."""
    process = subprocess.Popen(command(name, endpoint_ms), stdout=subprocess.PIPE, stderr=log, text=True)  # noqa: ASYNC220
    assert process.stdout is not None
    while line := await asyncio.to_thread(process.stdout.readline):
        if line.startswith("READY "):
            return Server(process, int(line.split()[1]), name.startswith("hubbub-"))
    raise SystemExit(f"the server {name} ended with status {process.wait()} before it was ready: run {' '.join(process.args)}")


def stop(server: Server) -> None:
    server.process.terminate()
    try:
        server.process.wait(10)
    except subprocess.TimeoutExpired:
        server.process.kill()
        server.process.wait()


async def measure(name: str, sessions: int, options: argparse.Namespace) -> dict[str, object]:
    """One cell of the table."""
    speech = read_audio(str(ROOT / "audio_fixtures" / options.speech), 16_000)
    server = await start(name, options.endpoint_ms, None if options.verbose else subprocess.DEVNULL)
    figures = Figures()
    try:
        await asyncio.sleep(SETTLE_S)
        idle = sample(server.process.pid)
        loop = asyncio.get_running_loop()
        measure_from = loop.time() + warm_up_s(sessions)
        until = measure_from + options.seconds
        callers = [
            Caller(server.line(n), speech, start_s=1 + n * CYCLE_S / sessions, measure_from=measure_from, figures=figures)
            for n in range(sessions)
        ]
        tasks = [asyncio.create_task(caller.run(until)) for caller in callers]
        await asyncio.sleep(measure_from - loop.time())
        before = sample(server.process.pid)
        await asyncio.sleep(options.seconds - 0.5)
        after = sample(server.process.pid)
        figures.lost_sessions = sum(isinstance(each, BaseException) for each in await asyncio.gather(*tasks, return_exceptions=True))
        return {"server": name, "sessions": sessions, **summarise(figures, sessions, idle, before, after)}
    finally:
        stop(server)


def versions() -> dict[str, str]:
    script = "from importlib.metadata import version as v; print(*(f'{n}={v(n)}' for n in ('pipecat-ai','livekit-agents','onnxruntime')))"
    out = subprocess.run([str(PEERS_PYTHON), "-c", script], capture_output=True, text=True).stdout.split() if PEERS_PYTHON.exists() else []
    commit = subprocess.run(["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    return {"hubbub": commit, **dict(each.split("=", 1) for each in out)}


def pin_driver() -> None:
    if (os.cpu_count() or 1) > 1:
        os.sched_setaffinity(0, {1})


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--servers", nargs="+", choices=SERVERS, default=list(SERVERS))
    parser.add_argument("--sessions", type=int, nargs="+", default=[1, 10, 25])
    parser.add_argument("--seconds", type=float, default=60, help="measured time of each cell")
    parser.add_argument("--endpoint-ms", type=int, default=200, help="Hubbub's action_delay_ms; the peers wait for 200 ms of silence")
    parser.add_argument("--speech", default="requests/what_time_is_it.wav")
    parser.add_argument("--json", type=Path, default=HERE / "results.json")
    parser.add_argument("--verbose", action="store_true", help="show what the servers log")
    options = parser.parse_args()
    pin_driver()
    cells: list[dict[str, object]] = []
    report = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "versions": versions(), "seconds": options.seconds, "cells": cells}
    print(", ".join(f"{name} {version}" for name, version in report["versions"].items()), file=sys.stderr)  # type: ignore[attr-defined]
    print(header(), flush=True)
    for name in options.servers:
        for sessions in options.sessions:
            cells.append(await measure(name, sessions, options))
            print(row(cells[-1]), flush=True)
            options.json.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    asyncio.run(main())
