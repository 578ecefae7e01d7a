"""Asking an end-of-turn model: a slow one in a thread, in order, and never with an answer to a question that was overtaken."""

import asyncio
import threading

from hubbub.voice.completeness import CompletenessJudge


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
