"""`hubbub eval turns`: does an agent stop when it should, and only then?"""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from .replay import changed
from .status import ExitStatus

if TYPE_CHECKING:
    from ..evaluate.scene import Scene
    from ..evaluate.score import Score
    from ..evaluate.simulate import Stage

KINDS = ("interruption", "backchannel", "cough", "burst", "babble", "echo")

_EPILOG = """\
examples:
  hubbub eval turns                                 the scenes of audio_fixtures, with the offline recogniser
  hubbub eval turns --asr perfect                   the turn machine alone: a recogniser that knows what is said
  hubbub eval turns --audio DIR --pictures out      recordings listed in DIR/manifest.json, a timeline picture each
  hubbub eval turns --set decide_ms=500 --json      what would another policy do?

exit status: 0 measured, whatever the outcome; 2 the sounds or the arguments cannot be used
"""


def add(kinds: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = kinds.add_parser(
        "turns", help="interruptions, backchannels, coughs, babble and echo over a reply",
        description="Lays labelled sounds over an agent's reply, and prints how soon it fell silent, how often wrongly, and what was lost.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--audio", metavar="DIR", type=Path, action="append", default=[],
                        help="a folder of sounds with a manifest.json; may be repeated (default: audio_fixtures)")  # fmt: skip
    parser.add_argument("--asr", choices=("pocketsphinx", "perfect"), default="pocketsphinx", help="who recognises the words")
    parser.add_argument("--kind", choices=KINDS, action="append", default=[], help="only these scenes; may be repeated")
    parser.add_argument("--name", metavar="TEXT", help="only scenes whose name holds this")
    parser.add_argument("--set", metavar="NAME=VALUE", dest="changes", action="append", default=[],
                        help="decide by another policy, for example decide_ms=500; may be repeated")  # fmt: skip
    parser.add_argument("--pictures", metavar="DIR", type=Path, help="draw a timeline of every scene into this folder")
    parser.add_argument("--all", action="store_true", help="list all scenes, not only those that went wrong")
    parser.add_argument("--json", action="store_true", help="print everything as one JSON object")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Measures. Answers the exit status."""
    import asyncio  # only this command pays for loading it

    from ..evaluate.picture import PictureError
    from ..evaluate.scene import SceneError
    from ..evaluate.stage import make_stage
    from ..turn.policy import TurnPolicy
    from ..vad.base import VADError

    try:
        policy = changed(TurnPolicy(), arguments.changes)
        folders = arguments.audio or [_fixtures()]
        scenes = _chosen(arguments, folders)
        stage = asyncio.run(make_stage(arguments.asr, policy, [*folders, _fixtures()]))
        try:
            scores = _measured(scenes, stage, arguments.pictures)
        finally:
            stage.vad.close()
    except (SceneError, PictureError, VADError, ImportError, ValueError, OSError) as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    _print(scores, arguments)
    return ExitStatus.OK


def _fixtures() -> Path:
    """`audio_fixtures` of the checkout, or of the present folder."""
    beside = Path(__file__).resolve().parents[2] / "audio_fixtures"
    return beside if beside.is_dir() else Path("audio_fixtures")


def _chosen(arguments: argparse.Namespace, folders: list[Path]) -> "list[Scene]":
    from ..evaluate.scene import SceneError, load_scenes

    scenes = [scene for folder in folders for scene in load_scenes(folder)]
    if arguments.kind:
        scenes = [scene for scene in scenes if scene.kind in arguments.kind]
    if arguments.name:
        scenes = [scene for scene in scenes if arguments.name in scene.name]
    if not scenes:
        raise SceneError(f"none of the scenes of {', '.join(map(str, folders))} is of the wanted kind and name")
    return scenes


def _measured(scenes: "list[Scene]", stage: "Stage", pictures: Path | None) -> "list[Score]":
    from ..evaluate.picture import draw
    from ..evaluate.stage import perform

    scores: list[Score] = []
    for scene, trace, score in perform(scenes, stage):
        scores.append(score)
        if pictures is not None:
            draw(scene, trace, score, stage.policy, pictures / f"turns-{scene.name}.png")
        if sys.stderr.isatty() or len(scores) % 20 == 0:
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{len(scores)} of {len(scenes)} scenes", end=end, file=sys.stderr, flush=True)
    return scores


def _print(scores: "list[Score]", arguments: argparse.Namespace) -> None:
    from ..evaluate.report import as_json, kind_table, scene_table, summary_lines
    from ..evaluate.score import summarise

    summary = summarise(scores)
    if arguments.json:
        print(as_json(scores, summary))
        return
    if arguments.all or not all(score.right for score in scores):
        print(scene_table(scores, only_wrong=not arguments.all), end="\n\n")
    print(kind_table(scores), end="\n\n")
    print(summary_lines(summary))
