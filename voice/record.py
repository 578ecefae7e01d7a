"""Recording sessions: what was heard, what was played, and every decision, on one media clock.

A recording is a folder:

    meta.json      format, version, room, caller, policy, engines
    heard.flac     what the VAD heard, 16 kHz mono, from the session's first sample
    played.flac    what was sent to the caller, 24 kHz mono, silence in between; sample n is media time n / 24 kHz
                   (after the recording's own beginning, `start_samples` in the session, where that is not the session's)
    others.flac    what was sent to the caller of the other callers' voices, mixed without his own, on the same clock; only where
                   somebody else spoke
    decisions.jsonl  one line a step of the turn machine ("i", "c"), an event of the log ("e"), a frame that was sent ("s": which
                   samples of which reply, and where they stand in played.flac) and a move of the playhead ("p": how far a reply was
                   played, and whether the far end said so), in the order they came, and a last line that seals the whole. A recording
                   made before there were "s" and "p" is read like any other: of it nobody knows to the sample what was heard

The session is tapped with plain calls that only append to a queue; one thread a process writes. The queue is bounded: a disk that
cannot keep up ends the recording with a line that says so, and never slows the conversation down.
"""

import hashlib
import json
import logging
import queue
import re
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from .. import __version__
from .audio.frames import EAR_HZ, MOUTH_HZ, SAMPLE_BYTES
from .event import Event, Joined
from .playout import Sound
from .session import Session
from .turn import signals as s

log = logging.getLogger("hubbub.record")

FORMAT = 1
MAX_QUEUED = 20_000
"""Items that may wait for the disk: about a minute of ten sessions."""

META, HEARD, PLAYED, DECISIONS = "meta.json", "heard.flac", "played.flac", "decisions.jsonl"
OTHERS = "others.flac"
EAR = "ear.flac"
"""What the caller heard: made of the others when somebody first asks for it (`operate/heard.py`)."""


class FlacWriter:
    """A FLAC file that grows. Blocking; for a thread."""

    def __init__(self, path: Path, rate_hz: int) -> None:
        import av

        self.rate_hz = rate_hz
        self.samples = 0
        self._file = av.open(str(path), "w", format="flac")
        self._stream = self._file.add_stream("flac", rate=rate_hz)
        self._stream.layout = "mono"
        self._stream.format = "s16"

    def write(self, pcm: bytes) -> None:
        """Appends PCM16."""
        import av

        if not pcm:
            return
        frame = av.AudioFrame.from_ndarray(np.frombuffer(pcm, np.int16).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self.rate_hz
        frame.pts = self.samples
        self.samples += frame.samples
        for packet in self._stream.encode(frame):
            self._file.mux(packet)

    def close(self) -> None:
        """Writes what is left."""
        for packet in self._stream.encode(None):
            self._file.mux(packet)
        self._file.close()


class Recorder:
    """Writes the recordings of a process. `close` waits until everything is on disk."""

    def __init__(self, folder: Path, *, vad_name: str) -> None:
        """Raises OSError when the folder cannot be made or written."""
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / ".write-test"
        probe.write_bytes(b"")
        probe.unlink()
        self.folder = folder
        self.vad_name = vad_name
        self._queue: queue.Queue[tuple[Recording, str, Any] | None] = queue.Queue(MAX_QUEUED)
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def record(self, session: Session) -> "Recording":
        """Taps a session from now on; at its beginning, or the recording cannot be replayed, and says so."""
        recording = Recording(self, session)
        session.line.tap = recording
        return recording

    def close(self) -> None:
        """Ends the thread when what is queued has been written. Blocking: call it in a thread."""
        self._queue.put(None)
        self._thread.join()

    def put(self, recording: "Recording", kind: str, item: Any) -> None:
        """Queues an item; a full queue gives the recording up."""
        try:
            self._queue.put_nowait((recording, kind, item))
        except queue.Full:
            if not recording.given_up:
                recording.given_up = True
                log.error("recording %s given up: the disk is too slow", recording.path.name)

    def _write(self) -> None:
        while (entry := self._queue.get()) is not None:
            recording, kind, item = entry
            try:
                recording.write(kind, item)
            except Exception as error:
                if not recording.given_up:
                    recording.given_up = True
                    log.error("recording %s given up: %s", recording.path.name, error)


class Recording:
    """One session's recording: a `voice.seat.Tap` on the loop's side, files on the thread's side."""

    def __init__(self, recorder: Recorder, session: Session) -> None:
        safe = re.sub(r"[^\w-]", "_", session.room.name)[:40]
        self.path = recorder.folder / f"{time.strftime('%Y%m%d-%H%M%S')}-{safe}-{session.id}"
        self.given_up = False
        self._recorder = recorder
        self._meta = {
            "format": FORMAT,
            "hubbub": __version__,
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "room": session.room.name,
            "caller": session.name,
            "session": session.id,
            "vad": recorder.vad_name,
            "window_samples": session.ear.window_samples,
            "policy": asdict(session.policy),
            "from_start": session.ear.received == 0 and session.state.now == 0,
            "start_samples": session.ear.at,
        }
        self._start = session.ear.at
        """Media time at which the recording begins."""
        self._playhead = (0, 0)
        self._others: FlacWriter | None = None
        self._others_next = -1
        """Where on the room's clock the next frame of the others lies, if it follows without a gap."""
        recorder.put(self, "open", None)

    # ── the loop's side (voice.seat.Tap) ───────────────────────────────────────────────────────────────────────────

    def heard(self, pcm: bytes) -> None:
        self._put("heard", pcm)

    def decided(self, event: s.Input, commands: list[s.Command], absent: bool) -> None:
        self._put("step", (event, commands, absent))

    def spoke(self, at: int, sound: Sound) -> None:
        self._put("played", (at, sound))

    def reached(self, at: int, reply: int, offset: int, reported: bool) -> None:
        if (reply, offset) != self._playhead:
            self._playhead = (reply, offset)
            self._put("playhead", {"at": at, "reply": reply, "offset": offset, "reported": reported})

    def others(self, at: int, position: int, pcm: bytes) -> None:
        self._put("others", (at, position, pcm))

    def emitted(self, event: Event) -> None:
        if isinstance(event, Joined):  # whoever reads the file must not be able to take the seat
            event = event.model_copy(update={"resume_token": ""})
        self._put("event", event)

    def closed(self) -> None:
        self._put("close", None)

    def _put(self, kind: str, item: Any) -> None:
        if not self.given_up:
            self._recorder.put(self, kind, item)

    # ── the thread's side ─────────────────────────────────────────────────────────────────────────────────────────────

    def write(self, kind: str, item: Any) -> None:
        """Writes one queued item. Runs on the recorder's thread."""
        match kind:
            case "open":
                self._open()
            case "heard":
                self._heard.write(item)
                self._heard_hash.update(item)
            case "played":
                self._write_played(*item)
            case "others":
                self._write_others(*item)
            case "step":
                event, commands, absent = item
                line = {"i": to_json(event), "c": [to_json(command) for command in commands]}
                self._line(line | {"absent": True} if absent else line)
            case "event":
                self._line({"e": item.model_dump(mode="json")})
            case "playhead":
                self._line({"p": item})
            case "close":
                self._close()

    def _open(self) -> None:
        self.path.mkdir(parents=True)
        (self.path / META).write_text(json.dumps(self._meta, indent=2) + "\n")
        self._heard = FlacWriter(self.path / HEARD, EAR_HZ)
        self._played = FlacWriter(self.path / PLAYED, MOUTH_HZ)
        self._lines = (self.path / DECISIONS).open("w")
        self._hash = hashlib.sha256()
        self._heard_hash = hashlib.sha256()

    def _write_played(self, at: int, sound: Sound) -> None:
        gap = (at - self._start) * MOUTH_HZ // EAR_HZ - self._played.samples
        if gap > 0:  # the server sends ahead, so sound that follows closely is never moved, only put after what came before
            self._played.write(bytes(gap * SAMPLE_BYTES))
        place, count = self._played.samples, len(sound.pcm) // SAMPLE_BYTES
        self._played.write(sound.pcm)
        if count:
            self._line({"s": {"at": at, "reply": sound.reply, "offset": sound.offset, "samples": count, "place": place}})

    def _write_others(self, at: int, position: int, pcm: bytes) -> None:
        """The first frame after a silence lies where it was sent, those that follow it on the room's clock come right behind it."""
        if self._others is None:
            self._others = FlacWriter(self.path / OTHERS, MOUTH_HZ)
        place = (at - self._start) * MOUTH_HZ // EAR_HZ
        if position != self._others_next and place > self._others.samples:
            self._others.write(bytes((place - self._others.samples) * SAMPLE_BYTES))
        self._others.write(pcm)
        self._others_next = position + len(pcm) // SAMPLE_BYTES

    def _line(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, ensure_ascii=False, separators=(",", ":")) + "\n"
        self._hash.update(line.encode())
        self._lines.write(line)
        if "e" in entry:
            self._lines.flush()

    def _close(self) -> None:
        self._heard.close()
        self._played.close()
        if self._others is not None:
            self._others.close()
        seal = {
            "end": {
                "heard_samples": self._heard.samples,
                "played_samples": self._played.samples,
                "others_samples": 0 if self._others is None else self._others.samples,
                "heard_sha256": self._heard_hash.hexdigest(),
                "lines_sha256": self._hash.hexdigest(),
            }
        }
        self._lines.write(json.dumps(seal) + "\n")
        self._lines.close()
        log.info("recorded %s", self.path)


def to_json(signal: s.Input | s.Command) -> dict[str, Any]:
    """An input or a command of the turn machine as JSON values, with its kind."""
    return {"k": type(signal).__name__, **asdict(signal)}


_INPUTS = {
    kind.__name__: kind
    for kind in (
        s.Window, s.Glance, s.Elapsed, s.Partial, s.Final, s.Completeness, s.ReplyPending, s.PlayoutStarted, s.PlayoutEnded, s.Typed,
        s.Keys, s.PressInterrupt, s.PressCommit,
    )
}


def input_from_json(data: dict[str, Any]) -> s.Input:
    """The input that `to_json` wrote. Raises ValueError."""
    fields = dict(data)
    kind = _INPUTS.get(fields.pop("k", ""))
    if kind is None:
        raise ValueError(f"unknown input {data.get('k')!r}")
    try:
        made: s.Input = kind(**fields)
    except TypeError as error:
        raise ValueError(str(error)) from None
    return made
