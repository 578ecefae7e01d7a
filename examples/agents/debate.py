"""Two debaters and a moderator who decides, after each round, whether one of them has the right answer.

    python examples/agents/debate.py
"""

import asyncio

from hubbub.agents import ChatModelBase, Msg, MsgHub, ReActAgent
from pydantic import BaseModel, Field

QUESTION = (
    "The circles are externally tangent and lie in the same plane. Circle A has a third of the radius of circle B. Circle A rolls "
    "around circle B until it is back where it began. How many times has it turned in all?"
)


class Judgement(BaseModel):
    """The moderator's word after a round."""

    finished: bool = Field(description="Whether the debate has found the right answer.")
    answer: str | None = Field(default=None, description="The right answer, where it was found.")


def debater(name: str, model: ChatModelBase) -> ReActAgent:
    prompt = f"You are {name}, a debater. You need not agree with the other: what counts is the right answer. Be brief."
    agent = ReActAgent(name, f"{prompt} The question: {QUESTION}", model)
    agent.set_console_output_enabled(True)
    return agent


async def main(model: ChatModelBase, moderator_model: ChatModelBase | None = None, rounds: int = 5) -> str | None:
    """Runs the debate; the answer, or None where there was none after all rounds."""
    alice, bob = debater("Alice", model), debater("Bob", model)
    prompt = f"You moderate a debate between Alice and Bob. Say when the right answer was found. The question: {QUESTION}"
    moderator = ReActAgent("Moderator", prompt, moderator_model or model)
    for _ in range(rounds):
        async with MsgHub([alice, bob, moderator]):
            await alice(Msg("user", "You argue for your answer. What is it?", "user"))
            await bob(Msg("user", "You disagree with Alice. What is your reason, and your answer?", "user"))
        # Outside the hub: the debaters do not hear the judgement.
        said = await moderator(Msg("user", "Is the right answer found?", "user"), structured_model=Judgement)
        judgement = Judgement.model_validate(said.metadata or {"finished": False})
        if judgement.finished:
            return judgement.answer
    return None


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    answer = await main(await model_for("debate"))
    print(f"The answer: {answer}")


if __name__ == "__main__":
    asyncio.run(start())
