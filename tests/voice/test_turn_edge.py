"""The end of speech, found where the sound ends and not where the VAD stops believing in it."""

import numpy as np
from hubbub.voice.turn.edge import TRUST_SAMPLES, LoudEdge

W = 512


def run(sound: np.ndarray) -> list[int]:
    edge = LoudEdge()
    edge.begin()
    return [edge.judge(sound[i : i + W].astype(np.int16).tobytes(), i + W) for i in range(0, len(sound) - W + 1, W)]


def tone(samples: int, level: float) -> np.ndarray:
    return np.sin(np.arange(samples) * 0.1) * level * 32767


def test_the_edge_stays_at_the_last_sound():
    edges = run(np.concatenate([tone(4000, 0.3), np.zeros(3000)]))
    assert edges[8] == 4096 - 96 or abs(edges[8] - 4000) <= 128
    assert abs(edges[10] - 4000) <= 128


def test_a_quiet_voice_has_its_own_peak():
    edges = run(np.concatenate([tone(4000, 0.005), np.zeros(3000)]))
    assert abs(edges[10] - 4000) <= 128


def test_in_steady_noise_the_vad_stands():
    noise = np.random.default_rng(1).normal(0, 400, 8000)
    edges = run(noise)
    assert edges == [(n + 1) * W for n in range(len(edges))]


def test_trailing_off_softly_is_trusted_for_a_while_only():
    edges = run(np.concatenate([tone(4000, 0.5), tone(16000, 0.005)]))
    assert edges[-1] == len(edges) * W - TRUST_SAMPLES
