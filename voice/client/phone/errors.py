"""What can go wrong with a call, beside what can go wrong with any connection."""

from ..errors import CannotConnectError, ConnectionLostError, RefusedError, VoiceClientError


class WebhookError(VoiceClientError):
    """The answer to the carrier's webhook cannot be used: not what the carrier reads, or it leads nowhere. The text says what came,
    what was expected, and shows the answer's beginning."""


__all__ = ["CannotConnectError", "ConnectionLostError", "RefusedError", "VoiceClientError", "WebhookError"]
