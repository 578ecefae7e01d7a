"""What every recogniser promises (voice/asr/base.py), checked on each.

An engine joins by adding itself to `ENGINES`: a function that makes one which understands, or pretends to understand, the words
"tell me a story" in the project's own recording of them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from hubbub.voice.asr.base import (
    ASRContext,
    ASREngine,
    ASREvent,
    ASRFinal,
    ASRMemory,
    ASRPartial,
    ASRStream,
)
from hubbub.voice.asr.moonshine import INSTALL, MoonshineASR
from hubbub.voice.asr.moonshine_model import find_model
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR
from hubbub.voice.testing.asr import ScriptedASR

pytestmark = pytest.mark.asyncio(loop_scope="module")

SAID = "tell me a story"
CONTEXT = ASRContext(phrases=(SAID, "what time is it", "count to ten", "go on", "stop"), vocabulary=("Alice",))
PATIENCE_S = 30

ENGINES: dict[str, Callable[[], ASREngine]] = {
    "moonshine": MoonshineASR,
    "pocketsphinx": lambda: PocketSphinxASR(processes=4),
    "scripted": lambda: ScriptedASR([SAID], repeat=True),
}


def make(name: str) -> ASREngine:
    """An engine, not started yet."""
    if name == "moonshine" and find_model() is None:
        pytest.skip(f"Moonshine's network is not installed: {INSTALL}")
    return ENGINES[name]()


@dataclass
class Listener:
    """Collects a stream's events, and notices what comes from inside a method or after the end."""

    events: list[ASREvent] = field(default_factory=list)
    inside: bool = False
    over: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, event: ASREvent) -> None:
        assert not self.inside, "an event came from inside a method of the stream"
        self.events.append(event)
        if not isinstance(event, ASRPartial):
            self.over.set()

    @property
    def partials(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, ASRPartial)]

    @property
    def final(self) -> ASRFinal:
        assert isinstance(self.events[-1], ASRFinal)
        return self.events[-1]

    async def finish(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await self.over.wait()


class Speaker:
    """A stream together with its listener; marks when its methods run."""

    def __init__(self, engine: ASREngine, memory: ASRMemory | None = None) -> None:
        self.listener = Listener()
        self.listener.inside = True
        self.stream: ASRStream = engine.open(self.listener, context=CONTEXT, memory=memory)
        self.listener.inside = False

    def feed(self, pcm: bytes, piece: int = 640) -> None:
        self.listener.inside = True
        for at in range(0, len(pcm), piece):
            self.stream.feed(pcm[at : at + piece])
        self.listener.inside = False

    def end(self) -> None:
        self.listener.inside = True
        self.stream.end()
        self.listener.inside = False

    def cancel(self) -> None:
        self.listener.inside = True
        self.stream.cancel()
        self.listener.inside = False


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=ENGINES)
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[ASREngine]:
    made = make(request.param)
    await made.start()
    yield made
    await made.close()


@pytest.fixture(scope="module")
def speech(fixture_audio: Callable[[str], bytes]) -> bytes:
    """300 ms of silence, the words, 300 ms of silence."""
    silence = bytes(300 * 32)
    return silence + fixture_audio("requests/tell_me_a_story") + silence


async def settle(engine: ASREngine) -> None:
    """Lets everything that an engine may still want to say come: another utterance of its own goes through whole."""
    after = Speaker(engine)
    after.feed(bytes(6400))
    after.end()
    await after.listener.finish()


async def test_partials_come_before_exactly_one_final(engine: ASREngine, speech: bytes) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech)
    async with asyncio.timeout(PATIENCE_S):
        while not speaker.listener.partials:
            await asyncio.sleep(0.005)
    speaker.end()
    await speaker.listener.finish()
    await settle(engine)
    assert speaker.listener.final.text.lower() == SAID
    assert len(speaker.listener.events) == len(speaker.listener.partials) + 1
    changes = zip(speaker.listener.partials, speaker.listener.partials[1:], strict=False)
    assert all(before != after for before, after in changes), "a partial that says nothing new"


async def test_partials_come_while_the_caller_still_speaks(engine: ASREngine, speech: bytes) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech)
    async with asyncio.timeout(PATIENCE_S):
        while not speaker.listener.partials:
            await asyncio.sleep(0.005)
    assert not speaker.listener.over.is_set()
    speaker.cancel()


async def test_nothing_comes_after_cancel(engine: ASREngine, speech: bytes) -> None:
    for ended in (False, True):
        speaker = Speaker(engine)
        speaker.feed(speech)
        if ended:
            speaker.end()
        speaker.cancel()
        speaker.cancel()
        speaker.feed(speech)
        speaker.end()
        await settle(engine)
        assert speaker.listener.events == []


async def test_cancel_after_the_final_does_nothing(engine: ASREngine, speech: bytes) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech)
    speaker.end()
    await speaker.listener.finish()
    speaker.cancel()
    await settle(engine)
    assert len(speaker.listener.events) == len(speaker.listener.partials) + 1


async def test_sound_after_the_end_is_ignored(engine: ASREngine, speech: bytes) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech)
    speaker.end()
    speaker.feed(speech)
    speaker.end()
    await speaker.listener.finish()
    speaker.feed(speech)
    speaker.end()
    await settle(engine)
    assert speaker.listener.final.text.lower() == SAID
    assert len(speaker.listener.events) == len(speaker.listener.partials) + 1


@pytest.mark.parametrize("pcm", [b"", bytes(2), bytes(640), bytes(32_000)], ids=["nothing", "sample", "frame", "second"])
async def test_an_utterance_without_speech_ends_with_an_empty_final(engine: ASREngine, pcm: bytes) -> None:
    if isinstance(engine, ScriptedASR):
        pytest.skip("says its script whatever it hears")
    speaker = Speaker(engine)
    speaker.feed(pcm)
    speaker.feed(b"")
    speaker.end()
    await speaker.listener.finish()
    assert speaker.listener.events == [ASRFinal("")]


@pytest.mark.parametrize("piece", [320, 642, 9600, 10_000_000])
async def test_any_pieces_of_the_same_sound_give_the_same_words(engine: ASREngine, speech: bytes, piece: int) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech, piece)
    speaker.end()
    await speaker.listener.finish()
    assert speaker.listener.final.text.lower() == SAID


async def test_word_times_rise_and_lie_within_the_sound(engine: ASREngine, speech: bytes) -> None:
    speaker = Speaker(engine)
    speaker.feed(speech)
    speaker.end()
    await speaker.listener.finish()
    words = speaker.listener.final.words
    if words:
        assert " ".join(word.text for word in words) == speaker.listener.final.text
    at = 0
    for word in words:
        assert at <= word.start_ms < word.end_ms <= len(speech) // 32
        at = word.end_ms


async def test_many_utterances_at_once_do_not_mix(engine: ASREngine, speech: bytes) -> None:
    speakers = [Speaker(engine, ASRMemory()) for _ in range(4)]
    for at in range(0, len(speech), 6400):
        for speaker in speakers:
            speaker.feed(speech[at : at + 6400])
    cancelled, *others = speakers
    cancelled.cancel()
    for speaker in others:
        speaker.end()
    for speaker in others:
        await speaker.listener.finish()
        assert speaker.listener.final.text.lower() == SAID
    assert not any(isinstance(event, ASRFinal) for event in cancelled.listener.events)


async def test_a_listener_that_fails_spoils_nothing_else(engine: ASREngine, speech: bytes) -> None:
    def failing(event: ASREvent) -> None:
        raise RuntimeError("a listener's own bug")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda *_: None)  # an engine may leave the report to the event loop
    try:
        stream = engine.open(failing, context=CONTEXT)
        stream.feed(speech)
        stream.end()
        speaker = Speaker(engine)
        speaker.feed(speech)
        speaker.end()
        await speaker.listener.finish()
    finally:
        loop.set_exception_handler(None)
    assert speaker.listener.final.text.lower() == SAID


@pytest.mark.parametrize("name", ENGINES)
async def test_close_cancels_open_utterances(name: str, speech: bytes) -> None:
    engine = make(name)
    await engine.start()
    speaker = Speaker(engine)
    speaker.feed(speech)
    speaker.end()
    if isinstance(engine, ScriptedASR):
        speaker.cancel()  # it has nothing to close
    await engine.close()
    before = list(speaker.listener.events)
    for _ in range(20):
        await asyncio.sleep(0)
    assert speaker.listener.events == before
    speaker.feed(speech)
    speaker.end()
    speaker.cancel()
