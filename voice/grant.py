"""What somebody who knocks may do, or why he may not."""

from dataclasses import dataclass

from .event import Role


class Refused(Exception):
    """The house does not let somebody in, or does not do what he asks. The text says why and what to do; `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody who knocks may do. The default is what an open server grants to everybody."""

    room: str | None = None
    """The only room he may join; None for any."""
    name: str | None = None
    """The name he must bear; None for one of his choice."""
    role: Role = "moderator"
    """The most he may be."""
    key: str = ""
    """Who vouches for him, for limits and the log: an id of a key, never the key; empty on an open server."""
    address: str = ""
    """Where he knocks from, for limits."""
    with_key: bool = False
    """He showed the server key itself, not a token."""
    token: str = ""
    """The token's id (`jti`)."""
    expires: int = 0
    """When the token ends, in seconds since 1970; 0 for never."""
    once: bool = False
    """The token is good for one seat."""
    resumes: bool = False
    """He showed what takes back a seat that he has: good for that seat, and for no other."""


OPEN = Grant()

_RANK: dict[Role, int] = {"listener": 0, "speaker": 1, "moderator": 2}


def role_for(asked: Role | None, grant: Grant) -> Role:
    """The role that somebody gets: what he asks for, no more than he is granted; without a word what his token says, else speaker."""
    if asked is None:
        return grant.role if grant.token else "speaker"
    return asked if _RANK[asked] <= _RANK[grant.role] else grant.role
