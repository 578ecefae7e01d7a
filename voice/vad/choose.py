"""Which detector a server uses, and why."""

from collections.abc import Callable
from pathlib import Path

from .base import VADEngine, VADError

BEST_FIRST = ("silero", "pysilero", "webrtc")
"""Order in which engines are tried when none is named."""

NAMES = (*BEST_FIRST, "energy")
"""Engines that configuration may name."""


def choose_vad(name: str | None, model_path: str | Path | None = None) -> tuple[VADEngine, str]:
    """The engine called `name`, or the best one that works here when `name` is None, and the reason in words.

    `model_path` is the ONNX file for `silero`; it is looked for in the `silero-vad` distribution when it is None. Raises VADError
    when the named engine, or every engine, cannot be used, with what to install; or when `name` is unknown.
    """
    if name is not None:
        return _make(name, model_path), "named in the configuration"
    if model_path is not None:  # whoever names a file wants that file, not whatever works
        return _make("silero", model_path), f"its network is set to {model_path}"
    missing: list[str] = []
    for candidate in BEST_FIRST:
        try:
            engine = _make(candidate, None)
        except VADError as error:
            missing.append(f"{candidate}: {error}")
        else:
            return engine, "; ".join([_GOOD_FOR[candidate], *missing])
    raise VADError("no voice activity detector can be used:\n  " + "\n  ".join(missing))


_GOOD_FOR = {
    "silero": "Silero v6, one shared network for all callers",
    "pysilero": "Silero v6, one network a caller",
    "webrtc": "light, but noise and coughs pass for speech",
}


def _silero(model_path: str | Path | None) -> VADEngine:
    from .silero import SileroVAD

    return SileroVAD(model_path)


def _pysilero() -> VADEngine:
    from .pysilero import PySileroVAD

    return PySileroVAD()


def _webrtc() -> VADEngine:
    from .webrtc import WebRTCVAD

    return WebRTCVAD()


def _energy() -> VADEngine:
    from .energy import EnergyVAD

    return EnergyVAD()


_WITHOUT_A_FILE: dict[str, Callable[[], VADEngine]] = {"pysilero": _pysilero, "webrtc": _webrtc, "energy": _energy}


def _make(name: str, model_path: str | Path | None) -> VADEngine:
    if name == "silero":
        return _silero(model_path)
    if name not in _WITHOUT_A_FILE:
        raise VADError(f"there is no voice activity detector {name!r}; there are {', '.join(NAMES)}")
    if model_path is not None:
        raise VADError(f"{name} takes no model file; {model_path} was given. Only silero does")
    return _WITHOUT_A_FILE[name]()
