"""Which of three results holds, of what was said over a reply."""

from hubbub.voice.asr.over import BROKEN, FOREIGN, NEARER, Heard, weigh

NOTHING = Heard("", float("-inf"))


def test_a_backchannel_that_fits_holds_against_what_a_weak_recogniser_found():
    yeah = Heard("okay", -5300)
    assert weigh(Heard("book you", -5000), yeah, Heard("no", -5300 - NEARER)) is yeah


def test_what_neither_fits_is_left_as_it_was_heard():
    best = Heard("tomorrow", -5000)
    assert weigh(best, Heard("oh", -5000 - FOREIGN - 1), Heard("no", -7000)) is best


def test_a_claim_wins_where_a_backchannel_is_hardly_nearer():
    no = Heard("no", -5200)
    assert weigh(Heard("leo", -5000), Heard("okay", -5200 + NEARER - 1), no) is no


def test_a_mixture_of_phrases_counts_for_less():
    mixed = Heard("oh", -5000, listed=False)
    assert mixed.worth == -5000 - BROKEN
    no = Heard("no", -5100)
    assert weigh(Heard("oh", -4900), mixed, no) is no
    pieced = Heard("wait sorry", -4900, listed=False)
    best = Heard("what is a sorrow", -4500)
    assert weigh(best, Heard("oh", -9000), pieced) is best


def test_without_a_voice_only_a_clear_claim_counts():
    silent = Heard("", -5000)
    stop = Heard("stop", -5500)
    assert weigh(silent, Heard("got it", -5600), stop) is silent
    assert weigh(silent, Heard("got it", -6000), stop) is stop
    assert weigh(silent, NOTHING, NOTHING) is silent
