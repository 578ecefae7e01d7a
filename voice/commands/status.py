"""What the exit status of a command means."""

from enum import IntEnum


class ExitStatus(IntEnum):
    """The same in every command; docs/cli.md lists them."""

    OK = 0
    FAILED = 1
    """Something is wrong that is no other of these."""
    USAGE = 2
    """Wrong arguments, or a file among them that cannot be used."""
    NO_REPLY = 3
    """Words were recognised, and no agent answered to the end in time."""
    NO_SERVER = 4
    """Nobody answers at the address, or who answers is not a Hubbub server."""
    REFUSED = 5
    """The server refused."""
    LOST = 6
    """The connection ended in the middle."""
    NO_DEVICE = 7
    """The microphone or the loudspeaker is missing."""
    INTERRUPTED = 130
    """Ctrl-C (128 + SIGINT, as shells count)."""
