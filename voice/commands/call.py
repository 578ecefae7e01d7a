"""`hubbub call`: be a telephone carrier, and call a server with recordings and keys."""

import argparse
import math
import os
import re
import sys
from typing import TYPE_CHECKING, Any

from .status import ExitStatus

if TYPE_CHECKING:
    from ..client.phone import BadLine
    from ..gateway.telephony.wire.base import Coding
    from .phone import Line

TOKEN_VARIABLE = "HUBBUB_CALL_AUTH_TOKEN"

_CARRIERS = ("twilio", "telnyx", "plivo", "vonage", "exotel", "audiosocket", "asterisk")

_EPILOG = """\
URL is the webhook that a carrier asks about an incoming call (https://…), or the media stream itself (wss://…); for audiosocket
host:port or host:port/UUID; for asterisk the address that its WebSocket channel connects to. It need not be a Hubbub server.

examples:
  hubbub call --wav question.wav https://agent.example/voice --auth-token "$TWILIO_AUTH_TOKEN"
  hubbub call --carrier telnyx --wav a.wav --wav b.wav --overlap 1 wss://agent.example/media --param room=sales
  hubbub call --carrier audiosocket --wav question.wav --record call.wav 127.0.0.1:9092
  hubbub call --wav question.wav --jitter 60 --loss 1 https://agent.example/voice --via http://127.0.0.1:8080
  hubbub call --live --loss 1 wss://agent.example/media     talk yourself

exit status: 0 good; 2 wrong arguments or an unusable file; 3 the agent was not heard in time; 4 nobody answers, or not as the carrier
expects; 5 refused; 6 the call ended in the middle; 7 no microphone or loudspeaker; 130 Ctrl-C
"""


class _AddLine(argparse.Action):
    """Keeps --wav and --digits in the order in which they were given."""

    def __call__(self, parser: argparse.ArgumentParser, space: argparse.Namespace, values: Any, option: str | None = None) -> None:
        space.lines = [*space.lines, (str(option).lstrip("-"), values)]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "call", help="call a server as a telephone carrier does, without one",
        description="Plays a telephone carrier: calls a server, says recordings, presses keys, and measures what the caller hears.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("url", metavar="URL", help="the webhook or the media stream")
    parser.add_argument("--carrier", choices=_CARRIERS, default="twilio", help="whom to play (default: %(default)s)")
    say = parser.add_argument_group("what the caller does")
    say.add_argument("--wav", action=_AddLine, dest="lines", default=[], metavar="FILE", help="say a recording; may be repeated")
    say.add_argument("--digits", action=_AddLine, dest="lines", metavar="KEYS", help="press keys: 0-9, *, #, A-D; may be repeated")
    say.add_argument("--live", action="store_true", help="then talk yourself, with this machine's microphone and loudspeaker, until "
                     "somebody hangs up (pip install 'hubbub[mic]')")  # fmt: skip
    say.add_argument("--mic", metavar="NAME", help="the same with this microphone: its number or a part of its name")
    say.add_argument("--speaker", metavar="NAME", help="and with this loudspeaker; hubbub talk --devices lists them")
    start = say.add_mutually_exclusive_group()
    start.add_argument("--overlap", type=_seconds, metavar="SECONDS",
                       help="barge in: begin the next line this long after the agent became audible")  # fmt: skip
    start.add_argument("--gap", type=_seconds, metavar="SECONDS",
                       help="begin the next line this long after the one before, whatever is said")  # fmt: skip
    say.add_argument("--stay", type=_seconds, metavar="SECONDS", help="stay on the line this long after the last reply (default: 0; "
                     "without --wav and --digits: until the server hangs up)")  # fmt: skip
    say.add_argument("--timeout", type=_seconds, default=10.0, metavar="SECONDS",
                     help="how long the agent may be silent before a reply is given up (default: %(default)g)")  # fmt: skip
    line = parser.add_argument_group("the line")
    line.add_argument("--loss", type=_percent, default=0.0, metavar="PERCENT", help="of the caller's frames that are lost, in bursts")
    line.add_argument("--burst", type=_ms, default=100, metavar="MS", help="mean length of a burst of loss (default: %(default)s)")
    line.add_argument("--jitter", type=_ms, default=0, metavar="MS", help="up to so much late the caller's frames come")
    line.add_argument("--seed", type=int, default=0, metavar="N", help="of the loss and the jitter (default: %(default)s)")
    line.add_argument("--coding", type=_coding, metavar="CODEC/HZ", help="ulaw/8000, alaw/8000, l16/8000, l16/16000, …; default: what "
                      "the server asks for, or the carrier's usual")  # fmt: skip
    tell = parser.add_argument_group("what the carrier tells")
    tell.add_argument("--param", action="append", default=[], type=_pair, metavar="NAME=VALUE", help="a custom parameter; may be repeated")
    tell.add_argument("--from", dest="caller", default=None, metavar="NUMBER", help="who calls")
    tell.add_argument("--to", dest="called", default=None, metavar="NUMBER", help="who is called")
    tell.add_argument("--call-id", default="", metavar="ID", help="the carrier's id of the call (audiosocket: its UUID)")
    tell.add_argument("--auth-token", default=None, metavar="TOKEN", help="sign webhook and handshake as the carrier does; better given in "
                      f"the variable {TOKEN_VARIABLE}, which no list of processes shows")  # fmt: skip
    tell.add_argument("--via", metavar="URL", help="where the server is really reached when the other URL is its public address: "
                      "http://127.0.0.1:8080")  # fmt: skip
    parser.add_argument("--record", metavar="OUT.wav", help="record both sides: the caller left, what he hears right")
    parser.add_argument("--json", action="store_true", help="print one JSON object a line: each event as it comes, and a summary")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Calls. Answers the exit status."""
    import asyncio  # loaded only by who calls, as the rest

    from ..audio.wav import AudioFileError
    from ..client import DeviceError
    from ..client.phone import CannotConnectError, ConnectionLostError, RefusedError, VoiceClientError, WebhookError
    from .phone import Live, Plan, call

    try:
        live = Live(arguments.mic, arguments.speaker) if arguments.live or arguments.mic or arguments.speaker else None
        plan = Plan(
            _lines(arguments.lines), arguments.overlap, arguments.gap, arguments.stay, arguments.timeout, arguments.record, arguments.json,
            live,
        )  # fmt: skip
        return asyncio.run(call(arguments.url, plan, _options(arguments)))
    except DeviceError as error:
        return _fail(str(error), ExitStatus.NO_DEVICE)
    except (AudioFileError, ValueError) as error:
        return _fail(str(error), ExitStatus.USAGE)
    except (CannotConnectError, WebhookError) as error:
        return _fail(str(error), ExitStatus.NO_SERVER)
    except RefusedError as error:
        return _fail(str(error), ExitStatus.REFUSED)
    except ConnectionLostError as error:
        return _fail(str(error), ExitStatus.LOST)
    except VoiceClientError as error:
        return _fail(str(error), ExitStatus.FAILED)
    except BrokenPipeError:
        raise  # whoever read our output has gone; it is not --record that failed
    except OSError as error:
        return _fail(f"{arguments.record}: cannot be written: {error.strerror or error}", ExitStatus.FAILED)


def _options(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `place_call` is told."""
    told = {
        "carrier": arguments.carrier, "call_id": arguments.call_id, "parameters": dict(arguments.param), "via": arguments.via,
        "auth_token": arguments.auth_token or os.environ.get(TOKEN_VARIABLE) or None, "coding": arguments.coding, "line": _line(arguments),
    }  # fmt: skip
    numbers = {name: value for name in ("caller", "called") if (value := getattr(arguments, name)) is not None}
    return {**told, **numbers}


def _line(arguments: argparse.Namespace) -> "BadLine":
    from ..client.phone import BadLine

    return BadLine(arguments.loss / 100, arguments.burst, arguments.jitter, arguments.seed)


def _lines(given: "list[tuple[str, str]]") -> "tuple[Line, ...]":
    """What the caller does, each recording looked at before anybody is called. Raises AudioFileError, ValueError."""
    from ..audio.wav import read_audio
    from ..client.phone.trunk import check_key
    from .phone import Line

    lines = []
    for kind, value in given:
        if kind == "digits":
            lines.append(Line(value, None, "".join(check_key(key) for key in value)))
        else:
            lines.append(Line(value, read_audio(value, 48_000), ""))
    return tuple(lines)


def _fail(message: str, status: ExitStatus) -> int:
    print(f"hubbub: {message}", file=sys.stderr)
    return status


def _seconds(text: str) -> float:
    return _number(text, 3600, "a number of seconds from 0 to 3600")


def _percent(text: str) -> float:
    return _number(text, 99, "a percentage from 0 to 99")


def _ms(text: str) -> int:
    return int(_number(text, 10_000, "a number of milliseconds from 0 to 10000"))


def _number(text: str, most: float, what: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number <= most:
        raise argparse.ArgumentTypeError(f"must be {what}, not {text!r}")
    return number


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise argparse.ArgumentTypeError(f"must be written NAME=VALUE, not {text!r}")
    return name, value


def _coding(text: str) -> "Coding":
    from ..gateway.telephony.wire.base import Coding

    found = re.fullmatch(r"(ulaw|alaw|l16)(?:/(\d{4,6}))?", text.lower())
    if found is None:
        raise argparse.ArgumentTypeError(f"must be ulaw, alaw or l16 and a rate, such as l16/16000, not {text!r}")
    return Coding(found[1], int(found[2] or 8000))  # type: ignore[arg-type]
