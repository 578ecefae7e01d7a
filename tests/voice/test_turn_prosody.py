"""Prosody: pitch, decay, length and pace at the end, on sounds whose truth is known."""

import numpy as np
import pytest
from hubbub.voice.turn.prosody import ProsodyEndOfTurn, measure, score
from hypothesis import given, settings
from hypothesis import strategies as st

HZ = 16_000


def buzz(start_hz: float, end_hz: float, ms: int, level: float = 4000) -> np.ndarray:
    """A voice: eight overtones that glide evenly in semitones."""
    pitch = start_hz * (end_hz / start_hz) ** np.linspace(0, 1, ms * HZ // 1000)
    phase = 2 * np.pi * np.cumsum(pitch) / HZ
    return level * sum(np.sin(phase * overtone) / overtone for overtone in range(1, 9))


def pcm(*parts: np.ndarray) -> bytes:
    return np.concatenate(parts).round().astype(np.int16).tobytes()


def silence(ms: int) -> np.ndarray:
    return np.zeros(ms * HZ // 1000)


@pytest.mark.parametrize("hz", [80, 110, 150, 220, 300])
def test_a_level_voice_neither_falls_nor_rises(hz):
    ending = measure(pcm(buzz(hz, hz, 900)))
    assert abs(ending.fall) < 0.2 and abs(ending.slope) < 0.3


@pytest.mark.parametrize(("start", "end", "semitones"), [(200, 140, -6.2), (120, 100, -3.2), (150, 190, 4.1)])
def test_a_movement_of_the_voice_is_measured_in_semitones(start, end, semitones):
    ending = measure(pcm(buzz(start, start, 700), buzz(start, end, 200), buzz(end, end, 100)))
    assert ending.fall == pytest.approx(semitones, abs=0.6)
    gliding = measure(pcm(buzz(start, start, 700), buzz(start, end, 220)))
    assert np.sign(gliding.slope) == np.sign(semitones) and abs(gliding.slope) > 0.6 * abs(semitones)


def test_a_voice_that_dies_away_decays_longer_than_one_that_breaks_off():
    fading = buzz(120, 120, 600)
    fading[-4800:] *= np.geomspace(1, 0.04, 4800)
    abrupt, soft = measure(pcm(buzz(120, 120, 600))), measure(pcm(fading))
    assert abrupt.decay_ms <= 20 and 120 <= soft.decay_ms <= 220


def test_the_last_piece_of_voice_is_measured():
    ending = measure(pcm(buzz(120, 120, 300), silence(120), buzz(120, 120, 400)))
    assert ending.last_voice_ms == pytest.approx(400, abs=60)


def test_a_drawn_out_last_syllable_slows_the_pace():
    def syllables(*lengths: int) -> bytes:
        parts = []
        for ms in lengths:
            part = buzz(120, 120, ms)
            parts.append(part * np.sin(np.linspace(0.15, np.pi - 0.15, len(part))))
        return pcm(*parts)

    even, drawn = measure(syllables(*[180] * 6)), measure(syllables(*[180] * 5, 420))
    assert drawn.pace < 0.75 * even.pace


def test_silence_after_the_speech_changes_nothing():
    speech = buzz(150, 110, 800)
    short, long = measure(pcm(speech, silence(160))), measure(pcm(speech, silence(640)))
    assert short == long


def test_level_does_not_matter():
    loud, quiet = measure(pcm(buzz(150, 110, 800))), measure(pcm(buzz(150, 110, 800, level=200)))
    assert score(loud) == pytest.approx(score(quiet), abs=0.3)


@pytest.mark.parametrize("sound", [b"", b"\x01", bytes(64_000), pcm(buzz(120, 120, 60))])
def test_too_little_speech_is_no_ending(sound):
    assert measure(sound) is None
    assert ProsodyEndOfTurn().probability("anything", sound) == 0.5


def test_an_octave_that_was_mistaken_is_put_right_and_what_rings_on_is_no_voice():
    steady = buzz(120, 120, 800)
    plain = measure(pcm(steady))
    doubled = measure(pcm(steady, buzz(242, 242, 100)))
    assert doubled.fall == pytest.approx(plain.fall, abs=0.5), "nobody's voice jumps up by an octave at the end"
    rings = measure(pcm(steady, silence(100), buzz(300, 300, 25, level=500)))
    assert rings.fall == pytest.approx(plain.fall, abs=0.3)
    assert rings.last_voice_ms == pytest.approx(plain.last_voice_ms, abs=40)


def test_hiss_has_no_pitch():
    hiss = np.random.default_rng(1).normal(0, 1000, 900 * 16)
    ending = measure(pcm(hiss))
    assert ending.fall == ending.slope == 0.0 and ending.last_voice_ms <= 40


@settings(max_examples=60)
@given(st.integers(0, 2**32 - 1), st.integers(0, 30_000), st.sampled_from([0, 3, 500, 30_000]))
def test_any_sound_gives_a_probability(seed, samples, level):
    sound = np.random.default_rng(seed).normal(0, level, samples).clip(-32768, 32767).astype(np.int16).tobytes()
    assert 0 < ProsodyEndOfTurn().probability("", sound) < 1


def test_a_whole_request_ends_more_like_a_turn_than_its_beginning(fixture_audio):
    """espeak-ng drops its voice at the end of a sentence and not in its middle."""
    model = ProsodyEndOfTurn()
    for name, cut_ms in (("requests/what_time_is_it", 480), ("requests/tell_me_a_story", 500), ("requests/my_name_is_alice", 600)):
        sound = fixture_audio(name)
        assert model.probability("", sound) > model.probability("", sound[: cut_ms * 32])
