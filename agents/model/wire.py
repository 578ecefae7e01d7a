"""What the providers' adapters share: waiting with a limit, reading Retry-After, and keeping keys out of messages."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from .base import ChatModelError

TRANSIENT_STATUS = frozenset({408, 409, 429, 500, 502, 503, 504, 529})
"""The statuses after which OpenAI's own package tries again (its README, "Retries"), and 529, which others send when
overloaded."""

LONGEST_REASON = 300
"""How many characters of a provider's own words go into an error."""

_END = object()


async def each_within(items: AsyncIterator[Any], timeout_s: float, name: str) -> AsyncIterator[Any]:
    """The items, each of which must come within `timeout_s`. The clock does not run while the reader is busy with one.

    Raises ChatModelError, transient, where one does not come.
    """
    while True:
        try:
            async with asyncio.timeout(timeout_s):
                item = await anext(items, _END)
        except TimeoutError:
            raise ChatModelError(f"{name} sent nothing for {timeout_s:g} s", transient=True) from None
        if item is _END:
            return
        yield item


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """How long the provider asks to wait: `retry-after-ms`, or `retry-after` in seconds or as a date (RFC 9110, 10.2.3)."""
    try:
        if milliseconds := headers.get("retry-after-ms"):
            return float(milliseconds) / 1000
        value = headers.get("retry-after")
        if value is None:
            return None
        if value.strip().replace(".", "", 1).isdigit():
            return float(value)
        when = parsedate_to_datetime(value)
        return max(0.0, ((when if when.tzinfo else when.replace(tzinfo=UTC)) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def without_key(text: object, key: str) -> str:
    """A provider's words, shortened, without the key that some of them quote."""
    words = " ".join(str(text or "").split())
    if key:
        words = words.replace(key, "[key]")
    return words if len(words) <= LONGEST_REASON else words[:LONGEST_REASON] + "…"


def chosen_name(model: str, model_name: str) -> str:
    """The model's name, given by our word or by AgentScope's. Raises TypeError where there is none, or where there are two."""
    if model and model_name and model != model_name:
        raise TypeError(f"model and model_name are two words for one thing, but differ: {model!r}, {model_name!r}")
    if not (model or model_name):
        raise TypeError("a model needs its name at the provider: model=…")
    return model or model_name
