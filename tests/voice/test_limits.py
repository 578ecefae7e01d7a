"""What one address or key may take: counted in the time that the caller says."""

import pytest
from hubbub.voice.config import ShareConfig
from hubbub.voice.door import Refused
from hubbub.voice.limits import Bucket, Share, Shares
from hypothesis import given
from hypothesis import strategies as st


def test_a_bucket_fills_up_again() -> None:
    bucket = Bucket(60, 60)
    assert all(bucket.take(100.0) for _ in range(60))
    assert not bucket.take(100.0)
    assert not bucket.take(100.9)
    assert bucket.take(101.0)
    assert not bucket.take(101.0)
    assert bucket.left(10_000.0) == 60


@given(st.lists(st.tuples(st.floats(0, 5), st.floats(0, 20)), max_size=60))
def test_a_bucket_never_gives_more_than_its_pace(takes: list[tuple[float, float]]) -> None:
    bucket, now, taken = Bucket(10, 10), 0.0, 0.0
    for wait, amount in takes:
        now += wait
        if bucket.take(now, amount):
            taken += amount
    assert taken <= 10 + now + 1e-6


def test_sessions_at_a_time() -> None:
    share = Share("your address", ShareConfig(sessions=2))
    share.join(0)
    share.join(0)
    with pytest.raises(Refused, match="your address has 2 callers") as refused:
        share.join(0)
    assert refused.value.code == "too_many"
    share.leave()
    share.join(0)


def test_joins_a_minute() -> None:
    share = Share("your address", ShareConfig(joins_a_minute=3))
    for _ in range(3):
        share.join(0)
        share.leave()
    with pytest.raises(Refused, match="more than 3 times a minute"):
        share.check_join(0)
    share.join(21)


def test_minutes_a_day() -> None:
    share = Share("the key 'acme'", ShareConfig(minutes_a_day=1))
    for second in range(60):
        assert share.has_minutes(second)
        share.talk(second, 1)
    assert not share.has_minutes(60)
    with pytest.raises(Refused, match="used up its 1 minutes a day"):
        share.check_join(60)
    assert share.has_minutes(60 + 86_400)


def test_rooms_and_messages() -> None:
    share = Share("your address", ShareConfig(rooms=1, messages_a_minute=2))
    share.open_room()
    with pytest.raises(Refused, match="1 rooms open"):
        share.open_room()
    share.close_room()
    share.open_room()
    assert [share.message(0), share.message(0), share.message(0)] == [True, True, False]


def test_guesses() -> None:
    share = Share("your address", ShareConfig())
    for _ in range(20):
        assert not share.guesses(0)
        share.fault(0)
    assert share.guesses(0)
    assert share.guesses(2)
    assert not share.guesses(4)


def test_no_bound_is_no_bound() -> None:
    share = Share("the key 'server'", ShareConfig())
    for _ in range(1000):
        share.join(0)
        share.open_room()
        share.talk(0, 1e6)
        share.fault(0)
        assert share.message(0)


def test_the_table_is_bounded_and_forgets_no_one_who_is_here() -> None:
    shares = Shares(limit=100)
    kept = [shares.of(f"kept {n}", "", ShareConfig()) for n in range(10)]
    for share in kept:
        share.join(0)
    for number in range(10_000):
        shares.of(str(number), "", ShareConfig())
    assert len(shares) == 100
    assert [shares.of(f"kept {n}", "", ShareConfig()) for n in range(10)] == kept
