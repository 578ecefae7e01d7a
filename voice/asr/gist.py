"""What speech over a reply sounds like: does it ask for the floor? Without looking for words.

A recogniser that must find words finds "oh" and "got" in a synthetic or unusual voice's "no". A network that was trained on millions of
recordings to tell spoken words apart (Google's speech embedding, Apache 2.0, arXiv 2002.01322) makes 96 numbers of each 775 ms of sound,
in which one word lies near the same word of another voice. From them, their maxima and their means since the speech began, a
small network of our own says how likely a claim is; `audio_fixtures/listen.py` fitted it and says how well it does on voices left out.

Only the network's files are used, from the distribution `openwakeword`, which carries them up to release 0.4. Where they, or onnxruntime,
are missing there is no gist, and the words must do.
"""

import importlib.util
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import open_network

Numbers = npt.NDArray[np.float32]

HOP = 1280
"""Samples at 16 kHz between two looks: 80 ms, the network's own step."""

ONSET = 5120
"""Where in an utterance's sound the speech begins: behind the pre-roll of 320 ms (`TurnPolicy.pre_roll_ms`)."""

FIRST_LOOK = ONSET + 2 * HOP
"""The first look is 160 ms behind the onset: before that there is nothing to know."""

MOST_LOOKS = 20
"""What is said later than 1.7 s after the onset adds nothing: by then it has been decided."""

LONGEST_MS = 1200.0
"""Time since the onset counts up to this."""

FRAME, FRAMES, BANDS = 160, 76, 32
"""Samples of a frame of the spectrum, frames that the network looks at, and bands of each."""

_MEL_LEAD = 480
"""Samples before a hop that its first frame of the spectrum reaches back for."""

HISS = 8.0
"""RMS of the noise that stands for what was before the utterance's sound, in steps of 16 bits: the network knows no digital silence."""

WEIGHTS = Path(__file__).with_name("gist.npz")


class Gist:
    """Listens to one utterance at a time. Takes 2 to 3 ms of a core for each 80 ms of sound."""

    def __init__(self, spectrum: Any, network: Any) -> None:
        """`spectrum` and `network`: onnxruntime sessions, see `load_gist`."""
        self._spectrum = spectrum
        self._network = network
        with np.load(WEIGHTS) as fitted:
            self._judge = (fitted["hidden"].astype(np.float32), fitted["hidden_bias"], fitted["weights"], float(fitted["bias"]))
        self._mels = self._silence = spectrum_of(spectrum, _hiss(FRAMES * FRAME + _MEL_LEAD))
        self.begin()

    def begin(self) -> None:
        """A new utterance."""
        self._rest = _hiss(_MEL_LEAD)
        self._mels = self._silence
        self._at = 0
        self._looks: list[Numbers] = []

    def feed(self, pcm: bytes) -> None:
        """Adds PCM16 at 16 kHz."""
        if len(self._looks) >= MOST_LOOKS:
            return
        self._rest = np.concatenate([self._rest, np.frombuffer(pcm, np.int16).astype(np.float32)])
        while len(self._rest) >= _MEL_LEAD + HOP and len(self._looks) < MOST_LOOKS:
            self._mels = np.concatenate([self._mels, spectrum_of(self._spectrum, self._rest[: _MEL_LEAD + HOP])])[-FRAMES:]
            self._rest = self._rest[HOP:]
            self._at += HOP
            if self._at >= FIRST_LOOK:
                self._looks.append(embedded(self._network, self._mels[None])[0])

    def odds(self) -> float | None:
        """The log odds that what was said so far asks for the floor; None where that is too little."""
        if not self._looks:
            return None
        said_ms = (self._at - ONSET) / 16
        return float(judged(pooled(np.stack(self._looks), said_ms)[None], *self._judge)[0])


def judged(values: Numbers, hidden: Numbers, hidden_bias: Numbers, weights: Numbers, bias: float) -> Numbers:
    """Log odds of a claim (n,) by rows of what `pooled` gives: one layer of units that are silent or as loud as their sum, and its sum."""
    odds: Numbers = np.maximum(values @ hidden + hidden_bias, 0) @ weights + np.float32(bias)
    return odds


def pooled(looks: Numbers, said_ms: float) -> Numbers:
    """What is judged: the newest of the embeddings (n, 96), their maxima and means, and the time since the onset."""
    return np.concatenate([looks[-1], looks.max(axis=0), looks.mean(axis=0), [min(said_ms, LONGEST_MS) / 400]]).astype(np.float32)


def spectrum_of(spectrum: Any, samples: npt.NDArray[Any]) -> Numbers:
    """A mel spectrum (frames, 32) as the network wants it: 10 ms a frame, 25 ms windows, decibels in tenths and 2 added."""
    found: Numbers = spectrum.run(None, {"input": samples[None].astype(np.float32)})[0].reshape(-1, BANDS) / 10 + 2
    return found


def embedded(network: Any, mels: Numbers) -> Numbers:
    """Spectra (n, 76, 32) to embeddings (n, 96)."""
    found: Numbers = network.run(None, {"input_1": mels[..., None].astype(np.float32)})[0].reshape(-1, 96)
    return found


def load_gist() -> Gist | None:
    """A gist with its networks, which takes a third of a second of a core (the import of onnxruntime); None where something is missing."""
    networks = load_networks()
    return Gist(*networks) if networks is not None and WEIGHTS.exists() else None


def load_networks() -> tuple[Any, Any] | None:
    """The sessions that make spectra and embeddings, for one process, which must not fork afterwards."""
    folder = find_networks()
    if folder is None:
        return None
    try:
        return open_network(folder / "melspectrogram.onnx"), open_network(folder / "embedding_model.onnx")
    except ImportError:
        return None


@lru_cache(maxsize=1)
def find_networks() -> Path | None:
    """The folder with the network's files, found without importing the distribution."""
    spec = importlib.util.find_spec("openwakeword")
    for place in (spec.submodule_search_locations or ()) if spec else ():
        folder = Path(place, "resources", "models")
        if (folder / "embedding_model.onnx").is_file() and (folder / "melspectrogram.onnx").is_file():
            return folder
    return None


def _hiss(samples: int) -> Numbers:
    return np.random.default_rng(0).normal(0, HISS, samples).astype(np.float32)
