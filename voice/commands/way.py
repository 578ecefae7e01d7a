"""The options of `hubbub eval` that say what lies between a caller's mouth and the server."""

import argparse

LINES = ("wide", "phone")

HISS_DBFS = -65.0
"""As in `voice/evaluate/line.py`, which is loaded only when something is measured."""


def add_way(parser: argparse.ArgumentParser) -> None:
    """Describes `--line` and `--hiss`."""
    parser.add_argument("--line", choices=LINES, default="wide",
                        help="as it is, or over a telephone: 8 kHz, u-law, 1 %% of frames lost in bursts (default: wide)")  # fmt: skip
    parser.add_argument("--hiss", metavar="DBFS", type=_hiss, default=HISS_DBFS,
                        help="noise of the caller's microphone, RMS, or none (default: %(default)g, a quiet room)")  # fmt: skip


def _hiss(text: str) -> float | None:
    if text == "none":
        return None
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"a level in dBFS such as -65, or none, is needed; {text!r} came") from None
