"""How loud a caller is, and what is too faint to be him."""

import numpy as np
import pytest
from hubbub.voice.turn.level import BEGIN_DB, BELOW_DB, RISE_WINDOWS, SMOOTH_SPEAKING, CallerLevel

WINDOW = 512


def window(dbfs: float) -> bytes:
    """32 ms of a tone with this RMS."""
    tone = np.sin(np.arange(WINDOW) * 2 * np.pi * 1000 / 16_000) * 2**0.5
    return (tone * 32768 * 10 ** (dbfs / 20)).astype("<i2").tobytes()


def known(dbfs: float = -22.0, *, then: float = -90.0) -> CallerLevel:
    """A caller who has spoken at this level, and what has been heard since."""
    level = CallerLevel()
    level.begin()
    for _ in range(20):
        level.judge(window(dbfs), True)
    level.learn()
    for _ in range(RISE_WINDOWS):
        level.judge(window(then), False)
    return level


def test_before_a_caller_was_heard_nothing_is_too_faint() -> None:
    assert not CallerLevel().judge(window(-60), True)


@pytest.mark.parametrize(("below", "faint"), [(0, False), (BELOW_DB - 1, False), (BELOW_DB + 1, True), (30, True)])
def test_who_goes_on_must_be_nearly_as_loud_as_he_was(below: float, faint: bool) -> None:
    level = known(-22.0, then=-22.0 - below)
    assert level.usual == pytest.approx(-22.0, abs=0.2)
    level.begin()
    assert level.judge(window(-22.0 - below), True) is faint


@pytest.mark.parametrize(("below", "faint"), [(BEGIN_DB - 1, False), (BEGIN_DB + 1, True)])
def test_a_voice_that_rises_out_of_quiet_may_begin_fainter_but_not_go_on_so(below: float, faint: bool) -> None:
    level = known()
    assert level.judge(window(-22.0 - below), True, begins=True) is faint
    level.begin()
    assert level.judge(window(-22.0 - below), True), "the next window is judged as ever"
    assert not level.judge(window(-22.0), True)


def test_the_consonants_of_who_has_just_spoken_up_are_his_and_talk_in_the_room_is_not_for_long() -> None:
    level = known()
    assert not level.judge(window(-24.0), True, begins=True)
    level.begin()
    faint = [level.judge(window(-40.0), True) for _ in range(SMOOTH_SPEAKING + 1)]
    assert faint == [False] * (SMOOTH_SPEAKING - 1) + [True, True]


def test_talk_that_was_in_the_room_all_along_does_not_begin() -> None:
    level = known(then=-36.0)
    for dbfs in (-35.0, -36.0, -34.0):
        assert level.judge(window(dbfs), True, begins=True)


def test_a_caller_who_leans_back_is_followed() -> None:
    level = known(-22.0)
    for _ in range(4):
        level.begin()
        for _ in range(20):
            level.judge(window(-34.0), True)
        level.learn()
    assert level.usual is not None and level.usual < -31.0
    assert not level.judge(window(-38.0), True)
