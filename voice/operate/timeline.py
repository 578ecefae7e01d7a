"""A recording as a picture needs it: peaks of both tracks, verdicts, decisions and events on one clock. Pure; bounded by its arguments."""

import itertools
from dataclasses import asdict
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ, MOUTH_HZ
from ..replay import LoadedRecording
from .heard import Run, at_the_ear, played

MAX_PEAKS = 4000
MAX_DECISIONS = 5000
MAX_EVENTS = 5000


def timeline(
    recording: LoadedRecording, sent: npt.NDArray[np.int16], *, peaks: int = 1000, from_ms: float = 0.0, to_ms: float | None = None
) -> dict[str, Any]:
    """What happened in a stretch of a recording. `sent`: PCM16 at 24 kHz, (n,) int16; `peaks`: how many buckets."""
    heard = np.frombuffer(recording.heard, np.int16)
    whole_ms = max(len(heard) * 1000 / EAR_HZ, len(sent) * 1000 / MOUTH_HZ)
    end_ms = whole_ms if to_ms is None else min(to_ms, whole_ms)
    begin_ms = min(max(0.0, from_ms), end_ms)
    count = max(1, min(peaks, MAX_PEAKS))
    bucket_ms = (end_ms - begin_ms) / count
    start = int(_number(recording.meta.get("start_samples")))
    story = _Story(recording.lines, start)
    ear = at_the_ear(story.sound, sent, round(whole_ms * MOUTH_HZ / 1000))
    decisions = [one for one in story.decisions if begin_ms <= one["at_ms"] <= end_ms]
    events = [one for one in story.events if begin_ms <= one.get("at_ms", 0) <= end_ms]
    return {
        "room": recording.meta.get("room", ""), "caller": recording.meta.get("caller", ""), "seconds": round(whole_ms / 1000, 2),
        "from_ms": round(begin_ms, 1), "to_ms": round(end_ms, 1), "bucket_ms": round(bucket_ms, 3),
        "warnings": recording.warnings, "policy": asdict(recording.policy),
        "heard": {"peaks": _peaks(heard, EAR_HZ, begin_ms, end_ms, count)},
        "played": {"peaks": _peaks(sent, MOUTH_HZ, begin_ms, end_ms, count)},
        "ear": {"peaks": _peaks(ear, MOUTH_HZ, begin_ms, end_ms, count)} if story.knows_playhead else None,
        "vad": _highest(story.verdicts, begin_ms, bucket_ms, count),
        "decisions": decisions[:MAX_DECISIONS],
        "replies": [one for one in story.replies(whole_ms) if one["from_ms"] <= end_ms and one["to_ms"] >= begin_ms],
        "events": events[:MAX_EVENTS],
        "left_out": {"decisions": max(0, len(decisions) - MAX_DECISIONS), "events": max(0, len(events) - MAX_EVENTS)},
    }  # fmt: skip


class _Story:
    """What the lines of a recording tell, in their order."""

    def __init__(self, lines: list[dict[str, Any]], start: int) -> None:
        """`start`: where in its session the recording begins, samples at 16 kHz."""
        self._start_ms = start_ms = start * 1000 / EAR_HZ
        self.sound = played(lines, start)
        self.verdicts: list[tuple[float, float]] = []
        """Media time of a window's end, ms, and the probability of speech in it."""
        self.decisions: list[dict[str, Any]] = []
        self.events: list[dict[str, Any]] = []
        self._replies: dict[int, dict[str, Any]] = {}
        for line in lines:
            if isinstance(line.get("i"), dict):
                self._step(line["i"], line.get("c") or [])
            elif isinstance(line.get("e"), dict):
                event = {name: value for name, value in line["e"].items() if name != "resume_token"}
                event["at_ms"] = round(_number(event.get("at_ms")) - start_ms, 1)
                self.events.append(event)

    def _step(self, event: dict[str, Any], commands: list[dict[str, Any]]) -> None:
        at_ms = event["at"] * 1000 / EAR_HZ - self._start_ms
        match event["k"]:
            case "Window":
                self.verdicts.append((at_ms, event["probability"]))
            case "PlayoutStarted":
                fresh = {"reply": event["reply"], "from_ms": round(at_ms, 1), "to_ms": None, "how": "open", "held": []}
                self._replies.setdefault(event["reply"], fresh)
            case "PlayoutEnded":
                self._end(event["reply"], at_ms, "ended")
        for command in commands:
            self._note(command, at_ms)

    def _note(self, command: dict[str, Any], at_ms: float) -> None:
        kind = command.get("k")
        fields = {name: value for name, value in command.items() if name != "k"}
        self.decisions.append({"at_ms": round(at_ms, 1), "kind": kind, **fields})
        reply = self._replies.get(command.get("reply", 0))
        if reply is None or reply["to_ms"] is not None:
            return
        if kind == "Hold":
            reply["held"].append([round(at_ms, 1), None])
        elif kind == "Resume" and reply["held"] and reply["held"][-1][1] is None:
            reply["held"][-1][1] = round(at_ms, 1)
        elif kind == "Interrupt":
            self._end(command["reply"], at_ms, "cut")

    def _end(self, number: int, at_ms: float, how: str) -> None:
        reply = self._replies.get(number)
        if reply is not None and reply["to_ms"] is None:
            reply["to_ms"], reply["how"] = round(at_ms, 1), how
            if reply["held"] and reply["held"][-1][1] is None:
                reply["held"][-1][1] = round(at_ms, 1)

    def replies(self, whole_ms: float) -> list[dict[str, Any]]:
        """When each reply was heard; those that go on at the end end there."""
        for number in self._replies:
            self._end(number, whole_ms, "open")
        return [self._with_sound(reply) for reply in self._replies.values()]

    @property
    def knows_playhead(self) -> bool:
        """Whether the recording tells what was heard to the sample: one made before there were such lines does not."""
        return any(sound.marks for sound in self.sound.values())

    def _with_sound(self, reply: dict[str, Any]) -> dict[str, Any]:
        """A reply by its playhead, where that is known, instead of by the turn machine's decisions, which come before and after."""
        sound = self.sound.get(reply["reply"])
        runs = sound.runs() if sound is not None else []
        if sound is None or not runs:
            return reply | {"known": "decisions"}
        gaps = [(one.to_ms, other.at_ms) for one, other in itertools.pairwise(runs)]
        held = [_rounded(gap) for gap in gaps if any(_meet(gap, hold) for hold in reply["held"])]
        return reply | {
            "known": "reported" if sound.reported else "estimated",
            "from_ms": round(runs[0].at_ms, 1), "to_ms": round(runs[-1].to_ms, 1), "held": held,
            "stalled": [_rounded(gap) for gap in gaps if _rounded(gap) not in held],
            "heard": [_run(run) for run in runs], "heard_samples": runs[-1].end, "sent_samples": sound.sent,
        }  # fmt: skip


def _run(run: Run) -> dict[str, float]:
    return {"from_ms": round(run.at_ms, 2), "to_ms": round(run.to_ms, 2), "from_sample": run.start, "to_sample": run.end}


def _rounded(gap: tuple[float, float]) -> list[float]:
    return [round(gap[0], 1), round(gap[1], 1)]


def _meet(gap: tuple[float, float], hold: list[float]) -> bool:
    """Whether a silence goes back to a hold. The playhead stops a little before the decision where its report says so, and goes on a
    little after."""
    return gap[0] < hold[1] and hold[0] < gap[1]


def _peaks(samples: npt.NDArray[np.int16], rate_hz: int, from_ms: float, to_ms: float, count: int) -> list[list[float]]:
    """The lowest and highest sample of each bucket, -1 to 1; silence where the track has ended."""
    edges = np.linspace(from_ms, to_ms, count + 1) * rate_hz / 1000
    starts = edges[:-1].astype(np.int64)
    stops = np.maximum(edges[1:].astype(np.int64), starts + 1)
    peaks = []
    for start, stop in zip(starts.tolist(), stops.tolist(), strict=True):
        part = samples[start:stop]
        peaks.append([round(int(part.min()) / 32768, 4), round(int(part.max()) / 32768, 4)] if len(part) else [0.0, 0.0])
    return peaks


def _highest(verdicts: list[tuple[float, float]], from_ms: float, bucket_ms: float, count: int) -> list[float]:
    highest = [0.0] * count
    for at_ms, probability in verdicts:
        place = int((at_ms - from_ms) / bucket_ms) if bucket_ms else 0
        if 0 <= place < count:
            highest[place] = max(highest[place], round(probability, 3))
    return highest


def _number(value: Any) -> float:
    return value if isinstance(value, int | float) else 0.0
