"""Three friends in a hub: each hears what the others say, and answers in turn.

    python examples/agents/conversation.py
"""

import asyncio

from hubbub.agents import ChatModelBase, Msg, MsgHub, ReActAgent, sequential_pipeline


def friend(name: str, character: str, model: ChatModelBase) -> ReActAgent:
    agent = ReActAgent(name, f"You are {name}, {character}. Answer in one or two sentences.", model)
    agent.set_console_output_enabled(True)
    return agent


async def main(model: ChatModelBase, rounds: int = 2) -> list[Msg]:
    """Lets them talk; what the last of them remembers."""
    alice, bob = friend("Alice", "a cheerful teacher", model), friend("Bob", "a dry engineer", model)
    carol = friend("Carol", "a curious doctor", model)
    topic = Msg("host", "Tell each other what you do at weekends.", "user")
    async with MsgHub([alice, bob], announcement=topic) as hub:
        await sequential_pipeline([alice, bob])
        hub.add(carol)
        await hub.broadcast(Msg("host", "Carol has come in.", "user"))
        for _ in range(rounds - 1):
            await sequential_pipeline([alice, bob, carol])
        hub.delete(bob)
        await hub.broadcast(Msg("host", "Bob had to leave.", "user"))
        await sequential_pipeline([alice, carol])
    return await carol.memory.get_memory()


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    await main(await model_for("conversation"))


if __name__ == "__main__":
    asyncio.run(start())
