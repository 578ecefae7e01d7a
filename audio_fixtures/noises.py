"""Sounds that are not speech, made from seeded random numbers. All are float arrays at 16 kHz in units of full scale.

The random numbers come from numpy's `RandomState`, the one generator whose stream is promised never to change.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

RATE_HZ = 16_000
Sound = npt.NDArray[np.float64]


def white(seconds: float, dbfs: float, seed: int) -> Sound:
    """White noise at an RMS level."""
    return np.random.RandomState(seed).standard_normal(round(seconds * RATE_HZ)) * 10 ** (dbfs / 20)


def cough(seed: int, bursts: int = 1, loudness: float = 0.5) -> Sound:
    """Cough-like bursts: breath bursts out in 10 ms, rings in the throat, and dies away within 300 ms.

    The resonances are those of an open throat (near 500, 1400 and 2600 Hz), moved a little by the seed.
    """
    random = np.random.RandomState(seed)
    parts = []
    for _ in range(bursts):
        shift = 1 + 0.15 * random.uniform(-1, 1)
        burst = _coloured(random.standard_normal(round(0.32 * RATE_HZ)), [(500 * shift, 200), (1400 * shift, 350), (2600, 600)])
        time = np.arange(burst.size) / RATE_HZ
        shape = np.minimum(time / 0.010, 1) * np.exp(-time / 0.060) + 0.15 * np.exp(-(((time - 0.2) / 0.05) ** 2))
        parts += [burst * shape, np.zeros(round(0.12 * RATE_HZ))]
    return _peak(np.concatenate(parts[:-1]), loudness)


def throat_clearing(seed: int, loudness: float = 0.3) -> Sound:
    """A rough low rattle of 450 ms: pulses at 60 to 90 Hz, none like the next, through a closed throat."""
    random = np.random.RandomState(seed)
    pulses = np.zeros(round(0.45 * RATE_HZ))
    at = 0.0
    while at < pulses.size:
        pulses[int(at)] = random.uniform(0.4, 1.0)
        at += RATE_HZ / random.uniform(60, 90)
    rattle = _coloured(pulses + 0.05 * random.standard_normal(pulses.size), [(350, 150), (1000, 400)])
    return _peak(rattle * np.hanning(pulses.size) ** 0.5, loudness)


def door_knocks(seed: int, knocks: int = 3, loudness: float = 0.6) -> Sound:
    """Knuckles on wood, 180 ms apart: a click that rings at 150 to 400 Hz for 40 ms."""
    random = np.random.RandomState(seed)
    sound = np.zeros(round((0.18 * knocks + 0.1) * RATE_HZ))
    for knock in range(knocks):
        time = np.arange(round(0.15 * RATE_HZ)) / RATE_HZ
        ring = sum(np.sin(2 * np.pi * hz * time) * np.exp(-time / 0.025) for hz in random.uniform(150, 400, 3))
        click = random.standard_normal(time.size) * np.exp(-time / 0.002)
        start = round(knock * 0.18 * RATE_HZ)
        sound[start : start + time.size] += (ring + click) * random.uniform(0.8, 1.0)
    return _peak(sound, loudness)


def key_clicks(seed: int, keys: int = 12, loudness: float = 0.3) -> Sound:
    """Typing: for each key a sharp click of 4 ms and its softer release 70 ms later, 90 to 220 ms apart."""
    random = np.random.RandomState(seed)
    gaps = random.uniform(0.09, 0.22, keys)
    sound = np.zeros(round((gaps.sum() + 0.2) * RATE_HZ))
    for start_s in np.cumsum(gaps) - gaps[0]:
        for delay_s, gain in ((0.0, 1.0), (0.07, 0.4)):
            time = np.arange(round(0.02 * RATE_HZ)) / RATE_HZ
            click = _coloured(random.standard_normal(time.size), [(2500, 1500), (5000, 2000)]) * np.exp(-time / 0.004)
            start = round((start_s + delay_s) * RATE_HZ)
            sound[start : start + time.size] += click * gain * random.uniform(0.7, 1.0)
    return _peak(sound, loudness)


NOISES: dict[str, tuple[str, Callable[[], Sound]]] = {
    "noise/cough-1": ("one cough-like burst", lambda: cough(11)),
    "noise/cough-2": ("two cough-like bursts", lambda: cough(12, bursts=2, loudness=0.7)),
    "noise/cough-3": ("three cough-like bursts", lambda: cough(13, bursts=3)),
    "noise/cough-quiet": ("one quiet cough-like burst", lambda: cough(14, loudness=0.1)),
    "noise/throat": ("clearing the throat", lambda: throat_clearing(21)),
    "noise/door": ("three knocks on a door", lambda: door_knocks(31)),
    "noise/keys": ("twelve key clicks", lambda: key_clicks(41)),
    "noise/white": ("white noise at -30 dBFS", lambda: white(2.0, -30.0, 51)),
    "noise/silence": ("digital silence", lambda: np.zeros(RATE_HZ)),
}
"""What it is and how it is made, by name."""


def _coloured(noise: Sound, resonances: list[tuple[float, float]]) -> Sound:
    # Resonances as (centre, half width) in Hz, laid over the spectrum: no phase to care about in noise.
    spectrum = np.fft.rfft(noise)
    hz = np.fft.rfftfreq(noise.size, 1 / RATE_HZ)
    gain = sum(1 / (1 + ((hz - centre) / width) ** 2) for centre, width in resonances)
    return np.fft.irfft(spectrum * gain, noise.size)


def _peak(sound: Sound, loudness: float) -> Sound:
    return sound * (loudness / np.abs(sound).max())
