"""Asking the end-of-turn model about one caller's turn: one question at a time, and a slow model off the event loop.

A model that says `blocking` (a neural network) is asked in a thread of a few that it shares with nothing else: a tool that blocks its
thread delays no turn, and many callers who pause at once do not take every core from the loop. Its answer reaches the turn machine as
an input of its own, in the order in which answers come, stamped with the media time of that moment; so a recording replays to the same
decisions. An answer to a question that has been overtaken is dropped; one that no thread has taken yet is not asked any more.
"""

import asyncio
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from .turn.complete import EndOfTurnModel

log = logging.getLogger("hubbub.completeness")

WORKERS = max(1, (os.cpu_count() or 2) - 1)
"""Slow models asked at once, in the whole process: one core is the event loop's. Each caller has one question at most that waits."""

Question = tuple[str, int]
"""The words of the turn, and where the pause began in which its sound was looked at: 0 where it was not."""


class CompletenessJudge:
    """Asks for one session. `tell` is given an utterance and the probability that the turn, as it stands after it, is complete."""

    def __init__(self, model: EndOfTurnModel, tell: Callable[[int, float], None]) -> None:
        self.model = model
        self._tell = tell
        self._asked: Question = ("", 0)
        self._answer: float | None = 0.0
        self._task: asyncio.Task[None] | None = None
        self._utterance = 0

    def ask(self, utterance: int, text: str, pause: int, sound: Callable[[], bytes]) -> None:
        """How complete is the turn with these words? `pause`: where the caller's pause began, 0 while he speaks; in a pause the model
        gets the sound too. A question that was answered already is answered again without the model."""
        question = (text, pause)
        self._utterance = utterance
        if question == self._asked:  # a pause is closed, and its final comes: nothing new was said
            if self._answer is not None:
                self._tell(utterance, self._answer)
            return
        self._asked, self._answer = question, None
        heard = sound() if pause else b""
        if not self.model.blocking:
            self._answer = self.model.probability(text, heard)
            self._tell(utterance, self._answer)
            return
        if self._task is not None:
            self._task.cancel()
        self._task = asyncio.create_task(self._ask_in_thread(question, heard), name="end-of-turn")

    def close(self) -> None:
        """Nobody waits for an answer any more."""
        if self._task is not None:
            self._task.cancel()
            self._task = None
        self._tell = _nobody

    async def _ask_in_thread(self, question: Question, sound: bytes) -> None:
        try:
            answer = await asyncio.get_running_loop().run_in_executor(_workers(), self.model.probability, question[0], sound)
        except Exception as error:  # the turn ends by silence then
            log.error("the end-of-turn model failed: %s", error)
            answer = 0.0
        if question == self._asked:
            self._answer = answer
            self._tell(self._utterance, answer)


@cache
def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(WORKERS, "end-of-turn")


def _nobody(utterance: int, probability: float) -> None:
    """Who is told when the caller has gone."""
