"""`hubbub timeline`: what happened in a recording, as JSON to be drawn."""

import argparse
import json
import sys
from pathlib import Path

from .status import ExitStatus

_EPILOG = """\
examples:
  hubbub timeline recordings/20260102-101500-default-1f2e3d4c
  hubbub timeline DIR --peaks 500 --from-ms 10000 --to-ms 20000
  hubbub timeline DIR --ear heard-by-the-caller.flac

The fields are described in docs/operator-api.md. Exit status: 0 good; 1 the recording does not tell what was heard; 2 it cannot be read.
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Describes the command."""
    parser = commands.add_parser(
        "timeline", help="print what happened in a recorded session, as JSON",
        description="Prints the peaks of both tracks of a recording of 'hubbub serve --record', the detector's verdicts, every "
        "decision and every event, on one clock.",
        epilog=_EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("recording", metavar="DIR", type=Path, help="the recording's folder")
    parser.add_argument("--peaks", type=int, default=1000, metavar="N", help="how many buckets, up to 4000 (default: %(default)s)")
    parser.add_argument("--from-ms", type=float, default=0.0, metavar="MS", help="begin here (default: at the beginning)")
    parser.add_argument("--to-ms", type=float, metavar="MS", help="end here (default: at the end)")
    parser.add_argument(
        "--ear", metavar="FILE", type=Path,
        help="instead, write what the caller's loudspeaker played as FLAC: every sample when the playhead passed it, with the silences of "
        "holds, without what was thrown away, and with the other callers' voices",
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints it. Answers the exit status."""
    import numpy as np

    from ..operate.heard import write_ear
    from ..operate.timeline import timeline
    from ..record import OTHERS, PLAYED
    from ..replay import RecordingError, load_flac, load_recording

    try:
        recording = load_recording(arguments.recording)
    except RecordingError as error:
        print(f"hubbub: {error}", file=sys.stderr)
        return ExitStatus.USAGE
    try:
        played = load_flac(arguments.recording / PLAYED, recording.warnings)
    except RecordingError as error:  # what was heard can be looked at without what was said
        recording.warnings.append(str(error))
        played = b""
    if arguments.ear is not None:
        try:
            there = (arguments.recording / OTHERS).is_file()
            others = load_flac(arguments.recording / OTHERS, recording.warnings) if there else b""
            write_ear(recording, np.frombuffer(played, np.int16), arguments.ear, np.frombuffer(others, np.int16))
        except (RecordingError, OSError) as error:
            print(f"hubbub: {error}", file=sys.stderr)
            return ExitStatus.FAILED if isinstance(error, RecordingError) else ExitStatus.USAGE
        return ExitStatus.OK
    story = timeline(
        recording, np.frombuffer(played, np.int16), peaks=arguments.peaks, from_ms=arguments.from_ms, to_ms=arguments.to_ms
    )
    print(json.dumps({"name": arguments.recording.name, **story}, ensure_ascii=False))
    return ExitStatus.OK
