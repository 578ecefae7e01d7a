"""The ear: positions, silence for the missing, a bound for the surplus."""

import numpy as np
from hubbub.voice.ear import AHEAD_MS, Ear
from hypothesis import given
from hypothesis import strategies as st

W = 512


def test_windows_are_cut_from_any_chunks():
    ear = Ear(W)
    sound = np.arange(3 * W, dtype=np.int16).tobytes()
    for start in range(0, len(sound), 700):
        ear.push(sound[start : start + 700])
    out = b""
    while ear.ready:
        assert np.array_equal(ear.window(), np.frombuffer(sound, np.int16)[ear.at : ear.at + W])
        out += ear.judged()
    assert out == sound and ear.at == 3 * W


def test_the_past_serves_the_pre_roll():
    ear = Ear(W)
    sound = np.random.default_rng(1).integers(-9, 9, 40 * W, dtype=np.int16).tobytes()
    for start in range(0, len(sound), W * 2):
        ear.advance(W)
        ear.push(sound[start : start + W * 2])
        while ear.ready:
            ear.judged()
    assert ear.since(ear.at - 5120) == sound[-5120 * 2 :]
    assert len(ear.since(0)) <= len(sound)


def test_a_stream_that_stops_is_given_silence_that_needs_no_vad():
    ear = Ear(W)
    ear.push(bytes(W * 2))
    for _ in range(100):
        ear.advance(160)
    assert ear.received > 16_000 * 0.6
    ear.judged()
    absent = 0
    while ear.ready:
        absent += ear.absent
        ear.judged()
    assert absent >= 15


def test_sound_faster_than_real_time_is_bounded():
    ear = Ear(W)
    dropped = sum(ear.push(bytes(640)) for _ in range(500))
    assert ear.received == AHEAD_MS * 16
    assert dropped == ear.dropped == 500 * 320 - ear.received


def test_a_burst_after_a_stall_is_kept():
    ear = Ear(W)
    for _ in range(100):
        ear.advance(160)
    filled = ear.received
    assert ear.push(bytes(16_000 * 2)) == 0
    assert ear.received == filled + 16_000


def test_a_client_clock_that_drifts_loses_nothing_in_an_hour():
    ear = Ear(W)
    owed = 0.0
    for _ in range(360_000):
        ear.advance(160)
        owed += 160 * 1.0001
        if owed >= 320:
            owed -= 320
            assert ear.push(bytes(640)) == 0
        while ear.ready:
            ear.judged()
    assert ear.dropped == 0


@given(st.lists(st.integers(0, 500), max_size=60))
def test_any_chunking_gives_the_same_windows(sizes):
    ear = Ear(W)
    for size in sizes:
        ear.push(bytes(size * 2))
    while ear.ready:
        ear.judged()
    assert ear.at == sum(sizes) // W * W


def test_a_far_end_that_says_it_is_silent_is_silent_at_once_and_not_twice():
    ear = Ear(512)
    for _ in range(50):
        ear.push(bytes(640))
        ear.advance(320)
    ear.judged()
    for _ in range(10):
        ear.advance(160)
        ear.rest()
    assert 0 <= ear.late < 320
    assert not ear.starved, "the stream has not stopped: it said that it would be silent"
    before = ear.received
    assert ear.rest() == b""
    ear.push(bytes(640))
    assert ear.received == before + 320
    while ear.at < 50 * 320 + 512:
        ear.judged()
    assert ear.absent, "no VAD need hear it"


def test_what_passed_before_the_first_sound_makes_the_stream_no_later():
    ear = Ear(512)
    for _ in range(20):  # 200 ms until the connection is there
        ear.advance(160)
    for _ in range(10):
        ear.push(bytes(640))
        ear.advance(320)
    assert ear.late < 330, "a frame at most"
    before = ear.received
    ear.advance(160)
    ear.rest()
    assert ear.received - before < 640, "a far end that rests is given no more silence than has passed"


def test_the_end_of_a_turn_does_not_wait_for_the_rest_of_a_frame_of_silence():
    ear = Ear(512)
    for _ in range(50):
        ear.push(bytes(640))
        ear.advance(320)
    ear.advance(480 + ear.received - ear.clock)
    ear.rest()
    ear.advance(160)
    due = ear.clock - 10
    assert ear.rest() == b"" and ear.received < due
    assert ear.rest(due + 1000) == b"", "real time has not got there"
    assert ear.rest(due) and ear.received >= due


def test_the_newest_sound_is_there_before_a_window_is_complete():
    ear = Ear(512)
    sound = np.arange(700, dtype=np.int16)
    ear.push(sound[:300].tobytes())
    assert ear.newest(301) == b""
    assert ear.newest(300) == sound[:300].tobytes()
    ear.push(sound[300:].tobytes())
    ear.judged()
    assert ear.newest(600) == sound[100:].tobytes(), "judged or not"
