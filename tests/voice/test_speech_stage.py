"""The speech stage: what is spoken, in order, with times; and that nothing is left behind."""

import asyncio
from collections.abc import AsyncGenerator

import pytest
from hubbub.agents.event import AgentEvent, ReplyEndEvent, ReplyStartEvent, TextBlockDeltaEvent, ThinkingBlockDeltaEvent
from hubbub.voice.speech import Speech, SpeechEnd, SpeechOptions, SpeechPiece, SpeechSound
from hubbub.voice.testing.time import run_simulated
from hubbub.voice.testing.tts import WORD_MS, ScriptedTTS
from hubbub.voice.tts.base import TTSChunk, Voice


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
        assert of(SpeechPiece, items)[0].text == "```print(1)``` "

    run_simulated(main())
