"""The telephone that labelled sound may come over."""

import numpy as np
import pytest
from hubbub.voice.evaluate.line import LINES, PhoneLine, over_line
from hubbub.voice.testing.network import gilbert_loss


def tone(hz: float, ms: int = 1000) -> bytes:
    return (np.sin(np.arange(16 * ms) * 2 * np.pi * hz / 16_000) * 8000).astype(np.int16).tobytes()


def level(pcm: bytes) -> float:
    samples = np.frombuffer(pcm, np.int16).astype(float)[3200:]
    return float(np.sqrt((samples**2).mean()))


def test_a_telephone_keeps_speech_and_drops_what_lies_above_it():
    assert level(over_line(tone(1000), "phone")) == pytest.approx(level(tone(1000)), rel=0.1)
    assert level(over_line(tone(6000), "phone")) < level(tone(6000)) * 0.05
    assert over_line(tone(6000), "wide") == tone(6000)
    assert LINES == ("wide", "phone")


@pytest.mark.parametrize("ms", [20, 310, 1000])
def test_the_length_stays(ms):
    assert len(over_line(tone(500, ms), "phone")) == len(tone(500, ms))


def test_one_frame_in_a_hundred_is_lost_in_bursts_and_is_filled_in_for_a_while():
    line = PhoneLine(seed=3)
    frames = [line.carry(tone(500, 20)) for _ in range(3000)]
    assert 10 <= line.lost <= 70
    quiet = [n for n, frame in enumerate(frames[1:]) if not np.abs(np.frombuffer(frame, np.int16)).max() > 2000]
    assert 0 < len(quiet) < line.lost * 0.5, "what is lost is filled in, and fades where a burst goes on"


def test_bursts_have_the_share_and_the_length_that_is_asked_for():
    pattern = gilbert_loss(200_000, 0.01, length=5.0, seed=1)
    assert sum(pattern) / len(pattern) == pytest.approx(0.01, rel=0.2)
    bursts = sum(now and not before for before, now in zip((False, *pattern), pattern, strict=False))
    assert sum(pattern) / bursts == pytest.approx(5.0, rel=0.2)
    assert not any(gilbert_loss(1000, 0.0))
    for share, length in ((1.0, 5.0), (-0.1, 5.0), (0.1, 0.5)):
        with pytest.raises(ValueError, match="cannot be lost"):
            gilbert_loss(10, share, length=length)
