"""The turn machine: who may speak, decided from what is heard.

Theory of operation
===================

A total function, `step(policy, state, input) -> (state, commands)`. It does no I/O and reads no clock: time is the position
in the caller's own sound, in samples at 16 kHz, and arrives with every input. Whoever feeds it the same inputs gets the same
commands, so a recording replays to the same decisions. Every decision about time is made here and nowhere else.

The state has three parts that move almost independently.

The *ear*: QUIET, SPEAKING, or PAUSING. An onset opens an utterance. `utterance_gap_ms` of silence closes it: the recogniser is
asked for its final, and the ear is PAUSING until the turn ends or the caller goes on, which opens the next utterance of the same
turn.

    QUIET    -- onset -------------------------------> SPEAKING
    SPEAKING -- too short to be speech --------------> QUIET or PAUSING (whence it came)
    SPEAKING -- silence for a gap -------------------> PAUSING
    PAUSING  -- onset -------------------------------> SPEAKING
    PAUSING  -- turn committed, abandoned, or judged -> QUIET

The *turn*: the texts of its utterances, and which of them the recogniser still owes. It ends when the caller is PAUSING, no reply
is in the mouth, silence has lasted long enough (`action_delay_ms` where an end-of-turn model finds it complete, `timeout_ms`
otherwise, each stretched by the patience that this caller's pauses ask for), and no text is owed; a recogniser that owes its final
while the text stands still for `final_stable_ms`, or that gives no text for `final_timeout_ms`, is no longer waited for. Before that,
as soon as a text is there, the room may speculate on it; speech takes that back.

The *mouth*: IDLE, PENDING (a reply is being prepared), PLAYING, or HELD. Barge-in has two steps. An onset over a reply that may
be interrupted *holds* it in the same step: silence first. Then evidence decides (`verdict.py`):

    HELD -- for a glance, which no window of `glance_ms` bears out ------------------------------> Resume
    HELD -- words that ask for the floor, a signal, or voice for longer than any backchannel --> Interrupt, IDLE: the words become a turn
    HELD -- a backchannel, nothing but noise, or resume_ms of silence without words ----------> Resume: PENDING or PLAYING again

A verdict that comes late (the final of an utterance after its reply resumed) still counts while that reply plays: words
interrupt, a backchannel is kept as one.

Two rules keep the machine honest. *Commit only with an idle mouth*: a turn never commits while a reply is pending, plays or
is held; over a reply that must not be interrupted the words are kept and the turn commits when the reply has ended. *Stale ids
are ignored in one place*: an input about a reply or an utterance that is over changes nothing. An input that cannot be (time that
runs backwards, ids from the future, a probability of 2) raises IllegalInput.
"""

from collections.abc import Callable
from typing import Any

from . import signals as s
from .policy import TurnPolicy, in_samples
from .state import Ear, Mouth, State, copied
from .timing import deadline, silence_before_speculation, silence_needed, text_settled, waits_for_window
from .verdict import Leaning, leaning, verdict
from .words import is_backchannel, is_filler

__all__ = ["Ear", "IllegalInput", "Mouth", "State", "deadline", "step"]


class IllegalInput(ValueError):
    """An input that no correct caller sends. The state is unchanged."""


Commands = list[s.Command]

MAX_KEYS = 64
"""More than any number that people key in: so many are a turn without `#` or pause, and what waits for a reply's end is cut there."""


def step(policy: TurnPolicy, state: State, event: s.Input) -> tuple[State, Commands]:
    """Feeds one input. Answers the new state and what the session must do, in order. Raises IllegalInput."""
    _check(state, event)
    if _is_stale(state, event):
        return state, []
    new = copied(state)
    new.now = event.at
    out: Commands = []
    _HANDLERS[type(event)](policy, new, event, out)
    _settle(policy, new, out)
    return new, out


# ── what cannot be, and what no longer matters ────────────────────────────────────────────────────────────────────────


def _check(state: State, event: s.Input) -> None:
    if type(event) not in _HANDLERS:
        raise IllegalInput(f"{event!r} is no input of the turn machine")
    if event.at < state.now:
        raise IllegalInput(f"{event!r} comes from the past: time stands at sample {state.now}")
    if isinstance(event, s.Window | s.Glance):
        if not 0 <= event.probability <= 1:
            raise IllegalInput(f"a probability is from 0 to 1, not {event.probability}")
    elif isinstance(event, s.Completeness) and not (0 <= event.probability <= 1 and 0.1 <= event.patience <= 10):
        raise IllegalInput(f"a probability is from 0 to 1 and a patience from 0.1 to 10, not {event.probability} and {event.patience}")
    elif isinstance(event, s.Partial | s.Final) and event.claim is not None and not 0 <= event.claim <= 1:
        raise IllegalInput(f"a probability is from 0 to 1, not {event.claim}")
    elif isinstance(event, s.Partial | s.Final | s.Completeness) and event.utterance > state.utterance:
        raise IllegalInput(f"utterance {event.utterance} has not begun; the last one is {state.utterance}")
    elif isinstance(event, s.Keys):
        if not event.digits or not s.KEYS.issuperset(event.digits):
            raise IllegalInput(f"keys are one or more of 0-9, *, #, A-D, not {event.digits!r}")
    elif isinstance(event, s.PlayoutStarted | s.PlayoutEnded) and event.reply > state.reply:
        raise IllegalInput(f"reply {event.reply} was never announced; the last one is {state.reply}")
    elif isinstance(event, s.ReplyPending) and event.reply > state.reply and state.mouth is not Mouth.IDLE:
        raise IllegalInput(f"reply {event.reply} is announced while reply {state.reply} is {state.mouth.value}")


def _is_stale(state: State, event: s.Input) -> bool:
    match event:
        case s.Partial() | s.Final():
            return event.utterance not in state.owed
        case s.Completeness():
            return not any(utterance == event.utterance for utterance, _ in state.texts[-1:])
        case s.ReplyPending():
            return event.reply <= state.reply
        case s.PlayoutStarted() | s.PlayoutEnded():
            return event.reply < state.reply or state.mouth is Mouth.IDLE
    return False


# ── the ear ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _window(policy: TurnPolicy, state: State, event: s.Window, out: Commands) -> None:
    probability = 0.0 if event.ignored else event.probability
    if state.ear is Ear.SPEAKING:
        held = state.mouth is Mouth.HELD  # what is to end a reply must be voice as surely as what held it: a rasp wavers below that
        if probability >= (policy.onset_probability if held else policy.offset_probability):
            state.voiced += event.samples
            voice = event.at if event.loud_until is None else event.loud_until
            if voice > state.last_voice:  # a VAD goes on saying "speech" for a while after the last sound: that takes nothing back
                state.last_voice = voice
                if state.voiced >= in_samples(policy.min_speech_ms):
                    _retract(state, out)
        else:
            _silence_in_speech(policy, state, event.at, out)
    elif probability >= policy.onset_probability:
        _onset(policy, state, event, out)


def _glance(policy: TurnPolicy, state: State, event: s.Glance, out: Commands) -> None:
    """Sound that may be a voice: the reply is silent until a window tells."""
    quiet = policy.glance_phone_probability if event.phone else policy.glance_probability
    enough = quiet if event.quiet else policy.glance_noisy_probability
    if event.probability >= enough and not event.ignored and state.ear is not Ear.SPEAKING and _may_be_held(state):
        _hold(state, out)
        state.trusted_until = event.at + in_samples(policy.glance_ms)


def _may_be_held(state: State) -> bool:
    return state.mouth in (Mouth.PENDING, Mouth.PLAYING) and state.interruptible


def _hold(state: State, out: Commands) -> None:
    state.mouth = Mouth.HELD
    out.append(s.Hold(state.reply))


def _onset(policy: TurnPolicy, state: State, event: s.Window, out: Commands) -> None:
    if _may_be_held(state):
        _hold(state, out)
    previous_end = state.last_voice if state.ear is Ear.PAUSING else 0
    state.ear = Ear.SPEAKING
    state.utterance += 1
    state.onset = event.at - event.samples
    state.voiced = event.samples
    state.last_voice = event.at
    state.owed += (state.utterance,)
    if state.mouth is not Mouth.IDLE and not state.barged:
        state.barged = state.utterance
    start = max(0, previous_end, state.onset - in_samples(policy.pre_roll_ms))
    out.append(s.OpenUtterance(state.utterance, start, state.onset))


def _silence_in_speech(policy: TurnPolicy, state: State, at: int, out: Commands) -> None:
    silence = at - state.last_voice
    gap = policy.hold_gap_ms if state.mouth is Mouth.HELD else policy.utterance_gap_ms
    if silence < in_samples(gap):
        return
    if state.voiced < in_samples(policy.min_speech_ms):
        state.owed = tuple(u for u in state.owed if u != state.utterance)
        state.texts = tuple(t for t in state.texts if t[0] != state.utterance)
        state.claims = tuple(c for c in state.claims if c[0] != state.utterance)
        out.append(s.DropUtterance(state.utterance))
        state.ear = Ear.PAUSING if state.texts or state.owed else Ear.QUIET
    else:
        state.ear = Ear.PAUSING
        out.append(s.CloseUtterance(state.utterance, state.last_voice))


def _elapsed(policy: TurnPolicy, state: State, event: s.Elapsed, out: Commands) -> None:
    """Nothing happened; `_settle` looks at the time."""


# ── the words ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _partial(policy: TurnPolicy, state: State, event: s.Partial, out: Commands) -> None:
    _set_text(state, event)


def _final(policy: TurnPolicy, state: State, event: s.Final, out: Commands) -> None:
    _set_text(state, event)
    state.owed = tuple(u for u in state.owed if u != event.utterance)
    if state.mouth in (Mouth.PENDING, Mouth.PLAYING) and state.interruptible and 0 < state.barged <= event.utterance:
        _judge_late_words(state, out)


def _set_text(state: State, said: s.Partial | s.Final) -> None:
    kept = [item for item in state.texts if item[0] != said.utterance]
    texts = tuple(sorted([*kept, (said.utterance, said.text.strip())]))
    if texts != state.texts:
        state.texts, state.changed = texts, state.now
    if state.claims or said.claim is not None:
        others = tuple(item for item in state.claims if item[0] != said.utterance)
        state.claims = others if said.claim is None else (*others, (said.utterance, said.claim))
    state.complete = 0.0


def _completeness(policy: TurnPolicy, state: State, event: s.Completeness, out: Commands) -> None:
    state.complete = event.probability
    state.patience = event.patience


# ── the mouth ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def _reply_pending(policy: TurnPolicy, state: State, event: s.ReplyPending, out: Commands) -> None:
    state.reply = event.reply
    state.interruptible = event.interruptible
    state.started = False
    state.barged = 0
    state.mouth = Mouth.PENDING
    if state.ear is Ear.SPEAKING and event.interruptible:  # it was decided on elsewhere while this caller began to speak
        state.mouth = Mouth.HELD
        state.barged = state.utterance
        out.append(s.Hold(event.reply))


def _playout_started(policy: TurnPolicy, state: State, event: s.PlayoutStarted, out: Commands) -> None:
    state.started = True
    if state.mouth is Mouth.PENDING:
        state.mouth = Mouth.PLAYING


def _playout_ended(policy: TurnPolicy, state: State, event: s.PlayoutEnded, out: Commands) -> None:
    state.mouth = Mouth.IDLE
    if state.barged and state.finals_in and leaning(state) is not Leaning.CLAIM:
        _let_pass(state, out)
    state.barged = 0


def _resume(state: State, out: Commands) -> None:
    state.mouth = Mouth.PLAYING if state.started else Mouth.PENDING
    out.append(s.Resume(state.reply))


def _interrupt(state: State, reason: s.Reason, out: Commands) -> None:
    if state.mouth is not Mouth.IDLE:
        out.append(s.Interrupt(state.reply, reason))
    state.mouth = Mouth.IDLE
    state.barged = 0


def _typed(policy: TurnPolicy, state: State, event: s.Typed, out: Commands) -> None:
    text = event.text.strip()
    if not text:
        return
    if state.mouth is not Mouth.IDLE and not state.interruptible:
        state.typed = f"{state.typed} {text}".strip()
        return
    _interrupt(state, "text", out)
    _commit_text(state, s.Commit(state.turn, text, "text", state.now, state.now, state.now), out)


def _commit_text(state: State, commit: s.Commit, out: Commands) -> None:
    """A typed or keyed turn stands beside an open spoken one, which stays open; its id is the older one."""
    _retract(state, out)
    out.append(commit)
    state.turn += 1


def _keys(policy: TurnPolicy, state: State, event: s.Keys, out: Commands) -> None:
    """Keys interrupt as typed text does, with the first of them; `_settle` makes turns of them."""
    if state.interruptible:
        _interrupt(state, "dtmf", out)
    state.keys = (state.keys + event.digits)[:MAX_KEYS]
    state.last_key = state.now


def _maybe_commit_keys(policy: TurnPolicy, state: State, out: Commands) -> None:
    """What was keyed in is a turn when `#` or a pause ends it; a lone `#` is one too. Over a reply that may not be interrupted it waits
    for the end, as typed text does."""
    while state.keys:
        ended = "#" in state.keys or len(state.keys) == MAX_KEYS
        due = state.last_key + (0 if ended else in_samples(policy.keys_timeout_ms))
        if state.now < due or (state.mouth is not Mouth.IDLE and not state.interruptible):
            return
        _interrupt(state, "dtmf", out)
        entry, _, state.keys = state.keys.partition("#")
        _commit_text(state, s.Commit(state.turn, entry or "#", "dtmf", state.now, state.last_key, due), out)


def _press_interrupt(policy: TurnPolicy, state: State, event: s.PressInterrupt, out: Commands) -> None:
    _interrupt(state, "signal", out)


def _press_commit(policy: TurnPolicy, state: State, event: s.PressCommit, out: Commands) -> None:
    if state.ear is Ear.SPEAKING:
        state.ear = Ear.PAUSING
        out.append(s.CloseUtterance(state.utterance, state.last_voice))
    state.pressed = state.ear is Ear.PAUSING


# ── what follows from where things stand ──────────────────────────────────────────────────────────────────────────────


def _settle(policy: TurnPolicy, state: State, out: Commands) -> None:
    """Draws the consequences after every input: verdict on a held reply, speculation, the end of the turn."""
    if state.typed and state.mouth is Mouth.IDLE:
        _commit_text(state, s.Commit(state.turn, state.typed, "text", state.now, state.now, state.now), out)
        state.typed = ""
    if state.keys:
        _maybe_commit_keys(policy, state, out)
    if state.mouth is Mouth.HELD:
        _judge_hold(policy, state, out)
    if state.mouth is Mouth.IDLE and state.ear is not Ear.QUIET:
        _maybe_speculate(policy, state, out)
        _maybe_commit(policy, state, out)


def _judge_hold(policy: TurnPolicy, state: State, out: Commands) -> None:
    if waits_for_window(state):
        return
    if not state.barged:  # nothing but a glance held it
        _resume(state, out)
        return
    decided = verdict(policy, state)
    if isinstance(decided, str):
        _interrupt(state, decided, out)
    elif decided:
        _resume(state, out)
        if state.finals_in:
            _let_pass(state, out)


def _judge_late_words(state: State, out: Commands) -> None:
    """A late verdict: the reply has resumed, and now the words are known."""
    if leaning(state) is Leaning.CLAIM:
        _interrupt(state, "words", out)
    elif state.finals_in:
        _let_pass(state, out)


def _let_pass(state: State, out: Commands) -> None:
    """The barge-in was none: its words leave the turn, backchannels for the log."""
    for utterance, text in state.texts:
        if utterance >= state.barged and is_backchannel(text):
            out.append(s.KeepBackchannel(utterance, text))
    state.texts = tuple(item for item in state.texts if item[0] < state.barged)
    state.claims = ()
    state.barged = 0
    if state.ear is Ear.PAUSING and not state.texts and not state.owed:
        state.ear = Ear.QUIET


def _maybe_speculate(policy: TurnPolicy, state: State, out: Commands) -> None:
    if policy.speculation == "off" or state.voiced < in_samples(policy.min_speech_ms):
        return
    if state.now - state.last_voice < silence_before_speculation(policy, state):
        return
    text = state.text
    if text and text != state.speculated and not is_filler(text):
        state.speculated = text
        out.append(s.Speculate(state.turn, text))


def _retract(state: State, out: Commands) -> None:
    if state.speculated:
        out.append(s.Retract(state.turn))
        state.speculated = ""
    state.complete = 0.0


def _maybe_commit(policy: TurnPolicy, state: State, out: Commands) -> None:
    if state.ear is not Ear.PAUSING:
        return
    endpoint = state.last_voice + silence_needed(policy, state)
    if state.now < text_settled(policy, state, endpoint):
        return
    text = state.text
    if text and not is_filler(text):
        out.append(s.Commit(state.turn, text, "speech", state.now, state.last_voice, endpoint))
    else:
        _retract(state, out)
        out.append(s.AbandonTurn(state.turn))
    state.turn += 1
    state.texts = ()
    state.claims = ()
    state.owed = ()
    state.ear = Ear.QUIET
    state.pressed = False
    state.speculated = ""
    state.complete = 0.0


_HANDLERS: dict[type, Callable[[TurnPolicy, State, Any, Commands], None]] = {
    s.Window: _window,
    s.Glance: _glance,
    s.Elapsed: _elapsed,
    s.Partial: _partial,
    s.Final: _final,
    s.Completeness: _completeness,
    s.ReplyPending: _reply_pending,
    s.PlayoutStarted: _playout_started,
    s.PlayoutEnded: _playout_ended,
    s.Typed: _typed,
    s.Keys: _keys,
    s.PressInterrupt: _press_interrupt,
    s.PressCommit: _press_commit,
}
