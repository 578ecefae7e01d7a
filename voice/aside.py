"""Asides: an agent and a caller of a room who speak with each other alone, and come back."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .conversation import Conversation
from .floor import FloorPolicy
from .refusal import NameTaken, Unknown
from .reply import AgentSeat
from .session import Session

if TYPE_CHECKING:
    from .room import VoiceRoom


@dataclass(slots=True)
class Aside:
    """An agent and a caller who speak with each other alone."""

    seat: AgentSeat
    session: Session
    talk: Conversation
    others_wait: bool


class Asides:
    """The asides of a room."""

    def __init__(self, room: "VoiceRoom") -> None:
        self._room = room
        self._open: list[Aside] = []

    def __iter__(self) -> Iterator[Aside]:
        return iter(list(self._open))

    def of(self, one: Session | AgentSeat) -> Aside | None:
        """The aside that somebody is in."""
        return next((aside for aside in self._open if aside.session is one or aside.seat is one), None)

    def begin(self, seat: AgentSeat, session: Session, *, others_wait: bool) -> Aside:
        """Both leave the room's conversation for one of their own. `others_wait`: whether the room's stands still meanwhile.

        Raises NameTaken where one of the two is aside already.
        """
        busy = self.of(seat) or self.of(session)
        if busy is not None:
            raise NameTaken(f"{busy.seat.name} and {busy.session.name} are aside already")
        room = self._room
        room.talk.seats.remove(seat)
        room.talk.silence(seat, by=session.name)
        room.hub.delete(seat.agent)
        room.talk.dismiss(session)
        room.mixer.discard(session)
        talk = Conversation(room, [seat], FloorPolicy(), None)
        talk.admit(session)
        aside = Aside(seat, session, talk, others_wait)
        self._open.append(aside)
        room.talk.paused = any(aside.others_wait for aside in self._open)
        return aside

    def end(self, agent: str) -> Aside:
        """Ends the aside of the agent of that name. Raises Unknown."""
        aside = next((aside for aside in self._open if aside.seat.name.casefold() == agent.casefold()), None)
        if aside is None:
            raise Unknown(f"'{agent}' is not aside with anybody")
        self.dissolve(aside)
        return aside

    def dissolve(self, aside: Aside) -> None:
        """Whoever of the two is still in the room comes back to its conversation."""
        room = self._room
        self._open.remove(aside)
        aside.talk.silence(aside.seat, by="the room")
        aside.talk.dismiss(aside.session)
        room.spawn(aside.talk.close())
        if aside.seat in room.seats:
            place = sum(1 for seat in room.seats[: room.seats.index(aside.seat)] if seat in room.talk.seats)
            room.talk.seats.insert(place, aside.seat)
            room.hub.add(aside.seat.agent)
        if aside.session.id in room.sessions:
            room.talk.admit(aside.session)
            room.mixer.add(aside.session)
        room.talk.resume(paused=any(other.others_wait for other in self._open))
