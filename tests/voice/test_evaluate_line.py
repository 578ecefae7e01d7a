"""The telephone that labelled sound may come over."""

import numpy as np
import pytest
from hubbub.voice.commands import way
from hubbub.voice.evaluate.line import HISS_DBFS, LINES, Hiss, PhoneLine, over_line
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


@pytest.mark.parametrize("line", LINES)
def test_a_microphone_hisses_at_its_level_the_same_for_the_same_seed_and_in_any_chunks(line):
    quiet = over_line(bytes(64_000), line, hiss_dbfs=HISS_DBFS, seed=1)
    assert 20 * np.log10(level(quiet) / 32768) == pytest.approx(HISS_DBFS, abs=2.5)
    again, other = (over_line(bytes(64_000), line, hiss_dbfs=HISS_DBFS, seed=seed) for seed in (1, 2))
    assert quiet == again != other
    whole, pieces = Hiss(-60.0, seed=1), Hiss(-60.0, seed=1)
    assert whole.under(bytes(1280)) == pieces.under(bytes(400)) + pieces.under(bytes(880))


def test_the_command_offers_what_there_is():
    assert (way.LINES, way.HISS_DBFS) == (LINES, HISS_DBFS)


def test_speech_is_as_it_was_under_a_hiss():
    assert level(over_line(tone(1000), "wide", hiss_dbfs=-65.0)) == pytest.approx(level(tone(1000)), rel=0.01)


@pytest.mark.parametrize("dbfs", [-25.0, 0.0, float("nan")])
def test_a_hiss_as_loud_as_speech_is_refused(dbfs):
    with pytest.raises(ValueError, match="softer than speech: at most -26 dBFS"):
        Hiss(dbfs)
