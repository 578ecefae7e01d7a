"""What can be configured about who may come in, and how much of the server one of them may take."""

import ipaddress
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from .section import Section

MIN_KEY_CHARS = 32
"""HS256 wants a key as long as its digest: 256 bits (RFC 7518, section 3.2). `hubbub token --new-key` makes one."""

SERVER_KEY_ID = "server"
"""The id of the key that `HUBBUB_SERVER_KEY` or `access.key` gives."""

KeyId = Annotated[str, Field(pattern=r"^[\w.-]{1,64}$")]


class ShareConfig(Section):
    """How much one address, or the holders of one key, may take together; null for as much as there is."""

    sessions: int | None = Field(default=None, ge=0, le=100_000)
    """Callers at a time."""
    rooms: int | None = Field(default=None, ge=0, le=100_000)
    """Rooms opened through the API, at a time."""
    joins_a_minute: int | None = Field(default=None, ge=1, le=1_000_000)
    messages_a_minute: int | None = Field(default=None, ge=1, le=100_000_000)
    """Control messages and requests; sound is bounded by real time."""
    minutes_a_day: int | None = Field(default=None, ge=1, le=10_000_000)
    """Minutes of connected sessions, summed."""


class AddressShareConfig(ShareConfig):
    """What one address may take. An office behind one address fits in: 50 lines that report ten playheads a second each send 30,000
    messages a minute, and 2880 minutes are two lines that are busy all day."""

    sessions: int | None = Field(default=50, ge=0, le=100_000)
    rooms: int | None = Field(default=20, ge=0, le=100_000)
    joins_a_minute: int | None = Field(default=120, ge=1, le=1_000_000)
    messages_a_minute: int | None = Field(default=60_000, ge=1, le=100_000_000)
    minutes_a_day: int | None = Field(default=2880, ge=1, le=10_000_000)


class KeyConfig(Section):
    """One server key beside the first: a customer's, or an application's."""

    key: SecretStr
    """Only as `${VARIABLE}`."""
    limits: ShareConfig | None = None
    """None for `server.limits.per_key`."""

    @field_validator("key")
    @classmethod
    def _long(cls, key: SecretStr) -> SecretStr:
        return _long_enough(key)


class AccessConfig(Section):
    """Who may come in."""

    open: bool | None = None
    """None: open where the server listens on loopback, locked elsewhere. True: open to whoever reaches it. False: locked."""
    key: SecretStr | None = None
    """The server key, only as `${VARIABLE}`; None for the variable HUBBUB_SERVER_KEY, where it is set."""
    keys: dict[KeyId, KeyConfig] = Field(default={}, max_length=1000)
    """Further keys by their ids, each with limits of its own."""
    origins: tuple[str, ...] = Field(default=(), max_length=100)
    """Origins of pages that may use this server beside its own, such as `https://example.org`; `*` for any."""
    trusted_proxies: tuple[str, ...] = Field(default=(), max_length=100)
    """Addresses or networks of proxies whose X-Forwarded-For is believed."""

    @field_validator("key")
    @classmethod
    def _long(cls, key: SecretStr | None) -> SecretStr | None:
        return None if key is None else _long_enough(key)

    @field_validator("origins")
    @classmethod
    def _are_origins(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            parts = urlsplit(origin)
            if origin != "*" and (parts.scheme not in ("http", "https") or not parts.hostname or parts.path or parts.query):
                message = "must be origins such as https://example.org, without a path, or '*'; got {origin}"
                raise PydanticCustomError("origins", message, {"origin": repr(origin)})
        return origins

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, proxies: tuple[str, ...]) -> tuple[str, ...]:
        for proxy in proxies:
            try:
                ipaddress.ip_network(proxy, strict=False)
            except ValueError:
                message = "must be addresses or networks such as 10.0.0.0/8; got {proxy}"
                raise PydanticCustomError("trusted_proxies", message, {"proxy": repr(proxy)}) from None
        return proxies


def _long_enough(key: SecretStr) -> SecretStr:
    if len(key.get_secret_value()) < MIN_KEY_CHARS:
        message = "must have at least {chars} characters: make one with 'hubbub token --new-key'"
        raise PydanticCustomError("key", message, {"chars": MIN_KEY_CHARS})
    return key
