"""Prosody: whether the sound of a turn ends as a turn ends.

Speakers mark the end of what they say: the voice falls to the bottom of its range (or rises, in a question), dies away instead of
breaking off, and the last syllable is drawn out. One who is going on keeps his pitch level and stops at full voice, or holds a
long level vowel ("umm"). `measure` turns the last second and a half of sound into five numbers, `ProsodyEndOfTurn` weighs them.

Asked at pauses, never per window: see docs/endpointing.md for what it costs.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.fft  # here, or the first caller's first pause waits for it to load
import numpy.typing as npt

from ..audio.frames import EAR_HZ

Samples = npt.NDArray[np.float32]

WEIGHT_FALL, WEIGHT_SLOPE, WEIGHT_DECAY, WEIGHT_VOICE, WEIGHT_PACE, BIAS = -0.7, 0.1, 0.45, 0.45, -0.15, -3.8
"""Of a semitone, a semitone in 200 ms, a doubling of the decay from 20 ms on, 100 ms of voice, a doubling of the pace. From a ridge
regression, ends against cuts, over the sets of `hubbub eval endpointing` (55 human endings at full weight, 86 of espeak-ng at half),
rounded; ends are told from cuts with an area under the curve of 0.93 on the human part and 0.95 on the other."""

_LOOK_BACK_SAMPLES = EAR_HZ * 3 // 2
_TAIL_MS = 600
_HOP = EAR_HZ // 100  # 10 ms, between levels
_PITCH_HOP_MS = 20.0
_FRAME = EAR_HZ // 25  # 40 ms: two and a half periods of the lowest voice looked for
_THINNED = 4  # pitch is looked for at 4 kHz: voices below 400 Hz lose nothing, and it is the dearest part
_LOWEST_HZ, _HIGHEST_HZ = 65, 400
_SHORTEST, _LONGEST = EAR_HZ // _THINNED // _HIGHEST_HZ - 1, EAR_HZ // _THINNED // _LOWEST_HZ + 1  # periods, in samples at 4 kHz
_VOICED = 0.5  # normalised autocorrelation from which a frame has a pitch: hiss stays below 0.3, vowels above 0.7
_NEARLY = 0.9  # the shortest period within this of the best is taken, or half the pitch would be found as often as the pitch
_SHORTEST_RUN = 3  # frames: what rings on in a room, or in a line's noise, has a pitch for a frame or two that is nobody's
_ABOVE, _BELOW = 8.0, 10.0  # semitones from the middle: farther, an octave was mistaken. No voice rises so far; some fall farther
_EDGE_DB = 30.0  # as `edge.py`
_QUIET_RMS = 10.0  # of 32768, -70 dBFS: what is below was no speech
_MIN_SPEECH_MS = 120


@dataclass(frozen=True, slots=True)
class Ending:
    """How a stretch of speech ends."""

    fall: float
    """Pitch of the last voiced 80 ms against the middle of the stretch, in semitones; below 0 the voice has fallen."""

    slope: float
    """Movement of the pitch over the last 200 ms of voice, in semitones; above 0 it rises."""

    decay_ms: float
    """How long the voice took to die away: from 10 dB below the peak of the last 600 ms for the last time, to the end."""

    last_voice_ms: float
    """Length of the last unbroken piece of voice: the last syllable or two."""

    pace: float
    """Speaking rate at the end against the whole: the mean distance of syllables over the last one; below 1 it slows down."""


def measure(sound: bytes) -> Ending | None:
    """How the speech in `sound` (PCM16 at 16 kHz; its end matters, silence after the speech is left out) ends; None where
    there is too little speech to tell."""
    samples = np.frombuffer(sound[: len(sound) // 2 * 2], np.int16)[-2 * _LOOK_BACK_SAMPLES :].astype(np.float32)
    samples = _until_edge(samples)[-_LOOK_BACK_SAMPLES:]
    if len(samples) < _MIN_SPEECH_MS * EAR_HZ // 1000:
        return None
    levels = _levels(samples)
    semitones = _settled(_semitones(samples))
    voiced = np.flatnonzero(np.isfinite(semitones))
    fall = slope = 0.0
    if len(voiced) >= 6:
        fall = _median(semitones[voiced[-4:]]) - _median(semitones[voiced])
        last = voiced[voiced > voiced[-1] - 10]
        slope = _slope(last, semitones[last]) * 10 if len(last) >= 4 else 0.0
    tail = levels[-_TAIL_MS // 10 :]
    loud = np.flatnonzero(tail > tail.max() - 10)
    decay_ms = (len(tail) - 1 - int(loud[-1])) * 10.0
    return Ending(fall, slope, decay_ms, _last_run(voiced) * _PITCH_HOP_MS, _pace(levels))


def _median(values: Samples) -> float:
    """As `np.median`, whose first call loads numpy.ma: a tenth of a second in the middle of somebody's first turn."""
    ordered = np.sort(values)
    middle = len(ordered) // 2
    return float(ordered[middle]) if len(ordered) % 2 else float((ordered[middle - 1] + ordered[middle]) / 2)


def _slope(x: npt.NDArray[np.intp], y: Samples) -> float:
    """Of the straight line through the points, per step of x."""
    from_middle = x - x.mean()
    return float(from_middle @ y / (from_middle @ from_middle))


def _until_edge(samples: Samples) -> Samples:
    levels = _levels(samples)
    if not len(levels) or levels.max() < 20 * np.log10(_QUIET_RMS):
        return samples[:0]
    loud = np.flatnonzero(levels > levels.max() - _EDGE_DB)
    return samples[: (int(loud[-1]) + 1) * _HOP]


def _levels(samples: Samples) -> Samples:
    """Level of each 10 ms in dB of int16 steps."""
    blocks = samples[len(samples) % _HOP :].reshape(-1, _HOP)
    power = np.einsum("ij,ij->i", blocks, blocks) / _HOP
    return np.asarray(10 * np.log10(power + 1e-3), np.float32)


def _semitones(samples: Samples) -> Samples:
    """Pitch every 20 ms in semitones above 65 Hz, nan where there is none. By autocorrelation: each period is normalised by the
    energy of the two stretches that it compares, so that a fading voice is not taken for a breathy one."""
    low = samples[: len(samples) // _THINNED * _THINNED].reshape(-1, _THINNED).mean(axis=1)
    frame, hop = _FRAME // _THINNED, round(_PITCH_HOP_MS * EAR_HZ / 1000) // _THINNED
    if len(low) < frame:
        return np.zeros(0, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(low, frame)[::hop]
    frames = frames - frames.mean(axis=1, keepdims=True)
    spectrum = np.fft.rfft(frames, 1 << (frame + _LONGEST).bit_length(), axis=1)
    correlation = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, axis=1)[:, _SHORTEST : _LONGEST + 1]
    energy = np.zeros((len(frames), frame + 1), np.float32)
    np.cumsum(frames**2, axis=1, out=energy[:, 1:])
    periods = np.arange(_SHORTEST, _LONGEST + 1)
    both = energy[:, frame - periods] * (energy[:, -1:] - energy[:, periods])
    similar = correlation / np.sqrt(both + 1.0)
    inner = similar[:, 1:-1]
    peaks = np.where((inner >= similar[:, :-2]) & (inner > similar[:, 2:]), inner, 0.0)  # only a peak can be a period
    best = peaks.max(axis=1)
    chosen = (peaks >= _NEARLY * best[:, None]).argmax(axis=1)
    pitch = 12 * np.log2(EAR_HZ / _THINNED / _LOWEST_HZ / _between(similar, chosen + 1))
    loud = energy[:, -1] > energy[:, -1].max() * 10 ** (-_EDGE_DB / 10)
    return np.asarray(np.where((best > _VOICED) & loud, pitch, np.nan), np.float32)


def _settled(semitones: Samples) -> Samples:
    """Without the pitch of runs that are too short to be a voice's, and with octaves put right."""
    voiced = np.flatnonzero(np.isfinite(semitones))
    runs = np.split(voiced, np.flatnonzero(np.diff(voiced) > 1) + 1)
    long = [run for run in runs if len(run) >= _SHORTEST_RUN]
    if not long:
        return semitones
    kept = np.concatenate(long)
    settled = np.full_like(semitones, np.nan)
    off = semitones[kept] - _median(semitones[kept])
    settled[kept] = semitones[kept] - np.where((off > _ABOVE) | (off < -_BELOW), 12 * np.round(off / 12), 0)
    return settled


def _between(similar: npt.NDArray[np.floating], chosen: npt.NDArray[np.intp]) -> Samples:
    """The period at the top of the parabola through a peak and its neighbours: 4 kHz alone would be a semitone coarse."""
    rows = np.arange(len(similar))
    left, top, right = (similar[rows, chosen + step] for step in (-1, 0, 1))
    bend = left - 2 * top + right
    shift = np.where(bend < -1e-6, 0.5 * (left - right) / np.minimum(bend, -1e-6), 0.0)
    return np.asarray(_SHORTEST + chosen + np.clip(shift, -0.5, 0.5), np.float32)


def _last_run(voiced: npt.NDArray[np.intp]) -> int:
    """How many frames the last unbroken run of voiced frames has; a break of one frame is forgiven."""
    if not len(voiced):
        return 0
    breaks = np.flatnonzero(np.diff(voiced) > 2)
    return int(voiced[-1] - voiced[breaks[-1] + 1] + 1) if len(breaks) else int(voiced[-1] - voiced[0] + 1)


def _pace(levels: Samples) -> float:
    """Mean distance between syllables over the length of the last one, measured between the peaks of the level."""
    smooth = np.convolve(levels, np.ones(7) / 7, "valid")
    peaks = np.flatnonzero((smooth[1:-1] > smooth[:-2]) & (smooth[1:-1] >= smooth[2:]) & (smooth[1:-1] > levels.max() - 18)) + 1
    if len(peaks) < 3:
        return 1.0
    last = max(5, len(levels) - int(peaks[-1]))
    return float(np.clip(np.diff(peaks).mean() / (2 * last), 0.25, 4.0))


class ProsodyEndOfTurn:
    """Judges by how the sound ends; without enough sound it knows nothing and says 0.5."""

    blocking = False

    def probability(self, text: str, sound: bytes = b"") -> float:
        """As `EndOfTurnModel.probability`; the text is not looked at."""
        ending = measure(sound)
        return 0.5 if ending is None else 1 / (1 + math.exp(-score(ending)))


def score(ending: Ending) -> float:
    """How much an ending sounds like that of a turn, as log odds."""
    return (
        WEIGHT_FALL * min(4.0, max(-6.0, ending.fall))
        + WEIGHT_SLOPE * min(6.0, max(-6.0, ending.slope))
        + WEIGHT_DECAY * math.log2(1 + ending.decay_ms / 20)
        + WEIGHT_VOICE * min(600.0, ending.last_voice_ms) / 100
        + WEIGHT_PACE * math.log2(ending.pace)
        + BIAS
    )
