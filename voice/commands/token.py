"""`hubbub token`: a token for somebody who shall come in; or a new server key."""

import argparse
import os
import re
import sys

from .status import ExitStatus

_EPILOG = """\
The token is signed with the key that the server was started with: HUBBUB_SERVER_KEY, or the one that a file of rooms names.

examples:
  export HUBBUB_SERVER_KEY=$(hubbub token --new-key)      a new key: keep it secret, give it to the server and to nobody else
  hubbub token --room default --name Kim --for 2h         Kim may join the room 'default' for two hours
  hubbub token --room default --once --link https://voice.example.org    a link that lets one person in, once
  hubbub token --role moderator                           an operator: all rooms, and the operator's page

exit status: 0 the token was printed; 2 wrong arguments, or no key
"""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "token", help="make a token that lets somebody into a room, or a server key",
        description="Prints a room token (a JSON Web Token) for who shall join a server that is not open to everybody.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("rooms", nargs="?", metavar="ROOMS.yaml", help="the server's file, where the key is named there")
    parser.add_argument("--room", help="the only room it opens (default: all)")
    parser.add_argument("--name", help="the name its bearer has there (default: of his choice)")
    parser.add_argument("--role", choices=("speaker", "listener", "moderator"), default="speaker", help="default: %(default)s")
    parser.add_argument("--for", dest="life_s", type=_seconds, default=3600, metavar="TIME", help="how long it is good, such as 90s, "
                        "30m, 2h or 7d; at most 30d (default: 1h)")  # fmt: skip
    parser.add_argument("--once", action="store_true", help="good for one seat only")
    parser.add_argument("--key-id", default="server", help="which of the server's keys signs it (default: %(default)s)")
    parser.add_argument("--link", metavar="URL", help="print the address of the server's page with the token in it instead")
    parser.add_argument("--new-key", action="store_true", help="print a new server key, and make no token")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints a token. Answers the exit status."""
    if arguments.new_key:
        import secrets

        print(secrets.token_urlsafe(32))
        return ExitStatus.OK
    from pydantic import ValidationError

    from ..access import NoLock, keys_of
    from ..api.body import in_words
    from ..api.tokens import invitation
    from ..config import ConfigError, default_config, load_config
    from ..token import TokenRequest, mint

    try:
        config = load_config(arguments.rooms) if arguments.rooms else default_config()
        keys = keys_of(config.server.access, os.environ)
        wanted = TokenRequest(
            room=arguments.room, name=arguments.name, role=arguments.role, for_s=arguments.life_s, once=arguments.once
        )
    except (ConfigError, NoLock) as error:
        return _fail(str(error))
    except ValidationError as error:
        return _fail(in_words(error))
    key = keys.get(arguments.key_id)
    if key is None:
        return _fail(_missing(arguments.key_id, keys))
    if arguments.rooms and arguments.room and arguments.room not in config.rooms:
        print(f"hubbub: note: {arguments.rooms} has no room '{arguments.room}'", file=sys.stderr)
    token, claims = mint(wanted, key, key_id=arguments.key_id)
    print(invitation(arguments.link.rstrip("/"), claims.room, token) if arguments.link else token)
    return ExitStatus.OK


def _missing(key_id: str, keys: dict[str, str]) -> str:
    if key_id == "server":
        return (
            "there is no key to sign with: set HUBBUB_SERVER_KEY to the server's, or name the file of rooms that has it. "
            "'hubbub token --new-key' makes a new one"
        )
    return f"there is no key '{key_id}'; these are: {', '.join(sorted(keys)) or 'none'}"


def _seconds(text: str) -> int:
    found = re.fullmatch(r"(\d{1,9})([smhd])", text)
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 1 <= seconds <= 30 * _UNITS["d"]:
        raise argparse.ArgumentTypeError(f"must be a time such as 90s, 30m, 2h or 7d, up to 30d, not {text!r}")
    return seconds


def _fail(message: str) -> int:
    print(f"hubbub: {message}", file=sys.stderr)
    return ExitStatus.USAGE
