"""Playing a scene: the real session, turn machine, VAD and recogniser, in simulated time."""

import asyncio
import zlib
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any

from ...agents.agent.react import ReActAgent
from ...agents.memory.in_process import InMemoryMemory
from ...agents.message import Msg
from ...agents.model.base import ChatDelta, ChatModelBase, TextDelta
from ..asr.base import ASRContext, ASREngine
from ..clock import MediaClock
from ..event import Clear, Event, Hold, Reply, Resume
from ..playout import Sound
from ..reply import AgentSeat
from ..room import RoomEngines, VoiceRoom
from ..session import Session
from ..speech import Speech, SpeechPiece, SpeechSound
from ..testing.caller import SimulatedCaller
from ..testing.time import run_simulated
from ..tts.base import TTSChunk, TTSEngine, Voice
from ..turn import signals as s
from ..turn.policy import TurnPolicy
from ..vad.base import VADEngine
from .line import HISS_DBFS, LINE_HZ, LINE_MS, LineName, way
from .recognisers import KnownWords
from .scene import Scene, SceneError

ANSWER_S = 3.0
"""How long the agent's first sound is waited for, in simulated time."""

SETTLE_S = 2.6
"""How long the scene is watched after its sound has ended: every decision has fallen by then."""


@dataclass(slots=True)
class Trace:
    """What happened in a scene. Times are seconds of the simulation."""

    onset: float
    end: float
    events: list[tuple[float, Event]]
    windows: list[tuple[float, float, bool]]
    """VAD verdicts: when they came, probability, and whether they were ignored (an echo, or too faint to be the caller)."""
    heard_replies: list[int]
    """Which reply the caller heard in each 20 ms frame since he joined; 0 is silence."""
    heard_spans: list[tuple[int, int, int]]
    """What was heard of the replies: reply, first sample, sample after the last (24 kHz)."""
    heard: bytes
    """PCM16 at 24 kHz, since he joined."""
    microphone: bytes
    """What the session's ear was given, PCM16 at 16 kHz, since he joined."""
    words: list[tuple[int, int, int]]
    """The reply's words: start and end in its text, and first sample."""
    joined: float
    text: str = ""

    def first(self, kind: type[Event], after: float = 0.0) -> float | None:
        """When the first event of a kind came at or after a moment."""
        return next((at for at, event in self.events if isinstance(event, kind) and at >= after), None)

    @property
    def reply(self) -> int:
        """The number of the reply that the scene was played over: the first that was heard. One that was begun for half of the request,
        and dropped before anybody heard it, has a number, too."""
        return next((reply for reply in self.heard_replies if reply), 0)

    def final_reply(self) -> Reply | None:
        """The end of the reply that the scene was played over."""
        return next((event for _, event in self.events if isinstance(event, Reply) and event.final and event.reply == self.reply), None)

    @property
    def held(self) -> float | None:
        """When the reply was held, None where it never was."""
        return self.first(Hold, self.onset - 0.05)

    @property
    def resumed(self) -> float | None:
        """When it went on, None where it never did."""
        return self.first(Resume, self.onset)

    @property
    def cut(self) -> float | None:
        """When it was cut, None where it never was."""
        return self.first(Clear, self.onset - 0.05)


class OneAnswer(ChatModelBase):
    """A model that always gives the same answer, at once."""

    name = "one-answer"

    def __init__(self, answer: str) -> None:
        self.answer = answer

    async def stream(self, messages: list[dict[str, Any]], **_: Any) -> AsyncGenerator[ChatDelta, None]:
        yield TextDelta(self.answer)


@dataclass(slots=True)
class CannedTTS(TTSEngine):
    """Speaks what another engine has spoken before: a reply with a real voice, without a process, in simulated time."""

    name: str = "canned"
    rate_hz: int = 24_000
    sentences: dict[str, list[TTSChunk]] = field(default_factory=dict)

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        for chunk in self.sentences[text]:
            yield chunk


async def can(engine: TTSEngine, voice: Voice, text: str) -> CannedTTS:
    """Has an engine speak a text, as a reply would, and keeps it. Runs in real time, with the real engine."""
    canned = CannedTTS(rate_hz=engine.rate_hz)

    class Recording(TTSEngine):
        name = engine.name
        rate_hz = engine.rate_hz
        word_times = getattr(engine, "word_times", True)

        async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
            kept = canned.sentences.setdefault(text, [])
            kept.clear()
            async for chunk in engine.synthesize(text, voice):
                kept.append(chunk)
                yield chunk

    agent = ReActAgent("Ava", "", OneAnswer(text), memory=InMemoryMemory())
    async for _ in Speech(Recording(), voice).stream(agent.reply_stream(Msg("caller", "go", "user"))):
        pass
    return canned


@dataclass(slots=True)
class Stage:
    """What scenes are played with. Engines are shared by all scenes; each has a room of its own."""

    vad: VADEngine
    asr: ASREngine
    tts: TTSEngine
    text: str
    context: ASRContext = field(default_factory=ASRContext)
    policy: TurnPolicy = field(default_factory=TurnPolicy)
    network_ms: int = 0
    request: bytes = b""
    """What the caller says first, PCM16 at 16 kHz: it shows how loud this caller is. Empty: the caller types."""
    line: LineName = "wide"
    """What the caller's sound comes over."""
    hiss_dbfs: float | None = HISS_DBFS
    """Of the caller's microphone, RMS; None: digital silence behind him."""


def play(scene: Scene, stage: Stage) -> Trace:
    """Plays one scene in simulated time."""
    return run_simulated(_play(scene, stage))


class _Windows:
    """Listens to the VAD's verdicts of a session."""

    def __init__(self) -> None:
        self.windows: list[tuple[float, float, bool]] = []
        self.microphone = bytearray()

    def heard(self, pcm: bytes) -> None:
        self.microphone += pcm

    def decided(self, event: s.Input, commands: list[s.Command], absent: bool) -> None:
        if isinstance(event, s.Window):
            self.windows.append((asyncio.get_running_loop().time(), event.probability, bool(event.ignored)))

    def spoke(self, at: int, sound: Sound) -> None: ...

    def reached(self, at: int, reply: int, offset: int, reported: bool) -> None: ...

    def others(self, at: int, position: int, pcm: bytes) -> None: ...

    def emitted(self, event: Event) -> None: ...

    def closed(self) -> None: ...


async def _play(scene: Scene, stage: Stage) -> Trace:
    loop = asyncio.get_running_loop()
    clock = MediaClock(stage.vad)
    agent = ReActAgent("Ava", "", OneAnswer(stage.text), memory=InMemoryMemory())
    seat = AgentSeat(agent, Speech(stage.tts, Voice()))
    room = VoiceRoom("scene", [seat], RoomEngines(clock, stage.asr, {}), policy=stage.policy, context=stage.context)
    await room.open()
    ticking = asyncio.create_task(clock.run())
    joined = loop.time()
    line = way(stage.line, stage.hiss_dbfs, seed=zlib.crc32(scene.name.encode()))
    caller = SimulatedCaller(room, network_ms=stage.network_ms, echo_db=scene.echo_db, echo_ms=scene.echo_ms, line=line)
    session: Session = caller.session
    session.listen_at(LINE_HZ[stage.line])
    tap = session.line.tap = _Windows()
    words = await _words(stage)
    known = stage.asr if isinstance(stage.asr, KnownWords) else None
    await _ask(caller, stage)
    await asyncio.sleep(scene.after_ms / 1000)
    if known:
        known.text = scene.text
    caller.say(scene.pcm)
    await asyncio.sleep(0.03)  # by then the first frame has left; it stands for the 20 ms before that
    began = (caller.talks_since if scene.pcm else loop.time()) - 0.02 + (stage.network_ms + LINE_MS[stage.line]) / 1000
    onset, end = began + scene.start_ms / 1000, began + scene.end_ms / 1000
    await asyncio.sleep(max(0.0, end - loop.time()) + SETTLE_S)
    trace = Trace(
        onset, end, caller.events, tap.windows, caller.heard_replies, caller.heard_spans, bytes(caller.heard), bytes(tap.microphone),
        words, joined, stage.text,
    )
    session.press_interrupt()
    await asyncio.sleep(0.2)
    await caller.leave()
    await room.close()
    ticking.cancel()
    await asyncio.gather(ticking, return_exceptions=True)
    trace.events = list(caller.events)
    return trace


async def _ask(caller: SimulatedCaller, stage: Stage) -> None:
    """Makes the agent speak: by the spoken request, and typed where that is not understood (another recogniser, a bad line)."""
    if stage.request:
        if isinstance(stage.asr, KnownWords):
            stage.asr.text = "go"
        caller.say(stage.request)
        await caller.said()
        await asyncio.sleep(0.6)
        caller.session.press_commit()
        if await _speaks(caller):
            return
    caller.session.type("go")
    if not await _speaks(caller):
        raise SceneError("the agent does not speak: there is nothing to lay a sound over")


async def _speaks(caller: SimulatedCaller) -> bool:
    """Whether a reply is heard within `ANSWER_S`. A loop without an end would be one in real time, too: the clock ticks on."""
    for _ in range(round(ANSWER_S / 0.02)):
        if any(caller.heard_replies):
            return True
        await asyncio.sleep(0.02)
    return False


async def _words(stage: Stage) -> list[tuple[int, int, int]]:
    """The true place of every word of the reply, from the speech stage itself."""
    agent = ReActAgent("Ava", "", OneAnswer(stage.text), memory=InMemoryMemory())
    out: list[tuple[int, int, int]] = []
    async for item in Speech(stage.tts, Voice()).stream(agent.reply_stream(Msg("caller", "go", "user"))):
        if isinstance(item, SpeechSound):
            out += [(word.start, word.end, word.at_sample) for word in item.words]
        elif isinstance(item, SpeechPiece):
            continue
    return out
