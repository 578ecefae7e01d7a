"""Levels in dBFS, gains, and the step between bytes and samples."""

import numpy as np
import pytest
from hubbub.voice.audio.level import SILENCE_DBFS, change_level, peak_dbfs, rms_dbfs
from hubbub.voice.audio.pcm import to_pcm, to_samples
from hypothesis import given
from hypothesis import strategies as st


def pcm(*samples: int) -> bytes:
    return np.array(samples, "<i2").tobytes()


def test_the_scale() -> None:
    assert rms_dbfs(pcm(-32768, -32768)) == 0.0
    assert rms_dbfs(pcm(16384, -16384)) == pytest.approx(-6.02, abs=0.01)
    sine = (32767 * np.sin(2 * np.pi * np.arange(320) / 32)).astype("<i2").tobytes()
    assert rms_dbfs(sine) == pytest.approx(-3.01, abs=0.01)
    assert peak_dbfs(sine) == pytest.approx(0.0, abs=0.01)
    assert peak_dbfs(pcm(0, -16384, 3)) == pytest.approx(-6.02, abs=0.01)


def test_silence_is_below_everything_that_sounds() -> None:
    assert rms_dbfs(b"") == rms_dbfs(bytes(640)) == peak_dbfs(b"") == peak_dbfs(bytes(640)) == SILENCE_DBFS
    assert rms_dbfs(pcm(1, *[0] * 959)) > SILENCE_DBFS


@given(st.lists(st.integers(-32768, 32767), min_size=1, max_size=200))
def test_level_agrees_with_exact_arithmetic(samples: list[int]) -> None:
    exact = sum(s * s for s in samples) / len(samples)
    wanted = 10 * np.log10(exact / 32768**2) if exact else SILENCE_DBFS
    assert rms_dbfs(pcm(*samples)) == pytest.approx(wanted, abs=0.001)


def test_gain_scales_and_clips() -> None:
    assert change_level(pcm(1000, -1000), -20.0) == pcm(100, -100)
    assert change_level(pcm(30_000, -30_000), 6.0) == pcm(32_767, -32_768)
    assert change_level(pcm(5, -7), 0.0) == pcm(5, -7)


def test_odd_bytes_are_refused() -> None:
    for function in (rms_dbfs, peak_dbfs, to_samples, lambda odd: change_level(odd, 3.0)):
        with pytest.raises(ValueError, match="odd"):
            function(b"abc")


def test_numbers_become_the_nearest_sample_and_never_wrap() -> None:
    assert to_pcm(np.array([0.4, 0.6, -0.6, 40_000.0, -40_000.0])) == pcm(0, 1, -1, 32_767, -32_768)
    assert to_pcm(np.array([70_000, -70_000], np.int32)) == pcm(32_767, -32_768)
    assert to_samples(pcm(1, -2)).tolist() == [1, -2]
