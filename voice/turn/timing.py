"""When something is due though nothing happens: the end of a turn, a speculation, the end of a hold, the end of what is keyed in.

All of it in samples of the caller's own sound. Pure.
"""

from .policy import TurnPolicy, in_samples
from .state import Ear, Mouth, State
from .words import is_filler


def deadline(policy: TurnPolicy, state: State) -> int | None:
    """When the machine wants to hear `Elapsed` if nothing else happens; None when it waits for nothing.

    The same moments are reached by windows a little later; the deadline makes a decision fall on its very sample.
    """
    if state.keys:
        return _earliest(_future(state, state.last_key + in_samples(policy.keys_timeout_ms)), _turn_deadline(policy, state))
    return _turn_deadline(policy, state)


def _turn_deadline(policy: TurnPolicy, state: State) -> int | None:
    if waits_for_window(state):
        return state.trusted_until
    if state.ear is not Ear.PAUSING:
        return _speculation_due(policy, state)
    if state.mouth is Mouth.HELD:
        return _future(state, state.last_voice + in_samples(policy.resume_ms))
    if state.mouth is not Mouth.IDLE:
        return None
    end = state.last_voice + silence_needed(policy, state)
    return _earliest(_speculation_due(policy, state), _future(state, text_settled(policy, state, end)))


def waits_for_window(state: State) -> bool:
    """Whether a glance holds the reply, and no window has borne it out yet."""
    return state.mouth is Mouth.HELD and state.ear is not Ear.SPEAKING and state.now < state.trusted_until


def text_settled(policy: TurnPolicy, state: State, end: int) -> int:
    """When a turn whose silence is enough at `end` may be taken as it stands, if the recogniser says nothing more: at once where it owes
    nothing, when the text has stood still long enough where it owes the final of words that are there, and later where there are none."""
    if not state.owed:
        return end
    latest = end + in_samples(policy.final_timeout_ms)
    known = {utterance for utterance, text in state.texts if text}
    if not known.issuperset(state.owed):
        return latest
    asked = state.last_voice + in_samples(policy.utterance_gap_ms)
    return min(latest, max(end, max(asked, state.changed) + in_samples(policy.final_stable_ms)))


def _speculation_due(policy: TurnPolicy, state: State) -> int | None:
    if state.ear is Ear.QUIET or state.mouth is not Mouth.IDLE or policy.speculation == "off" or not state.texts:
        return None
    due = _future(state, state.last_voice + silence_before_speculation(policy, state))
    return due if due is not None and state.text != state.speculated else None


def _future(state: State, at: int) -> int | None:
    return at if at > state.now else None


def _earliest(one: int | None, other: int | None) -> int | None:
    return one if other is None or (one is not None and one < other) else other


def silence_needed(policy: TurnPolicy, state: State) -> int:
    """Samples of silence after which the turn, as it stands, is over."""
    if state.pressed:
        return 0
    looks_complete = state.complete >= policy.threshold and not is_filler(state.text)
    if looks_complete:
        return min(round(in_samples(policy.action_delay_ms) * state.patience), in_samples(policy.timeout_ms))
    return round(in_samples(policy.timeout_ms) * max(1.0, state.patience))  # who is quick may yet be looking for a word


def silence_before_speculation(policy: TurnPolicy, state: State) -> int:
    """Samples of silence after which a reply may be begun that nobody hears yet."""
    return in_samples(policy.speculate_early_ms if state.complete >= policy.threshold else policy.speculate_ms)
