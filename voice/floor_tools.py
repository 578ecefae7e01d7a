"""The tools by which agents give the floor: `hand_over` to a colleague, `give_floor` for a moderator.

They change only who speaks next, after the reply in which they are called. Because that is heard by people, they have side effects: in
a speculated reply they wait until the turn is certain.
"""

from collections.abc import Callable, Mapping

from ..agents.tool import ToolFlags, Toolkit

HAND_OVER = "hand_over"
GIVE_FLOOR = "give_floor"

_FLAGS = ToolFlags(side_effects=True)


def hand_over_tools(toolkit: Toolkit, colleagues: Mapping[str, str], hand_over: Callable[[str, str], None]) -> Toolkit:
    """Adds `hand_over(to, reason)`. `colleagues`: whom the agent may hand over to, with what each knows about. `hand_over` does it, and
    raises where the colleague has left, or one of the two is aside."""

    async def tool(to: str, reason: str = "") -> str:
        hand_over(to, reason)
        return f"{to} has the floor after you. Say in one short sentence that you hand over to {to}, and nothing more."

    known = "; ".join(f"{name}: {about}" if about else name for name, about in colleagues.items())
    schema = _schema(
        HAND_OVER,
        f"Hand the caller over to a colleague, who then goes on with him. Use it when the colleague knows better: {known}.",
        {
            "to": {"type": "string", "enum": list(colleagues), "description": "The colleague."},
            "reason": {"type": "string", "description": "What the caller wants, in a few words, for the colleague."},
        },
    )
    toolkit.register_tool_function(tool, func_name=HAND_OVER, json_schema=schema, flags=_FLAGS)
    return toolkit


def moderator_tools(toolkit: Toolkit, others: Callable[[], list[str]], give: Callable[[str], None]) -> Toolkit:
    """Adds `give_floor(to)`. `others`: who there is to give it to, asked at each call; `give` does it."""

    async def tool(to: str) -> str:
        if to not in (here := others()):
            raise ValueError(f"nobody of that name is here; these are: {', '.join(here) or 'none'}")
        give(to)
        return f"{to} speaks after you."

    schema = _schema(
        GIVE_FLOOR, "Choose who speaks after you, when you don't call him by name.", {"to": {"type": "string", "description": "His name."}}
    )
    toolkit.register_tool_function(tool, func_name=GIVE_FLOOR, json_schema=schema, flags=_FLAGS)
    return toolkit


def _schema(name: str, description: str, properties: dict[str, dict[str, object]]) -> dict[str, object]:
    parameters = {"type": "object", "properties": properties, "required": ["to"]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
