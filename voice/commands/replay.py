"""`hubbub replay`: does this build decide as the one that was recorded did, and what would another policy have decided?"""

import argparse
import json
import sys
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

from .status import ExitStatus

if TYPE_CHECKING:
    from ..replay import Outcome
    from ..turn.policy import TurnPolicy

MAX_SHOWN = 40
"""Differences that the table shows; --json gives all of them."""

_EPILOG = """\
examples:
  hubbub serve --record recordings                  record every session
  hubbub replay recordings/20260102-101500-default-1f2e3d4c
  hubbub replay DIR --set action_delay_ms=200       what would a shorter patience have decided?

exit status: 0 every decision was the same; 1 some were not; 2 the recording cannot be replayed
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "replay", help="run a recorded session through this build, and compare the decisions",
        description="Lets the detector hear a recording of 'hubbub serve --record' again and the turn machine decide again, and "
        "prints where this differs from what was recorded.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("recording", metavar="DIR", type=Path, help="the recording's folder")
    parser.add_argument("--vad", metavar="NAME", help="the detector to hear with (default: the one that was recorded)")
    parser.add_argument("--set", metavar="NAME=VALUE", dest="changes", action="append", default=[],
                        help="decide by another policy, for example action_delay_ms=200; may be repeated")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the outcome as one JSON object")
    parser.add_argument("--limit", type=int, metavar="N", help=f"show at most N differences (default: {MAX_SHOWN}; with --json all)")
    parser.add_argument("--progress", action="store_true", help="say on standard error how far it is, as JSON lines")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Replays. Answers the exit status."""
    from ..replay import RecordingError, load_recording, replay
    from ..vad.base import VADError
    from ..vad.choose import choose_vad

    try:
        recording = load_recording(arguments.recording)
        policy = changed(recording.policy, arguments.changes)
        vad, _ = choose_vad(arguments.vad or recording.meta.get("vad"))
        try:
            outcome = replay(recording, vad, policy=policy, progress=_tell if arguments.progress else None)
        finally:
            vad.close()
    except (RecordingError, VADError, ValueError) as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    if arguments.json:
        _print_json(outcome, arguments.limit)
    else:
        _print_table(outcome, MAX_SHOWN if arguments.limit is None else max(0, arguments.limit))
    return ExitStatus.OK if outcome.same else ExitStatus.FAILED


def changed(policy: "TurnPolicy", changes: list[str]) -> "TurnPolicy":
    """The policy with `NAME=VALUE` changes. Raises ValueError for a name, a kind of value or a range that cannot be."""
    kinds = {field.name: field.type for field in fields(policy)}
    values: dict[str, int | float | str] = {}
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in kinds:
            raise ValueError(f"--set {change}: must be NAME=VALUE with one of the names {', '.join(kinds)}")
        present = getattr(policy, name)
        try:
            values[name] = type(present)(value)
        except ValueError:
            wanted = {int: "a whole number", float: "a number"}[type(present)]
            raise ValueError(f"--set {change}: {name} must be {wanted}") from None
    return replace(policy, **values)  # type: ignore[arg-type]  # the kinds were taken from the policy itself


def _tell(share: float) -> None:
    print(json.dumps({"progress": round(share, 3)}), file=sys.stderr, flush=True)


def _print_json(outcome: "Outcome", limit: int | None) -> None:
    whole = asdict(outcome)
    shown = whole["differences"] if limit is None else whole["differences"][: max(0, limit)]
    left_out = len(whole["differences"]) - len(shown)
    print(json.dumps({"same": outcome.same, **whole, "differences": shown, "left_out": left_out}, ensure_ascii=False))


def _print_table(outcome: "Outcome", limit: int) -> None:
    print(f"{outcome.seconds:.1f} s of sound, {outcome.windows} windows, {outcome.steps} steps, {outcome.commands} decisions")
    for warning in outcome.warnings:
        print(f"warning: {warning}")
    if outcome.same:
        print("every decision was the same")
        return
    print(f"{len(outcome.differences)} differences:")
    print(f"{'at':>10}  {'what':<14}  recorded → replayed")
    for difference in outcome.differences[:limit]:
        print(f"{difference.at_ms / 1000:>8.3f} s  {difference.what:<14}  {difference.recorded} → {difference.replayed}")
    if len(outcome.differences) > limit:
        print(f"… and {len(outcome.differences) - limit} more (--json shows all)")
