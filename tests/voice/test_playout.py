"""Playout: hold, resume, cut, and the ledger of what was heard."""

import pytest
from hubbub.voice.playout import Ledger, Playout, Word
from hypothesis import given
from hypothesis import strategies as st

RATE = 24_000
FRAME = 480
TEXT = "One two three four."
WORDS = (Word(0, 3, 0), Word(4, 7, 4800), Word(8, 13, 9600), Word(14, 19, 14400))
SAMPLES = 19_200


def loaded(**kwargs: bool) -> Playout:
    playout = Playout(RATE)
    playout.begin(1, **kwargs)
    playout.add_piece(1, TEXT)
    playout.add_sound(1, bytes(range(256)) * (SAMPLES * 2 // 256), WORDS)
    return playout


def test_sound_leaves_in_order_and_the_last_frame_says_so():
    playout = loaded()
    playout.finish(1)
    frames = []
    while frame := playout.pull(FRAME):
        frames.append(frame)
    assert b"".join(frame.pcm for frame in frames) == bytes(range(256)) * (SAMPLES * 2 // 256)
    assert [frame.offset for frame in frames] == list(range(0, SAMPLES, FRAME))
    assert [frame.last for frame in frames] == [False] * 39 + [True]


def test_a_partial_frame_waits_for_more_unless_the_reply_is_finished():
    playout = Playout(RATE)
    playout.begin(1)
    playout.add_sound(1, bytes(FRAME))
    assert playout.pull(FRAME) is None
    playout.add_sound(1, bytes(FRAME))
    assert playout.pull(FRAME) is not None
    playout.add_sound(1, bytes(2))
    playout.finish(1)
    frame = playout.pull(FRAME)
    assert frame is not None and len(frame.pcm) == 2 and frame.last


def test_hold_is_silent_at_once_and_resume_loses_nothing():
    playout = loaded()
    first = playout.pull(FRAME)
    playout.hold(1)
    assert playout.pull(FRAME) is None
    playout.resume(1)
    second = playout.pull(FRAME)
    assert first and second and second.offset == first.offset + FRAME


def test_a_gated_reply_gives_no_sound_until_released():
    playout = loaded(gated=True)
    assert playout.pull(FRAME) is None
    playout.release(1)
    assert playout.pull(FRAME) is not None


def test_after_a_cut_nothing_of_the_reply_leaves():
    playout = loaded()
    for _ in range(30):
        playout.pull(FRAME)
    playout.played(1, 12_000)
    assert playout.cut(1) == Ledger("One two three", "", " four.")
    playout.add_sound(1, bytes(FRAME * 2))
    playout.played(1, 14_400)
    assert playout.pull(FRAME) is None
    assert playout.cut(1) == Ledger("", "", "")


def test_the_next_reply_waits_for_the_one_before():
    playout = loaded()
    playout.begin(2)
    playout.add_sound(2, bytes(FRAME * 2))
    assert playout.pull(FRAME).reply == 1
    playout.cut(1)
    assert playout.pull(FRAME).reply == 2


def test_a_reply_number_is_used_once():
    playout = loaded()
    with pytest.raises(ValueError, match="reply 1 cannot begin"):
        playout.begin(1)


def test_a_word_counts_from_its_middle_and_the_playhead_never_passes_what_was_sent():
    playout = loaded()
    for _ in range(20):
        playout.pull(FRAME)
    playout.played(1, 4800 + 2399)
    assert playout.ledger(1).heard == "One"
    playout.played(1, 4800 + 2400)
    assert playout.ledger(1).heard == "One two"
    playout.played(1, 1_000_000)
    assert playout.playhead(1) == 9600
    assert playout.ledger(1) == Ledger("One two", "", " three four.")


def test_a_reply_heard_to_its_end_is_all_heard_with_what_is_not_spoken():
    playout = loaded()
    playout.finish(1, " ```code```")
    while playout.pull(FRAME):
        pass
    assert not playout.through(1)
    playout.played(1, SAMPLES)
    assert playout.through(1)
    assert playout.retire(1) == Ledger(TEXT + " ```code```", "", "")


def test_what_the_synthesiser_failed_on_was_not_heard():
    playout = loaded()
    playout.add_piece(1, " Five six.")
    playout.finish(1, spoken=False)
    while playout.pull(FRAME):
        pass
    playout.played(1, SAMPLES)
    assert playout.through(1)
    assert playout.retire(1) == Ledger(TEXT, "", " Five six.")


def test_a_reply_without_sound_ends_with_an_empty_last_frame():
    playout = Playout(RATE)
    playout.begin(1)
    playout.add_piece(1, "*")
    playout.finish(1)
    frame = playout.pull(FRAME)
    assert frame is not None and frame.last and frame.pcm == b""
    assert playout.through(1)


def test_a_rewound_reply_gives_the_same_sound_again_to_the_byte():
    playout = loaded()
    playout.finish(1)
    pulled = [playout.pull(FRAME) for _ in range(20)]
    playout.played(1, 4 * FRAME + 7)
    assert playout.rewind(1, 6 * FRAME + 5) == 6 * FRAME + 5
    assert playout.sent(1) == 6 * FRAME + 5 and playout.in_flight(1) == 2 * FRAME - 2
    again = playout.pull(14 * FRAME - 5)
    assert again.pcm == b"".join(sound.pcm for sound in pulled)[(6 * FRAME + 5) * 2 :]
    assert playout.rewind(1, 0) == 6 * FRAME + 5, "what was taken back once is not taken back further"
    while frame := playout.pull(FRAME):
        last = frame
    assert last.last and last.offset + len(last.pcm) // 2 == SAMPLES
    assert playout.rewind(7, 0) == 0


@given(st.data())
def test_however_often_a_reply_is_rewound_no_sample_is_missed_or_changed(data):
    size = data.draw(st.integers(1, 4000))
    whole = bytes(number * 7 % 251 for number in range(size * 2))
    playout = Playout(RATE)
    playout.begin(1)
    cuts = sorted(data.draw(st.lists(st.integers(0, size), max_size=6)))
    for start, end in zip([0, *cuts], [*cuts, size], strict=True):
        playout.add_sound(1, whole[start * 2 : end * 2])
    playout.finish(1)
    covered = 0
    for kind, number in data.draw(st.lists(st.tuples(st.sampled_from(["pull", "rewind", "played"]), st.integers(0, 4000)), max_size=40)):
        if kind == "pull" and (sound := playout.pull(max(1, number))):
            assert sound.pcm == whole[sound.offset * 2 : sound.offset * 2 + len(sound.pcm)]
            assert sound.offset <= covered, "nothing is left out"
            covered = max(covered, sound.offset + len(sound.pcm) // 2)
        elif kind == "rewind":
            at = playout.rewind(1, number)
            assert playout.playhead(1) <= at == playout.sent(1)
            covered = at
        elif kind == "played":
            playout.played(1, number)
        assert playout.in_flight(1) >= 0
        ledger = playout.ledger(1)
        assert ledger.heard + ledger.in_flight + ledger.unheard == ""
    while sound := playout.pull(333):
        assert sound.offset == covered
        covered += len(sound.pcm) // 2
    assert covered == size


def test_of_a_far_end_that_never_reports_only_the_newest_sound_in_flight_is_kept():
    playout = Playout(RATE)
    playout.begin(1)
    playout.add_sound(1, bytes(RATE * 2 * 10))
    for _ in range(500):
        playout.pull(FRAME)
    assert playout.rewind(1, 0) == 8 * RATE, "two seconds back at most"


@given(
    st.lists(st.tuples(st.sampled_from(["pull", "played", "hold", "resume", "piece", "rewind"]), st.integers(0, 20_000)), max_size=60),
)
def test_heard_and_unheard_are_always_what_was_generated(moves):
    playout = Playout(RATE)
    playout.begin(1)
    generated, at, heard_before = "", 0, 0
    for kind, number in moves:
        match kind:
            case "piece":
                word = f"word{number} "
                playout.add_piece(1, word)
                playout.add_sound(1, bytes(2 * (number + 1)), (Word(len(generated), len(generated) + len(word) - 1, at),))
                generated, at = generated + word, at + number + 1
            case "pull":
                playout.pull(max(1, number))
            case "played" | "rewind":
                getattr(playout, kind)(1, number)
            case _:
                getattr(playout, kind)(1)
        ledger = playout.ledger(1)
        assert ledger.heard + ledger.in_flight + ledger.unheard == generated
        assert len(ledger.heard) >= heard_before
        heard_before = len(ledger.heard)
    final = playout.cut(1)
    assert final.heard + final.unheard == generated and final.in_flight == ""
