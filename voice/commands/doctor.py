"""`hubbub doctor`: what is missing on this machine, and how to mend it."""

import argparse
import json
import sys

from .status import ExitStatus


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "doctor", help="check engines, keys, ports and devices, and say what to mend",
        description="Checks what Hubbub needs on this machine. Answers 0 when a server can run, 1 when something must be mended.",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print the findings as one JSON list")
    parser.add_argument("--port", type=int, default=8080, help="the port that the server would use (default: %(default)s)")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Examines. Answers the exit status."""
    from ..doctor import examine

    findings = examine(port=arguments.port)
    if arguments.json:
        print(json.dumps([finding.as_dict() for finding in findings], indent=2, ensure_ascii=False))
    else:
        colour = {"ok": "\x1b[32m", "warn": "\x1b[33m", "fail": "\x1b[31m"} if sys.stdout.isatty() else {}
        width = max(len(finding.name) for finding in findings)
        for finding in findings:
            paint = colour.get(finding.state, "")
            plain = "\x1b[0m" if paint else ""
            print(f"{paint}{finding.state:4}{plain}  {finding.name:{width}}  {finding.found}")
            if finding.mend:
                print(f"      {'':{width}}  → {finding.mend}")
    return ExitStatus.FAILED if any(finding.state == "fail" for finding in findings) else ExitStatus.OK
