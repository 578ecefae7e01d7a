"""The last answered turns, and percentiles of their latency. Pure."""

import math
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..event import Turn, TurnLatency

KEPT = 2000
"""Turns that are kept: a busy hour."""

PERCENTILES = (50, 90, 95, 99)
PARTS = ("endpoint", "asr", "model", "sentence", "tts", "send", "play", "total")


@dataclass(frozen=True, slots=True)
class AnsweredTurn:
    """A turn that was answered."""

    at: float
    """When, in seconds since 1970."""
    room: str
    session: str
    event: Turn


class RecentTurns:
    """The last turns of the process."""

    def __init__(self, limit: int = KEPT) -> None:
        self._turns: deque[AnsweredTurn] = deque(maxlen=limit)

    def add(self, turn: AnsweredTurn) -> None:
        """Keeps a turn."""
        self._turns.append(turn)

    def newest(self, limit: int, *, room: str = "", session: str = "") -> list[AnsweredTurn]:
        """The last turns, newest first; of one room or session where they are named."""
        found: list[AnsweredTurn] = []
        for turn in reversed(self._turns):
            if (not room or turn.room == room) and (not session or turn.session == session):
                found.append(turn)
                if len(found) == limit:
                    break
        return found

    def last_of_each(self) -> dict[str, AnsweredTurn]:
        """The last turn of every session that is remembered."""
        return {turn.session: turn for turn in self._turns}


def percentiles(latencies: Iterable[TurnLatency]) -> dict[str, dict[str, float]]:
    """Of each part of a turn's latency its percentiles (nearest rank), mean and maximum, in ms; empty for no turns."""
    records = list(latencies)
    if not records:
        return {}
    return {part: _spread(sorted(getattr(record, f"{part}_ms") for record in records)) for part in PARTS}


def _spread(values: list[float]) -> dict[str, float]:
    ranks = {f"p{share}": round(values[math.ceil(share / 100 * len(values)) - 1], 1) for share in PERCENTILES}
    return {**ranks, "mean": round(sum(values) / len(values), 1), "max": round(values[-1], 1)}


def as_json(turn: AnsweredTurn, at: str) -> dict[str, Any]:
    """A turn as the API tells it; `at` is its moment in words."""
    return {"at": at, "room": turn.room, "session": turn.session, **turn.event.model_dump(mode="json", exclude={"type", "seq"})}
