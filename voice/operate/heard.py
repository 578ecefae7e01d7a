"""Which samples of every reply the caller heard, and when: from the frames that were sent and the moves of the playhead. Pure.

A playhead report says that a reply was played up to a sample, and comes a little after the fact: by the way it took, and by what it
waited for the next tick. So of all reports of one unbroken stretch the earliest, reckoned back to the stretch's beginning, says when
that began; the others only say how late they were. Where the playhead falls behind by more than lateness explains, it stood still: the
sound was held, or there was none to play.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES
from ..audio.mix import mix
from ..record import FlacWriter
from ..replay import LoadedRecording, RecordingError

STANDSTILL_MS = 80.0
"""A playhead that falls behind by more than this stood still; by less, its reports were late: they leave every 50 to 100 ms, and the
jitter of a good line stays below that."""

MAX_REPLIES = 5000


@dataclass(slots=True)
class Run:
    """An unbroken stretch of a reply: its samples `start` to `end` (24 kHz) were heard from `at_ms` on."""

    at_ms: float
    start: int
    end: int

    @property
    def to_ms(self) -> float:
        """When its last sample was heard."""
        return self.at_ms + _ms(self.end - self.start)


@dataclass(slots=True)
class Played:
    """What is known of one reply's sound."""

    sent: int = 0
    """Samples that left, counted from the reply's beginning."""
    pieces: list[tuple[int, int, int]] = field(default_factory=list)
    """Frames as they left: place in the reply's sound, samples, place in the track of what was sent."""
    marks: list[tuple[float, int]] = field(default_factory=list)
    """The playhead's moves: ms since the recording began, samples."""
    reported: bool = False
    """The far end said so; else the playhead was estimated."""

    def runs(self) -> list[Run]:
        """When which of its samples were heard, in order; nothing where the playhead never moved."""
        runs: list[Run] = []
        heard = 0
        for at_ms, offset in self.marks:
            offset = min(offset, self.sent)
            if offset <= heard:
                continue
            began_ms = at_ms - _ms(offset - heard)
            last = runs[-1] if runs else None
            if last is None or began_ms > last.to_ms + STANDSTILL_MS:
                runs.append(Run(began_ms, heard, offset))
            else:
                earlier = min(last.at_ms, at_ms - _ms(offset - last.start))
                floor = runs[-2].to_ms if len(runs) > 1 else 0.0
                last.at_ms, last.end = max(earlier, floor), offset
            heard = offset
        return _without_false_stops(runs)


def played(lines: Iterable[dict[str, Any]], start_samples: int) -> dict[int, Played]:
    """The replies of a recording's lines, by number. `start_samples`: where in its session the recording begins. Lines that are not
    well formed are left out."""
    replies: dict[int, Played] = {}
    for line in lines:
        entry = line.get("s") or line.get("p")
        if not isinstance(entry, dict) or not _well_formed(entry, ("at", "reply", "offset")):
            continue
        if len(replies) >= MAX_REPLIES and entry["reply"] not in replies:
            continue
        known = replies.setdefault(entry["reply"], Played())
        if "s" in line and _well_formed(entry, ("samples", "place")):
            known.pieces.append((entry["offset"], entry["samples"], entry["place"]))
            known.sent = max(known.sent, entry["offset"] + entry["samples"])
        elif "p" in line:
            if entry.get("reported") is True and not known.reported:
                known.marks.clear()  # from the first report on nothing is estimated, and what was before is not needed any more
                known.reported = True
            known.marks.append((max(0, entry["at"] - start_samples) * 1000 / EAR_HZ, entry["offset"]))
    return replies


def at_the_ear(replies: dict[int, Played], sent: npt.NDArray[np.int16], samples: int) -> npt.NDArray[np.int16]:
    """The sound as the caller heard it, `samples` long, int16 at 24 kHz: every sample where the playhead passed it. `sent`: the track
    of what was sent."""
    ear = np.zeros(samples, np.int16)
    for reply in replies.values():
        for run in reply.runs():
            for offset, count, place in reply.pieces:
                first, end = max(run.start, offset), min(run.end, offset + count)
                if first < end:
                    to = round(run.at_ms * MOUTH_HZ / 1000) + first - run.start
                    part = sent[place + first - offset : place + end - offset][: max(0, samples - to)]
                    ear[to : to + len(part)] = part
    return ear


def write_ear(recording: LoadedRecording, sent: npt.NDArray[np.int16], file: Path, others: npt.NDArray[np.int16] | None = None) -> None:
    """Writes what the caller heard as FLAC, as long as the recording. `sent`, `others`: the tracks of what was sent of the replies and of
    the other callers, int16 at 24 kHz; live voices are heard as they come. Raises RecordingError where it does not tell, OSError."""
    others = np.zeros(0, np.int16) if others is None else others
    replies = played(recording.lines, int(recording.meta.get("start_samples") or 0))
    if not any(reply.marks for reply in replies.values()) and not len(others):
        raise RecordingError("the recording does not tell what was heard: it was made before recordings held the playhead, or nothing was")
    samples = max(len(sent), len(others), len(recording.heard) // SAMPLE_BYTES * MOUTH_HZ // EAR_HZ)
    half = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        writer = FlacWriter(half, MOUTH_HZ)
        ear = at_the_ear(replies, sent, samples)
        writer.write(mix([ear.tobytes(), np.pad(others, (0, samples - len(others))).tobytes()]) if len(others) else ear.tobytes())
        writer.close()
        half.replace(file)
    finally:
        half.unlink(missing_ok=True)


def _without_false_stops(runs: list[Run]) -> list[Run]:
    """A report that was late once looks like a standstill, until those after it come in time: such stretches are one."""
    whole: list[Run] = []
    for run in runs:
        if whole and run.at_ms - whole[-1].to_ms <= STANDSTILL_MS / 2:
            whole[-1].end = run.end
        else:
            whole.append(run)
    return whole


def _well_formed(entry: dict[str, Any], fields: tuple[str, ...]) -> bool:
    return all(isinstance(entry.get(name), int) and entry[name] >= 0 for name in fields)


def _ms(samples: int) -> float:
    return samples * 1000 / MOUTH_HZ
