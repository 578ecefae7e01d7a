"""The tools by which agents treat a telephone call: hold, put through, hang up, send keys.

They are offered while somebody in the room is on the telephone. They are heard by people, so they have side effects: in a speculated
reply they wait until the turn is certain. What is said to the caller is the agent's own affair.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from ..agents.tool import ToolFlags, Toolkit
from .phone import PhoneControl, PhoneError

if TYPE_CHECKING:
    from .room import VoiceRoom
    from .session import Session

HOLD, TRANSFER, HANG_UP, SEND_KEYS = "hold_call", "transfer_call", "hang_up_call", "send_keys"
NAMES = (HOLD, TRANSFER, HANG_UP, SEND_KEYS)

_FLAGS = ToolFlags(side_effects=True)


class Telephones:
    """Who in a room is on the telephone, and the tools of its agents."""

    def __init__(self) -> None:
        self._calls: dict[str, list[PhoneControl]] = {}
        """Calls by the name of their room."""

    def offer(self, room: "VoiceRoom", call: PhoneControl) -> Callable[[], None]:
        """Offers the agents of a room what may be done with a call; the answer takes it back."""
        calls = self._calls.setdefault(room.name, [])
        calls.append(call)
        for seat in room.seats:
            toolkit = getattr(seat.agent, "toolkit", None)
            if toolkit is None and hasattr(seat.agent, "toolkit"):
                toolkit = seat.agent.toolkit = Toolkit()
            if isinstance(toolkit, Toolkit) and HOLD not in toolkit:
                add_tools(toolkit, lambda: list(calls))

        def take_back() -> None:
            calls.remove(call)
            if calls:
                return
            self._calls.pop(room.name, None)
            for seat in room.seats:
                toolkit = getattr(seat.agent, "toolkit", None)
                if isinstance(toolkit, Toolkit):
                    for name in NAMES:
                        if name in toolkit:
                            toolkit.remove_tool_function(name)

        return take_back


def add_tools(toolkit: Toolkit, calls: Callable[[], list[PhoneControl]]) -> Toolkit:
    """Adds the four tools. `calls`: who is on the telephone at the moment of use."""

    def one(caller: str) -> PhoneControl:
        there = calls()
        named = [call for call in there if call.name.casefold() == caller.strip().casefold()] if caller else there
        if len(named) == 1:
            return named[0]
        if not there:
            raise PhoneError("nobody is on the telephone any more")
        raise PhoneError(f"say which caller is meant: {', '.join(call.name for call in there)}")

    async def hold(caller: str = "") -> str:
        one(caller).hold()
        return "The caller is on hold and does not hear or say anything until you speak to him again."

    async def transfer(number: str, caller: str = "") -> str:
        await one(caller).transfer(number)
        return "The caller is being put through; he has left this conversation. Say nothing more."

    async def hang_up(caller: str = "") -> str:
        one(caller).hang_up()
        return "The call ends when the caller has heard what you say now. Say goodbye in one short sentence, if you have not."

    async def send_keys(digits: str, caller: str = "") -> str:
        one(caller).send_digits(digits)
        return f"The keys {digits} were sent."

    who = {"caller": {"type": "string", "description": "Which caller, where several are on the telephone."}}
    number = {"number": {"type": "string", "description": "The telephone number, such as +14155550100."}}
    digits = {"digits": {"type": "string", "description": "The keys, of 0-9, *, #."}}
    made: list[tuple[Callable[..., object], str, str, dict[str, dict[str, str]], list[str]]] = [
        (hold, HOLD, "Put the caller on the telephone on hold while you look something up. It ends when you speak.", who, []),
        (transfer, TRANSFER, "Put the caller through to another telephone number. Tell him before you do.", {**number, **who}, ["number"]),
        (hang_up, HANG_UP, "End the telephone call, when the caller has said goodbye or wants nothing more.", who, []),
        (send_keys, SEND_KEYS, "Press keys on the telephone, to go through the menu of who was called.", {**digits, **who}, ["digits"]),
    ]
    for function, name, description, properties, required in made:
        parameters = {"type": "object", "properties": properties, "required": required}
        schema = {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
        toolkit.register_tool_function(function, func_name=name, json_schema=schema, flags=_FLAGS)
    return toolkit


def offer_through(rooms: "Callable[[str], VoiceRoom | None]") -> "Callable[[Session, PhoneControl], Callable[[], None]]":
    """The same for a gateway that knows sessions only. `rooms`: the open room of a name."""
    telephones = Telephones()

    def offer(session: "Session", call: PhoneControl) -> Callable[[], None]:
        room = rooms(session.room.name)
        return (lambda: None) if room is None else telephones.offer(room, call)

    return offer
