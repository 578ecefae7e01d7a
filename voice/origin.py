"""Where a knock comes from: its address, through proxies that are trusted, and the web page behind it. Pure."""

import ipaddress
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

MAX_FORWARDED = 20
"""Addresses of X-Forwarded-For that are looked at; a longer chain is nobody's network."""


def networks(names: Sequence[str]) -> tuple[Network, ...]:
    """Parses addresses and networks (`10.0.0.1`, `10.0.0.0/8`). Raises ValueError."""
    return tuple(ipaddress.ip_network(name, strict=False) for name in names)


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a host: `localhost`, 127.0.0.0/8, ::1."""
    if host.rstrip(".").lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def peer_of(knock: HTTPConnection, proxies: Sequence[Network]) -> str:
    """The address that knocks; empty where there is none (a program inside the process).

    X-Forwarded-For is read from its end, as long as the address that spoke is a trusted proxy: what stands before the first address
    that is not could be anybody's invention.
    """
    peer = knock.client.host if knock.client else ""
    if not _is_in(peer, proxies):
        return peer
    chain = [part.strip() for line in knock.headers.getlist("x-forwarded-for") for part in line.split(",")]
    for hop in reversed(chain[-MAX_FORWARDED:]):
        if not _is_address(hop):
            return peer
        peer = hop
        if not _is_in(hop, proxies):
            break
    return peer


def is_forwarded(knock: HTTPConnection) -> bool:
    """Whether a proxy says that it stands between."""
    return "x-forwarded-for" in knock.headers or "forwarded" in knock.headers


def share_name(address: str) -> str:
    """Under which name an address is counted: an IPv6 network of 64 bits is one household's, whoever it is that has them all."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def host_of(knock: HTTPConnection, proxies: Sequence[Network]) -> tuple[str, str]:
    """Scheme (`http` or `https`) and host with port by which the client knows this server; a trusted proxy may say them."""
    scheme = "https" if knock.url.scheme in ("https", "wss") else "http"
    host = knock.headers.get("host", "")
    if _is_in(knock.client.host if knock.client else "", proxies):
        host = knock.headers.get("x-forwarded-host", "") or host
        scheme = "https" if knock.headers.get("x-forwarded-proto", "") in ("https", "wss") else scheme
    return scheme, host.strip().lower()


def origin_fault(origin: str, host: str, allowed: Sequence[str], *, local: bool) -> str:
    """Why a page's origin may not use this server; empty where it may.

    `host`: by which the page's browser reached us. `local`: the server is open to this machine, so a page must come from this machine,
    or a name that was bent to 127.0.0.1 would let any page in.
    """
    if "*" in allowed or origin.lower() in {one.lower() for one in allowed}:
        return ""
    parts = urlsplit(origin) if origin.count("[") == origin.count("]") else urlsplit("")
    mend = "the operator can allow it in server.access.origins"
    if not parts.netloc or _without_default_port(parts.netloc, parts.scheme) != _without_default_port(host, parts.scheme):
        return f"pages of {origin[:200]!r} may not use this server: {mend}"
    if local and not is_loopback(parts.hostname or ""):
        return f"this server is open to its own machine's pages only, not to {origin[:200]!r}: {mend}"
    return ""


def _without_default_port(netloc: str, scheme: str) -> str:
    return netloc.lower().removesuffix(":443" if scheme == "https" else ":80")


def _is_in(address: str, proxies: Sequence[Network]) -> bool:
    if not proxies or not _is_address(address):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in proxies if network.version == parsed.version)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
