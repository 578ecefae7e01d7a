"""A router that decides which specialist answers.

    python examples/agents/routing.py
"""

import asyncio
from typing import Literal

from hubbub.agents import ChatModelBase, Msg, ReActAgent
from pydantic import BaseModel, Field

SPECIALISTS = {
    "bookings": "You take bookings for a small hotel. Ask for what you need to know.",
    "complaints": "You hear complaints about a small hotel. Be kind, and say what will be done.",
    "other": "You answer general questions about a small hotel, briefly.",
}


class Route(BaseModel):
    """Where a request goes."""

    to: Literal["bookings", "complaints", "other"] = Field(description="Who shall answer.")
    task: str = Field(description="What is to be done, in one sentence.")


async def main(model: ChatModelBase, request: str = "My room was cold all night.") -> Msg:
    """Routes one request; the specialist's answer."""
    router = ReActAgent("Router", "You decide who answers a request. You never answer yourself.", model)
    decided = await router(Msg("guest", request, "user"), structured_model=Route)
    route = Route.model_validate(decided.metadata or {"to": "other", "task": request})
    specialist = ReActAgent(route.to, SPECIALISTS[route.to], model)
    specialist.set_console_output_enabled(True)
    return await specialist(Msg("guest", request, "user"))


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    await main(await model_for("routing"))


if __name__ == "__main__":
    asyncio.run(start())
