"""What `hubbub talk` prints: captions for people, or one JSON object a line for programs."""

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from ..event import (
    Backchannel,
    Error,
    Event,
    Joined,
    ParticipantJoined,
    ParticipantLeft,
    Reply,
    ToolUse,
    Transcript,
    Turn,
    TurnLatency,
    Words,
)

_COLUMNS = {
    "total_ms": "waited",
    "endpoint_ms": "endpoint",
    "asr_ms": "asr",
    "model_ms": "model",
    "sentence_ms": "sentence",
    "tts_ms": "tts",
    "send_ms": "send",
    "play_ms": "play",
    "overlap_ms": "(overlap)",
}
MAX_REPLIES_KEPT = 16
"""Replies whose word times are kept at a time; a conversation has one or two under way."""


@dataclass(slots=True)
class _Spoken:
    agent: str
    text: str = ""
    words: list[tuple[int, int]] = field(default_factory=list)
    """End in the text and place in the sound of each word."""

    def heard(self, playhead: int) -> str:
        ends = [end for end, at in self.words if at <= playhead]
        return self.text[: max(ends)] if ends and playhead else ""


class Captions:
    """Prints a conversation. On a terminal, what is still changing is rewritten in place: the caller's words as they are
    recognised, the agent's as they are heard. Elsewhere each line is printed once, when it is final."""

    def __init__(self, joined: Joined, *, as_json: bool) -> None:
        self._json = as_json
        self._live = not as_json and sys.stdout.isatty()
        self._open = ""
        self._replies: dict[int, _Spoken] = {}
        agents = ", ".join(seat.name for seat in joined.participants if seat.kind == "agent") or "nobody else"
        self._line(f"— in room {joined.room} as {joined.name}, with {agents}")

    def show(self, event: Event) -> None:
        """Prints an event, or what it changes."""
        if self._json:
            print(event.model_dump_json(), flush=True)
            return
        match event:
            case Transcript():
                self._say(event.speaker, event.text, final=event.final)
            case Reply():
                self._reply(event)
            case Words() if event.reply in self._replies:
                self._replies[event.reply].words += [(word.end, word.at) for word in event.words]
            case Turn():
                self._line(_table(event.turn, event.latency))
            case Backchannel():
                self._line(f"{event.speaker}: ({event.text})")
            case ToolUse():
                self._line(f"— {event.agent} uses {event.name}: {event.state}")
            case ParticipantJoined() | ParticipantLeft():
                self._line(f"— {event.participant.name} {'joins' if isinstance(event, ParticipantJoined) else 'leaves'}")
            case Error():
                self.fault(event.message)

    def spoken(self, playhead: Callable[[int], int]) -> None:
        """Brings the agent's words on a terminal up to what has been heard; `playhead` tells it of each reply, in samples."""
        if self._live:
            for reply, spoken in self._replies.items():
                if text := spoken.heard(playhead(reply)):
                    self._say(spoken.agent, text, final=False)

    def note(self, text: str) -> None:
        """Tells the user something that is not an error: on standard output, or beside it where that is JSON."""
        if self._json:
            print(json.dumps({"type": "note", "message": text}, ensure_ascii=False), flush=True)
        else:
            self._line(f"— {text}")

    def fault(self, text: str) -> None:
        """Tells the user of an error, on standard error."""
        self.close()
        print(f"hubbub: {text}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Ends a line that was still changing."""
        if self._open:
            print(flush=True)
            self._open = ""

    def _reply(self, event: Reply) -> None:
        spoken = self._replies.setdefault(event.reply, _Spoken(event.agent))
        while len(self._replies) > MAX_REPLIES_KEPT:
            self._replies.pop(next(iter(self._replies)))
        if not event.final:
            spoken.text = event.text
            return
        self._replies.pop(event.reply, None)
        cut = f" … [cut by {event.interrupted_by or 'somebody'}]" if event.interrupted else ""
        self._say(event.agent, (event.text.strip() or "(nothing was heard)") + cut, final=True)

    def _say(self, who: str, text: str, *, final: bool) -> None:
        if final and text.strip():
            self._line(f"{who}: {text.strip()}")
        elif self._live and text.strip():
            width = max(20, shutil.get_terminal_size().columns - 1)
            line = f"{who}: {' '.join(text.split())}"
            line = line if len(line) <= width else f"…{line[1 - width :]}"
            if line != self._open:
                print(f"\r\x1b[K{line}", end="", flush=True)
                self._open = line

    def _line(self, text: str) -> None:
        if self._json:
            return
        clear = "\r\x1b[K" if self._open else ""
        self._open = ""
        print(f"{clear}{text}", flush=True)


def _table(turn: int, latency: TurnLatency) -> str:
    """Where the caller's wait went, in two rows."""
    names = list(_COLUMNS.values())
    values = [f"{getattr(latency, part):.0f}" for part in _COLUMNS]
    widths = [max(len(name), len(value)) for name, value in zip(names, values, strict=True)]
    head = "  ".join(name.rjust(width) for name, width in zip(names, widths, strict=True))
    row = "  ".join(value.rjust(width) for value, width in zip(values, widths, strict=True))
    label = f"  turn {turn}  "
    return f"{' ' * len(label)}{head}  (ms)\n{label}{row}"
