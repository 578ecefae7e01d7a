"""A picture of a scene: what the caller said, what he heard, what the detector thought, and what was decided when."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..audio.frames import EAR_HZ, MOUTH_HZ
from ..event import Clear, Hold, Resume
from ..turn.policy import TurnPolicy
from .scene import Scene
from .score import Score
from .simulate import Trace

BEFORE_S, AFTER_S = 0.5, 1.6
"""How much is shown before the sound begins and after it ends."""

_DECISIONS = {Hold: ("hold", "tab:orange"), Resume: ("resume", "tab:green"), Clear: ("cut", "tab:red")}


class PictureError(RuntimeError):
    """Pictures cannot be drawn here; the message says what to install."""


def draw(scene: Scene, trace: Trace, score: Score, policy: TurnPolicy, path: Path) -> None:
    """Draws the timeline of a scene as a PNG of some 60 kB. Raises PictureError where matplotlib is missing."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PictureError("pictures need matplotlib: pip install 'hubbub[eval]'") from error
    figure = Figure(figsize=(9, 5.4), dpi=80, layout="constrained")
    FigureCanvasAgg(figure)
    caller, heard, vad, place = figure.subplots(4, 1, sharex=True, height_ratios=(2, 2, 2, 1.4))
    _wave(caller, trace.microphone, EAR_HZ, trace, "caller", "tab:blue")
    _wave(heard, trace.heard, MOUTH_HZ, trace, "heard", "tab:purple")
    _probability(vad, trace, policy)
    _playhead(place, trace)
    for axis in (caller, heard, vad, place):
        _decisions(axis, trace, named=axis is caller)
    outcome = ("yielded" if score.stopped else "went on") + ("" if score.right else " (wrong)")
    words = f" “{scene.text}”" if scene.text else ""
    caller.set_title(f"{scene.name}: {scene.kind}{words}, {outcome}", fontsize=10, loc="left", pad=16)
    place.set_xlim(-BEFORE_S * 1000, (trace.end - trace.onset + AFTER_S) * 1000)
    place.set_xlabel("ms after the onset")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)


def _wave(axis: Any, pcm: bytes, rate_hz: int, trace: Trace, name: str, colour: str) -> None:
    """The outline of a sound: its least and greatest sample in every 5 ms."""
    size = rate_hz // 200
    samples = np.frombuffer(pcm, np.int16)
    blocks = samples[: len(samples) // size * size].reshape(-1, size)
    at = (trace.joined - trace.onset) * 1000 + np.arange(len(blocks)) * 5.0
    axis.fill_between(at, blocks.min(axis=1), blocks.max(axis=1), color=colour, linewidth=0)
    peak = max(2000, int(np.abs(blocks.astype(np.int32)).max(initial=0)))
    axis.set_ylim(-peak, peak)
    axis.set_yticks([])
    axis.set_ylabel(name)


def _probability(axis: Any, trace: Trace, policy: TurnPolicy) -> None:
    at = [(moment - trace.onset) * 1000 for moment, _, _ in trace.windows]
    axis.step(at, [probability for _, probability, _ in trace.windows], where="pre", color="black", linewidth=1)
    ignored = [place for place, (_, probability, out) in enumerate(trace.windows) if out]
    axis.plot([at[n] for n in ignored], [trace.windows[n][1] for n in ignored], "x", color="grey", markersize=4)
    axis.axhline(policy.onset_probability, color="tab:orange", linewidth=0.8, linestyle="--")
    axis.axhline(policy.offset_probability, color="tab:blue", linewidth=0.8, linestyle=":")
    axis.set_ylim(-0.05, 1.05)
    axis.set_ylabel("VAD")


def _playhead(axis: Any, trace: Trace) -> None:
    """How much of the reply has been heard, in seconds."""
    heard = np.cumsum([reply == trace.reply for reply in trace.heard_replies]) * 0.02
    at = (trace.joined - trace.onset) * 1000 + np.arange(len(heard)) * 20.0
    axis.plot(at, heard, color="tab:purple", linewidth=1.2)
    axis.set_ylabel("playhead, s")


def _decisions(axis: Any, trace: Trace, *, named: bool) -> None:
    axis.axvspan(0, (trace.end - trace.onset) * 1000, color="tab:blue", alpha=0.08, linewidth=0)
    for moment, name, colour in decisions(trace):
        at = (moment - trace.onset) * 1000
        axis.axvline(at, color=colour, linewidth=1.2)
        if named:
            axis.annotate(f"{name} {at:.0f}", (at, 1.02), xycoords=("data", "axes fraction"), fontsize=8, color=colour)


def decisions(trace: Trace) -> Sequence[tuple[float, str, str]]:
    """Hold, resume and cut, in order: moment in seconds of the simulation, name, colour."""
    end = trace.end + AFTER_S
    found = [(at, *_DECISIONS[type(event)]) for at, event in trace.events if type(event) in _DECISIONS]
    return [item for item in found if trace.onset - BEFORE_S <= item[0] <= end]
