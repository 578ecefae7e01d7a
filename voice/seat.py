"""What a session needs of others: its room, the conversation it takes part in, and whoever listens in."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .asr.base import ASREvent, ASRStream
from .event import Event
from .playout import Ledger, Sound
from .turn import signals as s

if TYPE_CHECKING:
    from .session import Session


SendLane = Callable[[int, int, bytes, bool], None]
"""Sends a frame of a lane: its number, its place on the room's clock (samples at 24 kHz), PCM16 at 24 kHz, whether it is the last."""


class Seat(Protocol):
    """What a session needs of its room."""

    name: str

    @property
    def talk(self) -> "Talk": ...

    def muted(self, session: "Session") -> None: ...

    def hurry(self, session: "Session") -> None: ...

    def glance(self, session: "Session") -> None: ...

    def asr_stream(self, session: "Session", on_event: Callable[[ASREvent], None]) -> ASRStream: ...


class Talk(Protocol):
    """What a session needs of the conversation that it takes part in."""

    def overheard(self, session: "Session", event: Event) -> None: ...

    def silent(self, session: "Session") -> None: ...

    def speculate(self, session: "Session", turn: int, text: str) -> None: ...

    def retract(self, session: "Session", turn: int) -> None: ...

    def commit(self, session: "Session", commit: s.Commit) -> None: ...

    def held(self, session: "Session", reply: int) -> None: ...

    def resumed(self, session: "Session", reply: int) -> None: ...

    def interrupted(self, session: "Session", reply: int, reason: s.Reason, ledger: Ledger) -> None: ...

    def playout_started(self, session: "Session", reply: int, now: float) -> None: ...

    def first_heard(self, session: "Session", reply: int, at: float | None = None) -> None: ...

    def playout_ended(self, session: "Session", reply: int, ledger: Ledger) -> None: ...


class Tap(Protocol):
    """Who listens in on a session: the recorder. Its methods return at once."""

    def heard(self, pcm: bytes) -> None:
        """A window was judged: its sound, PCM16 at 16 kHz, silence that was filled in included."""

    def decided(self, event: s.Input, commands: list[s.Command], absent: bool) -> None:
        """The turn machine was fed an input and answered. `absent`: a window of filled-in silence that no VAD heard."""

    def spoke(self, at: int, sound: Sound) -> None:
        """Sound left for the caller at media position `at`, on the ear's clock."""

    def reached(self, at: int, reply: int, offset: int, reported: bool) -> None:
        """At media position `at` a reply was known to be played up to `offset`, in samples at 24 kHz. `reported`: the far end says so;
        else it is estimated. Also called where nothing has changed."""

    def others(self, at: int, position: int, pcm: bytes) -> None:
        """20 ms of the other callers' voices, mixed without this one's, left for him at media position `at`: PCM16 at 24 kHz, at
        `position` (samples at 24 kHz) on the room's clock, by which frames that follow each other are known."""

    def emitted(self, event: Event) -> None:
        """An event was appended to the log."""

    def closed(self) -> None:
        """The session is over."""
