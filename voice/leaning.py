"""Leaning on what a package does not promise: its attributes are named where they are used, and looked for before they are."""

import importlib.metadata
from collections.abc import Iterable


class Gone(ImportError):
    """A package that is installed is not the one we build on. The text says what it lacks, and what to install."""


def missing(owner: object, names: Iterable[str]) -> list[str]:
    """Which of these a class, an object or a module does not have."""
    return [name for name in names if not hasattr(owner, name)]


def lean_on(package: str, owner: object, names: Iterable[str], extra: str) -> None:
    """Makes sure that something of a package has what we use of it. `extra`: ours that holds the versions which do. Raises Gone."""
    if lacks := missing(owner, names):
        whose = owner if isinstance(owner, type) else type(owner)
        version = importlib.metadata.version(package)
        raise Gone(f"{package} {version} is not one that Hubbub knows: {whose.__name__} has no {', '.join(lacks)}; pip install '{extra}'")
