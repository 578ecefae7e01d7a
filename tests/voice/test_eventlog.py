"""The numbered log of a session."""

import tracemalloc

from hubbub.voice.event import Call, Event, Gap, Participant, ParticipantJoined, Pong, Reply, Transcript, Turn, TurnLatency, Words, WordTime
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
    assert log.count_after(after) == len(got)
    known = set(range(after + 1))
    for event in got:
        known |= set(range(event.after + 1, event.until + 1)) if isinstance(event, Gap) else {event.seq}
    assert known >= set(range(events + 1))
    numbers = [event.seq for event in got if not isinstance(event, Gap)]
    assert numbers == sorted(set(numbers))
    assert all(number > after for number in numbers)


PARTS = ("endpoint_ms", "asr_ms", "model_ms", "sentence_ms", "tts_ms", "send_ms", "play_ms", "total_ms")
LATENCY = TurnLatency(**{part: 0.1 * n for n, part in enumerate(PARTS)})
LIVELY: list[Event] = [
    Transcript(at_ms=20, speaker="Kim \u4f60\u597d", text="tell me a long story \u201cplease\u201d", final=True, turn=3),
    Words(at_ms=40, reply=7, words=tuple(WordTime(start=n * 5, end=n * 5 + 4, at=n * 4000) for n in range(8))),
    Reply(at_ms=60, reply=7, agent="Ava", text="One two", unheard=" three", final=True, turn=3, interrupted=True, reason="interrupted"),
    ParticipantJoined(at_ms=80, participant=Participant(name="Lee", kind="caller", role="moderator", aside="Ava")),
    Turn(at_ms=90, turn=3, speaker="Kim", agent="Ava", reply=7, latency=LATENCY, engines={"asr": "scripted"}),
    Call(at_ms=95, speaker="Kim", carrier="twilio", state="started"),
]


def test_what_is_kept_comes_back_as_it_was() -> None:
    log = EventLog()
    told = [log.append(event) for event in LIVELY]
    assert log.after(0) == told == list(log)
    assert [type(event) for event in log] == [type(event) for event in LIVELY]


def test_a_full_log_is_light() -> None:
    log = EventLog()
    tracemalloc.start()
    try:
        for n in range(3 * 2000):
            log.append(LIVELY[n % 3].model_copy(update={"at_ms": n * 20}))
        assert len(log) == 2000
        assert tracemalloc.get_traced_memory()[0] < 2000 * 500, "some hundred bytes an event"
    finally:
        tracemalloc.stop()
