"""Whether what a weak recogniser heard over a reply asks for the floor."""

import math

from hubbub.voice.asr.over import BROKEN, FAR, Heard, claim_probability, features
from hypothesis import given
from hypothesis import strategies as st

NOTHING = Heard("", float("-inf"))
SCORES = st.one_of(st.floats(-20_000, 0), st.just(float("-inf")))
TEXTS = st.sampled_from(["", "no", "okay", "book you", "wait a minute", "um"])
HEARD = st.builds(Heard, TEXTS, SCORES, st.booleans())


def claim(best: Heard, backchannel: Heard, asking: Heard, *, voiced: bool = True, final: bool = True) -> float:
    return claim_probability(best, backchannel, asking, voiced=voiced, final=final)


def test_the_list_that_fits_better_decides_a_short_word():
    assert claim(Heard("no", -5000), Heard("oh", -6000), Heard("no", -5050)) > 0.7
    assert claim(Heard("yeah", -5000, listed=False), Heard("yeah", -5050), Heard("hey", -6000)) < 0.2
    assert claim(Heard("book you", -5000, listed=False), Heard("okay", -5200), Heard("no", -6200)) < 0.3


def test_where_no_backchannel_fits_something_was_said():
    foreign = Heard("what is the weather like tomorrow", -5000)
    assert claim(foreign, Heard("all right", -8000, listed=False), Heard("what", -9000, listed=False)) > 0.9
    assert claim(foreign, NOTHING, NOTHING) > 0.5


def test_a_mixture_of_phrases_counts_for_less():
    assert Heard("oh", -5000, listed=False).worth == -5000 - BROKEN
    assert NOTHING.worth == -FAR
    assert claim(Heard("no", -4900), Heard("all of", -5000, listed=False), Heard("no", -4950)) > claim(
        Heard("no", -4900), Heard("all of", -5000), Heard("no", -4950)
    )


def test_without_a_voice_only_a_clear_claim_counts():
    assert claim(Heard("stop", -5000), Heard("got it", -6000), Heard("stop", -5500), voiced=False) > 0.5
    assert claim(Heard("stop", -5000), Heard("got it", -5600), Heard("stop", -5500), voiced=False) < 0.5
    assert claim(NOTHING, NOTHING, NOTHING, voiced=False) < 0.5


@given(HEARD, HEARD, HEARD, st.booleans(), st.booleans())
def test_anything_that_decoders_say_has_a_probability(best, backchannel, asking, voiced, final):
    best = Heard(best.text, max(-FAR, best.score))
    assert all(math.isfinite(value) for value in features(best, backchannel, asking))
    assert 0 <= claim(best, backchannel, asking, voiced=voiced, final=final) <= 1
