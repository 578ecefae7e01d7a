"""Why a room does not do what it is asked: it has no place left, knows nobody of that name, or has somebody of that name, or
the two it is about do not hear each other."""


class RoomFull(Exception):
    """The room takes no more callers, or no more agents."""


class Unknown(Exception):
    """Nobody of that name is in the room."""


class NameTaken(Exception):
    """Somebody of that name is in the room already."""


class Apart(Exception):
    """The two are in different conversations: one of them is aside with a caller."""
