"""Who may come in, and as what: the lock on every door of the house.

A server is open where it listens on loopback, or was told to be (`--open`); anywhere else who knocks shows a token, or the server key
that tokens are signed with, as `Authorization: Bearer …` or, a token only, as `?token=…`. A lost connection comes back with its
session's resume token in the same place. All of this is judged before a WebSocket is accepted, and before a room hears of it.
"""

import asyncio
import hmac
import os
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace

from starlette.requests import HTTPConnection

from .config.access import MIN_KEY_CHARS, SERVER_KEY_ID, AccessConfig
from .config.model import ServerConfig
from .grant import Grant, Refused
from .limits import Share, Shares
from .origin import host_of, is_forwarded, is_loopback, networks, origin_fault, peer_of, share_name
from .session import Session
from .token import LEEWAY_S, read

KEY_VARIABLE = "HUBBUB_SERVER_KEY"

MAX_SPENT = 100_000
"""Tokens for one seat that are remembered as used until they expire; only who has a key can make more."""

_LOCKED = (
    "this server asks for a token: send it as 'Authorization: Bearer TOKEN' or in the address as '?token=TOKEN'. Who runs the server "
    "makes one with 'hubbub token'"
)
_PROXIED = (
    "this server is open to its own machine only, and this came through a proxy. Who runs it gives it a key (HUBBUB_SERVER_KEY), and you "
    "a token; or opens it to everybody with 'hubbub serve --open'"
)


class NoLock(Exception):
    """A server that would stand open to a network without having been told to. The text says what to do."""


def keys_of(access: AccessConfig, environ: Mapping[str, str]) -> dict[str, str]:
    """The server keys by their ids. Raises NoLock where the environment's is too short to be one."""
    keys = {key_id: key.key.get_secret_value() for key_id, key in access.keys.items()}
    first = environ.get(KEY_VARIABLE, "") if access.key is None else access.key.get_secret_value()
    if first:
        if len(first) < MIN_KEY_CHARS:
            raise NoLock(f"{KEY_VARIABLE} must have at least {MIN_KEY_CHARS} characters: make one with 'hubbub token --new-key'")
        keys[SERVER_KEY_ID] = first
    return keys


def check_lock(server: ServerConfig, environ: Mapping[str, str]) -> None:
    """Looks, before a server listens, whether it may. Raises NoLock."""
    access, keys = server.access, keys_of(server.access, environ)
    if keys or access.open or (access.open is None and is_loopback(server.host)):
        return
    where = "locked (access.open is false)" if access.open is False else f"at {server.host}, which other machines reach,"
    raise NoLock(
        f"cannot serve {where} without a key. Choose one:\n"
        f"  export {KEY_VARIABLE}=$(hubbub token --new-key)   who comes in needs a token, made by 'hubbub token' with the same key\n"
        "  hubbub serve --open …                            anybody who reaches the address comes in, and talks at your expense"
    )


class Access:
    """Judges who knocks on any door of the house: a page, a socket, a call."""

    def __init__(
        self,
        server: ServerConfig,
        environ: Mapping[str, str] = os.environ,
        *,
        seat_of: Callable[[str], Session | None] = lambda token: None,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """`seat_of` finds the living session of a resume token. Raises NoLock for a key that is none."""
        self.keys = keys_of(server.access, environ)
        self.refused: Counter[str] = Counter()
        """How many were refused at the door, by code."""
        self._config = server.access
        self._limits = server.limits
        self._local = server.access.open is None and is_loopback(server.host)
        self._open = bool(server.access.open) or self._local
        self._proxies = networks(server.access.trusted_proxies)
        self._seat_of = seat_of
        self._wall_clock = wall_clock
        self._addresses = Shares()
        self._of_keys = Shares(limit=len(self.keys) + 1)
        self._spent: dict[str, tuple[float, str]] = {}
        """Id of a token for one seat to when it expires, and the resume token of its seat."""
        self._rooms: dict[str, tuple[Share, ...]] = {}

    @property
    def is_open(self) -> bool:
        """Whether anybody may come in without a token."""
        return self._open

    def need_operator(self, grant: Grant) -> None:
        """Who looks at the whole server holds its key, or is a moderator of all its rooms; on a server that is open to its own machine,
        everybody there. One that was told to stand open opens its rooms, not this. Raises Refused.
        """
        need_moderator(grant)
        if self._local or grant.key:
            return
        mend = "" if self.keys else ": start it with HUBBUB_SERVER_KEY ('hubbub token --new-key' makes one)"
        raise Refused("unauthorized", f"this takes the server key, or a token with the role 'moderator' and no room{mend}")

    # ── knocking ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def admit(self, knock: HTTPConnection) -> Grant:
        """What the sender of a request or of a WebSocket's handshake may do. Raises Refused."""
        try:
            return self._admit(knock)
        except Refused as error:
            self.refused[error.code] += 1
            raise

    def _admit(self, knock: HTTPConnection) -> Grant:
        address = peer_of(knock, self._proxies)
        origin = knock.headers.get("origin")
        if origin is not None:
            fault = origin_fault(origin, host_of(knock, self._proxies)[1], self._config.origins, local=self._local)
            if fault:
                raise Refused("forbidden", fault)
        now = asyncio.get_running_loop().time()
        share = self._address_share(address)
        if share is not None and not share.message(now):
            raise Refused("too_many", "too many requests come from your address: wait a minute")
        if share is not None and share.guesses(now):
            raise Refused("too_many", "too many wrong tokens came from your address: wait a minute")
        try:
            grant = replace(self._judge(knock), address=address)
        except Refused:
            if share is not None:
                share.fault(now)
            raise
        if knock.scope["type"] == "websocket" and not grant.resumes:
            self.check_seat(grant)
        return grant

    def _judge(self, knock: HTTPConnection) -> Grant:
        credential, in_header = credential_of(knock)
        resume = knock.query_params.get("resume") or credential
        session = self._seat_of(resume) if resume else None
        if session is not None:
            return replace(session.grant, resumes=True)
        if credential and self.keys:
            return self._judge_credential(credential, in_header)
        if not self._open:
            raise Refused("unauthorized", _LOCKED)
        if self._local and is_forwarded(knock):
            raise Refused("unauthorized", _LOCKED if self.keys else _PROXIED)
        return Grant()

    def _judge_credential(self, credential: str, in_header: bool) -> Grant:
        offered = credential.encode("utf-8", "replace")
        found = ""
        for key_id, key in self.keys.items():  # all of them, so that the time taken says nothing about which
            if hmac.compare_digest(offered, key.encode()):
                found = key_id
        if found and not in_header:
            raise Refused("unauthorized", "a server key must not stand in an address, where logs keep it: send it in 'Authorization'")
        if found:
            return Grant(key=found, with_key=True)
        key_id, claims = read(credential, self.keys)
        grant = Grant(
            room=claims.room, name=claims.name, role=claims.role, key=key_id, expires=claims.exp, token=claims.jti, once=claims.once
        )
        if claims.once and claims.jti in self._spent:
            if self._seat_of(self._spent[claims.jti][1]) is None:
                raise Refused("unauthorized", "the token is refused: it was used already, and is good for one seat only")
            return replace(grant, resumes=True)
        return grant

    def address_of(self, knock: HTTPConnection) -> str:
        """This server's address as who knocks knows it, such as `https://voice.example.org`."""
        scheme, host = host_of(knock, self._proxies)
        return f"{scheme}://{host}"

    # ── seats and rooms ───────────────────────────────────────────────────────────────────────────────────────────────

    def check_seat(self, grant: Grant) -> None:
        """Looks whether one more seat would be too many for the address or the key. Raises Refused."""
        now = asyncio.get_running_loop().time()
        for share in self._shares(grant):
            share.check_join(now)

    def take_seat(self, grant: Grant) -> tuple[Share, ...]:
        """Counts a seat before there is one, and spends a token that is good for one; answers the shares that it counts in, for `seated`
        or `give_back`. Raises Refused, and then nothing was counted.
        """
        if grant.resumes:
            raise Refused("forbidden", "this credential takes back its own seat only: join with 'resume'")
        now = asyncio.get_running_loop().time()
        shares = self._shares(grant)
        for share in shares:
            share.check_join(now)
        if grant.once:
            self._spend(grant)
        for share in shares:
            share.join(now)
        return shares

    def seated(self, session: Session, grant: Grant, shares: tuple[Share, ...]) -> None:
        """The seat that was counted is there."""
        session.grant = grant
        session.shares = shares
        if grant.once:
            self._spent[grant.token] = (grant.expires + LEEWAY_S, session.resume_token)

    def give_back(self, grant: Grant, shares: tuple[Share, ...]) -> None:
        """There is no seat after all: the room was full, or could not be opened."""
        for share in shares:
            share.leave()
        self._spent.pop(grant.token, None)

    def leave_seat(self, session: Session) -> None:
        """Counts a seat less; nothing for one that was not counted."""
        for share in session.shares:
            share.leave()
        session.shares = ()

    def open_room(self, name: str, grant: Grant) -> None:
        """Counts a room that was made through the API. Raises Refused (`too_many`), and then nothing was counted."""
        shares = self._shares(grant)
        counted: list[Share] = []
        try:
            for share in shares:
                share.open_room()
                counted.append(share)
        except Refused:
            for share in counted:
                share.close_room()
            raise
        self._rooms[name] = shares

    def close_room(self, name: str) -> None:
        """Counts it no more; a room that was not made through the API is nobody's."""
        for share in self._rooms.pop(name, ()):
            share.close_room()

    def _shares(self, grant: Grant) -> tuple[Share, ...]:
        address = self._address_share(grant.address)
        shares = () if address is None else (address,)
        if not grant.key:
            return shares
        own = self._config.keys.get(grant.key)
        bounds = own.limits if own is not None and own.limits is not None else self._limits.per_key
        return (*shares, self._of_keys.of(grant.key, f"the key '{grant.key}'", bounds))

    def _address_share(self, address: str) -> Share | None:
        if not address or (self._local and is_loopback(address)):
            return None
        name = share_name(address)
        hint = " (if a proxy stands in front, name it in server.access.trusted_proxies)" if is_loopback(address) else ""
        return self._addresses.of(name, f"your address{hint}", self._limits.per_address)

    def _spend(self, grant: Grant) -> None:
        now = self._wall_clock()
        if grant.token in self._spent:
            raise Refused("unauthorized", "the token is refused: it was used already, and is good for one seat only")
        if len(self._spent) >= MAX_SPENT:
            self._spent = {token: entry for token, entry in self._spent.items() if entry[0] > now}
        if len(self._spent) >= MAX_SPENT:
            raise Refused("server_full", "too many tokens for one seat are in use at the moment: try again later")
        self._spent[grant.token] = (grant.expires + LEEWAY_S, "")


def credential_of(knock: HTTPConnection) -> tuple[str, bool]:
    """The token or key that was shown, and whether it came in the header. Raises Refused for a header of another scheme."""
    header = knock.headers.get("authorization", "")
    if header:
        scheme, _, credential = header.partition(" ")
        if scheme.lower() != "bearer" or not credential.strip():
            raise Refused("unauthorized", "the header 'Authorization' must be 'Bearer TOKEN'")
        return credential.strip(), True
    return knock.query_params.get("token", ""), False


def need_moderator(grant: Grant, room: str | None = None) -> None:
    """Who changes a room must be a moderator of it; `room` None: of the whole server. Raises Refused (`forbidden`)."""
    if grant.resumes or grant.role != "moderator":
        raise Refused("forbidden", "this takes a moderator: a token with the role 'moderator', or the server key")
    if grant.room is not None and grant.room != room:
        raise Refused("forbidden", f"this token is for the room '{grant.room}' only")
