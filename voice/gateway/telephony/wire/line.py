"""The server's side of one carrier's line: its format and its order together."""

from .base import Data, FromCarrier, ServerEnd
from .carriers import Carrier, server_end
from .order import Order

MAX_BAD_MESSAGES = 50
"""A carrier that sends more messages than this that its protocol does not allow is no carrier: the call is closed."""


class Line:
    """Reads what one carrier sends."""

    def __init__(self, carrier: Carrier) -> None:
        self.carrier = carrier
        self.end: ServerEnd = server_end(carrier)
        self.order = Order(sort=carrier == "telnyx")  # the only one that does not promise an order

    def receive(self, data: Data) -> tuple[FromCarrier, ...]:
        """What is to be handled now that a message has come. Raises WireError; the line goes on as before."""
        return self.order.take(self.end.receive(data))
