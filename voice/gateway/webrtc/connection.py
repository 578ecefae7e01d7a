"""A peer as its session sees it: the outgoing half."""

import asyncio
from collections.abc import Callable

from ...event import Event
from ...playout import Sound
from ...rtc.sender import TrackSender
from .channel import EventChannel

LEAD_MS = 20
"""One frame ahead of real time: the far end's own jitter buffer evens out the rest."""


class WebRTCConnection:
    """Takes events and sound at once: events go into the data channel, sound leaves as RTP in the same call."""

    reports_playhead = False
    lead_ms = LEAD_MS

    def __init__(self, events: EventChannel, track: TrackSender | None) -> None:
        """`track` is None where the client takes no audio."""
        self.over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        """Why the connection should end, once it should: `replaced`, `removed` or `closing`."""
        self._events = events
        self._track = track
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def send_event(self, event: Event) -> None:
        self._events.send(event)

    def send_sound(self, sound: Sound) -> None:
        if self._track is not None and sound.pcm:
            self._track.play(sound.pcm, self._now())

    def send_voices(self, pcm: bytes) -> None:
        if self._track is not None:
            self._track.play_voices(pcm, self._now())

    def end(self, why: str) -> None:
        """Asks the gateway to close the connection."""
        if not self.over.done():
            self.over.set_result(why)
