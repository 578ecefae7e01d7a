"""Live sound on its way into a call: pieces of any length, at uneven times, leave as frames without a hole."""

from hubbub.voice.client.phone.live import AHEAD_FRAMES, MAX_FRAMES, LiveSound
from hypothesis import given
from hypothesis import strategies as st

FRAME = 160


def numbered(first: int, samples: int) -> bytes:
    return b"".join((first + number & 0x7FFF).to_bytes(2, "little") for number in range(samples))


def test_the_first_frames_wait_for_some_more_and_what_runs_dry_begins_again() -> None:
    live = LiveSound(FRAME)
    for _ in range(AHEAD_FRAMES - 1):
        live.put(bytes(2 * FRAME))
    assert live.next() is None
    live.put(bytes(2 * FRAME))
    assert [live.next() is not None for _ in range(AHEAD_FRAMES + 1)] == [True] * AHEAD_FRAMES + [False]
    live.put(bytes(2 * FRAME))
    assert live.next() is None, "it ran dry: one frame alone would leave holes again"


def test_the_end_is_said_to_its_last_sample() -> None:
    live = LiveSound(FRAME)
    live.put(numbered(1, 200) + b"\7")
    live.finish()
    assert live.next() == numbered(1, FRAME)
    assert live.next() == numbered(1 + FRAME, 40) + bytes(240)
    assert live.next() is None
    live.finish()
    assert live.next() is None


def test_what_is_dropped_is_not_said() -> None:
    live = LiveSound(FRAME)
    live.put(bytes(2 * FRAME * MAX_FRAMES))
    assert live.full
    live.drop()
    assert live.next() is None
    assert not live.full


@given(st.lists(st.integers(0, 700), max_size=40), st.lists(st.booleans(), max_size=200))
def test_nothing_is_lost_or_turned_around(pieces: list[int], beats: list[bool]) -> None:
    live, put, said = LiveSound(FRAME), 0, b""
    for number, samples in enumerate(pieces):
        live.put(numbered(put, samples))
        put += samples
        if number < len(beats) and beats[number] and (frame := live.next()) is not None:
            said += frame
    live.finish()
    while (frame := live.next()) is not None:
        said += frame
    assert said[: 2 * put] == numbered(0, put)
    assert not any(said[2 * put :])
    assert len(said) - 2 * put < 2 * FRAME
