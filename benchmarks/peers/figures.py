"""From what the callers saw to one row of the table."""

from collections.abc import Mapping

import numpy as np
from caller import Figures
from process import Sample

COLUMNS = (
    ("server", "server", ""), ("sessions", "sessions", ""), ("turns_clean", "turns clean", ""),
    ("clean_p50_ms", "clean p50 ms", ".0f"), ("clean_p95_ms", "p95", ".0f"), ("turns_barge_in", "turns after barge-in", ""),
    ("barge_in_p50_ms", "after barge-in p50 ms", ".0f"), ("barge_in_p95_ms", "p95", ".0f"),
    ("silent_p50_ms", "silent after the onset p50 ms", ".0f"), ("silent_p95_ms", "p95", ".0f"),
    ("core_percent", "core %", ".0f"), ("cpu_s_a_session_minute", "CPU s a session-min", ".2f"),
    ("mb_a_session", "MB a session", ".1f"), ("idle_mb", "idle MB", ".0f"), ("unanswered", "unanswered", ""), ("odd", "odd", ""),
    ("lost_sessions", "lost sessions", ""), ("foreign_percent", "foreign %", ".0f"), ("driver_late_percent", "driver late %", ".2f"),
)


def percentile(values: list[float], share: float) -> float | None:
    return round(float(np.percentile(values, share)), 1) if values else None


def summarise(figures: Figures, sessions: int, idle: Sample, before: Sample, after: Sample) -> dict[str, object]:
    """`idle` is before the first caller, `before` and `after` bound the time for which CPU is counted."""
    took_s, cpu_s = after.at_s - before.at_s, after.cpu_s - before.cpu_s
    foreign_s = after.core_s - before.core_s - cpu_s
    clean, barge_in = figures.clean_ms, figures.barge_in_ms
    return {
        "turns_clean": len(clean), "clean_p50_ms": percentile(clean, 50), "clean_p95_ms": percentile(clean, 95),
        "turns_barge_in": len(barge_in), "barge_in_p50_ms": percentile(barge_in, 50), "barge_in_p95_ms": percentile(barge_in, 95),
        "silent_p50_ms": percentile(figures.silent_ms, 50), "silent_p95_ms": percentile(figures.silent_ms, 95),
        "core_percent": cpu_s / took_s * 100, "cpu_s_a_session_minute": cpu_s / took_s * 60 / sessions,
        "mb_a_session": (after.memory_mb - idle.memory_mb) / sessions, "idle_mb": idle.memory_mb,
        "unanswered": figures.unanswered, "odd": figures.odd, "lost_sessions": figures.lost_sessions,
        "foreign_percent": foreign_s / took_s * 100, "driver_late_percent": figures.late / max(1, figures.sent) * 100,
        "clean_ms": [round(each, 1) for each in clean], "barge_in_ms": [round(each, 1) for each in barge_in],
        "silent_ms": [round(each, 1) for each in figures.silent_ms],
    }


def header() -> str:
    return "| " + " | ".join(title for _, title, _ in COLUMNS) + " |\n" + "|---" * len(COLUMNS) + "|"


def row(cell: Mapping[str, object]) -> str:
    return "| " + " | ".join("–" if cell[key] is None else format(cell[key], form) for key, _, form in COLUMNS) + " |"
