"""Pipelines as functions."""

from collections.abc import Sequence

from ...message import Msg
from ..bridge import SyncAgent


def sequentialpipeline(operators: Sequence[SyncAgent], x: Msg | None = None) -> Msg | None:
    """Gives `x` to the first agent, its answer to the second, and so on; the last answer."""
    for operator in operators:
        x = operator(x)
    return x


sequential_pipeline = sequentialpipeline
