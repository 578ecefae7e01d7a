"""`hubbub version`: which build this is."""

import argparse
import platform

from ... import __version__
from .status import ExitStatus


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser("version", help="print the version of Hubbub and of Python")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints it. Answers the exit status."""
    print(f"hubbub {__version__} (Python {platform.python_version()}, {platform.system()} {platform.machine()})")
    return ExitStatus.OK
