"""A call's sound on its way to the session: the right rate and length, and no key tones."""

from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.audio.frames import EAR_HZ
from hubbub.voice.audio.wav import read_wav
from hubbub.voice.gateway.telephony.coding import encode
from hubbub.voice.gateway.telephony.ear import AFTER_KEY_MS, CarrierEar
from hubbub.voice.gateway.telephony.tones import HIGH_HZ, KEYS, LOW_HZ, key_tone
from hubbub.voice.gateway.telephony.wire.base import Coding

FIXTURES = Path(__file__).parents[2] / "audio_fixtures"
CODINGS = [Coding("ulaw", 8000), Coding("alaw", 8000), Coding("l16", 8000), Coding("l16", 16000), Coding("l16", 24000)]


def key(name: str, ms: int = 20, rate_hz: int = 8000, level: float = 5000, twist: float = 1.0) -> bytes:
    row = next(number for number, keys in enumerate(KEYS) if name in keys)
    at = np.arange(ms * rate_hz // 1000) / rate_hz
    low, high = np.sin(2 * np.pi * LOW_HZ[row] * at), np.sin(2 * np.pi * HIGH_HZ[KEYS[row].index(name)] * at)
    return (level * (low + twist * high)).astype("<i2").tobytes()


@pytest.mark.parametrize("coding", CODINGS, ids=str)
def test_sound_arrives_at_16_khz_with_nothing_lost(coding):
    ear = CarrierEar(coding)
    at = np.arange(coding.rate_hz) / coding.rate_hz
    pcm = (6000 * np.sin(2 * np.pi * 300 * at)).astype("<i2").tobytes()
    size = coding.rate_hz // 50 * 2
    heard = b"".join(ear.hear(encode(coding, pcm[start : start + size])) for start in range(0, len(pcm), size))
    assert EAR_HZ - 64 <= len(heard) // 2 <= EAR_HZ
    middle = np.frombuffer(heard, "<i2")[2000:14000].astype(float)
    assert np.abs(np.fft.rfft(middle * np.hanning(middle.size))).argmax() * EAR_HZ / middle.size == pytest.approx(300, abs=2)
    assert np.sqrt((middle**2).mean()) == pytest.approx(6000 / 2**0.5, rel=0.03)


@pytest.mark.parametrize("name", "0123456789*#ABCD")
def test_every_key_is_told_by_its_tone(name):
    for rate_hz in (8000, 16000, 24000):
        assert key_tone(key(name, rate_hz=rate_hz), rate_hz) == name
    noise = np.random.default_rng(1).normal(0, 1200, 160)
    assert key_tone((np.frombuffer(key(name), "<i2") + noise).astype("<i2").tobytes(), 8000) == name
    assert key_tone(key(name, twist=0.5), 8000) == name


def test_other_sounds_are_no_keys():
    at = np.arange(160) / 8000
    for hz in (350, 440, 697, 1209, 1000, 2000):
        assert key_tone((8000 * np.sin(2 * np.pi * hz * at)).astype("<i2").tobytes(), 8000) == ""
    both = 6000 * (np.sin(2 * np.pi * 350 * at) + np.sin(2 * np.pi * 440 * at))
    assert key_tone(both.astype("<i2").tobytes(), 8000) == "", "a dial tone"
    assert key_tone(bytes(320), 8000) == "" and key_tone(key("5", level=30), 8000) == "" and key_tone(key("5", ms=10), 8000) == ""


def test_speech_is_heard_whole(speech_8k):
    frames = [speech_8k[start : start + 320] for start in range(0, len(speech_8k), 320)]
    assert sum(1 for frame in frames if key_tone(frame, 8000)) == 0, f"of {len(frames)} frames"


def test_tones_and_what_follows_a_reported_key_are_not_heard():
    ear = CarrierEar(Coding("l16", 8000))
    loud = np.random.default_rng(2).normal(0, 4000, 160).astype("<i2").tobytes()
    ear.hear(loud)
    assert not any(ear.hear(key("7", ms=100))[500:]) and ear.tones == 5
    ear.key_pressed()
    frames = [ear.hear(loud) for _ in range(AFTER_KEY_MS // 20 + 1)]
    assert not any(b"".join(frames[1:5])) and any(frames[-1])


@pytest.fixture(scope="module")
def speech_8k() -> bytes:
    paths = sorted(FIXTURES.rglob("*.wav"))
    out = b"".join(read_wav(path, 8000) for path in paths if "noise" not in path.parts)
    assert len(out) > 8000 * 2 * 20, "there is speech to try"
    return out[: len(out) // 320 * 320]
