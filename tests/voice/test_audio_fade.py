"""Fades: smooth, as long as asked, mirror images, and nothing else touched."""

import numpy as np
import pytest
from hubbub.voice.audio.fade import Edges, fade_in, fade_out
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


# ── a stream that stops and starts anywhere ───────────────────────────────────────────────────────────────────────────


def voice(samples: int, start: int = 0) -> bytes:
    """A stretch of a tone that is never near zero for long: 200 Hz at 24 kHz."""
    return (np.sin((start + np.arange(samples)) * 2 * np.pi * 200 / 24_000) * 20_000).astype("<i2").tobytes()


def largest_step(pcm: bytes) -> int:
    return int(np.abs(np.diff([0, *values(pcm)])).max(initial=0))


SMOOTH = 1_400
"""The tone itself moves by 1047 from sample to sample; its rise adds a little, and a click 20 000."""


@given(at=st.integers(200, 2_000), silent=st.integers(1, 600), piece=st.integers(120, 480))
def test_a_stream_that_is_held_anywhere_and_goes_on_has_no_step(at: int, silent: int, piece: int) -> None:
    edges = Edges(24_000)
    stretches = [edges.sound(voice(min(piece, at - start), start)) for start in range(0, at, piece)]
    stretches.append(edges.silence(silent))
    stretches += [edges.sound(voice(480, start)) for start in range(at, at + 960, 480)]
    heard = b"".join(stretches)
    assert len(heard) == 2 * (at + silent + 960)
    # where the pause is shorter than the tail, the two overlap and their steps add up
    assert largest_step(heard) <= (SMOOTH if silent >= 120 else 2 * SMOOTH)
    assert heard.endswith(voice(960 - 120, at + 120)), "behind the rise nothing is touched"


@given(first=st.integers(200, 900), second=st.integers(200, 900))
def test_another_reply_that_follows_a_cut_at_once_has_no_step(first: int, second: int) -> None:
    edges = Edges(24_000)
    heard = edges.sound(voice(first)) + edges.sound(voice(480, second), joins=False)
    assert len(heard) == 2 * (first + 480)
    assert largest_step(heard) <= 2 * SMOOTH


def test_silence_after_the_tail_is_silence_and_sound_in_the_middle_is_not_copied() -> None:
    edges = Edges(24_000)
    assert edges.silence(480) == bytes(960)
    edges.sound(voice(480))
    frame = voice(480, 480)
    assert edges.sound(frame) is frame
    assert edges.sound(voice(3, 960)) == voice(3, 960)
    assert any(edges.silence(480))
    assert edges.silence(480) == bytes(960)
    assert edges.sound(b"") == b""
    with pytest.raises(ValueError, match="no sample"):
        Edges(100, fade_ms=5)
