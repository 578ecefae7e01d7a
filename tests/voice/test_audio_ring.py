"""The pre-roll and the window cutter against the simplest possible models of them."""

import numpy as np
import pytest
from hubbub.voice.audio.ring import PreRoll, WindowCutter
from hypothesis import given
from hypothesis import strategies as st


def counted(first: int, samples: int) -> bytes:
    return np.arange(first, first + samples).astype("<i2").tobytes()


@given(st.lists(st.one_of(st.integers(0, 60), st.just("take")), max_size=40))
def test_a_pre_roll_is_the_tail_of_what_came(steps: list) -> None:
    pre_roll = PreRoll(ms=2.5, rate_hz=16_000)  # 40 samples
    model, came = b"", 0
    for step in steps:
        if step == "take":
            assert pre_roll.take() == model
            model = b""
        else:
            pcm = counted(came, step)
            came += step
            pre_roll.push(pcm)
            model = (model + pcm)[-80:]
        assert pre_roll.samples == len(model) // 2
    assert pre_roll.take() == model
    assert pre_roll.take() == b""


def test_pre_roll_refuses_nonsense() -> None:
    with pytest.raises(ValueError, match="0 ms at 16000 Hz"):
        PreRoll(0, 16_000)
    with pytest.raises(ValueError, match="odd"):
        PreRoll(100, 16_000).push(b"abc")


@given(st.lists(st.integers(0, 50), max_size=60))
def test_windows_are_the_stream_whatever_the_chunks(lengths: list[int]) -> None:
    cutter = WindowCutter(16, max_samples=10_000)
    stream, windows = b"", []
    for length in lengths:
        pcm = counted(len(stream) // 2, length)
        stream += pcm
        assert cutter.push(pcm) == 0
        row = np.zeros(16, np.int16)
        while cutter.take_into(row):
            windows.append(row.tobytes())
    whole = len(stream) // 32 * 32
    assert b"".join(windows) == stream[:whole]
    assert cutter.taken_samples == whole // 2
    assert cutter.waiting_samples == (len(stream) - whole) // 2
    assert cutter.ready == 0 and cutter.take() is None


@given(st.lists(st.tuples(st.integers(1, 90), st.integers(0, 3)), max_size=30))
def test_the_bound_holds_and_what_is_dropped_is_whole_windows_and_counted(steps: list[tuple[int, int]]) -> None:
    cutter = WindowCutter(8, max_samples=50)
    came = dropped = 0
    for length, takes in steps:
        dropped += cutter.push(counted(came, length))
        came += length
        assert cutter.waiting_samples <= 50
        for _ in range(takes):
            start = cutter.taken_samples
            window = cutter.take()
            if window is not None:
                assert window.tolist() == list(range(start, start + 8))  # the counter says where it stands
    assert dropped == cutter.dropped_samples and dropped % 8 == 0
    assert cutter.taken_samples + cutter.waiting_samples == came


def test_cutter_clears_and_refuses_nonsense() -> None:
    cutter = WindowCutter(8)
    cutter.push(counted(0, 12))
    cutter.clear()
    cutter.push(counted(100, 8))
    window = cutter.take()
    assert window is not None and window[0] == 100
    with pytest.raises(ValueError, match=r"shape \(8,\)"):
        cutter.take_into(np.zeros(9, np.int16))
    with pytest.raises(ValueError, match="odd"):
        cutter.push(b"abc")
    with pytest.raises(ValueError, match="two windows"):
        WindowCutter(8, max_samples=15)
    with pytest.raises(ValueError, match="at least one sample"):
        WindowCutter(0)
