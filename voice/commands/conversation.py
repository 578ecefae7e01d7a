"""One caller's conversation from its first line to the end of the last reply.

Two things run side by side: the *listener* reads all that the server sends, plays it and prints it; the *speaker* says one line
after the other and waits on what the listener has noted (`_Notes`).
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from ..audio.wav import write_wav
from ..client import (
    AudioFrame,
    DeviceLoudspeaker,
    DeviceMicrophone,
    FileMicrophone,
    Loudspeaker,
    RefusedError,
    SimulatedLoudspeaker,
    VoiceClient,
    VoiceClientError,
)
from ..event import Backchannel, Error, Event, Floor, Left, Reply, SpeechStarted, SpeechStopped, Transcript
from ..protocol import Frame
from .captions import Captions
from .status import ExitStatus

SETTLED_MS = 400
"""For how long nobody must have spoken before a reply is taken to be over: an agent may have more to say."""
GREETING_MS = 300
"""How long a caller listens whether somebody greets him."""
LONGEST_SILENCE_SAVED_MS = 500
_POLL_S = 0.02


@dataclass(frozen=True, slots=True)
class Line:
    """What the caller says: a recording's sound, or (`pcm` is None) a typed text. `label` is the file or the text."""

    label: str
    pcm: bytes | None


@dataclass(frozen=True, slots=True)
class Plan:
    """What `hubbub talk` was asked for. Without lines the machine's microphone is used."""

    lines: tuple[Line, ...]
    overlap_s: float | None
    gap_s: float | None
    timeout_s: float
    save: str | None
    json: bool
    microphone: str | None = None
    """Number or a part of the name of the device; None for the system's."""
    loudspeaker: str | None = None


@dataclass(slots=True)
class _Notes:
    """What the listener noted, in seconds of the loop's clock."""

    me: str
    last_sign_at: float
    """Of anybody doing anything."""
    asked: int = 0
    """Newest turn of ours that had words."""
    answered: int = -1
    """Newest turn that a finished reply belongs to."""
    heard_words: bool = False
    speaking: bool = False
    mouth: str = "idle"
    open_replies: set[int] = field(default_factory=set)
    audible_at: float | None = None

    def take(self, item: Event | Frame, now: float) -> None:
        self.last_sign_at = now
        match item:
            case SpeechStarted(speaker=self.me):
                self.speaking = True
            case SpeechStopped(speaker=self.me):
                self.speaking = False
            case Transcript(speaker=self.me, final=True) if item.text.strip():
                self.asked, self.heard_words = item.turn, True
            case Backchannel(speaker=self.me):
                self.heard_words = True
            case Reply():
                (self.open_replies.discard if item.final else self.open_replies.add)(item.reply)
                if item.final:
                    self.answered = max(self.answered, item.turn)
            case Floor():
                self.mouth = item.mouth
            case AudioFrame() if self.audible_at is None:
                self.audible_at = now

    @property
    def waits_for_reply(self) -> bool:
        return self.heard_words and self.asked > self.answered

    @property
    def quiet(self) -> bool:
        return not self.speaking and not self.open_replies and self.mouth == "idle"


async def converse(client: VoiceClient, plan: Plan) -> int:
    """Holds the conversation. Answers the exit status. Raises VoiceClientError, and OSError where `save` cannot be written."""
    record = plan.save is not None
    loudspeaker: Loudspeaker = (
        SimulatedLoudspeaker(client, record=record) if plan.lines else DeviceLoudspeaker(client, record=record, device=plan.loudspeaker)
    )
    async with client, loudspeaker as speaker:
        try:
            return await _Conversation(client, speaker, plan).run()
        finally:
            if plan.save is not None:
                sound = speaker.playback.heard_pcm(longest_silence_ms=LONGEST_SILENCE_SAVED_MS)
                await asyncio.to_thread(write_wav, plan.save, sound, client.output_rate_hz)


class _Conversation:
    def __init__(self, client: VoiceClient, speaker: Loudspeaker, plan: Plan) -> None:
        self._client = client
        self._speaker = speaker
        self._plan = plan
        self._loop = asyncio.get_running_loop()
        self._captions = Captions(client.joined, as_json=plan.json)
        self._notes = _Notes(client.joined.name, self._loop.time())

    async def run(self) -> int:
        listening = asyncio.create_task(self._listen())
        talking = asyncio.create_task(self._talk() if self._plan.lines else self._talk_live())
        try:
            await asyncio.wait((listening, talking), return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                listening.result()
                if not talking.done():
                    raise VoiceClientError("the server ended the session")
            return talking.result()
        finally:
            for task in (listening, talking):
                task.cancel()
            await asyncio.gather(listening, talking, return_exceptions=True)
            self._captions.close()

    async def _listen(self) -> None:
        async for item in self._client:
            self._speaker.take(item)
            self._notes.take(item, self._loop.time())
            if isinstance(item, Event):
                self._captions.show(item)
            self._captions.spoken(self._speaker.playback.playhead)
            if isinstance(item, Left):
                return
            if isinstance(item, Error) and item.fatal:
                raise RefusedError(item.code, item.message)

    async def _talk_live(self) -> int:
        async with DeviceMicrophone(self._client, self._plan.microphone):
            self._captions.note("speak; Ctrl-C ends the conversation")
            await asyncio.Event().wait()  # until the server or the keyboard ends it
        return ExitStatus.OK

    async def _talk(self) -> int:
        async with FileMicrophone(self._client) as microphone:
            await asyncio.sleep(GREETING_MS / 1000)
            if not await self._until_settled():
                return self._no_reply("the agent's greeting did not end")
            for index, line in enumerate(self._plan.lines):
                self._notes.heard_words, self._notes.audible_at = False, None
                asked = self._notes.asked
                if line.pcm is None:
                    await self._client.send_text(line.label)
                else:
                    await microphone.say(line.pcm)
                self._notes.last_sign_at = self._loop.time()
                last = index == len(self._plan.lines) - 1
                if not await (self._until_answered() if last else self._until_next()):
                    if not self._notes.heard_words and self._notes.asked == asked:
                        self._captions.note(f"nothing was recognised in {line.label}")
                        continue
                    return self._no_reply(f"no reply to {line.label} was heard to its end")
        return ExitStatus.OK

    def _no_reply(self, what: str) -> int:
        self._captions.fault(f"{what}: nothing happened for {self._plan.timeout_s:g} s")
        return ExitStatus.NO_REPLY

    async def _until_next(self) -> bool:
        if self._plan.gap_s is not None:
            await asyncio.sleep(self._plan.gap_s)
            return True
        if self._plan.overlap_s is not None:
            if not await self._until(lambda: self._notes.audible_at is not None):
                return False
            await asyncio.sleep(self._plan.overlap_s)
            return True
        return await self._until_answered()

    async def _until_answered(self) -> bool:
        """A reply to the line came and was heard to its end, and nothing followed."""
        answered = await self._until(lambda: self._notes.heard_words and not self._notes.waits_for_reply)
        return answered and await self._until_settled()

    async def _until_settled(self) -> bool:
        quiet_since = self._loop.time()

        def settled() -> bool:
            nonlocal quiet_since
            now = self._loop.time()
            if not self._notes.quiet or not self._speaker.silent or self._notes.waits_for_reply:
                quiet_since = now
            else:
                self._notes.last_sign_at = now  # quiet is what is waited for, not a reason to give up
            return now - quiet_since >= SETTLED_MS / 1000

        return await self._until(settled)

    async def _until(self, happened: Callable[[], bool]) -> bool:
        """False where nothing at all happened for the plan's time-out before `happened`."""
        while not happened():
            if not self._speaker.silent:
                self._notes.last_sign_at = self._loop.time()
            if self._loop.time() - self._notes.last_sign_at > self._plan.timeout_s:
                return False
            self._captions.spoken(self._speaker.playback.playhead)
            await asyncio.sleep(_POLL_S)
        return True
