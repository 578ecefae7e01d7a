"""A connection: one transport link of a session, as the session sees it."""

from typing import Protocol

from .event import Event
from .playout import Sound


class Connection(Protocol):
    """One transport link of a session. Its methods return at once; a link that cannot keep up closes itself."""

    reports_playhead: bool
    """Whether the far end reports what it has played."""
    lead_ms: int
    """How far ahead of the far end's playhead sound may be sent, in ms: what its buffer needs to play without gaps."""

    def send_event(self, event: Event) -> None:
        """Tells the far end what happened; a link without a channel for events drops it."""

    def send_sound(self, sound: Sound) -> None:
        """Sends a stretch of a reply: at most a frame, PCM16 mono at 24 kHz."""

    def send_voices(self, pcm: bytes) -> None:
        """Sends what the other callers of the room say, mixed: a frame, PCM16 mono at 24 kHz, to be played at once beside any reply.

        It comes only while somebody speaks, is live, and is never repeated or acknowledged.
        """

    def end(self, why: str) -> None:
        """Asks the gateway to close the link: `replaced`, `slow`, `removed` or `closing`."""
