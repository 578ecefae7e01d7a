"""The jitter buffer: whatever a network does to a stream, its parts sum to the time that passed, and nothing lags afterwards."""

from dataclasses import dataclass

import pytest
from hubbub.voice.rtc.jitter import MAX_WAIT_S, Gap, JitterBuffer, Lost, Packet
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME = 960


@dataclass(frozen=True)
class Sent:
    number: int
    timestamp: int
    silent_before: int


def stream(pauses: list[int], first: int = 65_500, timestamp: int = 0xFFFFF000) -> list[Sent]:
    """Packets of 20 ms; before each the sender is silent for so many frames. Numbers and timestamps pass their end on the way."""
    out = []
    for place, pause in enumerate(pauses):
        timestamp += pause * FRAME
        out.append(Sent((first + place) & 0xFFFF, timestamp & 0xFFFFFFFF, pause * FRAME))
        timestamp += FRAME
    return out


def length(parts: list[Packet | Lost | Gap]) -> int:
    return sum(FRAME if isinstance(part, Packet) else part.samples for part in parts)


def whole(packet: Sent) -> Packet:
    return Packet(packet.number.to_bytes(2), packet.timestamp)


def put(buffer: JitterBuffer, packet: Sent, now: float) -> list[Packet | Lost | Gap]:
    buffer.put(packet.number, packet.timestamp, FRAME, packet.number.to_bytes(2), now)
    return buffer.take(now)


def test_a_packet_in_its_turn_is_not_delayed() -> None:
    buffer = JitterBuffer()
    for place, packet in enumerate(stream([0] * 100)):
        assert put(buffer, packet, place * 0.02) == [whole(packet)]
    assert not buffer.waiting


def test_a_lost_packet_is_given_up_within_40_ms_and_leaves_no_lag() -> None:
    buffer, packets = JitterBuffer(), stream([0] * 50)
    for place, packet in enumerate(packets[:10]):
        put(buffer, packet, place * 0.02)
    assert put(buffer, packets[11], 0.22) == []
    assert buffer.take(0.22 + MAX_WAIT_S - 0.001) == []
    parts = buffer.take(0.22 + MAX_WAIT_S)
    assert parts == [Lost(FRAME, packets[11].number.to_bytes(2), packets[10].timestamp), whole(packets[11])]
    for place, packet in enumerate(packets[12:], 12):
        assert put(buffer, packet, 0.26 + place * 0.02) == [whole(packet)]


def test_a_hole_is_given_up_at_its_moment_late_in_a_call_too() -> None:
    for second in range(1, 200):
        buffer, now = JitterBuffer(), second / 7
        put(buffer, Sent(1, 0, 0), now)
        put(buffer, Sent(3, 2 * FRAME, 0), now)
        assert buffer.take(now + MAX_WAIT_S), f"at {now} s"


def test_two_packets_in_the_wrong_order_are_put_right_at_once() -> None:
    buffer, packets = JitterBuffer(), stream([0] * 3)
    put(buffer, packets[0], 0.0)
    assert put(buffer, packets[2], 0.03) == []
    assert put(buffer, packets[1], 0.035) == [whole(packets[1]), whole(packets[2])]


def test_a_silent_sender_is_a_gap_and_no_loss() -> None:
    buffer, packets = JitterBuffer(), stream([0, 0, 19, 0])
    parts = [part for place, packet in enumerate(packets) for part in put(buffer, packet, place * 0.4)]
    assert Gap(19 * FRAME) in parts
    assert buffer.lost == 0


def test_a_sender_that_begins_anew_is_followed() -> None:
    buffer = JitterBuffer()
    put(buffer, Sent(10, 1000, 0), 0.0)
    assert put(buffer, Sent(30_000, 5, 0), 0.02)[-1] == Packet((30_000).to_bytes(2), 5)
    assert put(buffer, Sent(30_001, 5 + FRAME, 0), 0.04) == [Packet((30_001).to_bytes(2), 5 + FRAME)]


@settings(max_examples=50)
@given(
    pauses=st.lists(st.sampled_from([0, 0, 0, 0, 1, 20]), min_size=2, max_size=120),
    fates=st.lists(st.tuples(st.sampled_from(["come", "come", "come", "lost", "twice"]), st.integers(0, 150)), min_size=120, max_size=120),
)
def test_any_loss_order_and_doubling_gives_the_right_length(pauses: list[int], fates: list[tuple[str, int]]) -> None:
    packets = stream(pauses)
    arrivals: list[tuple[float, int, Sent]] = []
    time = 0.0
    for place, (packet, (fate, late_ms)) in enumerate(zip(packets, fates, strict=False)):
        time += packet.silent_before / 48_000 + 0.02
        last_or_first = place in (0, len(packets) - 1)
        if fate != "lost" or last_or_first:
            arrivals.append((time + (0 if last_or_first else late_ms / 1000), place, packet))
        if fate == "twice":
            arrivals.append((time + late_ms / 500, place, packet))
    arrivals.sort(key=lambda arrival: (arrival[0], arrival[1]))
    buffer, parts, now = JitterBuffer(), [], 0.0
    first = arrivals[0][2]
    for at, _, packet in arrivals:
        while now + 0.01 < at:  # the pacer's ticks
            now += 0.01
            parts += buffer.take(now)
        now = at
        parts += put(buffer, packet, now)
        held_since = [held.at for held in buffer._held.values()]
        assert all(now < since + MAX_WAIT_S for since in held_since), "nothing is held for longer than it may wait"
    parts += buffer.take(now + MAX_WAIT_S)
    assert not buffer.waiting
    numbers = [int.from_bytes(part.payload) for part in parts if isinstance(part, Packet)]
    order = [packet.number for packet in packets]
    places = [order.index(number) for number in numbers]
    assert places == sorted(set(places)), "in order, and none twice"
    begin = order.index(first.number) if places and places[0] == order.index(first.number) else places[0]
    passed = (packets[places[-1]].timestamp + FRAME - packets[begin].timestamp) & 0xFFFFFFFF
    assert length(parts) == passed


@given(st.lists(st.tuples(st.integers(0, 0xFFFF), st.integers(0, 0xFFFFFFFF), st.sampled_from([120, 960, 5760])), max_size=200))
def test_nonsense_is_survived_and_bounded(packets: list[tuple[int, int, int]]) -> None:
    buffer = JitterBuffer()
    for place, (sequence, timestamp, samples) in enumerate(packets):
        buffer.put(sequence, timestamp, samples, b"x", place * 0.001)
        buffer.take(place * 0.001)
        assert len(buffer._held) <= 64
    buffer.take(1e6)
    assert not buffer.waiting


@pytest.mark.parametrize("wait_s", [0.0, 0.01])
def test_the_wait_can_be_chosen(wait_s: float) -> None:
    buffer, packets = JitterBuffer(wait_s), stream([0] * 3)
    put(buffer, packets[0], 0.0)
    put(buffer, packets[2], 0.04)
    assert len(buffer.take(0.04 + wait_s)) == (2 if wait_s else 0)
