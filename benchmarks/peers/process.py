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


def sample(pid: int) -> Sample:
    """Reads a process, its threads included. Memory is its proportional set size."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    core = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("cpu0 ")).split()[1:]
    idle, waiting, stolen = int(core[3]), int(core[4]), int(core[7])
    busy = sum(map(int, core[:8])) - idle - waiting - stolen
    memory = next(line for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines() if line.startswith("Pss:"))
    return Sample(time.monotonic(), (int(fields[11]) + int(fields[12])) * TICK_S, busy * TICK_S, int(memory.split()[1]) / 1024)
