"""Silero on human recordings: where speech is found, and that quiet callers are found as soon as loud ones.

The recordings are not part of the project; see `shared_audio` in tests/conftest.py.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_audio
from hubbub.voice.vad.base import VADEngine, VADError
from hubbub.voice.vad.choose import choose_vad

WINDOW = 512
ONSET, GAP_WINDOWS = 0.5, 10  # an utterance ends after 320 ms below the onset's probability
SPEECH = [
    "speech/vad_valid.wav", "speech/whats_the_weather_like.wav", "speech/how_old_is_the_brooklyn_bridge_padded.wav",
    "speech/jfk.flac", "speech/hello_gemini_are_you_there.wav", "speech/book_a_room.wav", "speech/today.wav",
    "speech/two_people.wav", "speech/mountain_view.wav", "speech/230pm.wav",
    *[f"speech/spk{speaker}_snt{number}.wav" for speaker in (1, 2) for number in (1, 2, 3)],
]  # fmt: skip


@pytest.fixture(scope="module", params=["silero", "pysilero"])
def engine(request: pytest.FixtureRequest) -> VADEngine:
    try:
        return choose_vad(request.param)[0]
    except VADError as error:
        pytest.skip(str(error))


def judge(engine: VADEngine, sounds: list[np.ndarray]) -> np.ndarray:
    """Probabilities of several sounds (float, full scale 1) side by side, shape (windows, sounds)."""
    count = max(sound.size for sound in sounds) // WINDOW
    rows = np.zeros((len(sounds), count * WINDOW), np.int16)
    for row, sound in zip(rows, sounds, strict=True):
        row[: sound.size] = np.rint(sound[: row.size] * 32767)
    streams = [engine.open() for _ in sounds]
    cut = rows.reshape(len(sounds), count, WINDOW)
    return np.array([engine.judge(streams, np.ascontiguousarray(cut[:, window])) for window in range(count)])


def utterances(probabilities: np.ndarray) -> list[tuple[float, float]]:
    """Start and end in seconds of each stretch of speech."""
    found: list[tuple[int, int]] = []
    for window in np.flatnonzero(probabilities >= ONSET).tolist():
        if found and window - found[-1][1] <= GAP_WINDOWS:
            found[-1] = (found[-1][0], window + 1)
        else:
            found.append((window, window + 1))
    return [(start * WINDOW / EAR_HZ, end * WINDOW / EAR_HZ) for start, end in found]


def load(path: Path) -> np.ndarray:
    return np.frombuffer(read_audio(path, EAR_HZ), "<i2") / 32768


def test_labelled_speech_is_found_where_it_is(engine: VADEngine, shared_audio: Callable[[str], Path]) -> None:
    for name, truth in {
        "speech/vad_valid.wav": [(0.38, 2.70), (4.10, 5.88)],
        "speech/how_old_is_the_brooklyn_bridge_padded.wav": [(2.14, 3.81)],
        "speech/whats_the_weather_like.wav": [(0.13, 1.28)],
    }.items():
        found = utterances(judge(engine, [load(shared_audio(name))])[:, 0])
        for (start, end), (true_start, true_end) in zip(found, truth, strict=False):
            # Starts are those of windows, so a sound may be found up to a window before it begins.
            assert -0.05 <= start - true_start <= 0.10, f"{name}: speech from {true_start} s was found at {start}"
            assert abs(end - true_end) <= 0.15, f"{name}: speech to {true_end} s was found to end at {end}"
        assert len(found) >= len(truth)


def test_a_pause_is_silent(engine: VADEngine, shared_audio: Callable[[str], Path]) -> None:
    probabilities = judge(engine, [load(shared_audio("speech/vad_valid.wav"))])[:, 0]
    assert probabilities[round(6.1 * EAR_HZ / WINDOW) : round(8.0 * EAR_HZ / WINDOW)].max() < ONSET


def test_noises_that_are_not_speech_start_nothing(engine: VADEngine, shared_audio: Callable[[str], Path]) -> None:
    names = ("car_horn.wav", "dog_bark.wav", "engine_idling.wav", "keyboard-typing.ogg", "ringing_phone.wav", "siren.wav")
    probabilities = judge(engine, [load(shared_audio(f"noise/{name}")) for name in names])
    assert dict(zip(names, (probabilities >= ONSET).sum(axis=0).tolist(), strict=True)) == dict.fromkeys(names, 0)


def test_quiet_callers_are_found_as_soon_as_loud_ones(engine: VADEngine, shared_audio: Callable[[str], Path]) -> None:
    names = SPEECH if engine.name == "silero" else SPEECH[5:10]  # pysilero takes ten times as long here
    noise = np.random.RandomState(1).standard_normal(14 * EAR_HZ) * 10 ** (-75 / 20)  # a quiet sound card

    def onsets(peak_dbfs: int) -> list[list[float]]:
        sounds = []
        for name in names:
            sound = np.concatenate([np.zeros(EAR_HZ // 2), load(shared_audio(name)), np.zeros(EAR_HZ // 2)])
            sounds.append(sound * (10 ** (peak_dbfs / 20) / np.abs(sound).max()) + noise[: sound.size])
        return [[start for start, _ in utterances(column)] for column in judge(engine, sounds).T]

    loud = onsets(-3)
    for peak_dbfs in (-13, -23, -33):
        later = []
        for name, wanted, found in zip(names, loud, onsets(peak_dbfs), strict=True):
            for onset in wanted:
                near = [start - onset for start in found if abs(start - onset) < 0.4]
                assert near, f"{name} at {peak_dbfs} dBFS: the onset at {onset:.2f} s was missed"
                later.append(min(near, key=abs))
        assert abs(np.median(later)) <= 0.020
