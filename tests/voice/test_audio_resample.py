"""The resampler: exact length, the same sound however it is cut, no aliases, little delay."""

import numpy as np
import numpy.typing as npt
import pytest
from hubbub.voice.audio.resample import Resampler, resample, resampled_length
from hypothesis import given, settings
from hypothesis import strategies as st

RATES_HZ = (8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000)
rates = st.sampled_from(RATES_HZ)


def noise(samples: int, seed: int = 1) -> bytes:
    return np.random.default_rng(seed).integers(-20_000, 20_000, samples).astype("<i2").tobytes()


def tone(hz: float, rate_hz: int, seconds: float = 0.5) -> npt.NDArray[np.float64]:
    return 10_000 * np.sin(2 * np.pi * hz * np.arange(int(rate_hz * seconds)) / rate_hz)


def cut(pcm: bytes, lengths: list[int]) -> list[bytes]:
    """`pcm` cut into chunks of the given lengths in samples, over and over."""
    chunks, at, turn = [], 0, 0
    while at < len(pcm):
        end = at + 2 * lengths[turn % len(lengths)]
        chunks.append(pcm[at:end])
        at, turn = end, turn + 1
    return chunks


@given(from_hz=rates, to_hz=rates, samples=st.integers(0, 3000))
@settings(deadline=None, max_examples=60)
def test_length_is_exact_after_flush(from_hz: int, to_hz: int, samples: int) -> None:
    got = len(resample(noise(samples), from_hz, to_hz)) // 2
    assert got == resampled_length(samples, from_hz, to_hz)
    assert abs(got - samples * to_hz / from_hz) <= 0.5


@given(from_hz=rates, to_hz=rates, samples=st.integers(0, 2500), lengths=st.lists(st.integers(1, 700), min_size=1, max_size=5))
@settings(deadline=None, max_examples=60)
def test_any_chunking_gives_the_same_sound(from_hz: int, to_hz: int, samples: int, lengths: list[int]) -> None:
    pcm = noise(samples)
    resampler = Resampler(from_hz, to_hz)
    parts = [resampler.push(chunk) for chunk in cut(pcm, lengths)]
    assert b"".join(parts) + resampler.flush() == resample(pcm, from_hz, to_hz)


@pytest.mark.parametrize("to_hz", [8_000, 24_000, 48_000])
def test_a_very_short_sound_is_not_lost(to_hz: int) -> None:
    loud = np.full(12, 20_000, "<i2").tobytes()  # shorter than the filter
    got = np.frombuffer(resample(loud, 16_000, to_hz), "<i2")
    assert len(got) == 12 * to_hz // 16_000
    assert got.max() > 15_000


def test_equal_rates_pass_the_very_same_object() -> None:
    resampler = Resampler(16_000, 16_000)
    pcm = noise(320)
    assert resampler.push(pcm) is pcm
    assert resampler.flush() == b""


def test_a_second_stream_begins_fresh_after_flush_and_after_reset() -> None:
    pcm = noise(1234)
    fresh = resample(pcm, 48_000, 16_000)
    resampler = Resampler(48_000, 16_000)
    resampler.push(noise(999, seed=2))
    resampler.flush()
    assert resampler.push(pcm) + resampler.flush() == fresh
    resampler.push(noise(77, seed=3))
    resampler.reset()
    assert resampler.push(pcm) + resampler.flush() == fresh


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 16_000), (8_000, 16_000), (24_000, 48_000), (44_100, 16_000)])
def test_a_tone_keeps_its_pitch_level_and_place(from_hz: int, to_hz: int) -> None:
    got = np.frombuffer(resample(tone(1000, from_hz).astype("<i2").tobytes(), from_hz, to_hz), "<i2").astype(float)
    wanted = tone(1000, to_hz)
    edge = to_hz // 100
    error = np.sqrt(np.mean((got - wanted)[edge:-edge] ** 2)) / np.sqrt(np.mean(wanted[edge:-edge] ** 2))
    assert error < 0.01  # -40 dB covers level, delay (one sample off would be -8 to -24 dB) and noise


def test_what_the_target_rate_cannot_hold_is_removed() -> None:
    above = tone(11_000, 48_000).astype("<i2").tobytes()
    got = np.frombuffer(resample(above, 48_000, 16_000), "<i2").astype(float)[160:-160]
    assert np.sqrt(np.mean(got**2)) < 10_000 / np.sqrt(2) * 10 ** (-80 / 20)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(8_000, 16_000), (24_000, 8_000), (24_000, 16_000), (16_000, 24_000), (44_100, 16_000)])
def test_the_band_of_the_lower_rate_is_level_and_nothing_is_mirrored_above_it(from_hz: int, to_hz: int) -> None:
    for share in (0.1, 0.5, 0.85):  # 3.4 kHz of telephone sound, where its lines end
        wanted = tone(share * min(from_hz, to_hz) / 2, to_hz)
        sent = tone(share * min(from_hz, to_hz) / 2, from_hz).astype("<i2").tobytes()
        edge = to_hz // 50
        got = np.frombuffer(resample(sent, from_hz, to_hz), "<i2").astype(float)[edge:-edge]
        wanted = wanted[edge:-edge]
        level = np.dot(got, wanted) / np.dot(wanted, wanted)
        assert abs(20 * np.log10(level)) < 0.25
        if from_hz != 44_100:  # FFmpeg's own filter, which goes on further, mirrors at -52 dB
            assert np.sqrt(np.mean((got - level * wanted) ** 2)) < 10_000 / np.sqrt(2) * 10 ** (-70 / 20)


@pytest.mark.parametrize(("from_hz", "to_hz"), [(48_000, 16_000), (16_000, 48_000), (8_000, 16_000), (22_050, 24_000)])
def test_no_more_than_three_milliseconds_stay_inside(from_hz: int, to_hz: int) -> None:
    resampler = Resampler(from_hz, to_hz)
    got = sum(len(resampler.push(noise(from_hz // 50))) for _ in range(10)) // 2
    assert to_hz // 5 - got <= to_hz * 3 // 1000


def test_wrong_input_is_refused() -> None:
    with pytest.raises(ValueError, match="4000 to 192000 Hz"):
        Resampler(0, 16_000)
    for to_hz in (16_000, 48_000):
        with pytest.raises(ValueError, match="odd"):
            Resampler(16_000, to_hz).push(b"abc")
