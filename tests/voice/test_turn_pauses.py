"""A caller's own pauses stretch and shorten his delay, within bounds."""

import pytest
from hubbub.voice.turn.pauses import LEAST, MOST, PauseHabit, PauseWatch
from hypothesis import given
from hypothesis import strategies as st

DELAY = 320 * 16


def ms(count: int) -> int:
    return count * 16


def test_long_pauses_raise_the_delay_above_them():
    habit = PauseHabit(DELAY)
    for _ in range(8):
        habit.paused(ms(420))
    assert 420 < habit.factor * 320 <= MOST * 320


def test_a_false_cut_off_counts_for_more_than_a_pause():
    paused, cut = PauseHabit(DELAY), PauseHabit(DELAY)
    paused.paused(ms(500))
    cut.cut_off(ms(500))
    assert 1 < paused.factor < cut.factor


def test_a_cut_off_raises_even_where_the_pause_was_short():
    habit = PauseHabit(DELAY)
    habit.cut_off(ms(50))
    assert habit.factor > 1


def test_turns_without_pauses_lower_it_slowly():
    habit = PauseHabit(DELAY)
    habit.finished()
    assert 0.95 < habit.factor < 1
    for _ in range(40):
        habit.finished()
    assert LEAST <= habit.factor < 0.65


def test_without_a_delay_there_is_nothing_to_stretch():
    habit = PauseHabit(0)
    habit.paused(ms(900))
    habit.cut_off(ms(900))
    habit.finished()
    assert habit.factor == 1.0


def test_a_negative_pause_is_refused():
    with pytest.raises(ValueError, match="-1 samples"):
        PauseHabit(DELAY).paused(-1)


@given(st.lists(st.tuples(st.sampled_from(["paused", "cut_off", "finished"]), st.integers(0, 10**7))), st.integers(0, 10**5))
def test_the_factor_stays_within_its_bounds(happened, delay):
    habit = PauseHabit(delay)
    for what, samples in happened:
        habit.finished() if what == "finished" else getattr(habit, what)(samples)
        assert LEAST <= habit.factor <= MOST


@given(st.integers(0, 10**5), st.integers(0, 10**5))
def test_a_longer_pause_never_asks_for_less(short, long):
    short, long = sorted((short, long))
    first, second = PauseHabit(DELAY), PauseHabit(DELAY)
    first.paused(short)
    second.paused(long)
    assert first.factor <= second.factor


# ── what a session tells ──────────────────────────────────────────────────────────────────────────────────────────────


def watch() -> PauseWatch:
    return PauseWatch(PauseHabit(DELAY))


def test_speech_that_goes_on_in_its_turn_is_a_pause():
    seen = watch()
    seen.opened(ms(1000), goes_on=False)
    seen.closed(ms(2000))
    assert seen.habit.factor == 1
    seen.opened(ms(2600), goes_on=True)
    seen.closed(ms(3000))
    expected = PauseHabit(DELAY)
    expected.paused(ms(600))
    assert seen.habit.factor == expected.factor > 1


def test_a_turn_with_a_pause_is_not_a_quick_one():
    seen = watch()
    seen.opened(0, goes_on=False)
    seen.closed(ms(1000))
    seen.opened(ms(1600), goes_on=True)
    seen.closed(ms(2000))
    raised = seen.habit.factor
    seen.committed()
    assert seen.habit.factor == raised


def test_a_click_is_no_pause():
    seen = watch()
    seen.opened(0, goes_on=False)
    seen.closed(ms(1000))
    seen.opened(ms(1500), goes_on=True)  # dropped: never closed
    seen.committed()
    assert seen.habit.factor < 1


def test_an_interruption_right_after_the_turn_was_its_rest():
    seen = watch()
    seen.opened(0, goes_on=False)
    seen.closed(ms(1000))
    seen.committed()
    lowered = seen.habit.factor
    seen.opened(ms(1700), goes_on=False)
    assert seen.habit.factor == lowered, "it may yet be a backchannel"
    seen.interrupted()
    raised = seen.habit.factor
    assert raised > 1
    seen.interrupted()
    assert seen.habit.factor == raised, "one interruption counts once"


def test_an_interruption_that_comes_later_says_nothing_about_pauses():
    seen = watch()
    seen.opened(0, goes_on=False)
    seen.closed(ms(1000))
    seen.committed()
    lowered = seen.habit.factor
    seen.opened(ms(5000), goes_on=False)
    seen.closed(ms(5400))
    seen.interrupted()
    assert seen.habit.factor == lowered


def test_the_silence_between_two_turns_is_no_pause():
    seen = watch()
    for turn in range(3):
        seen.opened(ms(10_000 * turn), goes_on=False)
        seen.closed(ms(10_000 * turn + 800))
        seen.committed()
    assert seen.habit.factor < 1
