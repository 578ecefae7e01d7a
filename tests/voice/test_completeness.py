"""Asking an end-of-turn model: a slow one in a thread, in order, and never with an answer to a question that was overtaken."""

import asyncio
import threading

import pytest
from hubbub.voice import completeness
from hubbub.voice.completeness import WORKERS, CompletenessJudge
from hubbub.voice.event import Hold, Reply, Transcript
from hubbub.voice.testing.time import run_simulated
from room_world import World, voice


class Slow:
    """A blocking model that answers when the test lets it."""

    blocking = True

    def __init__(self) -> None:
        self.asked: list[tuple[str, bytes]] = []
        self.threads: set[int] = set()
        self.gates: dict[str, threading.Event] = {}

    def probability(self, text: str, sound: bytes = b"") -> float:
        self.asked.append((text, sound))
        self.threads.add(threading.get_ident())
        if text in self.gates:
            self.gates[text].wait(10)
        if text == "fail":
            raise RuntimeError("the network is broken")
        return len(text) / 100


class Quick(Slow):
    """The same on the loop."""

    blocking = False


async def until(judge: CompletenessJudge) -> None:
    """Waits for the question that is being asked."""
    if judge._task is not None:
        await asyncio.gather(judge._task, return_exceptions=True)


async def test_a_quick_model_answers_at_once_and_one_question_is_asked_once() -> None:
    told: list[tuple[int, float]] = []
    model = Quick()
    judge = CompletenessJudge(model, lambda *answer: told.append(answer))
    judge.ask(1, "book", 0, lambda: b"never looked at")
    judge.ask(1, "book", 16_000, lambda: b"sound")
    judge.ask(2, "book", 16_000, lambda: b"sound")
    assert told == [(1, 0.04), (1, 0.04), (2, 0.04)]
    assert model.asked == [("book", b""), ("book", b"sound")]


async def test_a_slow_model_runs_in_a_thread_and_only_its_newest_answer_counts() -> None:
    told: list[tuple[int, float]] = []
    model = Slow()
    model.gates["first"] = threading.Event()
    judge = CompletenessJudge(model, lambda *answer: told.append(answer))
    judge.ask(1, "first", 0, bytes)
    first = judge._task
    await asyncio.sleep(0)
    judge.ask(2, "the second", 0, bytes)
    await until(judge)
    model.gates["first"].set()
    assert first is not None
    await asyncio.gather(first, return_exceptions=True)
    assert told == [(2, 0.1)]
    assert threading.get_ident() not in model.threads
    judge.ask(3, "the second", 0, bytes)
    assert told == [(2, 0.1), (3, 0.1)], "what was answered is not asked again"


async def test_a_slow_model_that_fails_leaves_the_turn_to_silence_and_a_closed_judge_says_nothing() -> None:
    told: list[tuple[int, float]] = []
    model = Slow()
    judge = CompletenessJudge(model, lambda *answer: told.append(answer))
    judge.ask(1, "fail", 0, bytes)
    await until(judge)
    assert told == [(1, 0.0)]
    model.gates["late"] = threading.Event()
    judge.ask(1, "late", 0, bytes)
    task = judge._task
    await asyncio.sleep(0)
    judge.close()
    model.gates["late"].set()
    assert task is not None
    await asyncio.gather(task, return_exceptions=True)
    assert told == [(1, 0.0)]


async def test_many_callers_who_pause_at_once_are_judged_a_few_at_a_time_and_who_goes_on_is_not_asked_about() -> None:
    model = Slow()
    gate = threading.Event()
    model.gates = {"busy": gate}
    told: list[tuple[int, float]] = []
    judges = [CompletenessJudge(model, lambda *answer: told.append(answer)) for _ in range(WORKERS + 2)]
    for judge in judges:
        judge.ask(1, "busy", 0, bytes)
    tasks = [judge._task for judge in judges if judge._task is not None]
    await asyncio.sleep(0)
    judges[-1].ask(1, "goes on", 0, bytes)  # his first question waits for a thread
    await asyncio.sleep(0)
    assert len(model.asked) <= WORKERS
    gate.set()
    await asyncio.gather(*tasks, until(judges[-1]), return_exceptions=True)
    assert sorted(text for text, _ in model.asked) == ["busy"] * (WORKERS + 1) + ["goes on"]
    assert sorted(answer for _, answer in told) == [0.04] * (WORKERS + 1) + [0.07]


def test_a_model_that_hangs_delays_no_hold_and_nobody_elses_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """In simulated time, where a model on the loop would stop everybody's clock."""
    gate = threading.Event()

    class Hangs(Slow):
        def probability(self, text: str, sound: bytes = b"") -> float:
            self.threads.add(threading.get_ident())
            gate.wait(20)
            return 1.0

    async def live() -> None:
        hangs = Hangs()
        worlds = [World({"Ava": "one two three four five six seven eight nine ten"}, ["what is it", "wait"]) for _ in range(2)]
        for world in worlds:
            await world.room.open()
        clocks = [asyncio.create_task(world.clock.run()) for world in worlds]
        waits, talks = (world.caller("Kim") for world in worlds)
        waits.session.open_turn.completeness.model = talks.session.open_turn.completeness.model = hangs
        talks.session.type("count")
        await talks.wait_for(Reply)
        await asyncio.sleep(1.0)
        talks.say(voice(900))
        waits.say(voice(900))
        await talks.wait_for(Hold, within_s=3.0)
        assert talks.at(Hold)[0] - talks.talks_since < 0.15
        ended = await waits.said()
        said = await waits.wait_for(Transcript, lambda event: event.final, within_s=5.0)
        policy = waits.session.policy
        assert said.text == "what is it"
        assert waits.at(Transcript)[-1] - ended == pytest.approx(policy.timeout_ms / 1000, abs=0.1), "silence decides, the model has not"
        assert hangs.threads and threading.get_ident() not in hangs.threads
        gate.set()
        for world in worlds:
            await world.room.close()
        for clock in clocks:
            clock.cancel()
        await asyncio.gather(*clocks, return_exceptions=True)

    try:
        run_simulated(live())
    finally:
        gate.set()
        completeness._workers().submit(bool).result()  # no thread is left in the model
