"""Fades: smooth, as long as asked, mirror images, and nothing else touched."""

import numpy as np
import pytest
from hubbub.voice.audio.fade import fade_in, fade_out
from hypothesis import given
from hypothesis import strategies as st


def flat(samples: int, value: int = 20_000) -> bytes:
    return np.full(samples, value, "<i2").tobytes()


def values(pcm: bytes) -> list[int]:
    return np.frombuffer(pcm, "<i2").astype(int).tolist()


@given(length=st.integers(0, 300), fade=st.integers(0, 300))
def test_length_stays_and_only_the_faded_part_changes(length: int, fade: int) -> None:
    sound = flat(length)
    rising, falling = values(fade_in(sound, fade)), values(fade_out(sound, fade))
    assert len(rising) == len(falling) == length
    assert rising == falling[::-1]
    assert rising == sorted(rising)
    assert all(value == 20_000 for value in rising[min(fade, length) :])


def test_the_ends_meet_silence_and_sound_without_a_step() -> None:
    rising = [0, *values(fade_in(flat(400), 120))]
    steps = np.diff(rising)
    assert steps.max() < 20_000 / 120 * 1.6  # a raised cosine is at most pi/2 times as steep as a straight line
    assert rising[1] < 10
    assert values(fade_out(flat(400), 120))[-1] < 10


def test_wrong_input_is_refused() -> None:
    for fade in (fade_in, fade_out):
        with pytest.raises(ValueError, match="-1 samples"):
            fade(flat(10), -1)
        with pytest.raises(ValueError, match="odd"):
            fade(b"abc", 1)
        assert fade(b"", 10) == b""
