"""A picture of a sweep: false cut-offs against delay, one line a model."""

from collections.abc import Sequence
from pathlib import Path

from .endpointing import BUDGETS, ModelResult
from .picture import PictureError

_COLOURS = {"silence": "tab:gray", "text": "tab:blue", "prosody": "tab:green", "combined": "tab:red"}


def draw_curves(results: Sequence[ModelResult], path: Path, *, title: str) -> None:
    """Draws the best settings of every model, all subsets together on the left and each on its own beside it, as a PNG. Raises
    PictureError where matplotlib is missing, OSError where the file cannot be written."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise PictureError("pictures need matplotlib: pip install 'hubbub[eval]'") from error
    subsets = list(dict.fromkeys(result.subset for result in results))
    figure = Figure(figsize=(3.6 * len(subsets), 3.8), dpi=90, layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(title)
    axes = figure.subplots(1, len(subsets), sharex=True, sharey=True, squeeze=False)[0]
    for axis, subset in zip(axes, subsets, strict=True):
        chosen = [result for result in results if result.subset == subset]
        for result in chosen:
            axis.step(
                [point.mean_ms for point in result.curve], [100 * point.false_cutoffs for point in result.curve], where="post",
                label=result.model, color=_COLOURS.get(result.model), linewidth=2 if result.model == "combined" else 1.2,
            )  # fmt: skip
        for budget in BUDGETS:
            axis.axhline(100 * budget, color="black", linewidth=0.6, linestyle=":")
        axis.set_title(f"{subset}: {chosen[0].pauses} pauses, {chosen[0].turns} turns", fontsize=9)
        axis.set_xlabel("mean delay, ms")
        axis.grid(alpha=0.25)
    axes[0].set_ylabel("false cut-offs, % of pauses")
    axes[0].set_xlim(150, 3000)
    axes[0].set_ylim(0, 60)
    axes[0].legend(fontsize=8)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path)
