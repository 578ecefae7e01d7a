"""Outgoing sound: RTP that follows the clock, falls quiet without a click, and costs next to nothing while nothing is said."""

import itertools
from dataclasses import dataclass, field

import numpy as np
from hubbub.voice.rtc.opus import Decoder, Encoder
from hubbub.voice.rtc.rtp import RtpPacket, parse_rtp
from hubbub.voice.rtc.sender import KEEP_ALIVE_S, TAIL_FRAMES, TrackSender
from hubbub.voice.rtc.shared import EncoderPool, SharedEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

FRAME = (np.sin(np.arange(480) * 2 * np.pi * 400 / 24_000) * 9000).astype("<i2").tobytes()
"""8 periods exactly, so that frames join."""


@dataclass
class Track:
    sent: list[tuple[float, RtpPacket]] = field(default_factory=list)
    now: float = 0.0

    def __post_init__(self) -> None:
        self.sender = TrackSender(SharedEncoder(EncoderPool(lambda: Encoder(24_000))), 0x12345678, 111, self._send, now=0.0)

    def _send(self, data: bytes) -> bool:
        self.sent.append((self.now, parse_rtp(data)))
        return True

    def run(self, seconds: float, *, reply: bool = False, voices: bool = False) -> None:
        """Lets time pass in ticks of 10 ms, with a frame of sound every second one."""
        for _ in range(round(seconds * 100)):
            even = round(self.now * 100) % 2 == 0
            if reply and even:
                self.sender.play(FRAME, self.now)
            if voices and even:
                self.sender.play_voices(FRAME, self.now)
            self.sender.tick(self.now)
            self.now = round(self.now + 0.01, 6)

    def sound(self, rate_hz: int = 24_000) -> np.ndarray:  # type: ignore[type-arg]
        decoder = Decoder(rate_hz)
        return np.frombuffer(b"".join(decoder.decode(packet.payload) for _, packet in self.sent), "<i2").astype(float)


def test_a_reply_is_one_stretch_of_rtp() -> None:
    track = Track()
    track.run(1.0, reply=True)
    packets = [packet for _, packet in track.sent]
    assert len(packets) == 50
    assert [packet.marker for packet in packets] == [True] + [False] * 49
    for before, after in itertools.pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert (after.timestamp - before.timestamp) & 0xFFFFFFFF == 960


def test_an_idle_track_falls_quiet_and_sends_a_byte_now_and_then() -> None:
    track = Track()
    track.run(0.5, reply=True)
    track.run(10)
    quiet = [(at, packet) for at, packet in track.sent if at > 1.5]
    assert all(len(packet.payload) == 1 for _, packet in quiet)
    assert len(quiet) <= 9 / KEEP_ALIVE_S + 1
    assert len([at for at, _ in track.sent if 0.5 <= at <= 1.5]) <= TAIL_FRAMES + 3


def test_without_dtx_silence_is_sent_too() -> None:
    track = Track()
    track.sender = TrackSender(SharedEncoder(EncoderPool(lambda: Encoder(24_000))), 1, 111, track._send, now=0.0, dtx=False)
    track.run(0.5, reply=True)
    track.run(2)
    assert abs(len(track.sent) - 125) <= 2


def test_before_anything_was_said_nothing_is_sent() -> None:
    track = Track()
    track.run(5)
    assert track.sent == []


def test_what_comes_after_a_pause_stands_at_its_time() -> None:
    track = Track()
    track.run(0.2, reply=True)
    track.run(3.0)
    count = len(track.sent)
    track.run(0.2, reply=True)
    first, again = track.sent[0][1], track.sent[count][1]
    assert again.marker
    assert ((again.timestamp - first.timestamp) & 0xFFFFFFFF) / 48_000 == 3.2


def test_a_stop_in_full_sound_has_no_click() -> None:
    track = Track()
    track.run(0.5, reply=True)
    track.run(0.3)
    sound = track.sound()
    assert np.abs(sound).max() > 6000
    steps = np.abs(np.diff(sound))
    assert steps[24 * 480 :].max() < 1.5 * steps[5 * 480 : 20 * 480].max(), "no step is steeper than the tone's own"
    assert np.abs(sound[-1440:]).max() < 300


def steps(sound: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
    return np.abs(np.diff(sound))


def test_another_reply_that_follows_a_cut_at_once_has_no_click() -> None:
    """The second begins at its loudest: without a fade, by 9000 from one sample to the next."""
    plain, joined = Track(), Track()
    loudest = (np.cos(np.arange(480) * 2 * np.pi * 400 / 24_000) * 9000).astype("<i2").tobytes()
    for track, joins in ((plain, True), (joined, False)):
        for number in range(20):
            track.sender.play(FRAME if number < 10 else loudest, track.now, joins=joins or number != 10)
            track.now += 0.02
    own = steps(plain.sound())[2 * 480 : 9 * 480].max()
    assert steps(plain.sound()).max() > 3 * own
    assert steps(joined.sound())[480:].max() < 2 * own


def test_a_reply_that_is_cut_while_others_speak_has_no_click_and_leaves_their_voices_alone() -> None:
    """The stream goes on, and so does their sound; only the reply falls."""
    track = Track()
    still = bytes(960)
    flat = np.full(480, 9000, "<i2").tobytes()
    sent: list[bytes] = []
    encode = track.sender._encoder.encode
    track.sender._encoder.encode = lambda pcm, now: sent.append(pcm) or encode(pcm, now)  # type: ignore[method-assign]
    for number in range(20):
        track.sender.play_voices(still, track.now)
        if number < 10:
            track.sender.play(flat, track.now)
        track.sender.tick(track.now)
        track.now = round(track.now + 0.02, 6)
    sound = np.frombuffer(b"".join(sent), "<i2").astype(int)
    assert (sound[2 * 480 : 10 * 480] == 9000).all()
    assert steps(sound).max() < 200
    assert not sound[12 * 480 :].any()
    assert sent[-1] is still, "all peers encode the same object once"


def test_a_stall_of_the_process_tears_no_hole_into_the_sound() -> None:
    track = Track()
    track.run(0.2, reply=True)
    track.now += 0.08
    track.sender.tick(track.now)
    for _ in range(4):  # what the mouthpiece makes up for
        track.sender.play(FRAME, track.now)
    track.run(0.2, reply=True)
    packets = [packet for _, packet in track.sent]
    assert len(packets) == 24
    assert not any(packet.marker for packet in packets[1:])
    assert all((after.timestamp - before.timestamp) & 0xFFFFFFFF == 960 for before, after in itertools.pairwise(packets))


def test_voices_go_with_the_reply_and_alone() -> None:
    alone, both = Track(), Track()
    alone.run(0.4, voices=True)
    both.run(0.4, voices=True)
    both.run(0.4, voices=True, reply=True)
    both.run(0.4, voices=True)
    assert len(alone.sent) == 20
    assert abs(len([1 for at, packet in both.sent if len(packet.payload) > 20]) - 60) <= 3, "one frame in 20 ms, not two"
    sound = both.sound()
    parts = [np.abs(sound[start : start + 4000]).max() for start in (2000, 12_000, 22_000)]
    assert parts[1] > 1.3 * max(parts[0], parts[2]), "the mix is louder than either"


@settings(max_examples=50)
@given(st.lists(st.tuples(st.sampled_from(["reply", "voices", "tick", "short"]), st.floats(0, 0.2)), max_size=60))
def test_time_never_runs_back(steps: list[tuple[str, float]]) -> None:
    track = Track()
    for kind, later in steps:
        track.now += later
        if kind == "reply":
            track.sender.play(FRAME, track.now)
        elif kind == "voices":
            track.sender.play_voices(FRAME, track.now)
        elif kind == "short":
            track.sender.play(FRAME[:100], track.now)
        else:
            track.sender.tick(track.now)
    packets = [packet for _, packet in track.sent]
    for before, after in itertools.pairwise(packets):
        assert (after.sequence - before.sequence) & 0xFFFF == 1
        assert ((after.timestamp - before.timestamp + 2**31) & 0xFFFFFFFF) - 2**31 > 0
