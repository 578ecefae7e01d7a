"""What lies behind a caller, told from what is louder."""

import pytest
from hubbub.voice.vad.background import LOUDER_DB, SETTLED_WINDOWS, UNHEARD, Background

SPAN, MOST = 16, float("inf")


def energy(dbfs: float) -> float:
    """Of a window of 512 samples with this RMS."""
    return 512 * 32768**2 * 10 ** (dbfs / 10)


def settled(dbfs: float = -65.0) -> Background:
    """After two seconds of this and nothing else."""
    background = Background()
    for _ in range(64):
        background.holds(energy(dbfs), MOST, False, 0.02)
    assert background.settled_windows > SETTLED_WINDOWS
    return background


@pytest.mark.parametrize("dbfs", [-90.0, -65.0, -40.0])
def test_what_goes_on_is_the_background_however_loud_it_is(dbfs: float) -> None:
    background = Background()
    held = [background.holds(energy(dbfs), MOST, False, 0.02) for _ in range(64)]
    first = held.index(True)
    assert SPAN <= first <= SPAN + SETTLED_WINDOWS + 1, "it is known after half a second, and settled half a second later"
    assert all(held[first:])


def test_silence_that_nobody_could_hear_needs_no_acquaintance() -> None:
    background = Background()
    assert [background.holds(0.0, MOST, True, 0.0) for _ in range(SETTLED_WINDOWS + 2)] == [False] * SETTLED_WINDOWS + [True] * 2


@pytest.mark.parametrize(("above_db", "holds"), [(LOUDER_DB - 1, True), (LOUDER_DB + 1, False)])
def test_what_is_louder_is_listened_to(above_db: float, holds: bool) -> None:
    assert settled().holds(energy(-65.0 + above_db), MOST, False, 0.02) is holds


def test_what_the_detector_still_doubts_it_goes_on_listening_to() -> None:
    background = settled()
    assert not background.holds(energy(-65.0), MOST, False, UNHEARD + 0.01)
    assert not background.holds(energy(-65.0), MOST, False, 0.02), "and for half a second after it"


def test_a_background_that_has_become_louder_is_learnt() -> None:
    background = settled(-65.0)
    held = [background.holds(energy(-45.0), MOST, False, 0.02) for _ in range(64)]
    assert not any(held[: SPAN + SETTLED_WINDOWS]) and all(held[-8:])


def test_what_changes_all_the_time_is_no_background() -> None:
    background = Background()
    assert not any(background.holds(energy(-45.0 if window % 4 == 0 else -65.0), MOST, False, 0.02) for window in range(200))


def test_a_sound_rises_above_what_is_known_only() -> None:
    assert not Background().is_risen_above(energy(-20.0)), "nothing is known yet"
    background = settled(-65.0)
    assert background.is_risen_above(energy(-65.0 + LOUDER_DB + 1)) and not background.is_risen_above(energy(-65.0 + LOUDER_DB - 1))
    silent = Background()
    silent.holds(0.0, MOST, True, 0.0)
    assert silent.is_risen_above(energy(-60.0)) and not silent.is_risen_above(0.0)


def test_a_background_that_is_nearly_as_loud_as_the_caller_is_listened_to() -> None:
    for most, passed in ((energy(-50.0), True), (energy(-70.0), False)):
        background = Background()
        held = [background.holds(energy(-65.0), most, False, 0.02) for _ in range(64)]
        assert held[-1] is passed
