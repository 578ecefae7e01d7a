"""The folder of recordings: which there are, and in what state. Blocking; for a thread."""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ..audio.frames import EAR_HZ
from ..grant import Refused
from ..record import DECISIONS, FORMAT, META

MAX_LISTED = 500
TAIL_BYTES = 64 * 1024
"""What is read of the end of a recording's decisions: the seal, or the last windows."""

_NAME = re.compile(r"[\w-][\w.-]{0,200}")
_WINDOW = re.compile(rb'\{"i":\{"k":"Window","at":(\d+)')

State = Literal["recording", "complete", "cut off", "unreadable"]


@dataclass(frozen=True, slots=True)
class RecordingInfo:
    """What is known of a recording without reading all of it."""

    name: str
    state: State
    problem: str = ""
    """Why it is unreadable."""
    room: str = ""
    caller: str = ""
    session: str = ""
    started: str = ""
    seconds: float = 0.0
    bytes: int = 0
    hubbub: str = ""
    """The version that recorded it."""
    vad: str = ""
    from_start: bool = True
    """It began with its session, and so can be replayed."""


class Recordings:
    """The recordings below one folder. `current`: the names of those that go on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def list(self, current: frozenset[str]) -> tuple[list[RecordingInfo], int]:
        """The newest recordings, and how many older ones are left out."""
        try:
            names = sorted((entry.name for entry in self.folder.iterdir() if entry.is_dir()), reverse=True)
        except OSError:
            return [], 0
        names = [name for name in names if _NAME.fullmatch(name)]
        return [self.info(name, current) for name in names[:MAX_LISTED]], max(0, len(names) - MAX_LISTED)

    def path(self, name: str) -> Path:
        """The folder of a recording. Raises Refused (`unknown_recording`) for a name that is none."""
        path = self.folder / name
        if not _NAME.fullmatch(name) or path.is_symlink() or not path.is_dir():
            raise Refused("unknown_recording", f"there is no recording '{name[:80]}' here")
        return path

    def info(self, name: str, current: frozenset[str]) -> RecordingInfo:
        """What is known of one. Raises Refused."""
        if name in current and not (self.folder / name / META).is_file():
            return RecordingInfo(name, "recording")  # the recorder's thread is about to write it
        path = self.path(name)
        size = sum(entry.stat().st_size for entry in path.iterdir() if entry.is_file())
        meta, problem = _meta(path)
        if meta is None:
            return RecordingInfo(name, "unreadable", problem, bytes=size)
        sealed, seconds = _end(path)
        state: State = "recording" if name in current else "complete" if sealed else "cut off"
        return RecordingInfo(
            name, state, room=_text(meta, "room"), caller=_text(meta, "caller"), session=_text(meta, "session"),
            started=_text(meta, "started"), seconds=seconds, bytes=size, hubbub=_text(meta, "hubbub"), vad=_text(meta, "vad"),
            from_start=meta.get("from_start") is not False,
        )  # fmt: skip

    def delete(self, name: str, current: frozenset[str]) -> None:
        """Deletes a recording for good. Raises Refused for one that goes on."""
        path = self.path(name)
        if name in current:
            raise Refused("conflict", f"recording '{name}' goes on: end it first")
        shutil.rmtree(path)


def _meta(path: Path) -> tuple[dict[str, Any] | None, str]:
    try:
        meta = json.loads((path / META).read_text("utf-8"))
    except FileNotFoundError:
        return None, f"it has no {META}"
    except (OSError, ValueError) as error:
        return None, f"its {META} cannot be read: {error}"
    if not isinstance(meta, dict):
        return None, f"its {META} holds no mapping"
    if meta.get("format") != FORMAT:
        by = f" (made by Hubbub {meta['hubbub']})" if isinstance(meta.get("hubbub"), str) else ""
        return None, f"its format is {str(meta.get('format'))[:20]}, and this build reads format {FORMAT}{by}: use the Hubbub that made it"
    return meta, ""


def _end(path: Path) -> tuple[bool, float]:
    """Whether the recording was sealed, and how long it is, in seconds."""
    try:
        with (path / DECISIONS).open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - TAIL_BYTES))
            tail = file.read()
    except OSError:
        return False, 0.0
    last = tail.rstrip().rsplit(b"\n", 1)[-1]
    try:
        seal = json.loads(last).get("end") if last.startswith(b'{"end"') else None
        if seal is not None:
            return True, round(int(seal["heard_samples"]) / EAR_HZ, 2)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    found = _WINDOW.findall(tail)
    return False, round(int(found[-1]) / EAR_HZ, 2) if found else 0.0


def _text(meta: dict[str, Any], field: str) -> str:
    value = meta.get(field)
    return value if isinstance(value, str) else ""
