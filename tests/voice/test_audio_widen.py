"""Telephone sound made wide: the band above 4 kHz is filled, the rest stays as it was."""

import numpy as np
import pytest
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.resample import Resampler, resample
from hubbub.voice.audio.widen import NARROW_HZ, EarResampler, Widener


def hiss(samples: int, *, loudness: float = 3000) -> bytes:
    return np.random.default_rng(3).normal(0, loudness, samples).clip(-32768, 32767).astype("<i2").tobytes()


def band_db(pcm: bytes, low_hz: int, high_hz: int) -> float:
    """Power in a band, in dB of one step."""
    samples = np.frombuffer(pcm, "<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples)))) ** 2
    at_hz = np.fft.rfftfreq(len(samples), 1 / EAR_HZ)
    return float(10 * np.log10(spectrum[(at_hz >= low_hz) & (at_hz < high_hz)].sum() + 1e-9))


def test_it_gives_as_many_samples_as_it_takes() -> None:
    widener = Widener()
    assert [len(widener.push(bytes(2 * count))) for count in (320, 1, 0, 47, 46, 1000)] == [640, 2, 0, 94, 92, 2000]


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="odd"):
        Widener().push(b"\0")


def test_chunks_do_not_matter() -> None:
    pcm, whole, cut = hiss(4000), Widener(), Widener()
    out, at = b"", 0
    for count in (1, 2, 3, 45, 46, 47, 320, 321, 7, 4000):
        out += cut.push(pcm[at : at + 2 * count])
        at += 2 * count
    assert out == whole.push(pcm)


def test_silence_stays_silence() -> None:
    ear = EarResampler(NARROW_HZ)
    ear.push(hiss(800))
    ear.push(bytes(2000))  # what fills the hole, and what the filters still hold
    assert not any(ear.push(bytes(1600)))


def test_full_scale_is_clipped_and_not_wrapped() -> None:
    square = np.where(np.arange(1600) // 3 % 2, 32767, -32768).astype("<i2")
    out = np.frombuffer(Widener().push(square.tobytes()), "<i2").astype(int)
    assert np.abs(out - square).max() < 32768, "a sample changed its sign"


def test_what_is_above_4_khz_is_as_loud_as_what_is_below_asks_for() -> None:
    ear, plain = EarResampler(NARROW_HZ), resample(hiss(16000), NARROW_HZ, EAR_HZ)
    wide = ear.push(hiss(16000))
    assert band_db(plain, 4300, 6000) < band_db(plain, 2000, 3700) - 30
    assert -20 < band_db(wide, 4300, 6000) - band_db(wide, 2000, 3700) < -14
    assert band_db(wide, 7500, 8000) < band_db(wide, 4300, 6000) - 10
    assert abs(band_db(wide, 100, 3700) - band_db(plain, 100, 3700)) < 0.1


def test_the_noise_has_no_end_and_no_seam() -> None:
    wide = Widener().push(resample(hiss(NARROW_HZ * 5), NARROW_HZ, EAR_HZ))
    seconds = [band_db(wide[at : at + 32000], 4300, 6000) for at in range(0, len(wide) - 32000, 16000)]
    assert max(seconds) - min(seconds) < 2


def test_a_vowel_is_left_alone() -> None:
    tone = (8000 * np.sin(2 * np.pi * 700 * np.arange(8000) / NARROW_HZ)).astype("<i2").tobytes()
    wide = EarResampler(NARROW_HZ).push(tone)[4000:]
    assert band_db(wide, 4000, 8000) < band_db(wide, 600, 800) - 45


@pytest.mark.parametrize("rate_hz", [16000, 24000, 48000])
def test_other_rates_are_only_resampled(rate_hz: int) -> None:
    pcm = hiss(rate_hz // 4)
    assert EarResampler(rate_hz).push(pcm) == Resampler(rate_hz, EAR_HZ).push(pcm)
