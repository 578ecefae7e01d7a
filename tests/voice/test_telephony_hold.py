"""What a caller on hold hears: music of a file at his line's rate, over and over and without a click; comfort noise without one."""

from pathlib import Path

import numpy as np
import pytest
from hubbub.voice.audio.wav import AudioFileError, write_wav
from hubbub.voice.gateway.telephony.hold import HoldMusic, HoldSound


def test_music_is_played_over_and_over_at_the_rate_of_each_call(tmp_path: Path) -> None:
    at = np.arange(11_025) / 22_050
    write_wav(tmp_path / "music.wav", (9000 * np.sin(2 * np.pi * 440 * at)).astype("<i2").tobytes(), 22_050)
    music = HoldMusic(tmp_path / "music.wav")
    for rate_hz in (8000, 16_000):
        assert not music.is_ready(rate_hz)
        sound = music.at(rate_hz)
        assert music.is_ready(rate_hz)
        heard = np.frombuffer(b"".join(sound.take(rate_hz // 50) for _ in range(100)), "<i2").astype(float)
        assert len(heard) == 2 * rate_hz, "four times the half second, in frames of 20 ms"
        spectrum = np.abs(np.fft.rfft(heard))
        assert abs(np.argmax(spectrum) / 2 - 440) <= 1
        steepest = 9000 * 2 * np.pi * 440 / rate_hz
        assert np.abs(np.diff(heard)).max() <= 1.1 * steepest, "no click where it begins again"
        other = music.at(rate_hz)
        assert other.take(80) == heard[:80].astype("<i2").tobytes(), "each call hears it from the beginning"


def test_without_a_file_the_line_is_not_dead() -> None:
    noise = np.frombuffer(HoldMusic(None).at(8000).take(8000), "<i2").astype(float)
    assert HoldMusic(None).is_ready(8000)
    assert 5 < np.sqrt((noise**2).mean()) < 100
    assert len(HoldSound(8000).take(0)) == 0


def test_a_file_that_is_no_sound_is_told(tmp_path: Path) -> None:
    (tmp_path / "music.wav").write_bytes(b"no sound at all")
    with pytest.raises(AudioFileError, match=r"music\.wav"):
        HoldMusic(tmp_path / "music.wav").at(8000)
    with pytest.raises((AudioFileError, OSError)):
        HoldMusic(tmp_path / "none.wav").at(8000)
