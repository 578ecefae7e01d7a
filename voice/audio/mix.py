"""Sums of voices. Loud sums are bent softly below full scale: hard clipping of two voices at once sounds
broken.
"""

from collections.abc import Hashable, Mapping, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from .pcm import to_pcm, to_samples

KNEE = 24576
"""Magnitude where limiting begins: three quarters of full scale (-2.5 dBFS). Below it a mix is the exact sum.
"""

_ROOM = 32767 - KNEE
_Key = TypeVar("_Key", bound=Hashable)


def mix(tracks: Sequence[bytes]) -> bytes:
    """The sum of PCM16 `tracks` of equal length; no track gives no sound, and one alone comes back unchanged.

    Sums above `KNEE` are bent along a tanh that never passes full scale. The bend looks at one sample at a
    time, so that cutting the tracks into frames elsewhere gives the same sound. Raises ValueError on an odd
    number of bytes or unequal lengths.
    """
    if len(tracks) <= 1:
        return tracks[0] if tracks else b""
    return _limited(_total(tracks))


def mix_minus(tracks: Mapping[_Key, bytes]) -> dict[_Key, bytes]:
    """For each key the mix of all *other* tracks, as `mix` gives it: what each person in a room hears.

    Costs one sum plus one subtraction a track. Where there is nobody else the answer is silence of the same
    length. Raises ValueError on an odd number of bytes or unequal lengths.
    """
    if len(tracks) == 2:  # by far the commonest room of several people: each hears the other, bit for bit
        (one, first), (other, second) = tracks.items()
        _total([first, second])
        return {one: second, other: first}
    total = _total(list(tracks.values())) if tracks else np.zeros(0, np.int32)
    return {key: _limited(total - to_samples(pcm)) for key, pcm in tracks.items()}


def _total(tracks: Sequence[bytes]) -> npt.NDArray[np.int32]:
    total = to_samples(tracks[0]).astype(np.int32)
    for pcm in tracks[1:]:
        samples = to_samples(pcm)
        if samples.size != total.size:
            raise ValueError(f"tracks to mix must be equally long; {total.size} and {samples.size} samples")
        total += samples
    return total


def _limited(total: npt.NDArray[np.int32]) -> bytes:
    over = np.abs(total) > KNEE
    if not over.any():
        return total.astype("<i2").tobytes()
    values = total.astype(np.float32)
    magnitude = np.abs(values[over])
    values[over] = np.copysign(KNEE + _ROOM * np.tanh((magnitude - KNEE) / _ROOM), values[over])
    return to_pcm(values)
