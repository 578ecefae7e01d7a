"""The speech stage: what is spoken, in order, with times; and that nothing is left behind."""

import asyncio
from collections.abc import AsyncGenerator
from itertools import pairwise

import pytest
from hubbub.agents.event import (
    AgentEvent,
    ReplyEndEvent,
    ReplyStartEvent,
    TextBlockDeltaEvent,
    TextBlockEndEvent,
    ThinkingBlockDeltaEvent,
    ToolCallStartEvent,
)
from hubbub.voice.speech import Speech, SpeechEnd, SpeechOptions, SpeechPiece, SpeechSound
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.testing.tts import WORD_MS, ScriptedTTS
from hubbub.voice.tts.base import TTSChunk, TTSError, Voice


class Agent:
    """A reply stream that writes its text word by word."""

    def __init__(self, text: str, *, pause_s: float = 0.02) -> None:
        self.text, self.pause_s = text, pause_s
        self.written = 0
        self.closed = False

    async def __call__(self) -> AsyncGenerator[AgentEvent, None]:
        try:
            yield ReplyStartEvent(reply_id="r", name="Ava")
            yield ThinkingBlockDeltaEvent(reply_id="r", block_id="t", delta="secret thoughts.")
            for word in self.text.split(" "):
                await asyncio.sleep(self.pause_s)
                self.written += 1
                yield TextBlockDeltaEvent(reply_id="r", block_id="b", delta=word + " ")
            yield ReplyEndEvent(reply_id="r", finished_reason="completed")
        finally:
            self.closed = True


async def collect(speech: Speech, agent: Agent) -> list[tuple[float, object]]:
    loop = asyncio.get_running_loop()
    return [(loop.time(), item) async for item in speech.stream(agent())]


def of(kind: type, items: list[tuple[float, object]]) -> list:
    return [item for _, item in items if isinstance(item, kind)]


def test_pieces_cover_the_text_and_words_have_their_place_and_time():
    async def main() -> None:
        agent = Agent("Hello **Kim**. This is `code` speaking, see?")
        items = await collect(Speech(ScriptedTTS(), Voice(), options=SpeechOptions(pause_ms=0)), agent)
        pieces = of(SpeechPiece, items)
        text = agent.text + " "
        assert "".join(piece.text for piece in pieces) == text
        assert [text[piece.start : piece.end] for piece in pieces] == [piece.text for piece in pieces]
        words = [word for sound in of(SpeechSound, items) for word in sound.words]
        assert [text[word.start : word.end].strip("*`") for word in words] == [
            "Hello", "Kim**.", "This", "is", "code", "speaking,", "see?",
        ]
        assert [word.at_sample for word in words] == [n * WORD_MS * 24 for n in range(7)]
        assert of(SpeechEnd, items)[0].spoken_samples == 7 * WORD_MS * 24
        assert len(of(ReplyEndEvent, items)) == 1 and len(of(ThinkingBlockDeltaEvent, items)) == 1

    run_simulated(main())


def test_the_first_piece_sounds_while_the_model_still_writes():
    async def main() -> None:
        agent = Agent("First sentence here. " + "word " * 200, pause_s=0.05)
        speech = Speech(ScriptedTTS(first_sound_ms=100), Voice())
        loop = asyncio.get_running_loop()
        async for item in speech.stream(agent()):
            if isinstance(item, SpeechSound):
                assert agent.written <= 7
                assert loop.time() < 0.4
                break
        else:
            pytest.fail("nothing was spoken")

    run_simulated(main())


def test_time_cuts_a_first_piece_that_has_no_boundary():
    async def main() -> None:
        agent = Agent("one two three four five six", pause_s=0.3)
        items = await collect(Speech(ScriptedTTS(), Voice(), options=SpeechOptions(first_piece_ms=400)), agent)
        first = next(at for at, item in items if isinstance(item, SpeechSound))
        assert first < 1.2
        assert "".join(piece.text for piece in of(SpeechPiece, items)) == agent.text + " "

    run_simulated(main())


def test_closing_stops_the_agent_and_leaves_no_task():
    async def main() -> None:
        agent = Agent("word. " * 500)
        stream = Speech(ScriptedTTS(), Voice()).stream(agent())
        async for item in stream:
            if isinstance(item, SpeechSound):
                break
        await stream.aclose()
        assert agent.closed
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_simulated(main())


def test_a_listener_that_is_slow_slows_the_model():
    async def main() -> None:
        agent = Agent("A sentence. " * 2000, pause_s=0.0)
        stream = Speech(ScriptedTTS(), Voice()).stream(agent())
        seen = 0
        async for item in stream:
            if isinstance(item, SpeechSound):
                seen += 1
                await asyncio.sleep(10)
                if seen == 3:
                    break
        assert agent.written < 600
        await stream.aclose()

    run_simulated(main())


def test_an_engine_that_fails_loses_its_piece_and_not_the_text():
    async def main() -> None:
        agent = Agent("Good start. Then bad luck. Good end.")
        items = await collect(Speech(ScriptedTTS(fail_on="bad"), Voice()), agent)
        end = of(SpeechEnd, items)[0]
        assert end.error and "bad" in end.error
        assert "".join(piece.text for piece in of(SpeechPiece, items)) == agent.text + " "
        assert end.spoken_samples > 0

    run_simulated(main())


class Flaky(ScriptedTTS):
    """Fails the first so many times that it is asked."""

    def __init__(self, failures: int, **options) -> None:
        super().__init__(**options)
        self.failures = failures

    async def synthesize(self, text, voice):
        if self.failures:
            self.failures -= 1
            raise TTSError("crashed")
        async for chunk in super().synthesize(text, voice):
            yield chunk


@pytest.mark.parametrize(
    ("failures", "heard", "failed"),
    [(1, ["One.", "Two.", "Three."], False), (2, ["Two.", "Three."], True), (4, [], True)],
)
def test_a_piece_that_failed_is_tried_once_more_and_two_that_failed_end_the_speech(failures, heard, failed):
    async def main() -> None:
        engine = Flaky(failures)
        items = await collect(Speech(engine, Voice()), Agent("One. Two. Three."))
        assert engine.spoken == heard
        assert bool(of(SpeechEnd, items)[0].error) is failed
        assert "".join(piece.text for piece in of(SpeechPiece, items)) == "One. Two. Three. "
        assert isinstance(items[-1][1], SpeechEnd) and len(of(ReplyEndEvent, items)) == 1

    run_simulated(main())


def test_an_engine_that_hangs_or_lies_is_an_error_and_not_a_silence():
    class Hanging(ScriptedTTS):
        async def synthesize(self, text, voice):
            await asyncio.sleep(3600)
            yield TTSChunk(b"")

    class Lying(ScriptedTTS):
        async def synthesize(self, text, voice):
            yield TTSChunk(b"odd")

    class Broken(ScriptedTTS):
        async def synthesize(self, text, voice):
            raise ZeroDivisionError("inside")
            yield

    async def main() -> None:
        for engine, message in ((Hanging(), "within 2 s"), (Lying(), "half a sample"), (Broken(), "inside")):
            items = await collect(Speech(engine, Voice()), Agent("Hello there, you."))
            end = of(SpeechEnd, items)[0]
            assert message in end.error and end.spoken_samples == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_simulated(main())


def test_what_is_written_before_a_tool_runs_is_spoken_before_it_ends():
    async def agent() -> AsyncGenerator[AgentEvent, None]:
        yield ReplyStartEvent(reply_id="r", name="Ava")
        yield TextBlockDeltaEvent(reply_id="r", block_id="b", delta="Yes. Let me look that up")
        yield TextBlockEndEvent(reply_id="r", block_id="b")
        yield ToolCallStartEvent(reply_id="r", tool_call_id="t", tool_name="look")
        await asyncio.sleep(30)
        yield TextBlockDeltaEvent(reply_id="r", block_id="c", delta="```\ncode\n```\nIt is noon")
        yield ReplyEndEvent(reply_id="r", finished_reason="completed")

    async def main() -> None:
        engine = ScriptedTTS()
        loop = asyncio.get_running_loop()
        items = [(loop.time(), item) async for item in Speech(engine, Voice()).stream(agent())]
        assert engine.spoken == ["Yes.", "Let me look that up", "It is noon"]
        early = [piece.text for at, piece in items if isinstance(piece, SpeechPiece) and at < 1]
        assert early == ["Yes.", " Let me look that up"]

    run_simulated(main())


def test_agent_events_pass_while_the_listener_has_sound_enough():
    async def main() -> None:
        agent = Agent("A sentence here. " * 30, pause_s=0.0)
        stream = Speech(ScriptedTTS(), Voice()).stream(agent())
        async for item in stream:
            if isinstance(item, SpeechSound):
                await asyncio.sleep(60)  # plays what it has
                break
        assert agent.written == 91 and agent.closed
        await stream.aclose()

    run_simulated(main())


@pytest.mark.parametrize("rate_hz", [8000, 22050, 24000, 48000])
def test_words_and_pauses_keep_one_time_line_at_any_rate(rate_hz):
    async def main() -> None:
        options = SpeechOptions(pause_ms=100)
        items = await collect(Speech(ScriptedTTS(rate_hz=22050), Voice(), rate_hz=rate_hz, options=options), Agent("One. Two. Three."))
        words = [word for sound in of(SpeechSound, items) for word in sound.words]
        for number, word in enumerate(words):
            assert abs(word.at_sample - number * (WORD_MS + 100) * rate_hz / 1000) <= 1
        total = of(SpeechEnd, items)[0].spoken_samples
        assert total == sum(len(sound.pcm) // 2 for sound in of(SpeechSound, items))
        assert abs(total - (3 * WORD_MS + 200) * rate_hz / 1000) <= 1

    run_simulated(main())


def test_spans_hold_the_marks_around_a_word_and_never_overlap():
    async def main() -> None:
        agent = Agent('He said: **"Hi, Bob!"** (softly) — see [my page](http://x.org) or https://www.example.org/a?b. 你好，世界。')
        items = await collect(Speech(ScriptedTTS(), Voice(), options=SpeechOptions(pause_ms=0)), agent)
        spans = [word for sound in of(SpeechSound, items) for word in sound.words]
        texts = [agent.text[span.start : span.end] for span in spans]
        assert texts[:7] == ["He", "said:", '**"Hi,', 'Bob!"**', "(softly)", "see", "[my"]
        assert "https://www.example.org/a?b." in texts and texts[-4:] == ["你", "好，", "世", "界。"]
        assert all(one.end <= other.start for one, other in pairwise(spans))

    run_simulated(main())


def test_an_agent_that_fails_raises_here():
    async def failing() -> AsyncGenerator[AgentEvent, None]:
        yield ReplyStartEvent(reply_id="r", name="Ava")
        raise RuntimeError("no model")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="no model"):
            async for _ in Speech(ScriptedTTS(), Voice()).stream(failing()):
                pass
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_simulated(main())


def test_engines_without_word_times_get_an_estimate_and_other_rates_are_resampled():
    class Plain(ScriptedTTS):
        word_times = False

        async def synthesize(self, text, voice):
            async for chunk in super().synthesize(text, voice):
                yield TTSChunk(chunk.pcm)

    async def main() -> None:
        agent = Agent("One two three four. Five six seven eight.")
        items = await collect(Speech(Plain(rate_hz=16_000), Voice()), agent)
        words = [word for sound in of(SpeechSound, items) for word in sound.words]
        assert len(words) == 8
        assert [word.at_sample for word in words] == sorted(word.at_sample for word in words)
        expected = 8 * WORD_MS * 24
        assert abs(of(SpeechEnd, items)[0].spoken_samples - expected) < 24 * 200

    run_simulated(main())


def test_a_reply_of_nothing_but_code_is_announced_and_silent():
    async def main() -> None:
        agent = Agent("```print(1)```")
        items = await collect(Speech(ScriptedTTS(), Voice()), agent)
        assert not of(SpeechSound, items)
        assert "".join(piece.text for piece in of(SpeechPiece, items)) == "```print(1)``` "

    run_simulated(main())
