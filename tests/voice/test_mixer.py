"""Who hears whom: the mix of a room's people, by the sample."""

import asyncio
from collections.abc import Callable
from typing import Any

import numpy as np
from hubbub.voice.audio.mix import mix
from hubbub.voice.audio.resample import Resampler
from hubbub.voice.event import Transcript
from hubbub.voice.mixer import HANGOVER_MS, MOST_MS, ONSET_MS, Lane, Mixer
from hypothesis import given
from hypothesis import strategies as st
from room_world import World, simulated, voice

FRAME = 640
"""Bytes of 20 ms at 16 kHz."""


class Clock:
    """Ticks when it is told to."""

    def __init__(self) -> None:
        self.calls: list[Callable[[float], None]] = []

    def each_tick(self, call: Callable[[float], None]) -> None:
        self.calls.append(call)

    def no_more(self, call: Callable[[float], None]) -> None:
        self.calls.remove(call)


class Person:
    """A session as the mixer sees it."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name
        self.lane: Lane | None = None
        self.lanes_to: Any = None
        self.heard_lanes: list[tuple[int, str, int, bytes, bool]] = []
        self.voices: list[bytes] = []

    def record_others(self, position: int, pcm: bytes) -> None: ...

    def play_voices(self, pcm: bytes) -> None:
        self.voices.append(pcm)

    def play_lane(self, number: int, name: str, position: int, pcm: bytes, *, last: bool) -> None:
        self.heard_lanes.append((number, name, position, pcm, last))


def room(*names: str) -> tuple[Clock, Mixer, list[Any]]:
    clock = Clock()
    mixer = Mixer(clock)
    people: list[Any] = [Person(name) for name in names]
    for person in people:
        mixer.add(person)
    return clock, mixer, people


def speak(clock: Clock, people: list[Any], sounds: dict[int, bytes], frames: int) -> None:
    """So many frames of 20 ms: everybody's sound arrives (silence without), is judged, and the clock ticks twice."""
    for n in range(frames):
        for number, person in enumerate(people):
            pcm = sounds.get(number, b"")[n * FRAME : (n + 1) * FRAME].ljust(FRAME, b"\0")
            if person.lane is not None:
                person.lane.hear(pcm)
                person.lane.judged(any(pcm), FRAME // 2)
        for half in (0.0, 0.01):
            for call in list(clock.calls):
                call(n * 0.02 + half)


def heard_of(pcm: bytes, frames: int) -> list[bytes]:
    """What others must hear of a voice, frame by frame: resampled, the first frame filled up in front."""
    resampler = Resampler(16_000, 24_000)
    buffer = b"".join(resampler.push(pcm[n * FRAME : (n + 1) * FRAME].ljust(FRAME, b"\0")) for n in range(frames))
    short = -len(buffer) % 960
    buffer = bytes(short) + buffer
    return [buffer[n * 960 : (n + 1) * 960] for n in range(frames)]


def test_one_speaks_and_all_others_hear_the_same_object():
    clock, _, (kim, lee, max_) = room("Kim", "Lee", "Max")
    said = voice(400)
    speak(clock, [kim, lee, max_], {0: said}, 20)
    assert kim.voices == [], "Kim hears himself"
    assert lee.voices[:19] == heard_of(said, 20)[:19]
    assert all(one is other for one, other in zip(lee.voices, max_.voices, strict=True)), "the shared mix is not shared"


def test_two_speak_and_each_hears_the_others_exactly():
    clock, _, people = room("Kim", "Lee", "Max", "Ann")
    kim, lee, max_, ann = people
    one, other = voice(600), voice(600, hz=310)
    speak(clock, people, {0: one, 1: other}, 30)
    ones, others = heard_of(one, 30), heard_of(other, 30)
    for n in range(28):
        assert lee.voices[n] == ones[n] and kim.voices[n] == others[n], n
        assert max_.voices[n] == mix([ones[n], others[n]]) and max_.voices[n] is ann.voices[n]


def test_loud_voices_are_bent_and_not_clipped():
    clock, _, people = room("Kim", "Lee", "Max", "Ann")
    loud = [voice(400, level=0.9), voice(400, hz=223, level=0.9), voice(400, hz=227, level=0.9)]
    speak(clock, people, dict(enumerate(loud)), 20)
    samples = np.frombuffer(b"".join(people[3].voices), np.int16)
    assert np.abs(samples.astype(int)).max() <= 32767 and (np.abs(samples.astype(int)) == 32767).mean() < 0.002
    assert np.abs(samples.astype(int)).max() > 24_576


def test_a_silent_room_costs_nothing_and_a_voice_ends_after_its_hangover():
    clock, mixer, people = room("Kim", "Lee")
    speak(clock, people, {}, 50)
    assert not clock.calls and not mixer.running and not people[1].voices
    speak(clock, people, {0: voice(200)}, 10 + (HANGOVER_MS + 100) // 20)
    assert not clock.calls and not mixer.running
    assert 10 <= len(people[1].voices) <= 10 + HANGOVER_MS // 20 + 1


def test_who_is_alone_has_no_lane_and_who_leaves_is_heard_no_more():
    clock, mixer, people = room("Kim")
    assert people[0].lane is None
    lee: Any = Person("Lee")
    mixer.add(lee)
    assert people[0].lane is not None
    speak(clock, [people[0], lee], {0: voice(200)}, 5)
    mixer.discard(people[0])
    count = len(lee.voices)
    speak(clock, [people[0], lee], {0: voice(200)}, 5)
    assert len(lee.voices) == count and lee.lane is None
    mixer.close()
    assert not clock.calls


def test_latency_is_bounded_and_what_comes_late_all_at_once_is_dropped():
    clock, _, people = room("Kim", "Lee")
    kim, lee = people
    said = voice(2000)
    speak(clock, people, {0: said}, 10)
    for n in range(10, 20):  # the line stalls: the clock goes on, nothing comes
        for call in list(clock.calls):
            call(n * 0.02)
    for n in range(10, 20):  # and all comes at once
        kim.lane.hear(said[n * FRAME : (n + 1) * FRAME])
    assert len(kim.lane._kept) <= MOST_MS * 32 and kim.lane.dropped > 0
    assert len(lee.voices) >= 19


def test_an_onset_is_heard_though_the_vad_needs_a_window_for_it():
    lane = Lane(lambda: None)
    for _ in range(10):
        lane.hear(bytes(FRAME))
    said = voice(40)
    lane.hear(said[:FRAME])
    lane.hear(said[FRAME:])
    lane.judged(True)
    out = b"".join(lane.pull() for _ in range(ONSET_MS // 20))
    assert any(out[:960]), "the first frame of the word was lost"


@given(st.lists(st.tuples(st.integers(0, 1500), st.booleans(), st.integers(0, 3)), max_size=60))
def test_any_input_gives_whole_frames_and_never_oneself(events: list[tuple[int, bool, int]]):
    clock, mixer, people = room("A", "B", "C")
    for n, (size, speech, who) in enumerate(events):
        person = people[who % 3]
        person.lane.hear(bytes([n % 7 + 1]) * (size * 2))
        person.lane.judged(speech)
        made = mixer.pull()
        if made is not None:
            assert len(made.everybody) == 960 and all(len(pcm) == 960 for pcm in made.without.values())
            assert len(made.without) != 1
        for call in list(clock.calls):
            call(n * 0.02)


@simulated({"Ava": "Yes."}, ["hello there", "and hello to you"])
async def test_in_a_room_people_hear_each_other_and_never_themselves(world: World):
    kim, lee, max_ = world.caller("Kim"), world.caller("Lee"), world.caller("Max")
    said = voice(900)
    kim.say(bytes(32 * 500) + said)
    await kim.said()
    await asyncio.sleep(0.6)
    assert not kim.voices and bytes(lee.voices) == bytes(max_.voices)
    expected = b"".join(heard_of(said, 45))
    heard = bytes(lee.voices)
    assert expected[2000 : 2000 + 30_000] in heard, "what was heard is not what was said"
    lee.session.mute(True)
    lee.say(voice(900, hz=310))
    before = len(kim.voices)
    await asyncio.sleep(1.5)
    assert len(kim.voices) == before, "a muted caller is heard"


@simulated({"Ava": "Yes."}, ["hello there my friend", "stolen"], policy={"speculation": "off"})
async def test_another_callers_voice_from_a_loudspeaker_is_nobodys_turn(world: World):
    kim = world.caller("Kim")
    lee = world.caller("Lee", echo_db=-12, echo_ms=120, plays_voices=True)
    kim.say(voice(2500))
    await kim.said()
    await asyncio.sleep(2)
    assert bytes(lee.voices), "Lee heard nothing"
    assert {event.speaker for event in kim.of(Transcript)} == {"Kim"}, "Kim's voice came back as Lee's turn"


def test_who_asks_for_lanes_hears_each_by_himself_and_when_he_stops() -> None:
    _clock, mixer, (kim, lee, max_) = room("Kim", "Lee", "Max")
    kim.lanes_to = object()
    for one in (lee, max_):
        one.lane.hear((b"\1\2" if one is lee else b"\3\4") * FRAME)
        one.lane.judged(True)
    mixer.tick(0.0)
    mixer.tick(0.02)
    assert kim.voices == []
    names = [(name, last) for _, name, _, _, last in kim.heard_lanes]
    assert names == [("Lee", False), ("Max", False)] * 2
    places = [position for _, name, position, _, _ in kim.heard_lanes if name == "Lee"]
    assert places[1] - places[0] == 480
    assert {len(pcm) for _, _, _, pcm, _ in kim.heard_lanes} == {960}
    lee.lane.close()
    mixer.tick(0.04)
    assert next((name, pcm, last) for _, name, _, pcm, last in kim.heard_lanes[4:]) == ("Lee", b"", True)
    max_.lane.close()
    mixer.tick(0.06)
    assert kim.heard_lanes[-1][1:] == ("Max", kim.heard_lanes[-1][2], b"", True)
    assert not mixer.running
    numbers = {name: number for number, name, _, _, _ in kim.heard_lanes}
    assert len(set(numbers.values())) == 2
