"""Voice is told from noise by its pitch, whatever the pieces in which the sound comes."""

from collections.abc import Callable

import numpy as np
import pytest
from hubbub.voice.asr.voicing import FRAME_MS, Voicing
from hypothesis import given, settings
from hypothesis import strategies as st


def voiced_ms(pcm: bytes, piece: int | None = None) -> int:
    voicing = Voicing()
    for at in range(0, len(pcm), piece or max(1, len(pcm))):
        voicing.feed(pcm[at : at + (piece or len(pcm))])
    return voicing.voiced_ms(0, len(pcm) // 32 + FRAME_MS)


def buzz(pitch_hz: float, seconds: float = 1.0, peak: float = 6000) -> bytes:
    """A pulse train through a gentle slope, as from a larynx."""
    at = np.arange(int(16_000 * seconds)) / 16_000
    wave = sum(np.sin(2 * np.pi * pitch_hz * k * at) / k for k in range(1, int(1800 / pitch_hz)))
    return (wave / np.abs(wave).max() * peak).astype(np.int16).tobytes()


@pytest.mark.parametrize("pitch_hz", [80, 120, 200, 300, 390])
def test_a_buzz_at_the_pitch_of_people_is_voiced(pitch_hz: float) -> None:
    assert voiced_ms(buzz(pitch_hz)) > 900


@pytest.mark.parametrize("deviation", [100, 1000, 8000])
def test_white_noise_is_not(deviation: float) -> None:
    noise = np.random.default_rng(7).normal(0, deviation, 32_000).clip(-32768, 32767)
    assert voiced_ms(noise.astype(np.int16).tobytes()) <= 30


def test_silence_and_the_faintest_hum_are_not() -> None:
    assert voiced_ms(bytes(32_000)) == 0
    assert voiced_ms(buzz(120, peak=20)) == 0


def test_speech_is_and_breath_is_not(fixture_audio: Callable[[str], bytes]) -> None:
    assert voiced_ms(fixture_audio("requests/tell_me_a_story")) > 500
    breath = np.random.default_rng(1).normal(0, 2000, 12_000) * np.hanning(12_000)
    assert voiced_ms(breath.astype(np.int16).tobytes()) <= 30


@settings(max_examples=20)
@given(st.integers(1, 2000).map(lambda samples: 2 * samples))
def test_any_pieces_of_the_same_sound_give_the_same(piece: int) -> None:
    pcm = buzz(150, 0.3) + bytes(3200)
    assert voiced_ms(pcm, piece) == voiced_ms(pcm)
