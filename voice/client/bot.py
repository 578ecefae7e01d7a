"""A program that takes part in a room: it hears every participant on a lane of his own, and speaks.

    async with VoiceBot("http://127.0.0.1:8080", room="default", name="Scribe") as bot:
        async for item in bot:
            if isinstance(item, Speech) and item.kind == "caller":
                ...                                # item.participant, item.pcm
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from ..audio.frames import silence
from ..event import (
    Event,
    Floor,
    Joined,
    Kind,
    Participant,
    ParticipantChanged,
    ParticipantJoined,
    ParticipantLeft,
    Reply,
    Role,
)
from ..protocol import AudioFrame, LaneFrame
from .client import Rate, VoiceClient
from .microphone import FileMicrophone
from .player import SimulatedLoudspeaker

TRAILING_MS = 600
"""Silence sent after what a bot says: longer than the wait that ends a turn, so that nobody has to guess whether it goes on."""

OnSpeech = Callable[["Speech"], Awaitable[None]]
OnEvent = Callable[[Event], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Speech:
    """A stretch of what one participant says, as it comes: PCM16 mono at the bot's `rate_hz`."""

    participant: str
    kind: Kind
    pcm: bytes
    position: int
    """Of a caller: place of the first sample on the room's clock; of an agent: in the sound of its reply. Samples."""
    reply: int
    """Number of the agent's reply; 0 for a caller."""
    last: bool
    """He has stopped speaking, or the reply has ended."""


class VoiceBot:
    """A bot participant. Use it as an async context manager, and iterate for `Speech` and for events; or give callbacks to `run`.

    It listens to replies at their own pace and reports how far it has come, as every caller does, so that the room's ledger stays true;
    callers are heard live. A lost connection is taken up again by itself.

    Parameters are those of `VoiceClient`; `rate_hz` is the rate both ways.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8080",
        *,
        room: str = "default",
        name: str = "bot",
        token: str = "",
        role: Role | None = None,
        rate_hz: Rate = 16000,
        reconnect: bool = True,
    ) -> None:
        """Raises ValueError for an address, room or name that cannot be right."""
        self.rate_hz = rate_hz
        self.client = VoiceClient(
            url, room=room, name=name, token=token, role=role, input_rate_hz=rate_hz, output_rate_hz=rate_hz, reconnect=reconnect,
            lanes=True,
        )
        self.participants: dict[str, Participant] = {}
        """Who is in the room, by name."""
        self._agents: dict[int, str] = {}
        self._speaking = ""
        self._mouth = asyncio.Lock()
        self._stack = AsyncExitStack()
        self._ear: SimulatedLoudspeaker | None = None

    @property
    def name(self) -> str:
        """The bot's own name in the room."""
        return self.client.joined.name

    async def __aenter__(self) -> Self:
        await self._stack.enter_async_context(self.client)
        self._ear = await self._stack.enter_async_context(SimulatedLoudspeaker(self.client))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.__aexit__(kind, error, trace)

    # ── speaking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    async def say(self, pcm: bytes) -> None:
        """Speaks PCM16 mono at `rate_hz`, in real time; returns when it was said. Calls wait for each other. Raises VoiceClientError."""
        async with self._mouth, FileMicrophone(self.client) as microphone:
            await microphone.say(pcm + silence(self.rate_hz * TRAILING_MS // 1000))

    async def type(self, text: str) -> None:
        """Says something by typing it: a whole turn. Raises ValueError, VoiceClientError."""
        await self.client.send_text(text)

    async def interrupt(self) -> None:
        """Stops the agent that speaks or thinks."""
        await self.client.interrupt()

    async def leave(self) -> None:
        """Leaves the room; the iteration ends."""
        await self.client.leave()

    # ── hearing ───────────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self, on_speech: OnSpeech | None = None, on_event: OnEvent | None = None) -> None:
        """Calls back for all that comes, one thing after another, until the bot has left. Raises VoiceClientError."""
        async for item in self:
            if isinstance(item, Speech):
                if on_speech is not None:
                    await on_speech(item)
            elif on_event is not None:
                await on_event(item)

    async def __aiter__(self) -> AsyncIterator[Speech | Event]:
        async for item in self.client:
            if self._ear is not None:
                self._ear.take(item)
            match item:
                case LaneFrame():
                    name = self.client.lanes.get(item.lane, "")
                    yield Speech(name, "caller", item.pcm, item.position, 0, item.last)
                case AudioFrame():
                    agent = self._agents.get(item.reply, self._speaking)
                    yield Speech(agent, "agent", item.pcm, item.offset, item.reply, item.last)
                    if item.last:
                        self._agents.pop(item.reply, None)
                case Event():
                    self._learn(item)
                    yield item

    def _learn(self, event: Event) -> None:
        match event:
            case Joined():
                self.participants = {one.name: one for one in event.participants}
            case ParticipantJoined(participant=one) | ParticipantChanged(participant=one):
                self.participants[one.name] = one
            case ParticipantLeft(participant=one):
                self.participants.pop(one.name, None)
            case Floor(speaker=speaker) if speaker is not None:
                self._speaking = speaker
            case Reply(final=False):
                self._agents[event.reply] = event.agent
            case Reply():
                self._agents.pop(event.reply, None)
