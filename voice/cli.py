"""The command `hubbub`."""

import argparse
import os
import sys
from collections.abc import Sequence

from .commands import call, doctor, evaluate, protocol, replay, serve, talk, timeline, token, version
from .commands.status import ExitStatus

_EXAMPLES = """\
examples:
  hubbub serve                           one room, one agent, at http://127.0.0.1:8080
  hubbub serve rooms.yaml --port 9000    the rooms of a file
  hubbub talk                            talk through this machine's microphone and loudspeaker
  hubbub talk --wav question.wav         speak a recording, print what is said on both sides
  hubbub talk --text "What time is it?" --json
  hubbub token --room default --for 2h   a token, where the server asks for one
  hubbub call --wav question.wav https://agent.example/voice   as Twilio would, without Twilio
  hubbub replay recordings/NAME          run a recorded session again, and compare the decisions
  hubbub eval turns                      how well an agent stops when it should, measured on sound
  hubbub doctor                          what is missing on this machine, and how to mend it

'hubbub COMMAND --help' tells more about each.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line `arguments` (default: the process's own). Answers the exit status."""
    parsed = _parser().parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
        sys.stdout.flush()
    except KeyboardInterrupt:
        return ExitStatus.INTERRUPTED
    except BrokenPipeError:  # `hubbub talk … | head`: whoever read the output has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitStatus.FAILED
    return int(status)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hubbub",
        description="A realtime voice agent server: people and agents talk in rooms, interrupt each other, and remember "
        "what was heard.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (serve, talk, call, token, replay, timeline, evaluate, protocol, doctor, version):
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
