"""What an operator counts: histograms of every turn's latency, and counters, in Prometheus's text format at `/metrics`.

Plain numbers without locks: everything is counted on the event loop.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from .event import TurnLatency
from .operate.turns import PARTS, AnsweredTurn, RecentTurns

BUCKETS_MS = (10, 20, 50, 100, 150, 200, 300, 400, 500, 600, 800, 1000, 1500, 2000, 3000, 5000, 10_000)
"""From what nobody notices to what everybody hangs up on; dense where a conversation lives (200 to 800 ms)."""


SPARED = ("overlap", "trimmed")
"""Figures of a turn that are no part of its wait."""


class Histogram:
    """Counts of values below fixed bounds, in ms."""

    __slots__ = ("counts", "sum_ms", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(BUCKETS_MS) + 1)
        self.sum_ms = 0.0
        self.total = 0

    def observe(self, value_ms: float) -> None:
        """Counts one value."""
        self.counts[bisect_left(BUCKETS_MS, value_ms)] += 1
        self.sum_ms += value_ms
        self.total += 1

    def quantile(self, share: float) -> float:
        """The upper bound of the bucket in which the `share` of the values is reached; nan for none."""
        if not self.total:
            return float("nan")
        wanted, reached = share * self.total, 0
        for bound, count in zip(BUCKETS_MS, self.counts, strict=False):
            reached += count
            if reached >= wanted:
                return float(bound)
        return float("inf")


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        self.latency = {part: Histogram() for part in PARTS}
        self.spared = {name: Histogram() for name in SPARED}
        self.counters: Counter[str] = Counter()
        self.recent = RecentTurns()

    def turn(self, latency: TurnLatency, answered: AnsweredTurn | None = None) -> None:
        """Counts an answered turn, and keeps it for a while where it is told which it was."""
        if answered is not None:
            self.recent.add(answered)
        self.counters["turns"] += 1
        for part in PARTS:
            self.latency[part].observe(getattr(latency, f"{part}_ms"))
        for name in SPARED:
            self.spared[name].observe(getattr(latency, f"{name}_ms"))

    def text(self, **gauges: float) -> str:
        """Everything in Prometheus's text exposition format, version 0.0.4."""
        return "\n".join([*self._histograms(), *self._counters(), *self._gauges(gauges), ""])

    def _histograms(self) -> Iterator[str]:
        yield "# HELP hubbub_turn_latency_ms Silence between a caller's last word and the agent's first, by part."
        yield "# TYPE hubbub_turn_latency_ms histogram"
        for part, histogram in self.latency.items():
            yield from _lines("hubbub_turn_latency_ms", f'part="{part}"', histogram)
        yield "# HELP hubbub_turn_spared_ms What callers did not wait for: work that overlapped with the endpointing, silence trimmed."
        yield "# TYPE hubbub_turn_spared_ms histogram"
        for name, histogram in self.spared.items():
            yield from _lines("hubbub_turn_spared_ms", f'by="{name}"', histogram)

    def _counters(self) -> Iterator[str]:
        for name, value in sorted(self.counters.items()):
            yield f"# TYPE hubbub_{name}_total counter"
            yield f"hubbub_{name}_total {value}"

    def _gauges(self, gauges: dict[str, float]) -> Iterator[str]:
        for name, value in sorted(gauges.items()):
            yield f"# TYPE hubbub_{name} gauge"
            yield f"hubbub_{name} {value:g}"


def _lines(name: str, label: str, histogram: Histogram) -> Iterator[str]:
    """One histogram in the text format."""
    reached = 0
    for bound, count in zip((*BUCKETS_MS, "+Inf"), histogram.counts, strict=True):
        reached += count
        yield f'{name}_bucket{{{label},le="{bound}"}} {reached}'
    yield f"{name}_sum{{{label}}} {histogram.sum_ms:.1f}"
    yield f"{name}_count{{{label}}} {histogram.total}"
