"""What an agent may do with a caller's telephone call, whichever gateway the call came through."""

from typing import Protocol


class PhoneError(Exception):
    """The call cannot be treated so. The text says why, in words an agent can tell the caller."""


class PhoneControl(Protocol):
    """One caller's telephone call."""

    @property
    def name(self) -> str:
        """The participant who is on the telephone."""

    def hold(self) -> None:
        """He hears comfort noise or music and is not heard, until `resume` or until somebody speaks to him."""

    def resume(self) -> None:
        """Takes him off hold."""

    def hang_up(self) -> None:
        """Ends the call, once he has heard what is being said."""

    def send_digits(self, digits: str) -> None:
        """Plays the tones of keys (0-9, *, #, A-D) to the far end. Raises PhoneError."""

    async def transfer(self, number: str) -> None:
        """Puts him through to a number; his seat here ends. Raises PhoneError."""
