"""The sequential pipeline of 0.x, by both its names. Branches and loops are Python's `if`, `for` and `while`."""

from .functional import sequential_pipeline, sequentialpipeline

__all__ = ["sequential_pipeline", "sequentialpipeline"]
