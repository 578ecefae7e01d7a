"""Which end-of-turn model a name stands for."""

from collections.abc import Callable
from pathlib import Path

from .turn.complete import CombinedEndOfTurn, EndOfTurnModel, SilenceEndOfTurn, TextEndOfTurn
from .turn.prosody import ProsodyEndOfTurn

MODELS = ("silence", "text", "prosody", "combined")


class UnknownModelError(ValueError):
    """No end-of-turn model has this name. The message lists those there are."""


def make_model(name: str) -> EndOfTurnModel:
    """The model of a name: one of `MODELS`, or `onnx:PATH` for Smart Turn's interface. Raises UnknownModelError, and what
    `OnnxEndOfTurn` raises."""
    if name.startswith("onnx:"):
        from .smart_turn import OnnxEndOfTurn

        return OnnxEndOfTurn(Path(name.removeprefix("onnx:")))
    kinds: dict[str, Callable[[], EndOfTurnModel]] = {
        "silence": SilenceEndOfTurn, "text": TextEndOfTurn, "prosody": ProsodyEndOfTurn, "combined": CombinedEndOfTurn,
    }
    if name not in kinds:
        raise UnknownModelError(f"there is no end-of-turn model {name!r}; there are {', '.join(MODELS)} and onnx:PATH")
    return kinds[name]()
