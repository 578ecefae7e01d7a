"""`hubbub talk`: be a caller, by recordings, by typing, or by this machine's microphone."""

import argparse
import math
import os
import sys
from typing import TYPE_CHECKING, Any

from .status import ExitStatus

if TYPE_CHECKING:
    from .conversation import Line

_EPILOG = """\
Recordings are streamed at real time, as a microphone would; each waits until the reply to the one before was heard to its
end, unless --overlap or --gap says otherwise. Any sound file that FFmpeg reads will do. The command ends by itself when the
last reply was heard.

exit status: 0 good; 2 wrong arguments or an unusable file; 3 no reply in time; 4 no server; 5 refused; 6 connection lost;
7 no microphone or loudspeaker; 130 Ctrl-C
"""


class _AddLine(argparse.Action):
    """Keeps --wav and --text in the order in which they were given."""

    def __call__(self, parser: argparse.ArgumentParser, space: argparse.Namespace, values: Any, option: str | None = None) -> None:
        space.lines = [*space.lines, (str(option).lstrip("-"), values)]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "talk", help="talk to the agents of a room, by recordings or live",
        description="Joins a room as a caller. Without --wav and --text it uses this machine's microphone and loudspeaker "
        "(pip install 'hubbub[mic]').",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8080", metavar="URL", help="the server (default: %(default)s)")
    parser.add_argument("--wav", action=_AddLine, dest="lines", default=[], metavar="FILE", help="speak a recording; may be repeated")
    parser.add_argument("--text", action=_AddLine, dest="lines", metavar="TEXT", help="say something by typing it; may be repeated")
    parser.add_argument("--room", default="default", help="the room to join (default: %(default)s)")
    parser.add_argument("--name", default="guest", help="your name there (default: %(default)s)")
    parser.add_argument("--token", default=os.environ.get("HUBBUB_TOKEN", ""), metavar="TOKEN",
                        help="the room token, where the server asks for one (default: the variable HUBBUB_TOKEN)")  # fmt: skip
    parser.add_argument("--mic", metavar="NAME", help="the microphone: its number or a part of its name (default: the system's)")
    parser.add_argument("--speaker", metavar="NAME", help="the loudspeaker, in the same way")
    parser.add_argument("--devices", action="store_true", help="list this machine's microphones and loudspeakers, and do nothing else")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line: each event as it comes")
    parser.add_argument("--save", metavar="FILE.wav", help="write what was heard of the agents to a WAV file")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--overlap", type=_seconds, metavar="SECONDS",
                       help="barge in: begin the next line this long after the reply became audible")  # fmt: skip
    start.add_argument("--gap", type=_seconds, metavar="SECONDS",
                       help="begin the next line this long after the one before, whatever is said")  # fmt: skip
    parser.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS",
                        help="how long nothing may happen before a reply is given up (default: %(default)g)")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Talks. Answers the exit status."""
    if arguments.devices:
        return _list_devices()
    import asyncio  # loaded only by who talks, as the rest

    from ..audio.wav import AudioFileError, read_audio
    from ..client import CannotConnectError, ConnectionLostError, DeviceError, RefusedError, VoiceClient, VoiceClientError
    from .conversation import Line, Plan, converse

    try:
        client = VoiceClient(arguments.url, room=arguments.room, name=arguments.name, token=arguments.token)
        lines = tuple(
            Line(value, read_audio(value, client.input_rate_hz)) if kind == "wav" else Line(value, None)
            for kind, value in arguments.lines
        )
        _check_texts(lines)
    except (AudioFileError, ValueError) as error:
        return _fail(str(error), ExitStatus.USAGE)
    plan = Plan(
        lines, arguments.overlap, arguments.gap, arguments.timeout, arguments.save, arguments.json, arguments.mic, arguments.speaker
    )  # fmt: skip
    try:
        return asyncio.run(converse(client, plan))
    except DeviceError as error:
        return _fail(str(error), ExitStatus.NO_DEVICE)
    except CannotConnectError as error:
        return _fail(str(error), ExitStatus.NO_SERVER)
    except RefusedError as error:
        return _fail(f"the server refused: {error}", ExitStatus.REFUSED)
    except ConnectionLostError as error:
        return _fail(str(error), ExitStatus.LOST)
    except VoiceClientError as error:
        return _fail(str(error), ExitStatus.FAILED)
    except BrokenPipeError:
        raise  # whoever read our output has gone; it is not --save that failed
    except OSError as error:
        return _fail(f"{arguments.save}: cannot be written: {error.strerror or error}", ExitStatus.FAILED)


def _list_devices() -> int:
    from ..client import DeviceError, list_devices

    try:
        devices = list_devices()
    except DeviceError as error:
        return _fail(str(error), ExitStatus.NO_DEVICE)
    for device in devices:
        kind = "mic" if device.kind == "input" else "speaker"
        print(f"{'*' if device.default else ' '} {kind:<8}{device.index:>3}  {device.name}")
    return ExitStatus.OK


def _check_texts(lines: "tuple[Line, ...]") -> None:
    from ..protocol import MAX_TEXT_CHARS

    for line in lines:
        if line.pcm is None and not 0 < len(line.label) <= MAX_TEXT_CHARS:
            raise ValueError(f"--text must have 1 to {MAX_TEXT_CHARS} characters, not {len(line.label)}")


def _fail(message: str, status: ExitStatus) -> int:
    print(f"hubbub: {message}", file=sys.stderr)
    return status


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= 3600:
        raise argparse.ArgumentTypeError(f"must be a number of seconds from 0 to 3600, not {text!r}")
    return seconds
