"""The simulated network, and conversations over a bad one."""

import pytest
from hubbub.voice.event import Reply
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.network import SimulatedNetwork, burst_loss
from room_world import COUNT, voice
from test_room import simulated


def test_messages_arrive_late_and_in_order():
    network = SimulatedNetwork(50, jitter_ms=100, seed=3)
    arrivals = [network.control(n * 0.02) for n in range(200)]
    assert arrivals == sorted(arrivals)
    delays = [arrival - n * 0.02 for n, arrival in enumerate(arrivals)]
    assert min(delays) >= 0.05 and max(delays) <= 0.15 + 1e-9


def test_a_pattern_of_loss_repeats():
    network = SimulatedNetwork(0, loss=(False, False, True))
    assert [network.sound(1.0) is None for _ in range(6)] == [False, False, True] * 2
    assert network.lost == 2
    assert sum(burst_loss(100, 10)) == 10 and burst_loss(100, 10)[:5] == (True,) * 5


@pytest.mark.parametrize("wrong", [{"delay_ms": -1}, {"loss": (True,)}, {"loss": ()}])
def test_impossible_networks_are_refused(wrong):
    with pytest.raises(ValueError, match=r"network|pattern"):
        SimulatedNetwork(**wrong)
    with pytest.raises(ValueError, match="cannot be lost"):
        burst_loss(10, 10)


@simulated(["count to twenty"], COUNT)
async def test_a_conversation_survives_loss_jitter_and_delay(world):
    bad = {"jitter_ms": 80, "loss": burst_loss(100, 5)}
    caller = SimulatedCaller(world.room, uplink=SimulatedNetwork(120, **bad), downlink=SimulatedNetwork(120, **bad, seed=1))
    caller.say(voice(900))
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert reply.text == COUNT + " " and not reply.interrupted
    heard = sum(end - start for _, start, end in caller.heard_spans)
    assert 0.85 < heard / (16 * 0.3 * 24_000) < 1.0, "five in a hundred frames were lost, and no more"
