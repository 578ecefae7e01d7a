"""Our own voice, coming back through a caller's loudspeaker and room, is not a caller who speaks."""

import numpy as np
import pytest
from hubbub.voice.audio.resample import resample
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.turn.echo import EXPLAINED, EchoGuard


def shares(sent16: np.ndarray, microphone: np.ndarray) -> list[float]:
    """Sends and hears in step, 32 ms at a time; the explained share of every loud stretch."""
    guard, out = EchoGuard(), []
    sent24 = np.frombuffer(resample(sent16.astype(np.int16).tobytes(), 16_000, 24_000), np.int16)
    for n in range(len(microphone) // 512):
        guard.sent(sent24[n * 768 : (n + 1) * 768].tobytes())
        window = microphone[n * 512 : (n + 1) * 512]
        guard.heard(window.astype(np.int16).tobytes())
        if n > 6 and np.sqrt((window**2).mean()) > 60:
            out.append(guard.explained())
    return out


@pytest.fixture
def voices(fixture_path):
    def load(name: str) -> np.ndarray:
        return np.frombuffer(read_audio(str(fixture_path(name)), 16_000), np.int16).astype(float)

    ours = np.concatenate([load("sentences/sorry_can_i_ask_you_something_else-f5"), load("requests/tell_me_a_story")])
    theirs = load("sentences/stop_i_would_like_to_know_what_time_it_is-m3")
    return ours, np.resize(theirs, len(ours))


@pytest.mark.parametrize("delay_ms", [80, 150, 300])
def test_an_echo_at_minus_20_db_is_recognised(voices, delay_ms):
    ours, _ = voices
    echo = np.concatenate([np.zeros(16 * delay_ms), ours])[: len(ours)] * 0.1 + np.random.default_rng(1).normal(0, 8, len(ours))
    found = shares(ours, echo)
    assert np.mean(np.array(found) >= EXPLAINED) > 0.9


def test_an_echo_through_a_room_is_recognised_mostly(voices):
    ours, _ = voices
    rng = np.random.default_rng(2)
    room = rng.normal(0, 1, 3200) * np.exp(-np.arange(3200) / 500) * 0.045
    room[0] = 1.0
    echo = np.convolve(np.concatenate([np.zeros(16 * 120), ours]), room)[: len(ours)] * 0.1
    assert np.mean(np.array(shares(ours, echo)) >= EXPLAINED) > 0.6


def test_another_voice_is_no_echo_alone_or_over_one(voices):
    ours, theirs = voices
    assert np.mean(np.array(shares(ours, theirs)) >= EXPLAINED) < 0.05
    both = theirs + np.concatenate([np.zeros(16 * 120), ours])[: len(ours)] * 0.1
    assert np.mean(np.array(shares(ours, both)) >= EXPLAINED) < 0.1


def test_the_newest_sound_counts_though_no_window_is_complete(voices):
    ours, theirs = voices
    loud = int(np.argmax(np.abs(ours) > 3000)) // 512 * 512
    for microphone, expected in ((ours * 0.1, True), (theirs, False)):
        guard = EchoGuard()
        sent24 = np.frombuffer(resample(ours.astype(np.int16).tobytes(), 16_000, 24_000), np.int16)
        for n in range(loud // 512 + 4):
            guard.sent(sent24[n * 768 : (n + 1) * 768].tobytes())
        heard = microphone[: loud + 4 * 512 - 200].astype(np.int16)
        for n in range(len(heard) // 512):
            guard.heard(heard[n * 512 : (n + 1) * 512].tobytes())
        newer = heard[len(heard) // 512 * 512 :].tobytes()
        before = guard.explained()
        assert guard.is_echo(newer) is expected
        assert guard.explained() == before, "asking has changed nothing"


def test_silence_and_nothing_sent_are_no_echo():
    guard = EchoGuard()
    guard.heard(bytes(4096))
    assert guard.explained() == 0.0
    guard.sent(bytes(48_000))
    assert guard.explained() == 0.0
