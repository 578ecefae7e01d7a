"""`hubbub eval turns`: does an agent stop when it should, and only then?"""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from .replay import changed
from .status import ExitStatus
from .way import add_way

if TYPE_CHECKING:
    from ..evaluate.crew import Recipe
    from ..evaluate.scene import Scene
    from ..evaluate.score import Score

KINDS = ("interruption", "backchannel", "cough", "burst", "babble", "echo")

_EPILOG = """\
examples:
  hubbub eval turns                                 the scenes of audio_fixtures, with the offline recogniser
  hubbub eval turns --asr perfect                   the turn machine alone: a recogniser that knows what is said
  hubbub eval turns --audio DIR --pictures out      recordings listed in DIR/manifest.json, a timeline picture each
  hubbub eval turns --blind                         twelve voices of espeak-ng that nothing was fitted to
  hubbub eval turns --line phone                    as it is over a telephone: 8 kHz, u-law, 1 % of frames lost in bursts
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
    parser.add_argument("--blind", action="store_true", help="scenes spoken now, in voices that nothing was fitted to (needs espeak-ng)")
    add_way(parser)
    parser.add_argument("--jobs", metavar="N", type=int, help="play so many scenes at once (default: as many as there are cores)")
    parser.add_argument("--asr", choices=("auto", "moonshine", "pocketsphinx", "perfect"), default="auto",
                        help="who recognises the words (default: what the server would choose)")  # fmt: skip
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
    from ..evaluate.crew import Recipe, usual_jobs
    from ..evaluate.line import way
    from ..evaluate.picture import PictureError
    from ..evaluate.recognisers import offline
    from ..evaluate.scene import SceneError
    from ..tts.base import TTSError
    from ..turn.policy import TurnPolicy
    from ..vad.base import VADError

    try:
        way(arguments.line, arguments.hiss)  # what cannot be is told before anything is played
        policy = changed(TurnPolicy(), arguments.changes)
        folders = arguments.audio or ([] if arguments.blind else [_fixtures()])
        scenes = _chosen(arguments, folders)
        asr = offline() if arguments.asr == "auto" else arguments.asr
        recipe = Recipe(asr, policy, (*folders, _fixtures()), arguments.line, arguments.pictures, arguments.hiss)
        scores = _measured(scenes, recipe, usual_jobs(len(scenes)) if arguments.jobs is None else arguments.jobs)
    except (SceneError, PictureError, TTSError, VADError, ImportError, ValueError, OSError) as error:
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

    scenes = [scene for folder in folders for scene in load_scenes(folder)] + (_blind() if arguments.blind else [])
    if arguments.kind:
        scenes = [scene for scene in scenes if scene.kind in arguments.kind]
    if arguments.name:
        scenes = [scene for scene in scenes if arguments.name in scene.name]
    if not scenes:
        where = ", ".join([*map(str, folders), *(["the blind voices"] if arguments.blind else [])])
        raise SceneError(f"none of the scenes of {where} is of the wanted kind and name")
    return scenes


def _blind() -> "list[Scene]":
    import asyncio  # only this command pays for loading it

    from ..evaluate.blind import blind_scenes
    from ..tts.espeak import EspeakTTS

    async def speak() -> "list[Scene]":
        engine = EspeakTTS()
        await engine.start()
        try:
            return await blind_scenes(engine)
        finally:
            await engine.close()

    return asyncio.run(speak())


def _measured(scenes: "list[Scene]", recipe: "Recipe", jobs: int) -> "list[Score]":
    from ..evaluate.crew import perform

    began = time.monotonic()
    scores: list[Score] = []
    for score in perform(scenes, recipe, jobs=jobs):
        scores.append(score)
        if sys.stderr.isatty() or len(scores) % 20 == 0:
            spent = time.monotonic() - began
            left = spent / len(scores) * (len(scenes) - len(scores))
            end = "\r" if sys.stderr.isatty() else "\n"
            print(f"{len(scores)} of {len(scenes)} scenes in {spent:.0f} s, about {left:.0f} s left ", end=end, file=sys.stderr, flush=True)
    if sys.stderr.isatty():
        print(file=sys.stderr)
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
