"""Room tokens: what somebody who knocks may do, signed with a server key. JSON Web Tokens (RFC 7519), HS256.

Any JWT library can make one; `hubbub token` and `POST /api/tokens` do. Claims: `aud` is `hubbub`; `exp`, `iat` and `jti` as in the RFC
(all needed); `room`, `name` and `role` bind the bearer; `once` makes the token good for one seat. The header's `kid` is the id of the
key (`server` where it is missing).
"""

import secrets
import time
from collections.abc import Mapping
from typing import Annotated, Final, Literal

import jwt
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError, field_validator

from .config.access import SERVER_KEY_ID
from .event import Role
from .grant import Refused

ALGORITHM = "HS256"
AUDIENCE: Final = "hubbub"
LEEWAY_S = 10
"""How far the clocks of who signs and who checks may differ, in seconds."""
MAX_TOKEN_CHARS = 4096
DEFAULT_LIFE_S = 3600
MAX_LIFE_S = 30 * 86_400
"""Longest life of a token that is made here: nobody can take one back before it ends, other than by changing the key."""

RoomName = Annotated[str, StringConstraints(pattern=r"^[\w.-]{1,64}$")]


class Claims(BaseModel):
    """What a token says."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)

    room: RoomName | None = None
    """The only room the bearer may join; None for any."""
    name: Annotated[str, StringConstraints(min_length=1, max_length=64)] | None = None
    """The name he bears; None for one of his choice."""
    role: Role = "speaker"
    """The most he may be."""
    once: bool = False
    """Good for one seat only; its lost connection comes back with the resume token."""
    exp: int
    iat: int
    jti: Annotated[str, StringConstraints(min_length=1, max_length=64)]
    aud: Literal["hubbub"] = AUDIENCE

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str | None) -> str | None:
        if name is not None and (name.strip() != name or not name.isprintable()):
            raise ValueError("a name has only printable characters, and no space at its ends")
        return name


class TokenRequest(BaseModel):
    """What a token shall say: the body of `POST /api/tokens`, the options of `hubbub token`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    room: RoomName | None = None
    name: Annotated[str, StringConstraints(min_length=1, max_length=64, strip_whitespace=True)] | None = None
    role: Role = "speaker"
    for_s: int = Field(default=DEFAULT_LIFE_S, ge=1, le=MAX_LIFE_S)
    """How long it is good for, in seconds."""
    once: bool = False

    @field_validator("name")
    @classmethod
    def _printable(cls, name: str | None) -> str | None:
        if name is not None and not name.isprintable():
            raise ValueError("a name has only printable characters")
        return name


def mint(request: TokenRequest, key: str, *, key_id: str = SERVER_KEY_ID, now: float | None = None) -> tuple[str, Claims]:
    """A signed token and what it says. `now`: seconds since 1970, for tests."""
    at = int(time.time() if now is None else now)
    claims = Claims(
        room=request.room, name=request.name, role=request.role, once=request.once, exp=at + request.for_s, iat=at,
        jti=secrets.token_urlsafe(12),
    )
    body = claims.model_dump(exclude_none=True)
    return jwt.encode(body, key, algorithm=ALGORITHM, headers={"kid": key_id}), claims


def read(token: str, keys: Mapping[str, str]) -> tuple[str, Claims]:
    """The id of the key that signed a token, and what it says. `keys`: by their ids. Raises Refused (`unauthorized`) with the cause."""
    if len(token) > MAX_TOKEN_CHARS:
        raise _bad(f"it has more than {MAX_TOKEN_CHARS} characters")
    try:
        key_id = jwt.get_unverified_header(token).get("kid", SERVER_KEY_ID)
        key = keys.get(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise _bad("it was signed with a key that this server does not have")
        body = jwt.decode(
            token, key, algorithms=[ALGORITHM], audience=AUDIENCE, leeway=LEEWAY_S,
            options={"require": ["exp", "iat", "jti", "aud"]},
        )  # fmt: skip
        return key_id, Claims.model_validate(body)
    except jwt.ExpiredSignatureError:
        raise _bad("it has expired: ask for a new one") from None
    except jwt.ImmatureSignatureError:
        raise _bad("it is not good yet: the clock of who made it is ahead of this server's") from None
    except jwt.InvalidSignatureError:
        raise _bad("its signature is not of this server's key") from None
    except jwt.InvalidAlgorithmError:
        raise _bad(f"it must be signed with {ALGORITHM}") from None
    except jwt.InvalidAudienceError:
        raise _bad(f"its 'aud' must be '{AUDIENCE}'") from None
    except jwt.MissingRequiredClaimError as error:
        raise _bad(f"it has no claim '{error.claim}'") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _bad(f"its claim '{first['loc'][0]}': {first['msg']}") from None
    except (jwt.PyJWTError, ValueError, TypeError):  # what else is not a token; its text is not repeated
        raise _bad("it is no JSON Web Token that can be read") from None


def _bad(why: str) -> Refused:
    return Refused("unauthorized", f"the token is refused: {why}")
