"""What lies behind a caller: the steady sound of a line, a room or a machine, told from whatever is louder.

A recurrent detector is quickest to hear a voice half a second after the last one. In a background that goes on it settles: Silero's
state drifts for seconds, and a voice that begins then is heard 20 ms later (people over a hiss of -65 dBFS, mean). So while nothing is
heard but the background the network is not asked, and its state is kept as it was: the next voice meets a detector that is awake, and
a pause costs nothing.

The background is what the softest window of the last half to whole second was. It needs no level of its own, so it is found in digital
silence, in a line's hiss and beside an engine alike; what changes (a keyboard, music, people elsewhere) is no background, and the
network goes on listening to it.

What it brings is measured by `benchmarks/onsets.py` (benchmarks/RESULTS.md); the constants were compared on the same sounds.
"""

LOUDER_DB = 6.0
"""Up to so much above the softest window a window is the background. An engine that idles keeps within it, an office does half of the
time. 4 dB: voices over an engine are heard 20 ms later. 8 dB: people talking elsewhere in the room are taken for the caller a quarter
more often."""

BELOW_VOICE_DB = 30.0
"""How far below the caller's own peaks a background lies (RMS) that may be passed over: some 20 dB below his voice. Out of a louder one his
first sounds hardly rise, and the network, which hears them all the same, is asked about every window: without this limit 20 of 40 voices
as loud as a white noise were missed, with it 3, as ever."""

SETTLED_WINDOWS = 16
"""Windows of background after which the state is kept: half a second. With 8 the softest voices are heard later; longer is the drift."""

UNHEARD = 0.1
"""Probability below which the last window held no voice. What a recurrent detector still doubts, it goes on listening to."""

_SPAN_WINDOWS = 16
_RATIO = 10 ** (LOUDER_DB / 10)
"""Of energies."""


class Background:
    """Follows one stream, window by window of 32 ms. Costs less than a microsecond each."""

    __slots__ = ("_before", "_lowest", "_seen", "settled_windows")

    def __init__(self) -> None:
        self.settled_windows = 0
        """Windows of nothing but the background, in a row."""
        self._lowest = self._before = float("inf")
        self._seen = 0

    def holds(self, energy: float, most: float, silent: bool, probability: float) -> bool:
        """Takes a window, and answers whether the detector may be left as it is.

        `energy`: of the window, in any unit; `most`: beyond which no background may be passed over; `silent`: nobody could hear the window,
        whatever the background; `probability`: what the detector last said."""
        if self._seen == _SPAN_WINDOWS:
            self._before, self._lowest, self._seen = self._lowest, float("inf"), 0
        self._seen += 1
        self._lowest = min(self._lowest, energy)
        known = self._before != float("inf")
        lowest = min(self._before, self._lowest)
        quiet = silent or (known and lowest <= most and probability < UNHEARD and energy <= _RATIO * lowest)
        self.settled_windows = self.settled_windows + 1 if quiet else 0
        return self.settled_windows > SETTLED_WINDOWS

    def is_risen_above(self, energy: float) -> bool:
        """Whether sound of such an energy, as of a window, is louder than the background."""
        lowest = min(self._before, self._lowest)
        return lowest != float("inf") and energy > max(_RATIO * lowest, 1.0)
