"""What one line hears: frames of exact length, nothing lost by a hold, nothing heard of the dead, and a playhead that never runs ahead."""

import numpy as np
import pytest
from hubbub.voice.audio.fade import FADE_MS
from hubbub.voice.gateway.asterisk.mouth import EAR_DELAY_MS, PacedMouth
from hubbub.voice.playout import Sound
from hypothesis import given
from hypothesis import strategies as st

FRAME = 480
DELAY = EAR_DELAY_MS // 20


def sound(reply: int, number: int, *, frames: int = 1, last: bool = False, value: int = 0) -> Sound:
    """A stretch of a reply at 24 kHz whose samples count on, or all are `value`."""
    at = number * FRAME
    samples = np.full(frames * FRAME, value) if value else np.arange(at, at + frames * FRAME) % 20_000 + 1
    return Sound(reply, at, samples.astype("<i2").tobytes(), last)


def run(mouth: PacedMouth, frames: int) -> tuple[np.ndarray, list[tuple[int, int]]]:
    out = [mouth.frame() for _ in range(frames)]
    return np.frombuffer(b"".join(pcm for pcm, _ in out), "<i2"), [heard for _, heard in out if heard]


@pytest.mark.parametrize("rate_hz", [8_000, 12_000, 16_000, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000])
def test_every_frame_has_the_line_s_exact_length(rate_hz: int) -> None:
    mouth = PacedMouth(rate_hz)
    size = rate_hz // 50 * 2
    lengths = {len(mouth.frame()[0]) for _ in range(3)}
    for number in range(5):
        mouth.take(sound(1, number, last=number == 4))
        lengths |= {len(mouth.frame()[0])}
    lengths |= {len(mouth.frame()[0]) for _ in range(DELAY + 3)}
    assert lengths == {size}


def test_the_caller_is_taken_to_hear_a_while_after_it_was_sent() -> None:
    mouth = PacedMouth(8_000)
    for number in range(10):
        mouth.take(sound(1, number, last=number == 9))
    _, heard = run(mouth, 10)
    assert heard[0][0] == 1
    assert len(heard) == 10 - DELAY
    _, rest = run(mouth, DELAY + 1)
    assert rest[-1] == (1, 10 * FRAME), "to the last sample"


def test_a_hold_is_silence_at_once_and_loses_nothing() -> None:
    mouth = PacedMouth(24_000)
    for number in range(4):
        mouth.take(sound(1, number, value=8000))
    run(mouth, 2)
    mouth.hold(1)
    silent, _ = run(mouth, 3)
    fade = 24 * FADE_MS
    assert not silent[fade:].any(), "after the tail of the last sound"
    mouth.resume(1)
    rest, _ = run(mouth, 4)
    assert (rest[fade : 2 * FRAME] == 8000).all()
    assert not rest[2 * FRAME + fade :].any()


def test_of_a_cleared_reply_nothing_is_heard_and_the_next_one_is() -> None:
    mouth = PacedMouth(24_000)
    for number in range(5):
        mouth.take(sound(1, number, value=9000))
    run(mouth, 1)
    mouth.hold(1)
    mouth.clear(1)
    mouth.take(sound(1, 5, value=9000))  # late
    mouth.take(sound(2, 0, value=-4000))
    heard, playhead = run(mouth, 2 + DELAY)
    assert (heard[24 * FADE_MS : FRAME] == -4000).all()
    assert heard[24 * FADE_MS :].max() <= 0
    assert all(reply == 2 for reply, _ in playhead), "what was in flight of the dead is not reported"


def test_the_others_are_heard_beside_a_reply_and_alone() -> None:
    mouth = PacedMouth(24_000)
    for number in range(3):
        mouth.take(sound(1, number, value=1000))
    voices = np.full(FRAME, 500, "<i2").tobytes()
    mouth.take_voices(voices)
    first, _ = run(mouth, 2)
    assert first[FRAME // 2] == 1500
    assert first[FRAME + FRAME // 2] == 1000
    run(mouth, 2)
    for _ in range(20):
        mouth.take_voices(voices)
    alone, _ = run(mouth, 10)
    assert (alone == 500).sum() == 5 * FRAME, "live sound that comes too fast is dropped, the oldest first"


def test_a_change_of_rate_keeps_what_waits() -> None:
    mouth = PacedMouth(8_000)
    for number in range(4):
        mouth.take(sound(1, number, value=5000, last=number == 3))
    mouth.change_rate(16_000)
    heard, _ = run(mouth, 5)
    assert len(heard) == 5 * 320
    assert 3.8 * 320 <= (heard > 2500).sum() <= 4.1 * 320


@given(st.lists(st.tuples(st.sampled_from(["take", "frame", "hold", "resume"]), st.integers(1, 3)), max_size=80), st.data())
def test_whatever_happens_what_is_heard_is_what_was_sent(moves: list[tuple[str, int]], data: st.DataObject) -> None:
    mouth, taken, heard, heads = PacedMouth(24_000), 0, bytearray(), [0]
    sent = bytearray()

    def frame() -> None:
        pcm, place = mouth.frame()
        heard.extend(pcm)
        if place:
            heads.append(place[1])
            assert place[1] * 2 <= len(sent)

    for kind, number in moves:
        match kind:
            case "take":
                piece = sound(1, taken, frames=number)
                mouth.take(piece)
                sent += piece.pcm
                taken += number
            case "frame":
                for _ in range(number):
                    frame()
            case _:
                getattr(mouth, kind)(1)
    mouth.resume(1)
    for _ in range(taken + DELAY + 1):
        frame()
    assert heads == sorted(heads)
    assert heads[-1] == taken * FRAME
    assert np.abs(np.frombuffer(bytes(heard), "<i2").astype(int)).sum() >= np.frombuffer(bytes(sent), "<i2").astype(int).sum() * 0.5
