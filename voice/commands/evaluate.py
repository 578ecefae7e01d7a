"""`hubbub eval`: how well turns are taken, measured on labelled sound. Each kind of measurement is a module of its own."""

import argparse

from . import eval_endpointing, eval_turns


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command and its kinds."""
    parser = commands.add_parser(
        "eval", help="measure turn-taking on labelled sound",
        description="Plays labelled sound through the real path in simulated time, and measures what comes of it.",
    )  # fmt: skip
    kinds = parser.add_subparsers(title="what is measured", metavar="KIND", required=True)
    for kind in (eval_turns, eval_endpointing):
        kind.add(kinds)
