"""Scores of scenes: how soon silent, how often wrongly, what was lost. Pure."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .scene import Scene
from .simulate import Trace

YIELD_S = 1.0
"""An interruption is answered with silence within this, or the agent has talked over the caller."""


@dataclass(frozen=True, slots=True)
class Score:
    """One scene's figures; None where a figure does not apply. Times in ms."""

    scene: str
    kind: str
    expected: str
    right: bool
    stopped: bool
    hold_ms: float | None
    """Onset until the server held the reply."""
    decide_ms: float | None
    """Onset until it was cut or resumed."""
    resume_ms: float | None
    """End of the noise until the reply went on."""
    dead_air_ms: float
    """Silence of a reply that went on."""
    lost_samples: int
    repeated_samples: int
    overlap_ms: float
    """Both were heard at once, from the onset on."""
    leaked_frames: int
    """Frames of a dead reply that were heard after the cut."""
    heard_error_words: int | None
    """Words by which memory differs from what the caller heard."""

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def score(scene: Scene, trace: Trace) -> Score:
    """The figures of one scene."""
    stopped = trace.cut is not None and trace.cut < trace.end + 2.5
    held, resumed, cut = trace.held, trace.resumed, trace.cut if stopped else None
    silent = _silent_from(trace, cut) if stopped else None
    if scene.expected == "yield":
        right = stopped and silent is not None and silent - trace.onset <= YIELD_S
    else:
        right = not stopped
    decided = cut if stopped else resumed
    lost, repeated = _continuity(trace)
    return Score(
        scene.name, scene.kind, scene.expected, right, stopped,
        _ms(held, trace.onset), _ms(decided, trace.onset),
        max(0.0, _ms(resumed, trace.end) or 0.0) if resumed is not None and not stopped else None,
        0.0 if stopped else _dead_air_ms(trace), lost, repeated,
        _overlap_ms(trace, silent), _leaked(trace, cut), _heard_error(trace) if stopped else None,
    )


def _ms(moment: float | None, since: float) -> float | None:
    return None if moment is None else (moment - since) * 1000


def _frame(trace: Trace, moment: float) -> int:
    return int((moment - trace.joined) / 0.02)


def _silent_from(trace: Trace, cut: float | None) -> float | None:
    """When the ear fell silent for good."""
    frames = trace.heard_replies[: _frame(trace, trace.end + 2.4)]
    last = next((n for n in range(len(frames) - 1, -1, -1) if frames[n] == trace.reply), None)
    return None if last is None else trace.joined + (last + 1) * 0.02


def _dead_air_ms(trace: Trace) -> float:
    start, stop = _frame(trace, trace.onset), _frame(trace, trace.end + 2.4)
    return sum(reply == 0 for reply in trace.heard_replies[start:stop]) * 20.0


def _overlap_ms(trace: Trace, silent: float | None) -> float:
    stop = min(trace.end, silent) if silent is not None else trace.end
    frames = trace.heard_replies[_frame(trace, trace.onset) : _frame(trace, stop)]
    return sum(reply == trace.reply for reply in frames) * 20.0


def _continuity(trace: Trace) -> tuple[int, int]:
    """Samples of the reply that were skipped, and that were heard twice."""
    lost = repeated = at = 0
    for reply, start, end in trace.heard_spans:
        if reply == trace.reply:
            lost += max(0, start - at)
            repeated += max(0, at - start)
            at = max(at, end)
    return lost, repeated


def _leaked(trace: Trace, cut: float | None) -> int:
    if cut is None:
        return 0
    return sum(reply == trace.reply for reply in trace.heard_replies[_frame(trace, cut) + 2 :])


def _heard_error(trace: Trace) -> int | None:
    final = trace.final_reply()
    if final is None or not trace.words:
        return None
    played = max((end for reply, _, end in trace.heard_spans if reply == trace.reply), default=0)
    truth = sum(_middle(trace, n) <= played for n in range(len(trace.words)))
    claimed = sum(end <= len(final.text) for _, end, _ in trace.words)
    return abs(truth - claimed)


def _middle(trace: Trace, n: int) -> float:
    at = trace.words[n][2]
    after = trace.words[n + 1][2] if n + 1 < len(trace.words) else at + 4800
    return (at + after) / 2


@dataclass(frozen=True, slots=True)
class Summary:
    """All scenes together. Shares are from 0 to 1, times in ms; nan where there was nothing to measure."""

    scenes: int
    yield_share: float
    false_stops: dict[str, float]
    """Share of scenes that stopped the agent and should not have, by kind."""
    backchannel_product: float
    """Yield share times backchannels rightly ignored."""
    hold_p50_ms: float
    hold_p95_ms: float
    missed_onsets: int
    decide_p50_ms: float
    resume_p95_ms: float
    dead_air_max_ms: float
    lost_samples: int
    leaked_frames: int
    heard_error_p95_words: float

    def as_dict(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def summarise(scores: Sequence[Score]) -> Summary:
    """The figures that targets are set for. Raises ValueError for an empty set."""
    if not scores:
        raise ValueError("there are no scenes to summarise")
    wanted = [one for one in scores if one.expected == "yield"]
    kinds = sorted({one.kind for one in scores if one.expected == "go on"})
    false_stops = {kind: _share([one.stopped for one in scores if one.kind == kind]) for kind in kinds}
    holds = [one.hold_ms for one in wanted if one.hold_ms is not None]
    yielded = _share([one.right for one in wanted])
    went_on = [one for one in scores if one.expected == "go on" and not one.stopped]
    coughs = [one for one in went_on if one.kind in ("cough", "burst")]
    return Summary(
        len(scores), yielded, false_stops, yielded * (1 - false_stops.get("backchannel", 0.0)),
        percentile(holds, 0.5), percentile(holds, 0.95), sum(one.hold_ms is None for one in wanted),
        percentile([one.decide_ms for one in wanted if one.decide_ms is not None], 0.5),
        percentile([one.resume_ms for one in went_on if one.resume_ms is not None], 0.95),
        max((one.dead_air_ms for one in coughs), default=0.0),
        sum(one.lost_samples + one.repeated_samples for one in went_on), sum(one.leaked_frames for one in scores),
        percentile([float(one.heard_error_words) for one in scores if one.heard_error_words is not None], 0.95),
    )


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of the values lie; nan for none."""
    if not values:
        return float("nan")
    if len(values) == 1:
        return float(values[0])
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return float(cuts[min(98, max(0, round(share * 100) - 1))])


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else float("nan")
