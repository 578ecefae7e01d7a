"""Playing scenes with all cores: a few processes, each with engines of its own, share them out.

Every scene is a world of its own in simulated time, so it does not matter who plays it: the scores are the same, in the same order.
"""

import asyncio
import multiprocessing
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..turn.policy import TurnPolicy
from .line import HISS_DBFS, LineName
from .picture import draw
from .scene import Scene
from .score import Score, score
from .simulate import Stage, play
from .stage import make_stage

WORTH_A_PROCESS = 12
"""Scenes: to load a process's engines takes as long as to play a few."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a stage is made of, and where pictures go. It travels to other processes."""

    recogniser: str
    policy: TurnPolicy
    folders: tuple[Path, ...]
    line: LineName = "wide"
    pictures: Path | None = None
    hiss_dbfs: float | None = HISS_DBFS

    def make(self) -> Stage:
        """The stage. Raises what `make_stage` raises."""
        stage = asyncio.run(make_stage(self.recogniser, self.policy, self.folders))
        stage.line, stage.hiss_dbfs = self.line, self.hiss_dbfs
        return stage


def usual_jobs(scenes: int) -> int:
    """How many processes so many scenes are worth, on this machine."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, scenes // WORTH_A_PROCESS))


def perform(scenes: Sequence[Scene], recipe: Recipe, *, jobs: int = 1) -> Iterator[Score]:
    """Plays the scenes and scores them, in their order. Raises what making a stage raises, and PictureError."""
    if jobs <= 1:
        stage = recipe.make()
        try:
            for scene in scenes:
                yield _perform(scene, stage, recipe)
        finally:
            stage.vad.close()
        return
    recipe.make().vad.close()  # what cannot be made is told here, and not by every process
    context = multiprocessing.get_context("spawn")  # a forked copy of a network's threads would not run
    with context.Pool(jobs, _begin, (recipe,)) as pool:
        yield from pool.imap(_perform_here, scenes)


def _perform(scene: Scene, stage: Stage, recipe: Recipe) -> Score:
    trace = play(scene, stage)
    result = score(scene, trace)
    if recipe.pictures is not None:
        draw(scene, trace, result, stage.policy, recipe.pictures / f"turns-{scene.name}.png")
    return result


_here: tuple[Stage, Recipe] | None = None


def _begin(recipe: Recipe) -> None:
    global _here
    _here = recipe.make(), recipe


def _perform_here(scene: Scene) -> Score:
    assert _here is not None
    return _perform(scene, *_here)
