"""Mixing and mix-minus: exact sums below the knee, soft above it, nobody hears himself."""

import numpy as np
import pytest
from hubbub.voice.audio.mix import KNEE, mix, mix_minus
from hypothesis import given
from hypothesis import strategies as st


def pcm(samples: list[int]) -> bytes:
    return np.array(samples, "<i2").tobytes()


def values(sound: bytes) -> list[int]:
    return np.frombuffer(sound, "<i2").tolist()


any_sample = st.integers(-32768, 32767)
tracks_of = st.integers(1, 5).flatmap(lambda n: st.lists(st.lists(any_sample, min_size=n, max_size=n), min_size=1, max_size=5))


@given(tracks_of)
def test_quiet_sums_are_exact_and_loud_ones_bend(tracks: list[list[int]]) -> None:
    got = values(mix([pcm(track) for track in tracks]))
    if len(tracks) == 1:
        assert got == tracks[0]
        return
    for sample, parts in zip(got, zip(*tracks, strict=True), strict=True):
        total = sum(parts)
        if abs(total) <= KNEE:
            assert sample == total
        else:
            assert KNEE <= abs(sample) <= min(abs(total), 32767)
            assert (sample > 0) == (total > 0)


def test_the_bend_never_folds_back() -> None:
    loud = np.arange(0, 32768, 7)
    got = np.frombuffer(mix([loud.astype("<i2").tobytes()] * 2), "<i2").astype(int)
    assert (np.diff(got) >= 0).all()
    assert np.abs(np.diff(got)).max() <= 15  # no jump at the knee: two tracks rising by 7 rise by at most 14, and rounding


@given(tracks_of)
def test_nobody_hears_himself(tracks: list[list[int]]) -> None:
    sounds = {index: pcm(track) for index, track in enumerate(tracks)}
    for index, heard in mix_minus(sounds).items():
        others = [sound for other, sound in sounds.items() if other != index]
        assert heard == (mix(others) if others else bytes(len(sounds[index])))


def test_two_callers_hear_each_other_bit_for_bit() -> None:
    one, two = pcm([32_000, -5]), pcm([31_000, 9])
    assert mix_minus({"a": one, "b": two}) == {"a": two, "b": one}
    assert mix_minus({"a": one}) == {"a": bytes(4)}
    assert mix_minus({}) == {} and mix([]) == b""


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(ValueError, match="equally long; 1 and 2"):
        mix([pcm([1]), pcm([1, 2])])
    with pytest.raises(ValueError, match="equally long"):
        mix_minus({1: pcm([1]), 2: pcm([1, 2])})
