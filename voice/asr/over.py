"""What a weak recogniser makes of speech over a reply: does it ask for the floor, or leave it where it is?

A short word says little, and a recogniser that must find words finds wrong ones ("okay" becomes "book you"). But what people say over
a reply is mostly one of a few phrases. So two more decoders listen, of which one knows backchannels only ("yeah", "mm hmm", "right")
and the other only what asks for the floor ("stop", "wait", "no"). How the three results compare gives the probability of a claim, by
logistic regression; `audio_fixtures/weigh.py` makes the speech that it was fitted to and says how well it does on voices left out.
Where it is known what the speech sounds like (`gist.py`), that is weighed in. Pure.
"""

import math
from dataclasses import dataclass

from ..turn.words import claims_floor, is_backchannel

SCALE = 500.0
"""Differences of score are counted in this, in pocketsphinx's units: about what one wrong sound costs."""

BROKEN = 300.0
"""What a result loses that is none of its decoder's phrases but a mixture: any sound can be pieced together from enough parts."""

FOREIGN = 2.5
"""How much worse than the best result of all, in `SCALE`, a backchannel is where something else was certainly said; from 1 on it may
have been. The less a backchannel fits, the less it matters which of the two lists fits better."""

TILT = 0.2
"""Added to the log odds of a final: who is not stopped by his caller's "no" has failed him worse than one who stops for a "yeah"."""

FAR = 100_000.0
"""The score of a decoder that found no path at all."""

SILENT_NEARER, SILENT_CLAIM = 400.0, 900.0
"""Without enough voice to be words, only a phrase that asks for the floor counts ("stop" is mostly hiss) that fits so much better than
any backchannel and is so near to the best result: breath, coughs and keys never are."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One decoder's result."""

    text: str
    """Empty where it found no words."""
    score: float
    listed: bool = True
    """Whether the text is one of the phrases that the decoder knows; of the best result of all, whether it is one that asks for the
    floor."""

    @property
    def worth(self) -> float:
        """The score, less for a mixture of phrases."""
        return max(-FAR, self.score) - (0.0 if self.listed else BROKEN)


def features(best: Heard, backchannel: Heard, claim: Heard) -> tuple[float, ...]:
    """What the regression looks at. `best`: of all that can be said in the room."""
    foreign = (best.score - backchannel.worth) / SCALE
    near = _within(0, (FOREIGN - foreign) / (FOREIGN - 1), 1)
    words = float(claims_floor(best.text))
    return (
        near * _within(-3, (claim.worth - backchannel.worth) / SCALE, 3),
        _within(-2, foreign, 2),
        _within(0, foreign - 2, 3),
        near * _within(-2, (best.score - claim.worth) / SCALE, 3),
        words,
        (1 - near) * words,
        float(is_backchannel(best.text)),
        float(not backchannel.text),
        float(best.listed),
    )


def claim_probability(
    best: Heard, backchannel: Heard, claim: Heard, *, voiced: bool, final: bool, sound: float | None = None
) -> float:
    """The probability that what was said asks for the floor. `voiced`: there is enough voice in it to be words; `final`: the utterance is
    over; `sound`: the log odds by its sound alone (`gist.Gist.odds`), where they are known."""
    if not voiced:
        nearer = claim.listed and claim.worth - backchannel.worth > SILENT_NEARER and claim.worth > best.score - SILENT_CLAIM
        return 0.7 if nearer else 0.1
    weights, bias = (FINAL, FINAL_BIAS + TILT) if final else (PARTIAL, PARTIAL_BIAS)
    total = bias + sum(weight * value for weight, value in zip(weights, features(best, backchannel, claim), strict=True))
    if sound is not None:  # and decoders that found nothing at all (in a hum) say nothing beside it
        total = sound + (WORDS_SHARE * total if backchannel.text or claim.text else 0.0)
    return chance_of(total)


def chance_of(odds: float) -> float:
    """A probability, of log odds."""
    return 1 / (1 + math.exp(-_within(-30, odds, 30)))


WORDS_SHARE = 0.25
"""How much the log odds of the words count beside those of the sound: of voices that neither was fitted to, words alone are wrong about one
claim in four, sound alone about one in thirty."""


def _within(low: float, value: float, high: float) -> float:
    return min(high, max(low, value))


FINAL = (1.18, 0.86, 1.34, -1.34, 0.28, 1.23, 0.29, -0.52, 0.86)
FINAL_BIAS = -2.31
PARTIAL = (0.37, 0.41, 1.16, -0.26, -0.66, 0.87, -1.57, -3.33, 1.81)
PARTIAL_BIAS = -0.52
"""From 750 clips of sixty voices (espeak-ng, flite, festival) and 3700 looks, by the method of `audio_fixtures/weigh.py`, which draws its
clips anew."""
