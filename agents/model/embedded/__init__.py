"""The embedded rule-based model: what answers where there is no key and no network."""

from .model import EmbeddedModel

__all__ = ["EmbeddedModel"]
