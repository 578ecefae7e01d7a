"""What a caller is shown of the talk, told whenever it changes: what the agents do, who speaks after this one, and his own words as
they are recognised."""

from collections.abc import Callable

from .event import Event, Floor, Mouth, Transcript
from .turn import signals as s


class Screen:
    """One caller's screen. `emit` tells him, `share` tells those who hear him too, `now_ms` is his media time."""

    def __init__(self, name: str, emit: Callable[[Event], None], share: Callable[[Event], None], now_ms: Callable[[], int]) -> None:
        self._name = name
        self._emit = emit
        self._share = share
        self._now_ms = now_ms
        self._mouth: Mouth = "idle"
        self._speaker: str | None = None
        self._queue: tuple[str, ...] = ()
        self._words = ""

    def show_mouth(self, mouth: Mouth, agent: str | None = None) -> None:
        """What the agents do; `agent`: which one, where it is another than before."""
        speaker = None if mouth == "idle" else agent or self._speaker
        if (speaker, mouth) != (self._speaker, self._mouth):
            self._speaker, self._mouth = speaker, mouth
            self._show_floor()

    def show_queue(self, queue: tuple[str, ...]) -> None:
        """Which agents will speak after this one."""
        if queue != self._queue:
            self._queue = queue
            self._show_floor()

    def show_transcript(self, turn: int, text: str, *, final: bool, source: s.Source = "speech") -> None:
        """The words of a turn as they stand. An empty final one takes back what was shown."""
        if final and not text and not self._words:
            return
        if not final and text == self._words:
            return
        self._words = "" if final else text
        self._share(Transcript(at_ms=self._now_ms(), speaker=self._name, text=text, final=final, turn=turn, source=source))

    def _show_floor(self) -> None:
        self._emit(Floor(at_ms=self._now_ms(), speaker=self._speaker, mouth=self._mouth, queue=self._queue))
