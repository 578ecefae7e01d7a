"""The offline recogniser's processes: they die, hang and are replaced, are never too many, and never outlive their owner."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from hubbub.voice.asr import pool
from hubbub.voice.asr.base import ASRContext, ASRError, ASREvent, ASRFinal, ASRMemory, ASRPartial, ASRStream
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR

CONTEXT = ASRContext(phrases=("tell me a story", "what time is it", "go on"))
SECOND = bytes(32_000)
PATIENCE_S = 30


class Ear:
    """One utterance and what was answered."""

    def __init__(self, engine: PocketSphinxASR, memory: ASRMemory | None = None, context: ASRContext = CONTEXT) -> None:
        self.events: list[ASREvent] = []
        self._over = asyncio.Event()
        self.stream: ASRStream = engine.open(self._hear, context=context, memory=memory)

    def _hear(self, event: ASREvent) -> None:
        self.events.append(event)
        if not isinstance(event, ASRPartial):
            self._over.set()

    async def answer(self) -> ASREvent:
        async with asyncio.timeout(PATIENCE_S):
            await self._over.wait()
        return self.events[-1]

    async def failure(self) -> str:
        answer = await self.answer()
        assert isinstance(answer, ASRError), answer
        return answer.message


async def until(met: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not met():
            await asyncio.sleep(0.005)


def alive(pid: int) -> bool:
    """A zombie is dead: it only waits for its parent to ask."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@asynccontextmanager
async def running(processes: int) -> AsyncIterator[PocketSphinxASR]:
    """An engine whose first workers have said hello."""
    engine = PocketSphinxASR(processes=processes)
    await engine.start()
    try:
        await until(lambda: len(engine.pids) >= 2)
        yield engine
    finally:
        await engine.close()


@pytest.fixture
def story(fixture_audio: Callable[[str], bytes]) -> bytes:
    return bytes(9600) + fixture_audio("requests/tell_me_a_story") + bytes(9600)


async def test_a_worker_that_dies_fails_its_own_utterance_and_is_replaced(story: bytes) -> None:
    async with running(2) as engine:
        ears = [Ear(engine), Ear(engine)]
        for ear in ears:
            ear.stream.feed(story)
        await until(lambda: len(engine.pids) == 3 and all(ear.events for ear in ears))
        loader, victim, _ = engine.pids
        os.kill(victim, signal.SIGKILL)
        await until(lambda: any(isinstance(ear.events[-1], ASRError) for ear in ears))
        for ear in ears:
            ear.stream.end()
        answers = [await ear.answer() for ear in ears]
        assert sorted(type(answer).__name__ for answer in answers) == ["ASRError", "ASRFinal"]
        assert ASRFinal in {type(answer) for answer in answers if getattr(answer, "text", "") == "tell me a story"}
        await until(lambda: len(engine.pids) == 3)
        assert victim not in engine.pids and engine.pids[0] == loader
        again = Ear(engine)
        again.stream.feed(story)
        again.stream.end()
        assert isinstance(await again.answer(), ASRFinal)


async def test_a_worker_that_hangs_is_killed(story: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_S", 0.3)
    async with running(1) as engine:
        worker = engine.pids[1]
        os.kill(worker, signal.SIGSTOP)
        ear = Ear(engine)
        ear.stream.feed(story)
        ear.stream.end()
        assert "died" in await ear.failure()
        await until(lambda: not alive(worker) and len(engine.pids) == 2)
        monkeypatch.undo()
        again = Ear(engine)
        again.stream.feed(story)
        again.stream.end()
        assert isinstance(await again.answer(), ASRFinal)


async def test_a_worker_that_hangs_on_a_cancelled_utterance_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_S", 0.3)
    async with running(1) as engine:
        worker = engine.pids[1]
        os.kill(worker, signal.SIGSTOP)
        ear = Ear(engine)
        ear.stream.feed(SECOND)
        ear.stream.cancel()
        await until(lambda: not alive(worker))
        assert ear.events == []


async def test_when_all_are_busy_utterances_wait_and_then_are_turned_away(story: bytes) -> None:
    async with running(1) as engine:
        first, second, third = Ear(engine), Ear(engine), Ear(engine)
        assert "busy" in await third.failure()
        second.stream.feed(story)
        first.stream.feed(story)
        first.stream.end()
        assert isinstance(await first.answer(), ASRFinal)
        second.stream.end()
        answer = await second.answer()
        assert isinstance(answer, ASRFinal) and answer.text == "tell me a story"
        assert len(engine.pids) == 2


async def test_a_waiting_utterance_keeps_thirty_seconds_of_sound_at_most() -> None:
    async with running(1) as engine:
        first, waiting = Ear(engine), Ear(engine)
        for _ in range(30):
            waiting.stream.feed(SECOND)
        await asyncio.sleep(0)
        assert waiting.events == []
        waiting.stream.feed(bytes(2))
        assert waiting.events == [], "an event from inside feed"
        assert "busy" in await waiting.failure()
        first.stream.cancel()


async def test_a_waiting_utterance_that_has_ended_is_not_kept_waiting_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "ANSWER_S", 0.1)
    async with running(1) as engine:
        first, waiting = Ear(engine), Ear(engine)
        waiting.stream.feed(SECOND)
        waiting.stream.end()
        assert "busy" in await waiting.failure()
        assert first.events == []


@pytest.mark.parametrize(("seconds", "times", "reason"), [(60, 1, "faster"), (1, 80, "take sound")], ids=["decoder", "socket"])
async def test_sound_that_comes_much_too_fast_fails_the_utterance_and_nothing_else(
    story: bytes, seconds: int, times: int, reason: str
) -> None:
    """In one message a minute is there at once, for a decoder of any speed; in many, all before the loop turns, it stays on our side."""
    async with running(1) as engine:
        ear = Ear(engine)
        for _ in range(times):
            ear.stream.feed(SECOND * seconds)
        assert reason in await ear.failure()
        ear.stream.end()
        again = Ear(engine)
        again.stream.feed(story)
        again.stream.end()
        assert isinstance(await again.answer(), ASRFinal)


async def test_workers_come_as_they_are_needed_and_are_never_more_than_allowed() -> None:
    async with running(3) as engine:
        ears = [Ear(engine) for _ in range(3)]
        await until(lambda: len(engine.pids) == 4)
        ears += [Ear(engine) for _ in range(3)]
        for ear in ears:
            ear.stream.end()
        for ear in ears:
            assert isinstance(await ear.answer(), ASRFinal)
        assert len(engine.pids) == 4


async def test_a_loader_that_dies_is_replaced_and_its_workers_go_on(story: bytes) -> None:
    async with running(1) as engine:
        loader, worker = engine.pids
        os.kill(loader, signal.SIGKILL)
        ear = Ear(engine)
        ear.stream.feed(story)
        ear.stream.end()
        assert isinstance(await ear.answer(), ASRFinal)
        await until(lambda: engine.pids[0] != loader and len(engine.pids) == 2)
        os.kill(worker, signal.SIGKILL)
        await until(lambda: worker not in engine.pids and len(engine.pids) == 2)
        again = Ear(engine)
        again.stream.feed(story)
        again.stream.end()
        assert isinstance(await again.answer(), ASRFinal)
    assert not alive(worker)


async def test_close_leaves_no_process_even_in_the_middle_of_an_utterance(story: bytes) -> None:
    async with running(2) as engine:
        ear = Ear(engine)
        ear.stream.feed(story)
        pids = engine.pids
    assert not any(alive(pid) for pid in pids)
    assert not any(isinstance(event, ASRError) for event in ear.events)
    assert engine.pids == ()


OWNER = """
import asyncio
from hubbub.voice.asr.base import ASRContext
from hubbub.voice.asr.pocketsphinx import PocketSphinxASR

async def main():
    engine = PocketSphinxASR(processes=2)
    await engine.start()
    while len(engine.pids) < 2:
        await asyncio.sleep(0.01)
    stream = engine.open(print, context=ASRContext())
    stream.feed(bytes(32_000))
    print(*engine.pids, flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


def test_processes_end_with_an_owner_that_is_killed() -> None:
    owner = subprocess.Popen([sys.executable, "-c", OWNER], stdout=subprocess.PIPE, text=True)
    assert owner.stdout is not None
    try:
        pids = [int(pid) for pid in owner.stdout.readline().split()]
        assert len(pids) >= 2 and all(alive(pid) for pid in pids)
        for pid in pids:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
    finally:
        owner.kill()
        owner.wait()
        owner.stdout.close()
    asyncio.run(until(lambda: not any(alive(pid) for pid in pids)))


async def test_workers_heed_their_owner_only_not_the_terminal(story: bytes) -> None:
    async with running(1) as engine:
        for pid in engine.pids:
            os.kill(pid, signal.SIGINT)
            os.kill(pid, signal.SIGTERM)
        assert os.getpgid(engine.pids[0]) != os.getpgid(0)
        ear = Ear(engine)
        ear.stream.feed(story)
        ear.stream.end()
        assert isinstance(await ear.answer(), ASRFinal)


async def test_the_event_loop_goes_on_while_speech_is_decoded(story: bytes) -> None:
    async with running(1) as engine:
        ear = Ear(engine)
        ear.stream.feed(story)
        ear.stream.end()
        beats = 0
        while not any(isinstance(event, ASRFinal) for event in ear.events):
            await asyncio.sleep(0)
            beats += 1
        # A loop that had to wait for the decoder would turn a few times for each of some 20 messages.
        assert beats > 500


async def test_what_is_remembered_of_a_caller_is_the_caller_s_own(story: bytes) -> None:
    async with running(1) as engine:
        alice, bob = ASRMemory(), ASRMemory()
        for memory, sound in ((alice, story), (bob, SECOND), (alice, story)):
            ear = Ear(engine, memory)
            ear.stream.feed(sound)
            ear.stream.end()
            await ear.answer()
        assert alice.state and bob.state and alice.state != bob.state
        stranger = Ear(engine)
        stranger.stream.feed(story)
        stranger.stream.end()
        answer = await stranger.answer()
        assert isinstance(answer, ASRFinal) and answer.text == "tell me a story"


async def test_a_name_that_no_dictionary_has_is_logged_once(story: bytes, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="hubbub.voice.asr")
    context = ASRContext(phrases=("tell me a story",), vocabulary=("Zorblax",))
    async with running(1) as engine:
        for _ in range(2):
            ear = Ear(engine, context=context)
            ear.stream.feed(story)
            ear.stream.end()
            answer = await ear.answer()
            assert isinstance(answer, ASRFinal) and answer.text == "tell me a story"
    assert sum("zorblax" in record.message for record in caplog.records) == 1


async def test_half_a_sample_is_refused() -> None:
    async with running(1) as engine:
        ear = Ear(engine)
        with pytest.raises(ValueError, match="whole samples"):
            ear.stream.feed(bytes(3))


async def test_nothing_can_be_opened_before_the_start_or_with_no_processes() -> None:
    with pytest.raises(RuntimeError, match="start"):
        PocketSphinxASR().open(print, context=ASRContext())
    with pytest.raises(ValueError, match="1 or more"):
        PocketSphinxASR(processes=0)


async def test_a_loader_that_cannot_load_says_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "pocketsphinx.py").write_text("raise ImportError('broken installation')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    engine = PocketSphinxASR(processes=1)
    with pytest.raises(RuntimeError, match="could not start: pocketsphinx is not installed"):
        await engine.start()
    assert engine.pids == ()
    await engine.close()
