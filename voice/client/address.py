"""Where a server is: from what people write to the WebSocket's address."""

from urllib.parse import SplitResult, urlsplit, urlunsplit

from ..protocol import PATH

_SCHEMES = {"http": "ws", "https": "wss", "ws": "ws", "wss": "wss"}


def socket_url(url: str) -> str:
    """The WebSocket address of the server at `url`.

    Takes `http`, `https`, `ws` and `wss`, a bare `host:port` (meaning `http`), and a path where the server stands behind a
    prefix; the protocol's own path is added where it is not there. Raises ValueError for anything else.
    """
    parts = urlsplit(url.strip() if "://" in url else f"http://{url.strip()}")
    if parts.scheme not in _SCHEMES:
        raise ValueError(f"the address {url!r} must begin with http://, https://, ws:// or wss://")
    if not parts.hostname or not _has_valid_port(parts):
        raise ValueError(f"the address {url!r} names no host; write it like http://127.0.0.1:8080")
    path = parts.path.rstrip("/")
    path = path if path.endswith(PATH) else path + PATH
    return urlunsplit((_SCHEMES[parts.scheme], parts.netloc, path, parts.query, ""))


def _has_valid_port(parts: SplitResult) -> bool:
    try:
        return parts.port is None or parts.port > 0
    except ValueError:
        return False
