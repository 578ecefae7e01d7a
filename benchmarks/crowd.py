"""A crowd of callers on core 1, and the simulated server that they talk to on core 0."""

import argparse
import asyncio
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from webrtc_caller import Caller, Figures, Speech

sys.path.insert(0, str(Path(__file__).parent / "peers"))
from process import sample

HERE = Path(__file__).resolve().parent
REQUEST = HERE.parent / "audio_fixtures" / "requests" / "what_time_is_it.wav"
APART_S = 0.15
"""Callers come one after another."""
SETTLE_S = 4.0
"""After the last has come, before anything is measured."""


@dataclass(frozen=True, slots=True)
class Used:
    """What the server used while it was measured."""

    cpu: float
    """Percent of a core."""
    foreign: float
    """What others used of the server's core, in percent."""
    memory_mb: float


def start_server(more: list[str], rooms: int) -> tuple[subprocess.Popen[str], str]:
    """The simulated server on core 0 with more arguments of its own, and its address."""
    command = [sys.executable, str(HERE / "simulated_server.py"), "--port", "0", "--rooms", str(rooms), "--core", "0"]
    command += ["--endpoint-ms", "200", "--sentences", "1", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("READY"):
            return process, f"http://127.0.0.1:{line.split()[1]}"
    raise RuntimeError("the server did not start")


async def talk(kind: type[Caller], callers: int, arguments: argparse.Namespace, speech: Speech, figures: Figures) -> Used:
    """So many callers, each in a room of his own, talk for `arguments.seconds` to a server started with `arguments.server`."""
    process, url = await asyncio.to_thread(start_server, arguments.server, callers)
    try:
        ramp = callers * APART_S + SETTLE_S
        begin = asyncio.get_running_loop().time() + ramp
        crowd = [kind(url, f"room{n}", speech, figures, measure_from=begin) for n in range(callers)]
        tasks = [asyncio.create_task(caller.run(begin + arguments.seconds, APART_S * n)) for n, caller in enumerate(crowd)]
        await asyncio.sleep(ramp)
        before = sample(process.pid)
        await asyncio.sleep(arguments.seconds)
        after = sample(process.pid)
        for end in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(end, BaseException):
                figures.lost_sessions += 1
                print(f"lost: {end!r}", file=sys.stderr)
    finally:
        process.terminate()
        process.wait()
    seconds = after.at_s - before.at_s
    cpu = 100 * (after.cpu_s - before.cpu_s) / seconds
    return Used(cpu, 100 * (after.core_s - before.core_s) / seconds - cpu, after.memory_mb)
