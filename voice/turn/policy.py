"""The knobs of turn-taking, all in milliseconds of the caller's own sound.

The defaults and what each one trades are explained with pictures in docs/turn-taking.md and docs/endpointing.md.
"""

from dataclasses import dataclass, fields
from typing import Literal

from ..audio.frames import EAR_HZ

Speculation = Literal["off", "model", "full"]

LONGEST_MS = 60_000
"""The longest that a knob may say."""


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """How a session takes turns.

    Raises ValueError when a value is out of range; the message names the field.
    """

    onset_probability: float = 0.5
    """VAD probability at which speech begins (Silero's own recommendation)."""

    offset_probability: float = 0.35
    """VAD probability below which a window is silence; lower than the onset so that a wavering voice is one utterance."""

    glance_probability: float = 0.3
    """VAD probability at which sound that comes out of a steady background, over a reply, holds it before a window of the detector is
    complete: who breaks the silence does not wait for the clock. Lower than the onset: the "s" of "stop" is no more by telephone, and
    what ends as a click has cost `glance_ms`."""

    glance_phone_probability: float = 0.2
    """The same for a telephone, of which a detector made for wideband is half as sure: of the "s" of "stop" the band leaves little."""

    glance_noisy_probability: float = 0.6
    """The same where there was no silence to be broken. Higher than the onset, for the detector is asked more often: with 0.6
    recorded noises hold a reply once in five minutes more (`benchmarks/onsets.py`), with 0.5 three times."""

    glance_ms: int = 96
    """How long such a hold waits for a window that bears it out: three of Silero's."""

    min_speech_ms: int = 60
    """Speech shorter than this was a click: no utterance, no words."""

    pre_roll_ms: int = 320
    """Sound before the onset that the recogniser is given, so that the first phoneme is not lost."""

    utterance_gap_ms: int = 160
    """Silence after which an utterance is closed and its final text asked for; the turn stays open."""

    threshold: float = 0.5
    """Probability that the turn is complete at which `action_delay_ms` is enough silence."""

    action_delay_ms: int = 320
    """Silence after which a turn that looks complete ends."""

    timeout_ms: int = 1500
    """Silence after which any turn ends."""

    final_stable_ms: int = 500
    """How long the text must have stood as it is, since the recogniser was asked for its final, to be taken for it: some never mark a
    final. Half a second is a judgement. For a recogniser whose final may be quite other words than its last partial
    (pocketsphinx), `final_timeout_ms` counts instead."""

    final_timeout_ms: int = 1500
    """How long after the end of the turn a recogniser's final is waited for where there is no text to serve instead."""

    speculate_ms: int = 96
    """Silence after which a reply may be started before the turn has ended for certain."""

    speculate_early_ms: int = 32
    """The same where the turn looks complete: hardly longer than the closure of a stop consonant, so that recogniser and model run
    while the silence is still being counted."""

    speculation: Speculation = "full"
    """`off`; `model`: only the model runs ahead; `full`: model and speech synthesis run ahead, the sound waits."""

    decide_ms: int = 350
    """Voiced speech over a held reply after which evidence may make it an interruption while the caller still speaks: words that are
    no backchannel, or the recogniser's own judgement. Earlier partials are guesses; the end of the speech decides at any time."""

    decide_unheard_ms: int = 800
    """The same where nothing is known of the words by then: so much voice is an interruption whatever it says."""

    decide_backchannel_ms: int = 1300
    """The same where the words so far are all backchannels ("yeah yeah yeah")."""

    hold_gap_ms: int = 128
    """Silence after which speech over a held reply is taken to have ended, and its words are asked for."""

    resume_ms: int = 288
    """Silence after which a held reply resumes where no words have come by then."""

    keys_timeout_ms: int = 2500
    """How long after a telephone's key the next one is waited for; then what was keyed in is a turn. `#` ends it at once. (Twilio's
    and Asterisk's inter-digit times are 2 to 5 s.)"""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            if item.name.endswith("_ms") and (not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= LONGEST_MS):
                raise ValueError(f"{item.name} must be a whole number of milliseconds from 0 to {LONGEST_MS}, not {value!r}")
        for name in (item.name for item in fields(self) if item.name.endswith("_probability") or item.name == "threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be from 0 to 1, not {getattr(self, name)!r}")
        if self.offset_probability > self.onset_probability:
            raise ValueError("offset_probability must not be above onset_probability, or speech would end where it begins")
        if self.action_delay_ms > self.timeout_ms:
            raise ValueError("action_delay_ms must not be above timeout_ms")
        if self.speculation not in ("off", "model", "full"):
            raise ValueError(f"speculation must be off, model or full, not {self.speculation!r}")


def in_samples(ms: int) -> int:
    """Milliseconds as samples of the ear's clock."""
    return ms * EAR_HZ // 1000
