"""A peer as its session sees it: the outgoing half."""

import asyncio
from collections.abc import Callable

from ...audio.frames import MOUTH_FRAME_SAMPLES
from ...event import Event, Playing
from ...playout import Sound
from ...rtc.sender import FRAME_TICKS, TrackSender
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
        self._next = (0, 0, 0)
        """Reply, offset and RTP timestamp of a frame that goes on from the one before."""
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def send_event(self, event: Event) -> None:
        self._events.send(event)

    def send_sound(self, sound: Sound) -> None:
        if self._track is None or not sound.pcm:
            return
        joins = (sound.reply, sound.offset) == self._next[:2]
        timestamp = self._track.play(sound.pcm, self._now(), joins=joins)
        if (sound.reply, sound.offset, timestamp) != self._next:
            self._events.send(Playing(reply=sound.reply, offset=sound.offset, rtp=timestamp))
        self._next = (sound.reply, sound.offset + MOUTH_FRAME_SAMPLES, (timestamp + FRAME_TICKS) & 0xFFFFFFFF)

    def send_voices(self, pcm: bytes) -> None:
        if self._track is not None:
            self._track.play_voices(pcm, self._now())

    def end(self, why: str) -> None:
        """Asks the gateway to close the connection."""
        if not self.over.done():
            self.over.set_result(why)
