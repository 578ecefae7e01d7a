"""One encoding for all who hear the same: shared where it can be, and every listener's decoder is given a stream that it can go on with."""

import numpy as np
from hubbub.voice.rtc.opus import Decoder, Encoder
from hubbub.voice.rtc.shared import FRESH_S, KEEP_FRAMES, EncoderPool, SharedEncoder
from hypothesis import given, settings
from hypothesis import strategies as st


def frame(number: int, hz: int = 200) -> bytes:
    at = np.arange(480) + 480 * number
    return (np.sin(2 * np.pi * hz * at / 24_000) * 8000).astype("<i2").tobytes()


def pool() -> EncoderPool:
    return EncoderPool(lambda: Encoder(24_000))


def test_five_listeners_cost_one_encoding() -> None:
    shared = pool()
    listeners = [SharedEncoder(shared) for _ in range(5)]
    streams = [[listener.encode(frame(n), n * 0.02) for listener in listeners] for n in range(50)]
    assert (shared.encoded, shared.shared) == (50, 200)
    assert all(len(set(packets)) == 1 for packets in streams)


def test_who_is_a_few_frames_behind_shares_too() -> None:
    shared = pool()
    first, second = SharedEncoder(shared), SharedEncoder(shared)
    for n in range(40):
        first.encode(frame(n), n * 0.02)
        if n >= 10:
            second.encode(frame(n - 10), n * 0.02)
    assert shared.encoded == 40
    assert shared.shared == 30


def test_who_hears_something_else_is_encoded_alone_and_comes_back_after_silence() -> None:
    shared = pool()
    one, other = SharedEncoder(shared), SharedEncoder(shared)
    for n in range(10):
        one.encode(frame(n), n * 0.02)
        other.encode(frame(n), n * 0.02)
    for n in range(10, 20):
        one.encode(frame(n), n * 0.02)
        other.encode(frame(n, 333), n * 0.02)
    assert (shared.encoded, shared.shared) == (30, 10)
    one.rest()
    other.rest()
    for n in range(10):
        assert one.encode(frame(n), 5 + n * 0.02) == other.encode(frame(n), 5 + n * 0.02)
    assert (shared.encoded, shared.shared) == (40, 20)


def test_a_strand_that_is_long_under_way_is_not_entered() -> None:
    shared = pool()
    one, late = SharedEncoder(shared), SharedEncoder(shared)
    one.encode(frame(0), 0.0)
    late.encode(frame(0), FRESH_S + 0.1)
    assert shared.encoded == 2


def test_who_is_too_far_behind_goes_on_alone() -> None:
    shared = pool()
    one, late = SharedEncoder(shared), SharedEncoder(shared)
    one.encode(frame(0), 0.0)
    late.encode(frame(0), 0.0)
    for n in range(1, KEEP_FRAMES + 10):
        one.encode(frame(n), 0.0)
    late.encode(frame(1), 0.0)
    assert shared.shared == 1


def test_spare_copies_are_made_for_the_worst_line() -> None:
    shared = pool()
    good, bad = SharedEncoder(shared), SharedEncoder(shared)
    bad.expect_loss(30)
    for n in range(3):
        good.encode(frame(n), 0.0)
        bad.encode(frame(n), 0.0)
    bad.encode(frame(3), 0.0)
    strand = bad._strand
    assert strand is not None and strand is good._strand
    assert strand.encoder.loss == 30


@settings(max_examples=40)
@given(st.lists(st.lists(st.sampled_from(["a", "b", "rest"]), min_size=3, max_size=3), max_size=40))
def test_every_stream_can_be_decoded_and_sounds(steps: list[list[str]]) -> None:
    shared = pool()
    listeners = [SharedEncoder(shared) for _ in range(3)]
    decoders = [Decoder(24_000) for _ in range(3)]
    for n, kinds in enumerate(steps):
        for listener, decoder, kind in zip(listeners, decoders, kinds, strict=True):
            if kind == "rest":
                listener.rest()
                continue
            sound = decoder.decode(listener.encode(frame(n, 200 if kind == "a" else 300), n * 0.02))
            assert len(sound) == 960
            assert np.abs(np.frombuffer(sound, "<i2").astype(int)).max() < 20_000, "no burst where strands are changed"
    assert shared.encoded + shared.shared == sum(kind != "rest" for kinds in steps for kind in kinds)
