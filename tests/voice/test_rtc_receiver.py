"""Incoming sound: whatever is lost on the way, the ear is given sound of the right length, and what can be saved is saved."""

from typing import Any

import numpy as np
import pytest
from hubbub.voice.rtc.opus import Decoder, Encoder
from hubbub.voice.rtc.receiver import MAX_SOURCES, TrackReceiver
from hubbub.voice.rtc.rtp import RtpPacket
from hypothesis import given, settings
from hypothesis import strategies as st

PT = 111


def speech(frames: int) -> np.ndarray[Any, Any]:
    time = np.arange(frames * 480) / 24_000
    total = sum(np.sin(2 * np.pi * 150 * n * time) / n for n in range(1, 12))
    return np.asarray(total * 5000 * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time)), "<i2")


def packets(frames: int, *, loss: int = 20) -> list[RtpPacket]:
    encoder = Encoder(24_000, complexity=1)
    encoder.expect_loss(loss)
    pcm = speech(frames).tobytes()
    encoded = [encoder.encode(pcm[place * 960 : place * 960 + 960]) for place in range(frames)]
    return [
        RtpPacket(PT, (65_530 + place) & 0xFFFF, (place * 960 + 0xFFFFF000) & 0xFFFFFFFF, 7, packet)
        for place, packet in enumerate(encoded)
    ]


PACKETS = packets(60)


class Listener:
    """An ear that fills in nothing by itself: all that is missing is missing here."""

    def __init__(self) -> None:
        self.sound = bytearray()
        self.receiver = TrackReceiver(Decoder(16_000), PT, self._hear, lambda: 1_000_000)

    def _hear(self, pcm: bytes) -> None:
        self.sound += pcm

    @property
    def frames(self) -> float:
        return len(self.sound) / 640


@settings(max_examples=60)
@given(st.lists(st.sampled_from(["come", "come", "lost", "twice", "late"]), min_size=58, max_size=58))
def test_any_loss_gives_sound_of_the_right_length(fates: list[str]) -> None:
    listener = Listener()
    arrivals = [(0.0, PACKETS[0])]
    for place, fate in enumerate(fates, 1):
        at = place * 0.02
        arrivals += [(at, PACKETS[place])] * {"come": 1, "lost": 0, "twice": 2, "late": 0}[fate]
        arrivals += [(at + 0.025, PACKETS[place])] if fate == "late" else []
    arrivals.append((59 * 0.02, PACKETS[59]))
    for at, packet in sorted(arrivals, key=lambda arrival: arrival[0]):
        listener.receiver.receive(packet, at)
        assert at / 0.02 - listener.frames < 1 + 60, "nothing lags"
    listener.receiver.tick(59 * 0.02 + 0.04)
    assert listener.frames == 60
    assert not listener.receiver.jitter.waiting


def test_a_single_loss_is_rescued_better_than_concealed() -> None:
    whole, holed = Listener(), Listener()
    for place, packet in enumerate(PACKETS):
        whole.receiver.receive(packet, place * 0.02)
        if place % 7 != 3:
            holed.receiver.receive(packet, place * 0.02)
        holed.receiver.tick(place * 0.02 + 0.01)
    true, got = (np.frombuffer(bytes(each.sound), "<i2").astype(float) for each in (whole, holed))
    size = min(true.size, got.size)
    error = ((true[:size] - got[:size]) ** 2).sum() / (true[:size] ** 2).sum()
    assert holed.receiver.rescued == len([place for place in range(59) if place % 7 == 3])
    assert error < 0.05


def test_a_long_hole_is_silence_and_only_as_long_as_the_ear_lacks() -> None:
    lacks = [4000]
    sound = bytearray()

    def hear(pcm: bytes) -> None:
        sound.extend(pcm)

    receiver = TrackReceiver(Decoder(16_000), PT, hear, lambda: lacks[0])
    receiver.receive(PACKETS[0], 0.0)
    far = PACKETS[1]
    receiver.receive(RtpPacket(PT, far.sequence, (far.timestamp + 48_000) & 0xFFFFFFFF, 7, far.payload), 1.02)
    assert len(sound) == 640 + 2 * 4000 + 640, "the ear's own clock has filled in the rest"


def test_packets_of_ten_ms_are_heard_in_full() -> None:
    listener = Listener()
    tens = Encoder(48_000)
    tens.frame_samples = 480
    for place in range(20):
        packet = tens.encode((speech(1).tobytes() * 2)[:960])
        listener.receiver.receive(RtpPacket(PT, place, place * 480, 9, packet), place * 0.01)
    assert listener.frames == pytest.approx(10)


def test_a_new_source_is_followed_and_many_are_not() -> None:
    listener = Listener()
    for source in range(1, MAX_SOURCES + 5):
        if listener.receiver.wants(PT, source):
            listener.receiver.receive(RtpPacket(PT, 9, 9, source, PACKETS[0].payload), 0.0)
    assert listener.frames == MAX_SOURCES
    assert not listener.receiver.wants(PT + 1, 1)


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 65_535), st.integers(0, 2**32 - 1), st.binary(max_size=60)), max_size=40))
def test_nonsense_is_survived(rubbish: list[tuple[int, int, bytes]]) -> None:
    heard = 0

    def hear(pcm: bytes) -> None:
        nonlocal heard
        heard += len(pcm)

    receiver = TrackReceiver(Decoder(16_000), PT, hear, lambda: 16_000)
    for place, (sequence, timestamp, payload) in enumerate(rubbish):
        receiver.receive(RtpPacket(PT, sequence, timestamp, 7, payload), place * 0.001)
        receiver.tick(place * 0.001)
    receiver.tick(1e6)
    assert heard <= len(rubbish) * 2 * (16_000 + 16_000 * 0.12 * 3)
