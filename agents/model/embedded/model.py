"""The model that is always there: a few rules, no network, no key."""

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from datetime import datetime
from functools import cache
from random import Random
from typing import Any

from ..base import ChatDelta, ChatModelBase, ChatUsage, Message, TextDelta, ToolCallDelta
from . import booking, chinese, clock, counting, cues, facts, games, manners, stories, sums, talk
from .conversation import Conversation, Line, Turn
from .numbers import NUMBER_WORDS
from .phrases import phrases, vocabulary
from .tools import after_tool, call_for
from .words import is_chinese, likeness, plain, spoken_pieces, without_name

Rule = Callable[[Turn], str | None]
"""Answers a turn, or gives None where it is not about that."""

RULES: tuple[Rule, ...] = (
    booking.booking, talk.how_far, talk.go_on, cues.next_point, cues.interpretation, talk.stop,
    manners.presence, manners.identity, manners.ability, counting.count,
    stories.story, stories.joke, games.say_after, talk.repetition, games.spell, talk.company, facts.remembered,
    manners.introduction, clock.time_and_date, sums.arithmetic, facts.knowledge, games.dice, games.coin, manners.courtesy,
    manners.greeting, cues.any_point, manners.yes_or_no,
)  # fmt: skip
"""In the order in which they are tried: a booking in progress goes first, the vaguest patterns last."""

CLOSE_ENOUGH = 0.66
"""From which likeness on an unknown line is taken for the phrase that it is most like. A recogniser gets about one word in
three wrong (word error rate .29 to .38 measured on clean speech), so two of three words must do."""


class EmbeddedModel(ChatModelBase):
    """A small rule-based program behind the face of a chat model. It says what it is when asked.

    It keeps nothing: names, facts and bookings are read out of the messages of each call (the dictionaries that
    `EmbeddedFormatter` makes; OpenAI's form is understood too). The same messages, clock and seed give the same answer.

    `word_delay_s` passes before each word, to imitate a language model. `now` gives the time of day in the caller's zone.
    """

    provider = "embedded"
    name = "embedded"
    note = "a small rule-based program, not a language model"
    can_sum_up = False

    def __init__(
        self, *, word_delay_s: float = 0.0, now: Callable[[], datetime] = datetime.now, seed: int = 0, name: str = "embedded"
    ) -> None:
        self.name = name
        self.phrases = phrases()
        self.vocabulary = vocabulary()
        self._word_delay_s = word_delay_s
        self._now = now
        self._seed = seed

    async def stream(
        self,
        messages: list[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """Streams the answer word by word. Of tools it knows `hand_over` and the choice of structured output; all others, and schemas,
        are beyond it and are ignored."""
        if tools and tool_choice != "none":
            talk_so_far = Conversation(messages)
            chance = Random(f"{self._seed}|{self._now().isoformat()}|{talk_so_far.me}|{len(talk_so_far.lines)}")
            if (call := call_for(messages, tools, talk_so_far, chance)) is not None:
                await asyncio.sleep(self._word_delay_s)
                yield ToolCallDelta(0, f"call-{len(messages)}-{chance.getrandbits(32):08x}", *call)
                return
        pieces = spoken_pieces(self.answer(messages))
        for piece in pieces:
            # Also without a delay others get their turn between two words, as with a model at the other end of a wire.
            await asyncio.sleep(self._word_delay_s)
            yield TextDelta(piece)
        asked = sum(len(str(message.get("content", "")).split()) for message in messages)
        yield ChatUsage(asked, len(pieces), 0.0, self.name)

    def answer(self, messages: list[Message]) -> str:
        """The whole answer at once. Never empty."""
        if (done := after_tool(messages)) is not None:
            return done
        talk_so_far = Conversation(messages)
        several = talk_so_far.together
        if several and not any(talk_so_far.calls_me(line) for line in several):
            return self._answer_all(talk_so_far, several)
        return self._answer_line(talk_so_far, talk_so_far.last)

    def _answer_all(self, talk_so_far: Conversation, lines: list[Line]) -> str:
        """Several people spoke at the same time: each is answered by name."""
        answers = [(line, self._answer_line(talk_so_far, line)) for line in lines]
        known = [(line, answer) for line, answer in answers if not talk.is_excuse(answer)] or answers[-1:]
        return " ".join(f"{line.name}: {answer}" if len(known) > 1 and line.name else answer for line, answer in known)

    def _answer_line(self, talk_so_far: Conversation, line: Line | None) -> str:
        turn = self._turn(talk_so_far, line)
        if line is None or not turn.text.strip():
            return manners.greet(turn)
        if turn.talk.prompt and (asked := _by_part(turn)):
            return asked
        if is_chinese(turn.text):
            return chinese.answer(turn)
        return _by_rules(turn) or _by_likeness(turn) or _come_back(turn) or talk.not_understood(turn)

    def _turn(self, talk_so_far: Conversation, line: Line | None) -> Turn:
        now = self._now()
        text = without_name(line.text, talk_so_far.me) if line else ""
        chance = Random(f"{self._seed}|{now.isoformat()}|{len(talk_so_far.lines)}|{text}")
        return Turn(text, plain(text), talk_so_far, line.name if line else "", now, chance)


def _by_part(turn: Turn) -> str | None:
    """An interviewer asks, and an interpreter interprets, whatever is said; only the talk itself comes first."""
    if talk.how_far(turn) or talk.go_on(turn) or talk.stop(turn) or talk.repetition(turn):
        return None
    return cues.next_question(turn) or cues.interpretation(turn)


def _by_rules(turn: Turn) -> str | None:
    return next((reply for rule in RULES if (reply := rule(turn))), None)


def _by_likeness(turn: Turn) -> str | None:
    """Answers the known phrase that is most like what was recognised, where one is like enough."""
    said = frozenset(turn.plain.split())
    if len(said) < 2:
        return None
    best = max(_questions(), key=lambda phrase: likeness(said, _questions()[phrase]))
    if likeness(said, _questions()[best]) < CLOSE_ENOUGH or said & NUMBER_WORDS != _questions()[best] & NUMBER_WORDS:
        return None  # what may have been another number is not guessed at
    return _by_rules(Turn(best, plain(best), turn.talk, turn.speaker, turn.now, turn.chance))


@cache
def _questions() -> dict[str, frozenset[str]]:
    """The phrases that can be guessed at, with their words: no sums, and nothing that callers tell of themselves."""
    exact = re.compile(r"\bmy .* is\b|^my\b|^i\b|^remember|^repeat after|spell|\b(?:plus|minus|times|divided|half|root|percent)\b")
    return {phrase: frozenset(plain(phrase).split()) for phrase in phrases() if not exact.search(phrase)}


def _come_back(turn: Turn) -> str | None:
    question = booking.open_question(turn)
    return f"I did not understand that. {question}" if question else booking.stray(turn)
