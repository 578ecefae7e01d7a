"""A phone call in a room, in simulated time: what the caller hears, what the carrier holds, what is taken to be heard."""

import asyncio
from collections.abc import AsyncGenerator

import numpy as np
import pytest
from hubbub.voice.event import Clear, Dtmf, Hold, Reply, Resume, Transcript, Turn
from hubbub.voice.gateway.telephony.coding import frame_bytes
from hubbub.voice.gateway.telephony.wire.base import Coding, Digit, Media
from hubbub.voice.speech import Speech
from hubbub.voice.testing.carrier import SimulatedCarrier
from hubbub.voice.testing.network import SimulatedNetwork
from hubbub.voice.tts.base import SpokenWord, TTSChunk, TTSEngine, Voice
from room_world import COUNT, voice
from test_room import simulated

EXACT = Coding("l16", 24_000)
LINES = [("twilio", 0), ("twilio", 60), ("telnyx", 60), ("plivo", 40), ("vonage", 40), ("exotel", 60)]
"""Carriers, and the delay of the line to them, one way."""
STEP = 8
FADE_MS = 6


class Ramp(TTSEngine):
    """Speaks a value that rises by one each `STEP` samples, so that every sample tells its place; 300 ms a word."""

    name = "ramp"
    rate_hz = 24_000
    at = 0

    async def synthesize(self, text: str, voice: Voice) -> AsyncGenerator[TTSChunk, None]:
        end = 0
        for number, word in enumerate(text.split()):
            start = text.index(word, end)
            end = start + len(word)
            places = np.arange(self.at, self.at + 7200)
            self.at += 7200
            yield TTSChunk((1000 + places // STEP).astype("<i2").tobytes(), (SpokenWord(start, end, number * 7200),))


def ramped(world) -> None:
    world.room.seats[0].speech = Speech(Ramp(), Voice())


def values(carrier: SimulatedCarrier) -> np.ndarray:
    return np.frombuffer(bytes(carrier.heard), "<i2").astype(int)


def newest(carrier: SimulatedCarrier) -> np.ndarray:
    """What was heard in the last 100 ms."""
    return np.frombuffer(b"\0\0" + bytes(carrier.heard[-carrier.coding.rate_hz // 10 * 2 :]), "<i2")


def stretches(heard: np.ndarray) -> list[np.ndarray]:
    """Where in the reply each stretch of sound without a pause came from, in samples; without its first milliseconds, which fade in."""
    loud = np.flatnonzero(heard >= 1000)
    cuts = np.flatnonzero(np.diff(loud) > 24 * 20) + 1
    parts = [heard[part[0] : part[-1] + 1] for part in np.split(loud, cuts)]
    return [(part[24 * FADE_MS :] - 1000) * STEP for part in parts]


def events(carrier: SimulatedCarrier, kind: type):
    return [event for event in carrier.session.log if isinstance(event, kind)]


async def until(check, within_s: float = 30.0) -> None:
    async with asyncio.timeout(within_s):
        while not check():
            await asyncio.sleep(0.05)


def is_over(carrier: SimulatedCarrier):
    return lambda: any(event.final for event in events(carrier, Reply))


@pytest.mark.parametrize(("kind", "delay_ms"), LINES)
def test_a_call_is_answered(kind, delay_ms):
    @simulated(["what time is it"], COUNT)
    async def talk(world):
        lines = [SimulatedNetwork(delay_ms, jitter_ms=delay_ms / 2, seed=seed) for seed in (1, 2)]
        caller = SimulatedCarrier(world.room, kind, uplink=lines[0], downlink=lines[1])
        caller.say(bytes(16_000) + voice(900))
        await until(is_over(caller))
        (reply,) = [event for event in events(caller, Reply) if event.final]
        assert (reply.text.strip(), reply.unheard, reply.interrupted) == (COUNT, "", False)
        assert [event.text for event in events(caller, Transcript) if event.final] == ["what time is it"]
        assert len(events(caller, Turn)) == 1, "the latency was taken from what came back"
        assert max(caller.fill_ms) <= 200 and not caller.clears and not caller.refused
        sizes = {frame_bytes(caller.coding, ms) for ms in ((20, 40, 60, 80, 100) if kind == "exotel" else (20,))}
        assert caller.sizes <= sizes and max(caller.sizes) == max(sizes)
        heard = values(caller)
        loud = np.abs(heard) > 3000
        assert loud.sum() / caller.coding.rate_hz == pytest.approx(16 * 0.24 * 0.78, rel=0.1), "all sixteen words, once"
        await caller.leave()

    talk()


@pytest.mark.parametrize(("kind", "delay_ms"), LINES)
def test_after_a_cough_the_reply_goes_on_and_nothing_of_it_is_missed(kind, delay_ms):
    @simulated(["count", ""], COUNT)
    async def talk(world):
        ramped(world)
        coding = EXACT if kind in ("telnyx", "vonage", "exotel") else Coding("l16", 16_000) if kind == "plivo" else Coding()
        lines = [SimulatedNetwork(delay_ms), SimulatedNetwork(delay_ms)]
        caller = SimulatedCarrier(world.room, kind, coding=coding, uplink=lines[0], downlink=lines[1])
        caller.say(bytes(16_000) + voice(700))
        await until(lambda: newest(caller).max() > 6000)
        caller.say(voice(140))
        await until(lambda: events(caller, Resume))
        assert len(caller.clears) == 1, "the carrier was told to be silent at once"
        await until(is_over(caller))
        (reply,) = [event for event in events(caller, Reply) if event.final]
        assert (reply.text.strip(), reply.interrupted) == (COUNT, False)
        await asyncio.sleep(0.5)
        if coding == EXACT:
            first, second = stretches(values(caller))[-2:]  # the first words come while the model is still speaking
            assert second[-1] >= 16 * 7200 - 2 * STEP, "to the last sample"
            assert max(np.diff(first).max(), np.diff(second).max()) <= STEP, "each without a gap"
            back = (first[-1] - second[0]) / 24 + FADE_MS
            assert 0 <= back <= 110, f"{back} ms were heard twice, however far the carrier is"
        await caller.leave()

    talk()


@pytest.mark.parametrize(("kind", "delay_ms"), LINES)
def test_after_an_interruption_nothing_of_the_dead_reply_is_heard(kind, delay_ms):
    @simulated(["count", "no stop that please"], COUNT, "All right.")
    async def talk(world):
        lines = [SimulatedNetwork(delay_ms), SimulatedNetwork(delay_ms)]
        caller = SimulatedCarrier(world.room, kind, uplink=lines[0], downlink=lines[1])
        caller.say(bytes(16_000) + voice(700))
        await until(lambda: (np.abs(values(caller)) > 3000).sum() > caller.coding.rate_hz * 0.8)
        begun = asyncio.get_running_loop().time()
        caller.say(voice(1500))
        await until(lambda: events(caller, Clear))
        (held, *_) = caller.clears
        await until(lambda: len([event for event in events(caller, Reply) if event.final]) == 2)
        first = next(event for event in events(caller, Reply) if event.final)
        assert first.interrupted and first.text and first.unheard and (first.text + first.unheard).strip() == COUNT
        heard = values(caller)
        at = round(held * caller.coding.rate_hz) + frame_bytes(Coding("l16", caller.coding.rate_hz)) // 2
        quiet = heard[at : at + int(0.5 * caller.coding.rate_hz)]
        assert np.abs(quiet).max() < 100, "silence at the caller's ear from the clear on"
        assert held - begun < 0.2 + 2 * delay_ms / 1000, "the clear came with the onset of speech"
        words = (np.abs(heard[:at]) > 3000).sum() / caller.coding.rate_hz / (0.24 * 0.78)
        taken = len(first.text.split())
        assert words - 2 <= taken <= words + 1, f"{taken} words are taken to be heard, of about {words:.1f}"
        await caller.leave()

    talk()


@pytest.mark.parametrize("delay_ms", [0, 40, 140])
def test_however_far_the_carrier_is_its_buffer_neither_runs_dry_nor_over(delay_ms):
    @simulated([], seat={"greeting": COUNT})
    async def talk(world):
        lines = [SimulatedNetwork(delay_ms, jitter_ms=20, seed=seed) for seed in (1, 2)]
        caller = SimulatedCarrier(world.room, "twilio", uplink=lines[0], downlink=lines[1])
        await asyncio.sleep(0.5)
        await until(is_over(caller))
        loud = np.flatnonzero(np.abs(values(caller)) > 300)
        playing = np.array(caller.fill_ms)[loud[0] // 160 + 1 : loud[-1] // 160 - 10]
        assert max(caller.fill_ms) <= 200 and playing.min() >= 20, "there is always something to play"
        await caller.leave()

    talk()


@simulated([], seat={"greeting": COUNT})
async def test_a_way_that_was_long_once_does_not_fill_the_carriers_buffer(world):
    slow = SimulatedNetwork(150)
    caller = SimulatedCarrier(world.room, "twilio", uplink=slow, downlink=SimulatedNetwork(10))
    await asyncio.sleep(0.4)
    slow._delay_s = 0.01  # a busy moment at the start of the call, which the trip was taken in
    await until(is_over(caller))
    assert max(caller.fill_ms) <= 200 and (np.abs(values(caller)) > 3000).sum() / 8000 == pytest.approx(16 * 0.24 * 0.78, rel=0.1)
    await caller.leave()


@simulated(["count", "stop it please now"], COUNT, "All right.")
async def test_marks_that_a_clear_sends_back_are_not_taken_to_be_heard(world):
    caller = SimulatedCarrier(world.room, "twilio", uplink=SimulatedNetwork(80), downlink=SimulatedNetwork(80))
    caller.say(bytes(16_000) + voice(700))
    await until(lambda: (np.abs(values(caller)) > 3000).sum() > 8000 * 0.5)
    before = caller.marks_back
    caller.say(voice(1500))
    await until(lambda: events(caller, Hold))
    playhead = caller.session.playout.playhead(caller.session.playout.current)
    await asyncio.sleep(0.3)
    assert caller.marks_back > before + 1, "the clear sent the marks back that it threw away"
    await until(lambda: any(event.final for event in events(caller, Reply)))
    first = next(event for event in events(caller, Reply) if event.final)
    assert len(first.text.split()) * 7200 <= playhead + 7200 + 24 * 400
    await caller.leave()


@simulated(["count", "", ""], COUNT, "You chose four two.")
async def test_keys_interrupt_at_once_and_make_a_turn(world):
    caller = SimulatedCarrier(world.room, "twilio")
    caller.say(bytes(16_000) + voice(700))
    await until(lambda: (newest(caller) > 3000).any())
    caller.press("4")
    await asyncio.sleep(0.05)
    assert len(caller.clears) == 1 and events(caller, Clear)
    caller.press("2#")
    await until(lambda: len([event for event in events(caller, Reply) if event.final]) == 2)
    assert "".join(event.digits for event in events(caller, Dtmf)) == "42#"
    assert [event.text for event in events(caller, Transcript) if event.final][-1] == "42"
    await caller.leave()


@simulated(["what time is it"], COUNT)
async def test_a_carrier_that_sends_no_marks_back_is_spoken_to_all_the_same(world):
    caller = SimulatedCarrier(world.room, "twilio", marks=False)
    caller.say(bytes(16_000) + voice(900))
    await until(is_over(caller))
    (reply,) = [event for event in events(caller, Reply) if event.final]
    assert reply.text.strip() == COUNT and reply.unheard == ""
    assert (np.abs(values(caller)) > 3000).sum() / 8000 == pytest.approx(16 * 0.24 * 0.78, rel=0.1)
    await caller.leave()


@simulated([], seat={"greeting": "Hello, one moment."})
async def test_on_hold_the_line_is_not_dead_and_the_caller_not_heard(world):
    caller = SimulatedCarrier(world.room, "vonage")
    await until(is_over(caller))
    caller.call.hold()
    start = len(caller.heard)
    caller.say(voice(800))
    await asyncio.sleep(2.0)
    noise = values(caller)[start // 2 + 16_000 // 2 :]
    assert 5 < np.sqrt((noise**2.0).mean()) < 100 and (noise == 0).mean() < 0.2, "comfort noise"
    assert not events(caller, Transcript) and max(caller.fill_ms[-80:]) <= 200
    world.room.say("Thank you for waiting.")
    await until(lambda: len([event for event in events(caller, Reply) if event.final]) == 2)
    assert not caller.call.on_hold and len(caller.clears) == 1
    await caller.leave()


@simulated([], seat={"greeting": "Thank you and goodbye."})
async def test_a_hang_up_waits_for_the_goodbye_to_be_heard(world):
    caller = SimulatedCarrier(world.room, "twilio", uplink=SimulatedNetwork(50), downlink=SimulatedNetwork(50))
    await until(lambda: (newest(caller) > 3000).any())
    caller.call.hang_up()
    assert await asyncio.wait_for(caller.call.over, 5) == "hang_up"
    assert (np.abs(values(caller)) > 3000).sum() / 8000 == pytest.approx(4 * 0.24 * 0.78, rel=0.15)
    await caller.leave()


@simulated(["no wait one more thing"], "Yes?", seat={"greeting": COUNT})
async def test_who_breaks_into_the_goodbye_stays_on_the_line(world):
    caller = SimulatedCarrier(world.room, "twilio")
    await until(lambda: (newest(caller) > 3000).any())
    caller.call.hang_up()
    caller.say(voice(1200))
    await until(lambda: len([event for event in events(caller, Reply) if event.final]) == 2)
    assert not caller.call.over.done()
    await caller.leave()


@simulated([], seat={"greeting": "Hi."})
async def test_the_end_of_the_stream_ends_the_call(world):
    caller = SimulatedCarrier(world.room, "twilio")
    await asyncio.sleep(0.2)
    await caller.leave()
    await asyncio.sleep(0)
    assert caller.call.over.result() == "stop"


@simulated(["what time is it"], "Noon.")
async def test_bad_messages_leave_the_call_as_it_is(world):
    caller = SimulatedCarrier(world.room, "twilio")
    for bad in ("", "{", "[]", '{"event":"media"}', '{"event":"media","streamSid":"other","media":{"payload":""}}', b"\0", '{"event":"x"}'):
        caller.send_raw(bad)
    caller.send_raw('{"event":"start","streamSid":"other","start":{}}')
    caller.say(bytes(16_000) + voice(900))
    await until(is_over(caller))
    assert len(caller.refused) == 7
    await caller.leave()


@simulated([], seat={"greeting": "Hi."})
async def test_a_carrier_that_does_not_read_is_given_up(world):
    caller = SimulatedCarrier(world.room, "twilio")
    caller._tasks[1].cancel()
    for number in range(400):
        caller.call._put([Media(b"x")] if number % 2 else [Media(b"y")])
    assert await caller.call.over == "slow"
    caller.call.receive(Digit("1"))
    await caller.leave()
