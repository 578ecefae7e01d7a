"""What becomes of a held reply, by the evidence."""

import pytest
from hubbub.voice.asr.sounded import UNSURE
from hubbub.voice.turn.policy import TurnPolicy, in_samples
from hubbub.voice.turn.state import Ear, Mouth, State
from hubbub.voice.turn.verdict import LIKELY_CLAIM, LIKELY_PASS, Leaning, leaning, verdict

POLICY = TurnPolicy()


def held(
    words: str = "", claim: float | None = None, *, voiced_ms: int = 0, silent_ms: int | None = None, owed: bool = True
) -> State:
    """A reply held by utterance 3; `silent_ms`: the caller has paused."""
    state = State(mouth=Mouth.HELD, started=True, reply=1, barged=3, utterance=3, ear=Ear.SPEAKING)
    state.texts = ((2, "tell me"), (3, words)) if words else ((2, "tell me"),)
    state.claims = () if claim is None else ((3, claim),)
    state.voiced = in_samples(voiced_ms)
    state.owed = (3,) if owed else ()
    state.last_voice = 50_000
    state.now = 50_000 + in_samples(silent_ms or 0)
    if silent_ms is not None:
        state.ear = Ear.PAUSING
    return state


@pytest.mark.parametrize(
    ("words", "claim", "leans"),
    [
        ("", None, Leaning.UNKNOWN), ("yeah", None, Leaning.PASS), ("um", None, Leaning.PASS), ("wait", None, Leaning.CLAIM),
        ("yeah but", None, Leaning.CLAIM), ("wait", LIKELY_CLAIM - 0.01, Leaning.UNKNOWN), ("wait", LIKELY_CLAIM, Leaning.CLAIM),
        ("wait", LIKELY_PASS - 0.01, Leaning.PASS), ("yeah", LIKELY_CLAIM, Leaning.CLAIM),
    ],
)  # fmt: skip
def test_what_evidence_leans_to_while_the_caller_speaks(words, claim, leans):
    assert leaning(held(words, claim)) is leans


@pytest.mark.parametrize(("claim", "leans"), [(0.49, Leaning.PASS), (0.5, Leaning.CLAIM)])
def test_a_final_probability_decides_by_the_half(claim, leans):
    assert leaning(held("wait", claim, owed=False)) is leans


def test_words_before_the_barge_in_do_not_count():
    assert leaning(held("")) is Leaning.UNKNOWN
    state = held("yeah", 0.1)
    state.claims = ((2, 0.99), (3, 0.1))
    assert leaning(state) is Leaning.PASS


@pytest.mark.parametrize(
    ("words", "claim", "limit"),
    [
        ("wait", None, "decide_ms"), ("wait", 0.95, "decide_ms"), ("", None, "decide_unheard_ms"), ("wait", 0.6, "decide_unheard_ms"),
        ("yeah yeah", None, "decide_backchannel_ms"), ("yeah yeah", 0.1, "decide_backchannel_ms"),
        ("", 0.1, "decide_backchannel_ms"), ("", UNSURE, "decide_unheard_ms"),
    ],
)  # fmt: skip
def test_speech_that_goes_on_interrupts_the_sooner_the_clearer_it_is(words, claim, limit):
    ms = getattr(POLICY, limit)
    assert verdict(POLICY, held(words, claim, voiced_ms=ms - 1)) is None
    assert verdict(POLICY, held(words, claim, voiced_ms=ms)) == ("words" if limit == "decide_ms" else "speech")


def test_the_end_of_the_speech_decides_at_once_where_the_words_are_known():
    assert verdict(POLICY, held("wait", silent_ms=130, owed=False)) == "words"
    assert verdict(POLICY, held("yeah", silent_ms=130, owed=False)) is True
    assert verdict(POLICY, held("", silent_ms=130, owed=False)) is True


def test_words_that_stay_away_are_waited_for_a_little_and_a_partial_claim_is_not_talked_over():
    assert verdict(POLICY, held("", silent_ms=POLICY.resume_ms - 1)) is None
    assert verdict(POLICY, held("", silent_ms=POLICY.resume_ms)) is True
    assert verdict(POLICY, held("wait", silent_ms=POLICY.resume_ms - 1)) is None
    assert verdict(POLICY, held("wait", silent_ms=POLICY.resume_ms)) == "words"
