"""How a connection to a server comes about or ends, in words."""

import json
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from websockets.exceptions import ConnectionClosed, InvalidStatus

from ..protocol import CLOSE_BAD_MESSAGE, CLOSE_REFUSED, CLOSE_REPLACED, CLOSE_SLOW, CLOSE_TOO_BIG
from .errors import CannotConnectError, RefusedError

FINAL_CLOSES = {
    CLOSE_REFUSED: "the server refused",
    CLOSE_BAD_MESSAGE: "the server did not understand this client",
    CLOSE_TOO_BIG: "a message was too big for the server",
    CLOSE_SLOW: "this client did not read what it was sent",
    CLOSE_REPLACED: "another connection took over the session",
}
"""Ends that trying again would not mend."""


def code_of(closed: ConnectionClosed) -> int:
    """The close code of a connection."""
    return closed.rcvd.code if closed.rcvd else 1006  # RFC 6455: closed without a closing frame


def ending(closed: ConnectionClosed) -> str:
    """Why a connection ended."""
    said = closed.rcvd.reason if closed.rcvd else ""
    meaning = FINAL_CLOSES.get(code_of(closed), "" if closed.rcvd else "the line went dead, as when a server is stopped")
    return ": ".join(part for part in (meaning, said) if part) or f"the server closed it (code {code_of(closed)})"


def refusal(url: str, error: Exception) -> RefusedError | CannotConnectError:
    """What an answer to the handshake means that is not the one hoped for: Hubbub's refusal, or somebody else's words."""
    if isinstance(error, InvalidStatus):
        try:
            said = json.loads(error.response.body or b"")["error"]
            return RefusedError(str(said["code"]), str(said["message"]))
        except (ValueError, KeyError, TypeError):
            body = (error.response.body or b"")[:200].decode("utf-8", "replace").strip()
            words = f"HTTP status {error.response.status_code}{f' ({body})' if body else ''}"
    else:
        words = str(error) or type(error).__name__
    return CannotConnectError(f"{url} answers, but not as a Hubbub server: {words}")


def plain(error: OSError) -> str:
    """The cause in a few words; asyncio wraps several addresses' errors of one kind in a long sentence."""
    text = error.strerror or str(error)
    return "connection refused" if isinstance(error, ConnectionRefusedError) or "[Errno 111]" in text else text


def with_query(url: str, **fields: str) -> str:
    """An address with fields added to its query; those that it has stay."""
    parts = urlsplit(url)
    have = dict(parse_qsl(parts.query, keep_blank_values=True))
    return urlunsplit(parts._replace(query=urlencode(fields | have)))
