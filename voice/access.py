"""Who may come in, and as what."""

from starlette.requests import HTTPConnection

from .door import Grant


class Access:
    """Judges who knocks on any door of the house: a page, a socket, a call."""

    def admit(self, knock: HTTPConnection) -> Grant:
        """What the sender of a request or of a WebSocket's handshake may do. Raises Refused."""
        return Grant(address=knock.client.host if knock.client else "")
