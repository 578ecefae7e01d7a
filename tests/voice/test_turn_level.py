"""How loud a caller is, and what is too faint to be him."""

import numpy as np
import pytest
from hubbub.voice.turn.level import (
    BEGIN_DB,
    BELOW_DB,
    RISE_WINDOWS,
    SMOOTH_SPEAKING,
    STEADY_BEGIN_DB,
    STEADY_RISE_DB,
    CallerLevel,
)

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
    for _ in range(RISE_WINDOWS + 2):
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
    level.judge(window(-70.0), False)  # no steady background
    level.judge(window(-90.0), False)
    level.judge(window(-90.0), False)
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


@pytest.mark.parametrize(("below", "faint"), [(STEADY_BEGIN_DB - 1, False), (STEADY_BEGIN_DB + 1, True)])
@pytest.mark.parametrize("between", [-65.0, -55.0])
def test_who_breaks_a_steady_background_may_begin_fainter_still(below: float, faint: bool, between: float) -> None:
    """`between`: the window before may hold the beginning of it."""
    level = known(then=-65.0)
    level.judge(window(between), False)
    voice = window(-22.0 - below)
    assert level.begins_faint(voice) is faint
    assert level.leaves_steadiness(voice)
    assert level.judge(voice, True, begins=True) is faint, "asking has changed nothing"


@pytest.mark.parametrize("then", [-75.0, -65.0, -45.0])
def test_steadiness_is_left_by_what_is_clearly_louder(then: float) -> None:
    level = known(then=then)
    assert level.leaves_steadiness(window(then + STEADY_RISE_DB + 1))
    assert not level.leaves_steadiness(window(then + STEADY_RISE_DB - 1))
    for dbfs in (-36.0, -46.0, -38.0, -50.0, -36.0, -48.0, -40.0):  # talk in the room
        level.judge(window(dbfs), False)
    assert not level.leaves_steadiness(window(-30.0))


def test_frames_that_a_line_has_lost_are_holes_in_a_steady_background() -> None:
    level = known(then=-65.0)
    for dbfs in (-90.0, -90.0, -65.0, -65.0):
        level.judge(window(dbfs), False)
    assert level.leaves_steadiness(window(-65.0 + STEADY_RISE_DB + 1))


def test_a_caller_who_was_never_heard_is_never_faint_at_a_glance() -> None:
    assert not CallerLevel().begins_faint(window(-60.0))
    assert not CallerLevel().leaves_steadiness(window(-10.0)), "nothing is known of the background"
