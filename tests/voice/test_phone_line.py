"""The far end's playout buffer: no sample unaccounted for, each mark once and in its place, nothing heard after a clear."""

import numpy as np
import pytest
from hubbub.voice.client.phone.line import Line
from hubbub.voice.client.phone.network import BadLine, LossyLine
from hypothesis import given
from hypothesis import strategies as st

RATE = 8000
MOVES = st.lists(
    st.tuples(st.sampled_from(["play", "mark", "pull", "clear", "pause", "resume"]), st.integers(0, 500)), max_size=80
)


def tone(samples: int, start: int = 0) -> bytes:
    return (np.arange(start, start + samples) % 30_000 + 1).astype("<i2").tobytes()


@given(MOVES, st.booleans(), st.integers(1, 40))
def test_every_sample_is_played_cleared_or_waits(moves: list[tuple[str, int]], drops: bool, limit_ms: int) -> None:
    line, offered, out = Line(RATE, drops_marks=drops, limit_ms=limit_ms), 0, bytearray()
    for kind, number in moves:
        match kind:
            case "play":
                line.play(tone(number, offered))
                offered += number
            case "mark":
                line.mark(str(number))
            case "pull":
                got = line.pull(number)
                assert len(got) == 2 * number, "always as much as was asked for"
                out += got
            case _:
                getattr(line, kind)()
        assert line.received + line.refused == offered
        assert line.received == line.played + line.cleared + line.buffered
        assert 0 <= line.buffered <= line.limit_samples
        assert line.largest >= line.buffered
    heard = np.frombuffer(bytes(out), "<i2")
    assert (heard != 0).sum() == line.played
    heard = heard[heard != 0]
    assert (np.diff(heard.astype(int)) > 0).all(), "in the order in which it came, nothing twice"


@given(MOVES)
def test_each_mark_comes_back_once_in_order_and_never_before_its_sound(moves: list[tuple[str, int]]) -> None:
    line, sent, back = Line(RATE), [], []
    places: dict[str, int] = {}
    for kind, number in moves:
        match kind:
            case "play":
                line.play(tone(number))
            case "mark":
                name = str(len(sent))
                sent.append(name)
                places[name] = line.received
                line.mark(name)
            case "pull":
                line.pull(number)
            case _:
                getattr(line, kind)()
        for name in line.take_due():
            back.append(name)
            assert line.played + line.cleared >= places[name]
    line.resume()
    line.pull(500 * 80)
    assert back + line.take_due() == sent


def test_a_clear_silences_at_once_and_its_marks_come_back_or_do_not() -> None:
    for drops, expected in ((False, ["a", "b"]), (True, ["a"])):
        line = Line(RATE, drops_marks=drops)
        line.play(tone(160))
        line.mark("a")
        line.play(tone(800))
        line.mark("b")
        line.pull(160)
        assert line.clear() == 800
        assert line.pull(800) == bytes(1600), "nothing of what was thrown away is heard"
        assert line.take_due() == expected
        line.mark("c")
        assert line.take_due() == ["c"], "with nothing waiting a mark is due at once"


def test_a_pause_keeps_what_waits() -> None:
    line = Line(RATE)
    line.play(tone(320))
    line.mark("end")
    line.pause()
    assert line.pull(160) == bytes(320)
    assert (line.buffered_ms, line.take_due()) == (40, [])
    line.resume()
    assert line.pull(320) == tone(320)
    assert line.take_due() == ["end"]


def test_holes_in_a_stretch_are_counted_and_its_end_is_none() -> None:
    line = Line(RATE)
    line.play(tone(160))
    line.pull(160)
    line.play(tone(160))
    assert line.gaps == 1, "the next sound came too late"
    line.pull(160)
    line.stretch_ends()
    line.play(tone(160))
    assert line.gaps == 1
    line.clear()
    line.play(tone(160))
    assert line.gaps == 1, "what was cleared was meant to stop"


def test_a_jitter_buffer_fills_before_it_gives() -> None:
    line = Line(RATE, prefill_ms=40)
    for _ in range(2):
        line.play(tone(160))
        assert line.pull(160) == bytes(320)
    for _ in range(10):
        line.play(tone(160))
        assert line.pull(160) == tone(160)
    assert (line.gaps, line.buffered_ms) == (0, 40)
    line = Line(RATE, prefill_ms=40)
    line.play(tone(160))
    assert [line.pull(160) == tone(160) for _ in range(4)] == [False, False, True, False], "but it does not wait for ever"


def test_what_does_not_fit_is_refused() -> None:
    line = Line(RATE, limit_ms=100)
    assert line.play(tone(1000)) == 200
    assert (line.buffered, line.refused, line.largest) == (800, 200, 800)
    with pytest.raises(ValueError, match="odd number"):
        line.play(b"\0")
    with pytest.raises(ValueError, match="at least 1"):
        Line(0)


@pytest.mark.parametrize(("loss", "burst_ms"), [(0.01, 100), (0.05, 100), (0.2, 40), (0.0, 100)])
def test_loss_has_its_rate_and_comes_in_bursts(loss: float, burst_ms: int) -> None:
    line = LossyLine(BadLine(loss=loss, burst_ms=burst_ms, seed=3))
    pattern = np.array([line.loses() for _ in range(100_000)])
    assert pattern.mean() == pytest.approx(loss, rel=0.15)
    assert line.lost == pattern.sum()
    if loss:
        bursts = int((np.diff(pattern.astype(int)) == 1).sum()) + int(pattern[0])
        assert pattern.sum() / bursts * 20 == pytest.approx(burst_ms, rel=0.15)
    again = LossyLine(BadLine(loss=loss, burst_ms=burst_ms, seed=3))
    assert [again.loses() for _ in range(1000)] == list(pattern[:1000]), "the same in every run"


def test_late_frames_do_not_overtake() -> None:
    line = LossyLine(BadLine(jitter_ms=80, seed=1))
    arrivals = [line.arrival(number / 50) for number in range(1000)]
    assert arrivals == sorted(arrivals)
    late = [at - number / 50 for number, at in enumerate(arrivals)]
    assert min(late) >= 0
    assert 0.06 < max(late) <= 0.08


@pytest.mark.parametrize("wrong", [{"loss": 1.0}, {"loss": -0.1}, {"burst_ms": 5}, {"jitter_ms": -1}, {"jitter_ms": 99_999}])
def test_a_line_that_cannot_be_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong)).removesuffix("_ms")):
        BadLine(**wrong)  # type: ignore[arg-type]
