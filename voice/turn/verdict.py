"""What becomes of a reply that is held because somebody speaks over it. Pure.

The evidence is what has been recognised so far: words, and, from a recogniser that is unsure of short words, the probability that they
ask for the floor. It leans one of three ways:

    CLAIM    it asks for the floor: the reply is cut as soon as `decide_ms` of voice bear it out, or when the speech has ended
    PASS     a backchannel: the reply waits for its end and goes on, but for `decide_backchannel_ms` of voice at most
    UNKNOWN  nothing is known of the words: voice for `decide_unheard_ms` is an interruption all the same, and what ends sooner is none

Waiting costs the caller nothing: the reply is silent since his first sound. Deciding early costs a reply for each drawn-out "mm-hm".
"""

from enum import Enum

from . import signals as s
from .policy import TurnPolicy, in_samples
from .state import Ear, State
from .words import claims_floor, words_of

LIKELY_CLAIM, LIKELY_PASS = 0.9, 0.4
"""How sure a recogniser must be while the caller still speaks; in between, more is waited for."""


class Leaning(Enum):
    """Which way the evidence points."""

    CLAIM = "claim"
    PASS = "pass"
    UNKNOWN = "unknown"


def leaning(state: State) -> Leaning:
    """What is known of the words over the reply, as they stand."""
    probability = max((claim for utterance, claim in state.claims if utterance >= state.barged), default=None)
    if probability is None:
        words = state.said_over
        if claims_floor(words):
            return Leaning.CLAIM
        return Leaning.PASS if words_of(words) else Leaning.UNKNOWN
    sure_claim, sure_pass = (0.5, 0.5) if state.finals_in else (LIKELY_CLAIM, LIKELY_PASS)
    if probability >= sure_claim:
        return Leaning.CLAIM
    return Leaning.PASS if probability < sure_pass else Leaning.UNKNOWN


def verdict(policy: TurnPolicy, state: State) -> s.Reason | bool | None:
    """What is to be done with the held reply: the reason to interrupt it, True to let it go on, None to wait."""
    lean = leaning(state)
    if state.ear is Ear.SPEAKING:
        return _while_speaking(policy, state, lean)
    if lean is Leaning.CLAIM and (state.finals_in or _silent_for(policy.resume_ms, state)):
        return "words"
    return True if state.finals_in or _silent_for(policy.resume_ms, state) else None


def _while_speaking(policy: TurnPolicy, state: State, lean: Leaning) -> s.Reason | None:
    if lean is Leaning.CLAIM:
        return "words" if state.voiced >= in_samples(policy.decide_ms) else None
    enough = policy.decide_backchannel_ms if lean is Leaning.PASS else policy.decide_unheard_ms
    return "speech" if state.voiced >= in_samples(enough) else None


def _silent_for(ms: int, state: State) -> bool:
    return state.now - state.last_voice >= in_samples(ms)
