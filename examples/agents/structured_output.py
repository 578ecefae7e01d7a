"""An answer that fits a pydantic model: checked, and repaired by the model until it does.

    python examples/agents/structured_output.py
"""

import asyncio

from hubbub.agents import ChatModelBase, Msg, ReActAgent
from pydantic import BaseModel, Field


class Person(BaseModel):
    """A person of history."""

    name: str
    born: int = Field(ge=-3000, le=2026, description="The year of birth; negative before Christ.")
    known_for: list[str] = Field(min_length=1, max_length=3)


async def main(model: ChatModelBase, who: str = "Ada Lovelace") -> Person:
    """Asks for a person; the checked answer."""
    agent = ReActAgent("Historian", "You know history.", model)
    answer = await agent(Msg("user", f"Who was {who}?", "user"), structured_model=Person)
    return Person.model_validate(answer.metadata)


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    print((await main(await model_for("structured_output"))).model_dump_json(indent=2))


if __name__ == "__main__":
    asyncio.run(start())
