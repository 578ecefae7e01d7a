"""The order of what comes on a carrier's line."""

import pytest
from hubbub.voice.gateway.telephony.wire.base import Connected, Digit, Media, Start, Stop, WireError
from hubbub.voice.gateway.telephony.wire.order import WINDOW, Order
from hypothesis import given
from hypothesis import strategies as st


def started(sort: bool = True) -> Order:
    order = Order(sort=sort)
    assert order.take(Connected()) == (Connected(),)
    assert order.take(Start("s")) == (Start("s"),)
    return order


def media(chunk: int) -> Media:
    return Media(bytes([chunk % 256]), chunk)


def chunks(order: Order, numbers: list[int]) -> list[int]:
    return [found.chunk for number in numbers for found in order.take(media(number))]


def test_nothing_counts_before_the_start():
    order = Order()
    for message in (media(1), Digit("1")):
        with pytest.raises(WireError) as caught:
            order.take(message)
        assert caught.value.code == "before_start"
    assert order.take(Start("s")) == (Start("s"),)
    assert order.take(media(1)) == (media(1),)


def test_a_repeated_start_of_the_same_stream_is_ignored_and_another_refused():
    order = started()
    assert order.take(Start("s")) == () and order.repeated_starts == 1
    with pytest.raises(WireError, match="a line of its own"):
        order.take(Start("t"))
    assert order.take(media(1)) == (media(1),), "the call goes on"


def test_after_the_stop_nothing_counts():
    order = started()
    assert order.take(Stop()) == (Stop(),)
    for message in (media(1), Start("t"), Connected(), Stop(), Digit("1")):
        assert order.take(message) == ()


def test_a_stop_before_the_start_is_an_end_too():
    assert Order().take(Stop()) == (Stop(),)


def test_our_own_sound_coming_back_is_not_heard():
    assert started().take(Media(b"x", 1, track="outbound")) == ()


def test_sound_out_of_order_is_sorted_and_a_lost_chunk_holds_it_up_for_a_moment_only():
    order = started()
    assert chunks(order, [1, 3, 2, 4]) == [1, 2, 3, 4]
    assert chunks(order, [6, 7, 8, 9]) == [], "5 is waited for"
    assert chunks(order, [10]) == [6, 7, 8, 9, 10] and order.lost == 1
    assert chunks(order, [5]) == [] and order.late == 1


def test_what_waits_is_heard_before_the_end():
    order = started()
    chunks(order, [1, 3])
    assert order.take(Stop()) == (media(3), Stop())


@pytest.mark.parametrize("numbers", [[1] * 40, list(range(1, 200, 2)), list(range(100, 60, -1))], ids=["same", "gaps", "down"])
def test_numbers_that_count_nothing_are_not_believed_for_long(numbers):
    order = started()
    chunks(order, numbers)
    assert not order.sort
    assert order.take(media(5)) == (media(5),)


def test_without_sorting_all_passes_as_it_comes():
    assert chunks(started(sort=False), [3, 1, 2, 2]) == [3, 1, 2, 2]


@given(st.permutations(range(1, 40)), st.integers(0, WINDOW))
def test_a_shuffle_within_the_window_is_undone(_, reach):
    import random

    numbers = list(range(2, 60))
    rng = random.Random(reach)
    for at in range(0, len(numbers) - reach, reach + 1):  # each block of neighbours in an order of its own
        block = numbers[at : at + reach + 1]
        rng.shuffle(block)
        numbers[at : at + reach + 1] = block
    assert chunks(started(), [1, *numbers]) == [1, *range(2, 60)]


@given(st.lists(st.integers(0, 60), max_size=120))
def test_no_chunk_is_heard_twice_and_order_holds_while_it_sorts(numbers):
    order = started()
    heard: list[int] = []
    for number in numbers:
        found = [one.chunk for one in order.take(media(number))]
        if not order.sort:
            break
        heard += found
    assert heard == sorted(set(heard))
