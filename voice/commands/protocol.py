"""`hubbub protocol`: the JSON Schemas of the native protocol."""

import argparse
import sys
from pathlib import Path

from .status import ExitStatus

_EPILOG = """\
examples:
  hubbub protocol client               what a client may send, as a JSON Schema
  hubbub protocol server > server.json
  hubbub protocol --write docs/schema  both, as client.json and server.json into a folder

The rules that go with them are in docs/protocol.md.
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "protocol", help="print the JSON Schemas of the native protocol",
        description="Prints what a client may send, or what a server sends, as a JSON Schema (draft 2020-12).",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("side", nargs="?", choices=("client", "server"), help="whose messages")
    what.add_argument("--write", metavar="DIR", type=Path, help="write both into this folder")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints or writes. Answers the exit status."""
    from ..schema import client_schema, server_schema, text

    schemas = {"client": client_schema, "server": server_schema}
    if arguments.write is None:
        print(text(schemas[arguments.side]()), end="")
        return ExitStatus.OK
    try:
        arguments.write.mkdir(parents=True, exist_ok=True)
        for side, make in schemas.items():
            (arguments.write / f"{side}.json").write_text(text(make()), encoding="utf-8")
    except OSError as error:
        print(f"hubbub: {arguments.write} cannot be written: {error.strerror or error}", file=sys.stderr)
        return ExitStatus.FAILED
    return ExitStatus.OK
