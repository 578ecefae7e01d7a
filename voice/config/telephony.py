"""What can be configured of telephone calls."""

import re
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_core import PydanticCustomError

from .asterisk import AsteriskConfig, RoomName
from .section import Section

Account = Annotated[str, Field(min_length=1, max_length=200)]
NumberPattern = Annotated[str, Field(pattern=r"^(\*|\+?[0-9]{1,20}\*?)$")]
"""A telephone number, or the beginning of one with `*` behind it, or `*` for any."""
ApiUrl = Annotated[str, Field(pattern=r"^https?://", max_length=500)]


class TwilioConfig(Section):
    """An account of Twilio."""

    account_sid: Account
    auth_token: SecretStr
    """Only as `${VARIABLE}`, as all secrets. Signs the webhooks, and opens the REST interface."""
    signing_key: SecretStr | None = None
    """The secret of a shared key, where webhooks are signed with one (HMAC-SHA256)."""
    number: str | None = Field(default=None, pattern=r"^\+[0-9]{5,20}$")
    """Number that outgoing calls come from."""
    api_url: ApiUrl = "https://api.twilio.com"


class TelnyxConfig(Section):
    """An account of Telnyx, with a TeXML application, or a Call Control one."""

    api_key: SecretStr
    public_key: str = Field(min_length=43, max_length=44)
    """The account's public key, base64, which webhooks are checked with. No secret."""
    application_id: str | None = Field(default=None, min_length=1, max_length=100)
    """The TeXML application that outgoing calls belong to."""
    connection_id: str | None = Field(default=None, min_length=1, max_length=100)
    """The Call Control application that outgoing calls belong to, instead of a TeXML one."""
    codec: Literal["PCMU", "PCMA", "L16"] = "PCMU"
    """What to ask for; L16 comes at 16 kHz."""
    number: str | None = Field(default=None, pattern=r"^\+[0-9]{5,20}$")
    api_url: ApiUrl = "https://api.telnyx.com"


class PlivoConfig(Section):
    """An account of Plivo."""

    auth_id: Account
    auth_token: SecretStr
    codec: Literal["mulaw", "l16"] = "mulaw"
    """What to ask for; l16 comes at 16 kHz."""
    number: str | None = Field(default=None, pattern=r"^\+?[0-9]{5,20}$")
    api_url: ApiUrl = "https://api.plivo.com"


class VonageConfig(Section):
    """An application of Vonage."""

    application_id: Account
    signature_secret: SecretStr
    """The account's signature secret, which webhooks are checked with."""
    private_key: SecretStr | None = None
    """The application's private key (PEM), for outgoing calls, transfers and hanging up."""
    rate_hz: Literal[8000, 16000, 24000] = 16000
    number: str | None = Field(default=None, pattern=r"^\+?[0-9]{5,20}$")
    api_url: ApiUrl = "https://api.nexmo.com"


class ExotelConfig(Section):
    """An account of Exotel. Its applet opens the stream with these as user and password."""

    api_key: SecretStr
    api_token: SecretStr
    account_sid: Account
    number: str | None = Field(default=None, pattern=r"^\+?[0-9]{5,20}$")
    api_url: ApiUrl = "https://api.exotel.com"


class NumberConfig(Section):
    """Where calls to one of our numbers go."""

    room: RoomName
    agent: str | None = Field(default=None, min_length=1, max_length=64)
    """Who of the room's agents answers; None for its first."""


class TelephonyConfig(Section):
    """Who may bring calls in, and how."""

    url: str | None = Field(default=None, pattern=r"^https?://[^?#]+$", max_length=500)
    """Where carriers reach this server, such as `https://voice.example.com`; None for the address that they say they called."""
    room: RoomName = "default"
    """Room of the calls that nothing else says a room of."""
    private_rooms: bool = True
    """Each call gets a room of its own, made like the one it was meant for. False puts all its callers into that room together."""
    mask_numbers: bool = True
    """Callers are shown, and logged, by the last four digits of their numbers."""
    numbers: dict[str, NumberConfig] = Field(default={}, max_length=10_000)
    """Where calls go, by the number that was called."""
    callers: tuple[NumberPattern, ...] = Field(default=("*",), max_length=10_000)
    """Numbers that may call."""
    destinations: tuple[NumberPattern, ...] = Field(default=(), max_length=10_000)
    """Numbers that may be called, and to which callers may be transferred; none unless they stand here: calls cost money."""
    max_calls: int = Field(default=50, ge=0, le=10_000)
    """Calls at a time, of all carriers."""
    max_call_s: float = Field(default=3600, ge=10, le=86_400)
    """Longest call, in seconds."""
    hold_music: str | None = Field(default=None, max_length=1000)
    """File of the sound on hold; None for comfort noise."""
    twilio: TwilioConfig | None = None
    telnyx: TelnyxConfig | None = None
    plivo: PlivoConfig | None = None
    vonage: VonageConfig | None = None
    exotel: ExotelConfig | None = None
    asterisk: AsteriskConfig = AsteriskConfig()

    @field_validator("numbers")
    @classmethod
    def _plain(cls, numbers: dict[str, NumberConfig]) -> dict[str, NumberConfig]:
        for number in numbers:
            if not re.fullmatch(r"\+?[0-9]{1,20}", number):
                message = "must have telephone numbers as keys, in quotes, such as '+14155550100', not {number}"
                raise PydanticCustomError("number", message, {"number": repr(number)})
        return numbers


def digits_of(number: str) -> str:
    """A number as digits alone: some carriers put a plus before it, others do not."""
    return number.lstrip("+")


def allows(patterns: tuple[str, ...], number: str) -> bool:
    """Whether a number fits one of the patterns."""
    digits = digits_of(number)
    return any(
        digits.startswith(pattern[:-1]) if pattern.endswith("*") else digits == pattern for pattern in map(digits_of, patterns)
    )
