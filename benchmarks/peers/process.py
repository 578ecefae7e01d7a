"""What a process has used, read from /proc."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

TICK_S = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Sample:
    """CPU seconds and memory of a process, and busy seconds of core 0 by all processes, at one time."""

    at_s: float
    cpu_s: float
    core_s: float
    memory_mb: float


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    found = [pid]
    for each in found:
        for children in Path(f"/proc/{each}/task").glob("*/children"):
            found += map(int, children.read_text().split())
    return found


def sample(pid: int) -> Sample:
    """Reads a process with its threads and descendants. Memory is their proportional set size."""
    core = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu0 ")).split()[1:]
    idle, waiting, stolen = int(core[3]), int(core[4]), int(core[7])
    busy = sum(map(int, core[:8])) - idle - waiting - stolen
    ticks, memory_kb = 0, 0
    for each in family(pid):
        fields = Path(f"/proc/{each}/stat").read_text().rsplit(") ", 1)[1].split()
        ticks += int(fields[11]) + int(fields[12])
        rollup = Path(f"/proc/{each}/smaps_rollup").read_text().splitlines()
        memory_kb += next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
    return Sample(time.monotonic(), ticks * TICK_S, busy * TICK_S, memory_kb / 1024)
