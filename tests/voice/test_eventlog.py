"""The numbered log of a session."""

from hubbub.voice.event import Gap, Pong
from hubbub.voice.eventlog import EventLog
from hypothesis import given
from hypothesis import strategies as st


def test_events_are_numbered_from_one_without_holes() -> None:
    log = EventLog()
    assert [log.append(Pong(id=n)).seq for n in range(3)] == [1, 2, 3]
    assert [event.seq for event in log] == [1, 2, 3]
    assert (log.seq, len(log)) == (3, 3)


def test_what_came_after_a_number() -> None:
    log = EventLog()
    assert log.after(0) == []
    for n in range(5):
        log.append(Pong(id=n))
    assert [event.seq for event in log.after(3)] == [4, 5]
    assert log.after(5) == []
    assert log.after(99) == [], "a number that was never given has missed nothing"


def test_what_is_not_kept_is_a_gap() -> None:
    log = EventLog(limit=3)
    for n in range(10):
        log.append(Pong(id=n))
    gap, *rest = log.after(2)
    assert gap == Gap(after=2, until=7)
    assert [event.seq for event in rest] == [8, 9, 10]
    assert not isinstance(log.after(7)[0], Gap)


@given(events=st.integers(0, 40), limit=st.integers(1, 20), after=st.integers(0, 50))
def test_nothing_is_missed_without_a_word(events: int, limit: int, after: int) -> None:
    log = EventLog(limit)
    for n in range(events):
        log.append(Pong(id=n))
    got = log.after(after)
    known = set(range(after + 1))
    for event in got:
        known |= set(range(event.after + 1, event.until + 1)) if isinstance(event, Gap) else {event.seq}
    assert known >= set(range(events + 1))
    numbers = [event.seq for event in got if not isinstance(event, Gap)]
    assert numbers == sorted(set(numbers))
    assert all(number > after for number in numbers)
