"""What an evaluation of scenes found, as a table and as JSON."""

import json
import math
from collections.abc import Sequence

from .score import Score, Summary, percentile

TARGETS = """\
targets: yield 99 %, false stops on backchannels 5 %, coughs and bursts 5 %, babble 20 %, product 0.93, hold 100 / 160 ms, \
dead air after a cough 500 ms, nothing lost, no leaked frame, heard text within 1 word"""


def scene_table(scores: Sequence[Score], *, only_wrong: bool = False) -> str:
    """One Markdown row a scene. Times in ms; a dash where a figure does not apply."""
    rows = ["| scene | kind | expected | outcome | hold | decided | resumed after | dead air | lost | overlap | leaked | error |"]
    rows.append("|---|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|")
    for one in scores:
        if only_wrong and one.right:
            continue
        outcome = ("yielded" if one.stopped else "went on") + ("" if one.right else " ✗")
        figures = [one.hold_ms, one.decide_ms, one.resume_ms, one.dead_air_ms, one.lost_samples + one.repeated_samples]
        figures += [one.overlap_ms, one.leaked_frames, one.heard_error_words]
        rows.append(f"| {one.scene} | {one.kind} | {one.expected} | {outcome} | {' | '.join(map(_shown, figures))} |")
    return "\n".join(rows)


def kind_table(scores: Sequence[Score]) -> str:
    """One Markdown row a kind of scene: how many, how many right, hold, decision and resume times."""
    rows = ["| kind | scenes | right | hold p50 / p95 | decided p50 / p95 | resumed p95 | dead air p95 |"]
    rows.append("|---|--:|--:|--:|--:|--:|--:|")
    for kind in dict.fromkeys(one.kind for one in scores):
        here = [one for one in scores if one.kind == kind]
        right = sum(one.right for one in here)
        hold = [one.hold_ms for one in here if one.hold_ms is not None]
        decide = [one.decide_ms for one in here if one.decide_ms is not None]
        resume = [one.resume_ms for one in here if one.resume_ms is not None]
        silent = [one.dead_air_ms for one in here if not one.stopped]
        rows.append(
            f"| {kind} | {len(here)} | {right} ({_percent(right / len(here))}) | {_pair(hold)} | {_pair(decide)} "
            f"| {_shown(percentile(resume, 0.95))} | {_shown(percentile(silent, 0.95))} |"
        )
    return "\n".join(rows)


def summary_lines(summary: Summary) -> str:
    """The figures that have targets, and the targets."""
    stops = ", ".join(f"{kind} {_percent(share)}" for kind, share in summary.false_stops.items()) or "nothing to be deaf to"
    return "\n".join(
        [
            f"{summary.scenes} scenes",
            f"yield within 1 s: {_percent(summary.yield_share)}; false stops: {stops}; "
            f"yield × backchannels let pass: {_ratio(summary.backchannel_product)}",
            f"hold: p50 {_shown(summary.hold_p50_ms)} ms, p95 {_shown(summary.hold_p95_ms)} ms after the onset, "
            f"{summary.missed_onsets} onsets missed; decided: p50 {_shown(summary.decide_p50_ms)} ms; "
            f"resumed: p95 {_shown(summary.resume_p95_ms)} ms after the sound's end",
            f"dead air after a cough or a burst: at most {_shown(summary.dead_air_max_ms)} ms; samples lost or repeated: "
            f"{summary.lost_samples}; frames after a cut: {summary.leaked_frames}; "
            f"heard text: p95 {_shown(summary.heard_error_p95_words)} words off",
            TARGETS,
        ]
    )


def as_json(scores: Sequence[Score], summary: Summary) -> str:
    """Everything, as one JSON object. What could not be measured is null."""
    scenes = [one.as_dict() for one in scores]
    return json.dumps({"summary": _finite(summary.as_dict()), "scenes": scenes}, ensure_ascii=False, allow_nan=False)


def _finite(figures: dict[str, object]) -> dict[str, object]:
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in figures.items()}


def _shown(value: float | None) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.0f}"


def _pair(values: Sequence[float]) -> str:
    return f"{_shown(percentile(values, 0.5))} / {_shown(percentile(values, 0.95))}"


def _ratio(value: float) -> str:
    return "–" if math.isnan(value) else f"{value:.2f}"


def _percent(share: float) -> str:
    if math.isnan(share):
        return "–"
    return f"{share * 100:.0f} %" if share in (0, 1) else f"{share * 100:.1f} %"
