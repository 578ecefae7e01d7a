"""`hubbub eval endpointing`: how soon is the end of a turn known, and how often is a pause taken for it?"""

import argparse
import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .status import ExitStatus
from .way import add_way

if TYPE_CHECKING:
    from ..evaluate.endpointing import ModelResult, Point
    from ..evaluate.labelled import LabelledTurn
    from ..evaluate.line import LineName

_EPILOG = """\
A folder is labelled by turns.json (a list of {"audio", "words": [[word, start_ms, end_ms], …], "pauses": [[start_ms, end_ms], …]});
without it, turns are made of the recordings that are known here, and of audio_fixtures. docs/endpointing.md tells how, and what
the knobs do.

examples:
  hubbub eval endpointing                            the turns made of audio_fixtures
  hubbub eval endpointing --audio DIR --plot out.png
  hubbub eval endpointing --line phone               the same as it is heard over a telephone
  hubbub eval endpointing --seed 7                   with other pauses, of one draw
  hubbub eval endpointing --audio DIR --model silence --model onnx:smart-turn-v3.2-cpu.onnx

exit status: 0 measured, whatever the outcome; 2 the labels, the sounds or the arguments cannot be used
"""


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = kinds.add_parser(
        "endpointing", help="false cut-offs against delay, over the knobs of end-of-turn detection",
        description="Hears labelled turns, asks end-of-turn models about every pause, and prints for each the setting of the knobs "
        "that is quickest at 5 and at 10 % of false cut-offs.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--audio", metavar="DIR", type=Path, help="a folder of labelled sound (default: audio_fixtures)")
    add_way(parser)
    parser.add_argument("--model", metavar="NAME", dest="models", action="append", default=[],
                        help="silence, text, prosody, combined, or onnx:PATH; may be repeated (default: the first four)")  # fmt: skip
    parser.add_argument("--seed", metavar="N", dest="seeds", type=int, action="append", default=[],
                        help="of the pauses put into clips; may be repeated: they are pooled (default: four)")  # fmt: skip
    parser.add_argument("--plot", metavar="FILE.png", type=Path, help="draw the curves (pip install 'hubbub[eval]')")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures. Answers the exit status."""
    from ..end_of_turn import MODELS, make_model
    from ..evaluate.curves import draw_curves
    from ..evaluate.endpointing import evaluate, listen
    from ..evaluate.picture import PictureError
    from ..smart_turn import EndOfTurnModelError
    from ..vad.base import VADError
    from ..vad.choose import choose_vad

    models = list(dict.fromkeys(arguments.models)) or list(MODELS)
    try:
        for name in models:
            make_model(name)  # a wrong name is told before anything is heard
        turns = [_over(arguments.line, arguments.hiss, turn) for turn in _turns(arguments)]
        vad, _ = choose_vad(None)
        try:
            silences = listen(turns, vad)
        finally:
            vad.close()
        results = evaluate(silences, models)
        if arguments.plot:
            draw_curves(results, arguments.plot, title=f"False cut-offs against delay, {len(turns)} turns")
    except (EndOfTurnModelError, PictureError, VADError, ValueError, OSError) as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    _print_json(results) if arguments.json else _print_table(results)
    return ExitStatus.OK


def _over(line: "LineName", hiss_dbfs: float | None, turn: "LabelledTurn") -> "LabelledTurn":
    from ..evaluate.line import over_line

    return replace(turn, pcm=over_line(turn.pcm, line, hiss_dbfs=hiss_dbfs, seed=zlib.crc32(turn.name.encode())))


def _turns(arguments: argparse.Namespace) -> "list[LabelledTurn]":
    from ..evaluate.labelled import LABELS, load_turns
    from ..evaluate.spoken import SEEDS, fixture_turns, pooled, recorded_turns

    folder = arguments.audio
    if folder is None:
        beside = Path(__file__).resolve().parents[2] / "audio_fixtures"
        folder = beside if beside.is_dir() else Path("audio_fixtures")
    elif not folder.is_dir():
        raise ValueError(f"{folder} is no folder")
    elif (folder / LABELS).exists():
        return load_turns(folder)
    make = fixture_turns if arguments.audio is None or (folder / "requests").is_dir() else recorded_turns
    return pooled(lambda seed: make(folder, seed=seed), list(dict.fromkeys(arguments.seeds)) or SEEDS)


def _print_json(results: "Sequence[ModelResult]") -> None:
    listed = [{**asdict(result), "at_budget": {str(key): _point(value) for key, value in result.at_budget.items()}} for result in results]
    print(json.dumps({"results": listed, "saved": _savings(results)}))


def _point(point: "Point | None") -> dict[str, float] | None:
    return None if point is None else asdict(point)


def _savings(results: "Sequence[ModelResult]") -> dict[str, dict[str, dict[str, float | None]]]:
    """By subset, model and budget: the share of the silence timer's mean delay that is saved."""
    from ..evaluate.endpointing import BUDGETS, saved

    subsets = dict.fromkeys(result.subset for result in results)
    models = dict.fromkeys(result.model for result in results if result.model != "silence")
    return {
        subset: {
            model: {str(budget): saved(results, budget, model=model, subset=subset) for budget in BUDGETS} for model in models
        }
        for subset in subsets
    }  # fmt: skip


def _print_table(results: "Sequence[ModelResult]") -> None:
    from ..evaluate.endpointing import BUDGETS, saved

    print("least mean delay (median) in ms at a rate of false cut-offs, and what it saves of the silence timer's mean; in brackets the\n"
          "knobs: threshold, action delay, timeout. 'ranks': chance that an end is judged more complete than a pause.")  # fmt: skip
    subset = None
    for result in sorted(results, key=lambda result: [r.subset for r in results].index(result.subset)):
        if result.subset != subset:
            subset = result.subset
            print(f"\n{subset}: {result.pauses} pauses, {result.turns} turns")
            print(f"  {'model':<10} {'ranks':>5}" + "".join(f"   {f'at {budget:.0%}':<38}" for budget in BUDGETS) + "   with default knobs")
        cells = [_cell(result.at_budget[budget], saved(results, budget, model=result.model, subset=subset)) for budget in BUDGETS]
        default = f"{result.at_default.mean_ms:5.0f} ({result.at_default.median_ms:4.0f}), {result.at_default.false_cutoffs:.0%} cut off"
        print(f"  {result.model:<10} {result.separation:>5.2f}" + "".join(f"   {cell:<38}" for cell in cells) + f"   {default}")


def _cell(point: "Point | None", saving: float | None) -> str:
    if point is None:
        return "no setting keeps to it"
    share = f"{-saving:+.0%}" if saving else ""
    return f"{point.mean_ms:5.0f} ({point.median_ms:4.0f}) {share:>5}  [{point.threshold:.2f} {point.action_delay_ms} {point.timeout_ms}]"
