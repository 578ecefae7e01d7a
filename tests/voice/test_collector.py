"""The garbage collector of a server: it leaves alone what stays, and still frees what conversations leave behind."""

import gc
import weakref
from collections.abc import Iterator

import pytest
from hubbub.voice.collector import MIDDLE, OLD, YOUNG, spare_collector


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


class Knot:
    """Refers to itself: only the collector can free it."""

    def __init__(self) -> None:
        self.own = self


def test_what_is_loaded_is_not_looked_through_and_later_knots_are_freed(collector: None) -> None:
    spare_collector()
    assert gc.get_threshold() == (YOUNG, MIDDLE, OLD)
    assert gc.get_freeze_count() > 10_000, "modules and classes are out of the way"
    knot = weakref.ref(Knot())
    kept = [[] for _ in range(YOUNG + 1)]
    assert knot() is None and kept
