"""How late an event loop is: what a caller's frame, or a timer of an engine, waits for before anybody looks at it."""

import asyncio
from collections import deque

import numpy as np

EVERY_S = 0.011
"""Not a divisor of the clock's tick or of a frame, so that no phase of theirs is always met, or never."""

KEPT_S = 20.0


class LoopLag:
    """Sleeps, and notes by how much longer it was than it asked for."""

    def __init__(self) -> None:
        self._late_ms: deque[float] = deque(maxlen=round(KEPT_S / EVERY_S))

    async def watch(self) -> None:
        """Measures until it is cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + EVERY_S
            await asyncio.sleep(EVERY_S)
            self._late_ms.append((loop.time() - due) * 1000)

    def percentiles(self) -> tuple[float, float, float]:
        """p50, p95 and p99 of the last `KEPT_S`, in milliseconds."""
        if not self._late_ms:
            return float("nan"), float("nan"), float("nan")
        p50, p95, p99 = np.percentile(self._late_ms, [50, 95, 99])
        return float(p50), float(p95), float(p99)
