"""What a weak recogniser makes of speech over a reply: does it ask for the floor, or leave it where it is?

A short word says little, and a recogniser that must find words finds wrong ones ("okay" becomes "book you"). But what people say over
a reply is mostly one of a few phrases. So two more decoders listen, of which one knows backchannels only ("yeah", "mm hmm", "right")
and the other only what asks for the floor ("stop", "wait", "no"), and the three results are weighed against each other. The
constants are in pocketsphinx's units of score. They were chosen on six espeak-ng voices and are reported on others
(docs/turn-taking.md). Pure.
"""

from dataclasses import dataclass

BROKEN = 300.0
"""What a result loses that is none of its decoder's phrases but a mixture: any sound can be pieced together from enough parts."""

NEARER = 250.0
"""By how much a backchannel must fit better than a claim. Above 0: who is not stopped by his caller's "no" has failed him worse than
one who stops for a "yeah"."""

FOREIGN = 1100.0
"""How much worse than the best result of all a backchannel may be: beyond it, something else was said."""

FOREIGN_CLAIM = 600.0
"""The same for a claim, before its words replace those of the best result; only a whole phrase may."""

SILENT_NEARER = 400.0
"""By how much a claim must fit better than a backchannel where the best result has too little voice in it to be words ("stop")."""

SILENT_CLAIM = 900.0
"""How much worse than the best result a claim may be there."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One decoder's result."""

    text: str
    """Empty where it found no words, or words without a voice under them."""
    score: float
    listed: bool = True
    """Whether the text is one of the phrases that the decoder knows."""

    @property
    def worth(self) -> float:
        """The score, less for a mixture of phrases."""
        return self.score if self.listed else self.score - BROKEN


def weigh(best: Heard, backchannel: Heard, claim: Heard) -> Heard:
    """Which of the three results holds. `best`: of all that can be said in the room."""
    nearer = backchannel.worth - claim.worth if claim.text else float("inf")
    if not best.text:
        return claim if nearer < -SILENT_NEARER and claim.worth > best.score - SILENT_CLAIM else best
    if claim.listed and nearer < NEARER and claim.worth > best.score - FOREIGN_CLAIM:
        return claim
    if backchannel.text and backchannel.worth >= best.score - FOREIGN:
        return backchannel
    return best
