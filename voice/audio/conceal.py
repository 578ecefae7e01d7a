"""What a line has lost, filled in: the last pitch periods of the voice go on, ever softer.

A carrier sends on in time, and puts silence where a frame was lost. To the detector such a hole is a pause and to the recogniser a plosive,
so for as long as a sound hardly changes the hole is closed with what was heard just before, after ITU-T G.711 Appendix I (1999): the last
pitch period is repeated, then the last two, then three, so that no tone arises; it fades, and what comes after it is faded into. Other
than there nothing is delayed.

Silence that a line lost is told from silence that was said by its edge: sound that is cut off while it is loud was lost. Gates and
comfort noise of telephones close when a voice has died away.
"""

import numpy as np
import numpy.typing as npt

from .pcm import to_pcm, to_samples

BLOCK_MS = 10
"""Sound is looked at in blocks as long as the appendix's frames; carriers' messages are whole numbers of them."""

LOUD = 184.0
"""RMS of the last 20 ms from which silence at once is a loss: -45 dBFS, well above what a line sends between words."""

NOTHING = 8
"""Magnitude of the steady sample that stands for no sound: 0 in mu-law, 8 in A-law."""

STEADY_MS, GONE_MS = 10, 110
"""The filling keeps its level for so long, and is silent from there. The appendix has 10 and 60 ms, made for single packets; losses on the
air come in bursts of 100 ms (E. N. Gilbert), and a hole inside a word is worse for a recogniser than a vowel that is too long."""

_LOWEST_HZ, _HIGHEST_HZ = 66, 200
"""Of the pitch, as in the appendix. Higher voices are repeated by several periods at once."""

_PAST_MS = 50
_COMPARED_MS = 20
_MEET_MS, _MEET_MORE_MS, _MEET_MOST_MS = 4, 4, 10
"""The sound that comes again is faded into over 4 ms, and over 4 ms more for each block lost, up to a block."""

Samples = npt.NDArray[np.float64]


class Concealer:
    """Fills the holes in a stream of PCM16. Gives as many samples as it takes, at once.

    It knows a hole by blocks of 10 ms from the beginning of each chunk: push what a message of the line holds. A frame without a hole
    costs about 5 µs.
    """

    def __init__(self, rate_hz: int) -> None:
        self.concealed = 0
        """Blocks that were filled in."""
        self._rate_hz = rate_hz
        self._block = rate_hz * BLOCK_MS // 1000
        self._past = np.zeros(0, np.int16)
        self._hole: _Hole | None = None

    def push(self, pcm: bytes) -> bytes:
        """The sound, without its holes. Raises ValueError on an odd number of bytes."""
        samples = to_samples(pcm)
        if self._hole is None and not _may_hold_nothing(samples, self._block):
            self._keep(samples)
            return pcm
        blocks = [self._push_block(samples[at : at + self._block]) for at in range(0, len(samples), self._block)]
        return b"".join(blocks)

    def forget(self) -> None:
        """What was pushed last is nothing to go on from: a key's tone that is not to be heard."""
        self._hole = None
        self._past = self._past[:0]

    def _push_block(self, block: npt.NDArray[np.int16]) -> bytes:
        if _is_nothing(block):
            if self._hole is None and self._is_loud():
                self._hole = _Hole(self._past.astype(np.float64), self._rate_hz)
            if self._hole is not None and not self._hole.is_over:
                self.concealed += 1
                return to_pcm(self._hole.fill(len(block)))
            self._hole = None
            self._past = self._past[:0]  # what follows silence has no past to go on from
            return block.tobytes()
        if self._hole is not None:
            block = np.rint(self._hole.meet(block)).astype(np.int16)
            self._hole = None
        self._keep(block)
        return block.tobytes()

    def _keep(self, samples: npt.NDArray[np.int16]) -> None:
        most = self._rate_hz * _PAST_MS // 1000
        self._past = samples[-most:] if len(samples) >= most else np.concatenate([self._past[len(samples) - most :], samples])

    def _is_loud(self) -> bool:
        wanted = self._rate_hz * _PAST_MS // 1000
        if len(self._past) < wanted:
            return False
        last = self._past[-(self._rate_hz * _COMPARED_MS // 1000) :].astype(np.float64)
        return float(last @ last) / len(last) >= LOUD * LOUD


class _Hole:
    """What is put where nothing came."""

    def __init__(self, past: Samples, rate_hz: int) -> None:
        self._past = past
        self._rate_hz = rate_hz
        self._pitch = _pitch_of(past, rate_hz)
        self._filled = 0
        self._at = 0
        """Place in the stretch that is repeated, after its first period."""
        self._periods = 1

    @property
    def is_over(self) -> bool:
        """Whether it has faded away."""
        return self._filled >= self._samples(GONE_MS)

    def fill(self, count: int) -> Samples:
        """The next `count` samples."""
        periods = 1 + min(2, self._filled // self._samples(BLOCK_MS))
        if periods != self._periods:  # goes on in the same phase
            self._at = self._at % self._pitch
            self._periods = periods
        stretch = self._stretch()
        wave = np.take(stretch, np.arange(self._at, self._at + count), mode="wrap")
        self._at = (self._at + count) % len(stretch)
        age = self._filled + np.arange(count)
        self._filled += count
        fall = self._samples(GONE_MS) - self._samples(STEADY_MS)
        return np.asarray(wave * np.clip((self._samples(GONE_MS) - age) / fall, 0.0, 1.0), np.float64)

    def meet(self, block: npt.NDArray[np.int16]) -> Samples:
        """The sound that comes again, faded into."""
        lost_blocks = self._filled // self._samples(BLOCK_MS)
        length = min(len(block), self._samples(min(_MEET_MOST_MS, _MEET_MS + _MEET_MORE_MS * max(0, lost_blocks - 1))))
        met = block.astype(np.float64)
        share = np.arange(1, length + 1) / (length + 1)
        met[:length] = met[:length] * share + self.fill(length) * (1 - share)
        return met

    def _stretch(self) -> Samples:
        """The last pitch periods, their end faded into what comes before their beginning, so that they can be repeated without a click."""
        length = self._pitch * self._periods
        quarter = min(self._pitch // 4, len(self._past) - length)
        stretch = self._past[-length:].copy()
        before = self._past[len(self._past) - length - quarter : len(self._past) - length]
        share = np.arange(1, quarter + 1) / (quarter + 1)
        stretch[length - quarter :] = stretch[length - quarter :] * (1 - share) + before * share
        return stretch

    def _samples(self, ms: int) -> int:
        return self._rate_hz * ms // 1000


def _pitch_of(past: Samples, rate_hz: int) -> int:
    """The lag, in samples, at which the last 20 ms are most like what was before them."""
    size = rate_hz * _COMPARED_MS // 1000
    shortest, longest = rate_hz // _HIGHEST_HZ, rate_hz // _LOWEST_HZ
    last = past[-size:]
    earlier = past[-size - longest : len(past) - shortest]
    products = np.correlate(earlier, last, "valid")  # the first is the longest lag
    powers = np.convolve(earlier * earlier, np.ones(size), "valid")
    likeness = products / np.sqrt(np.maximum(powers, 1.0))
    return longest - int(np.argmax(likeness))


def _may_hold_nothing(samples: npt.NDArray[np.int16], block: int) -> bool:
    """Whether a block of the chunk may be silence: its first sample tells."""
    return bool((np.abs(samples[::block]) <= NOTHING).any())


def _is_nothing(block: npt.NDArray[np.int16]) -> bool:
    first = int(block[0])
    return abs(first) <= NOTHING and bool((block == first).all())
