"""`hubbub serve`: the server."""

import argparse
import os
import socket
import sys
from pathlib import Path

from .status import ExitStatus


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "serve", help="serve rooms to browsers and programs",
        description="Serves the rooms of a file, or one room with one agent where no file is given, until Ctrl-C.",
        epilog="The file's format is described in docs/configuration.md.",
    )  # fmt: skip
    parser.add_argument("rooms", nargs="?", metavar="ROOMS.yaml", help="the rooms, their agents, and the engines")
    parser.add_argument("--host", help="address to listen at (default: the file's, else 127.0.0.1; 0.0.0.0 for all)")
    parser.add_argument("--port", type=_port, help="port to listen at (default: the file's, else 8080; 0 for any free one)")
    parser.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default="info")
    parser.add_argument("--record", metavar="DIR", type=Path, help="record every session into a folder of its own below DIR: what "
                        "was heard, what was said and every decision (see 'hubbub replay')")  # fmt: skip
    parser.add_argument("--store", metavar="FILE", help="a database in which agents remember across restarts: a file, which is made where "
                        "there is none, or postgresql://… (default: the file's server.store, else they forget)")  # fmt: skip
    parser.add_argument("--open", action="store_true", help="let anybody in who reaches the address, without a token; needed where other "
                        "machines reach it and no key is set (HUBBUB_SERVER_KEY, see 'hubbub token')")  # fmt: skip
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Serves. Answers the exit status."""
    from ..config import ConfigError, default_config, load_config  # only this command pays for loading it, and the server

    try:
        config = load_config(arguments.rooms) if arguments.rooms else default_config()
    except ConfigError as error:
        print(error, file=sys.stderr)
        return ExitStatus.USAGE
    from ..access import NoLock, check_lock
    from ..server import configured, serve

    config = configured(config, host=arguments.host, port=arguments.port, open_to_all=arguments.open, store=arguments.store)
    try:
        check_lock(config.server, os.environ)
    except NoLock as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    audiosocket = config.telephony.asterisk.audiosocket
    fault = cannot_listen(config.server.host, config.server.port)
    if not fault and audiosocket is not None and (taken := cannot_listen(audiosocket.host, audiosocket.port, mend="")):
        fault = f"{taken} for telephony.asterisk.audiosocket. Stop the program that does, or configure another port"
    if fault:
        print(f"hubbub: {fault}", file=sys.stderr)
        return ExitStatus.FAILED
    try:
        return serve(config, log_level=arguments.log_level, record=arguments.record)
    except KeyboardInterrupt:
        return ExitStatus.OK


def cannot_listen(host: str, port: int, *, mend: str = ". Stop the program that does, or choose another with --port or --host") -> str:
    """Why nobody can listen at the address, and what to do; empty where one can."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return f"cannot listen at {host}:{port}: {reason}{mend}"
    return ""


def _port(text: str) -> int:
    if not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 65535, not {text!r}")
    return int(text)
