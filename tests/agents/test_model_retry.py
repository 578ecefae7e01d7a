"""When a call is made again, and when not."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import pytest
from hubbub.agents.model.base import ChatDelta, ChatModelError, Price, TextDelta, normalised_tool_choice
from hubbub.agents.model.retry import RetryPolicy, retrying
from hubbub.agents.model.wire import retry_after_s, without_key
from hypothesis import given
from hypothesis import strategies as st


class Line:
    """A provider that fails some times, on a clock of its own."""

    def __init__(self, *failures: ChatModelError, words: str = "") -> None:
        self.failures = list(failures)
        self.words = words
        self.calls = 0
        self.now_s = 0.0
        self.waits_s: list[float] = []

    async def attempt(self) -> AsyncGenerator[ChatDelta, None]:
        self.calls += 1
        if self.words:
            yield TextDelta(self.words)
        if self.failures:
            raise self.failures.pop(0)
        yield TextDelta("done")

    async def sleep(self, seconds: float) -> None:
        self.waits_s.append(seconds)
        self.now_s += seconds

    async def run(self, policy: RetryPolicy) -> str:
        said = ""
        async with aclosing(retrying(policy, self.attempt, sleep=self.sleep, now=lambda: self.now_s)) as deltas:
            async for delta in deltas:
                assert isinstance(delta, TextDelta)
                said += delta.text
        return said


def passing(retry_after_s: float | None = None) -> ChatModelError:
    return ChatModelError("busy", transient=True, status=503, retry_after_s=retry_after_s)


async def test_passing_failures_are_waited_out_longer_and_longer() -> None:
    line = Line(passing(), passing())
    assert await line.run(RetryPolicy(attempts=3, first_delay_s=0.2, jitter=0.0)) == "done"
    assert line.waits_s == [0.2, 0.4]


async def test_what_the_provider_asks_for_goes_before_the_policys_own_delay() -> None:
    line = Line(passing(1.5))
    assert await line.run(RetryPolicy()) == "done"
    assert line.waits_s == [1.5]


async def test_a_wait_that_passes_the_deadline_is_not_begun() -> None:
    line = Line(passing(1.5), passing(3.0))
    with pytest.raises(ChatModelError):
        await line.run(RetryPolicy(deadline_s=4.0))
    assert line.waits_s == [1.5]


@pytest.mark.parametrize("line", [Line(ChatModelError("no", status=401)), Line(passing(), words="Well, ")])
async def test_refusals_and_failures_after_the_first_word_are_final(line: Line) -> None:
    with pytest.raises(ChatModelError):
        await line.run(RetryPolicy())
    assert line.calls == 1


@given(st.integers(1, 60), st.floats(0, 1))
def test_delays_stay_within_the_policys_bounds(failures: int, jitter: float) -> None:
    policy = RetryPolicy(jitter=jitter)
    assert 0 <= policy.delay_s(failures, passing()) <= policy.max_delay_s * (1 + jitter)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2.0), ({"retry-after": "0.5"}, 0.5), ({"retry-after-ms": "250", "retry-after": "9"}, 0.25), ({}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0), ({"retry-after": "soon"}, None),
    ],
)  # fmt: skip
def test_retry_after_in_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_keys_are_taken_out_of_the_providers_words() -> None:
    assert without_key("bad key sk-123, sorry", "sk-123") == "bad key [key], sorry"
    assert len(without_key("x" * 1000, "k")) <= 301


def test_what_a_call_costs() -> None:
    assert Price(2.0, 8.0).cost(1_000_000, 500_000) == 6.0


def test_a_choice_needs_its_tool() -> None:
    tools = [{"type": "function", "function": {"name": "look"}}]
    assert normalised_tool_choice("look", tools) == {"type": "function", "function": {"name": "look"}}
    assert normalised_tool_choice("required", []) is None
    with pytest.raises(ValueError, match="look"):
        normalised_tool_choice("listen", tools)
