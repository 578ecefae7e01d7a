"""The Moonshine network: sound in, words out, in some tens of milliseconds of one core for a sentence.

Moonshine (Useful Sensors, arXiv 2410.15608; MIT) is a transformer that hears as much sound as there is, without the half minute of silence
that Whisper wants behind every word. Its smallest English network has 27 million parameters. An encoder makes a vector of each 24 ms,
a decoder says the words one piece after another, the likeliest each time.

Pure but for the reading of the files.
"""

import importlib.util
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..audio.frames import EAR_HZ
from ..audio.pcm import FULL_SCALE
from ..network import open_network

FILES = ("encoder_model.ort", "decoder_model_merged.ort", "tokenizer.bin")

BEGIN, END = 1, 2
"""The decoder's ids for where a text begins and ends."""

PIECES_A_SECOND = 6.5
"""Nobody says more (the authors' own bound against endless repetition)."""

SHORTEST = EAR_HZ // 8
"""What is shorter gets silence behind it: the encoder's first layers reach over 110 ms."""

_WORD_BEGINS = "\u2581".encode()  # SentencePiece's sign for the space before a word


class MoonshineError(Exception):
    """The network's files are missing or cannot be used; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class Said:
    """What was recognised."""

    text: str
    """As it is written, with capitals and stops."""

    confidence: float
    """Geometric mean of the probabilities of its pieces, 0 to 1; 0 for no text."""


class MoonshineModel:
    """The loaded network. May be used from several threads at once."""

    def __init__(self, folder: Path) -> None:
        """Raises MoonshineError."""
        encoder, decoder, tokenizer = (folder / name for name in FILES)
        if missing := [path.name for path in (encoder, decoder, tokenizer) if not path.is_file()]:
            raise MoonshineError(f"{folder} has no {', no '.join(missing)}")
        self._encoder, self._decoder = _session(encoder), _session(decoder)
        self._pieces = read_pieces(tokenizer.read_bytes())
        self._past = {one.name: one for one in self._decoder.get_inputs() if one.name.startswith("past_key_values.")}
        known = {one.name for one in self._decoder.get_inputs()} - set(self._past)
        if known != {"encoder_attention_mask", "input_ids", "encoder_hidden_states", "use_cache_branch"}:
            raise MoonshineError(f"{decoder} is no Moonshine decoder: it takes {sorted(known)}")

    def recognise(self, pcm: bytes) -> Said:
        """What is said in PCM16 at 16 kHz, half a minute at most."""
        sound = (np.frombuffer(pcm, np.int16) / np.float32(FULL_SCALE)).astype(np.float32)
        if len(sound) < SHORTEST:
            sound = np.pad(sound, (0, SHORTEST - len(sound)))
        mask = np.ones((1, len(sound)), np.int64)
        (hidden,) = self._encoder.run(None, {"input_values": sound[None], "attention_mask": mask})
        ids, certainty = self._say(hidden, mask, max(4, math.ceil(len(sound) / EAR_HZ * PIECES_A_SECOND)))
        text = b"".join(self._pieces[one] for one in ids).replace(_WORD_BEGINS, b" ").decode(errors="replace").strip()
        return Said(text, math.exp(certainty / max(1, len(ids))) if text else 0.0)

    def _say(self, hidden: npt.NDArray[np.float32], mask: npt.NDArray[np.int64], most: int) -> tuple[list[int], float]:
        """Ids of the pieces, and the sum of the logarithms of their probabilities."""
        past = {name: np.zeros((1, one.shape[1], 0, one.shape[3]), np.float32) for name, one in self._past.items()}
        ids: list[int] = []
        newest, certainty = BEGIN, 0.0
        for place in range(most):
            feeds = {
                "encoder_attention_mask": mask, "encoder_hidden_states": hidden, "input_ids": np.array([[newest]], np.int64),
                "use_cache_branch": np.array([place > 0]), **past,
            }  # fmt: skip
            logits, *present = self._decoder.run(None, feeds)
            for name, values in zip(past, present, strict=True):
                if place == 0 or ".decoder." in name:  # what the encoder said stays as it is
                    past[name] = values
            odds = logits[0, -1]
            newest = int(odds.argmax())
            if newest == END:
                break
            certainty -= math.log(float(np.exp(odds - odds[newest]).sum()))
            ids.append(newest)
        return ids, certainty


def read_pieces(data: bytes) -> list[bytes]:
    """The pieces of words by their ids: each with its length before it, in one byte, or from 128 on in two. Raises MoonshineError."""
    pieces: list[bytes] = []
    at = 0
    while at < len(data):
        length = data[at]
        at += 1
        if length >= 128:
            if at == len(data):
                raise MoonshineError("the tokenizer's file is cut off")
            length += data[at] * 128 - 128
            at += 1
        if at + length > len(data):
            raise MoonshineError("the tokenizer's file is cut off")
        pieces.append(data[at : at + length])
        at += length
    return pieces


def find_model() -> Path | None:
    """The folder of the network that the distribution `moonshine-voice` carries (releases that do: 0.0.49), found without importing it."""
    spec = importlib.util.find_spec("moonshine_voice")
    for place in (spec.submodule_search_locations or ()) if spec is not None else ():
        folder = Path(place) / "assets" / "tiny-en"
        if all((folder / name).is_file() for name in FILES):
            return folder
    return None


def _session(path: Path) -> Any:
    try:
        return open_network(path)
    except Exception as error:  # onnxruntime has no common base class for what it raises
        raise MoonshineError(f"{path} cannot be loaded as a network: {error}") from error
