"""A hum is known by its sound, and a dark "no" is none."""

from collections.abc import Callable

import numpy as np
import pytest
from hubbub.voice.turn.hum import LONGEST_MS, is_hum


def spoken(formants: list[tuple[float, float, float]], ms: int, *, hz: float = 120) -> bytes:
    """A buzzing voice through formants that glide: (from Hz, to Hz, gain)."""
    time = np.arange(16 * ms) / 16_000
    place = time / time[-1]
    sound = np.zeros(len(time))
    for number in range(1, int(3400 / hz)):
        tone = sum(
            gain / (1 + ((number * hz - (low + (high - low) * place)) / 60) ** 2) for low, high, gain in formants
        )
        sound += tone * np.sin(2 * np.pi * number * hz * time + number)
    return (sound / np.abs(sound).max() * 9000).astype(np.int16).tobytes()


MURMUR = [(260, 260, 1.0), (1000, 1000, 0.003), (2200, 2200, 0.002)]
NO = [(450, 350, 1.0), (1300, 750, 0.15), (2400, 2300, 0.01)]
EE = [(300, 300, 1.0), (2300, 2300, 0.3)]


def test_a_murmur_is_a_hum_and_vowels_are_not():
    assert is_hum(spoken(MURMUR, 400))
    assert is_hum(spoken(MURMUR, 300, hz=210))
    assert not is_hum(spoken(NO, 400))
    assert not is_hum(spoken(EE, 400))


def test_too_short_too_long_and_silent_are_none():
    assert not is_hum(b"")
    assert not is_hum(spoken(MURMUR, 60))
    assert not is_hum(spoken(MURMUR, LONGEST_MS + 200))
    assert not is_hum(bytes(32_000))


@pytest.mark.parametrize("word", ["no", "wait", "stop", "hold_on", "no_wait"])
@pytest.mark.parametrize("voice", ["f2", "f5", "gb", "m3"])
def test_no_word_that_asks_for_the_floor_is_a_hum(fixture_audio: Callable[[str], bytes], word: str, voice: str):
    assert not is_hum(fixture_audio(f"interruptions/{word}-{voice}"))
