"""Which recogniser a room uses, and why.

An engine is a file of its own in this folder. It is listed here by what it is called in configuration and by what it needs; the
first whose needs are met is chosen where configuration names none.
"""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .base import ASREngine


@dataclass(frozen=True, slots=True)
class _Offer:
    lacks: Callable[[Mapping[str, str]], str]
    """What is missing and how to get it, or empty."""
    why: str
    make: Callable[[Mapping[str, str]], ASREngine]


def _pocketsphinx_lacks(environ: Mapping[str, str]) -> str:
    if importlib.util.find_spec("pocketsphinx") is None:
        return "the package pocketsphinx: pip install 'hubbub[offline]'"
    return ""


def _make_pocketsphinx(environ: Mapping[str, str]) -> ASREngine:
    from .pocketsphinx import PocketSphinxASR

    return PocketSphinxASR()


def _moonshine_lacks(environ: Mapping[str, str]) -> str:
    from .moonshine import INSTALL
    from .moonshine_model import find_model

    if importlib.util.find_spec("onnxruntime") is None:
        return "the package onnxruntime: pip install 'hubbub[offline]'"
    return "" if find_model() is not None else f"its network: {INSTALL}"


def _make_moonshine(environ: Mapping[str, str]) -> ASREngine:
    from .moonshine import MoonshineASR

    return MoonshineASR()


_OFFERS = {
    "moonshine": _Offer(_moonshine_lacks, "it works with no key and no network", _make_moonshine),
    "pocketsphinx": _Offer(_pocketsphinx_lacks, "it works with no key and no network", _make_pocketsphinx),
}
"""Best first: the first whose needs are met serves where configuration names none."""


def choose_asr(name: str | None, environ: Mapping[str, str]) -> tuple[ASREngine, str]:
    """The engine that is to be used, not started yet, and a phrase that says why it was chosen.

    `name` is what configuration asks for, None for the best that the machine has. `environ` holds keys and addresses
    (`os.environ`). Raises ValueError for a name that no engine has, and RuntimeError saying what to install or set where the
    engine asked for, or every engine, lacks something.
    """
    if name is not None:
        offer = _OFFERS.get(name)
        if offer is None:
            raise ValueError(f"no recogniser is called {name!r}; there is {', '.join(sorted(_OFFERS))}")
        if missing := offer.lacks(environ):
            raise RuntimeError(f"the recogniser {name} needs {missing}")
        return offer.make(environ), "it is what the configuration asks for"
    lacking: list[str] = []
    for known, offer in _OFFERS.items():
        missing = offer.lacks(environ)
        if not missing:
            return offer.make(environ), offer.why
        lacking.append(f"{known} needs {missing}")
    raise RuntimeError(f"no recogniser can be used: {'; '.join(lacking)}")
