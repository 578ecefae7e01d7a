"""The shared core of all carriers' REST interfaces."""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

TIMEOUT_S = 10.0

MAX_ANSWER_BYTES = 1_000_000


class RestError(Exception):
    """The carrier did not do what it was asked. The text says what it answered; it holds no secret."""


@dataclass(frozen=True, slots=True)
class Dial:
    """A call to be made."""

    to: str
    sender: str
    """Number that the call comes from."""
    answer_url: str
    """What the carrier asks when the call is answered."""
    status_url: str
    """Where it tells what becomes of the call."""
    ring_s: int = 30
    """How long it may ring."""


class CarrierREST(ABC):
    """One account at one carrier. `client` is for tests; the one that is made here belongs to the object."""

    def __init__(self, api_url: str, client: httpx.AsyncClient | None = None) -> None:
        self._base = api_url.rstrip("/")
        self._client = client or httpx.AsyncClient(timeout=TIMEOUT_S)

    @abstractmethod
    async def dial(self, dial: Dial) -> str:
        """Calls somebody; answers the carrier's id of the call, or of the request. Raises RestError."""

    @abstractmethod
    async def hang_up(self, call_id: str) -> None:
        """Ends a call. Raises RestError."""

    @abstractmethod
    async def transfer(self, call_id: str, number: str, answer_url: str) -> None:
        """Puts a caller through to a number; his stream to us ends. `answer_url` tells a carrier that asks what to do. Raises RestError."""

    async def close(self) -> None:
        """Ends what it holds."""
        await self._client.aclose()

    async def _ask(self, method: str, path: str, **options: Any) -> Mapping[str, Any]:
        """Sends a request and reads its answer; a call that is gone already is no error for who ends it. Raises RestError."""
        try:
            answer = await self._client.request(method, f"{self._base}{path}", timeout=TIMEOUT_S, **options)
        except httpx.HTTPError as error:
            raise RestError(f"{self._base} cannot be reached: {type(error).__name__} {error}".rstrip()) from None
        if answer.status_code >= 400:
            raise RestError(f"{method} {self._base}{path} answered {answer.status_code}: {_words(answer.text)}")
        try:
            value = answer.json() if answer.content and len(answer.content) <= MAX_ANSWER_BYTES else {}
        except ValueError:
            value = {}
        return value if isinstance(value, dict) else {}


def call_path(call_id: str) -> str:
    """A call's id as a part of a path: it came from outside."""
    return quote(call_id, safe="")


def found(value: object, what: str) -> str:
    """An id in an answer. Raises RestError."""
    if not isinstance(value, str) or not value:
        raise RestError(f"the carrier's answer holds no {what}")
    return value


def _words(text: str) -> str:
    return re.sub(r"\s+", " ", text)[:300]
