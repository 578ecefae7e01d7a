"""What can go wrong for a caller, with the cause and what mends it."""


class VoiceClientError(Exception):
    """The base: something between this client and its server went wrong. The text is for people."""


class CannotConnectError(VoiceClientError):
    """No conversation was begun: nobody answers at the address, or who answers is not a Hubbub server."""


class RefusedError(VoiceClientError):
    """The server refused, in its own words. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ConnectionLostError(VoiceClientError):
    """The connection ended in the middle of a conversation."""
