"""Agents of other frameworks take part through one function that returns or streams text.

    python examples/agents/any_framework.py
"""

import asyncio
from collections.abc import AsyncIterator

from hubbub.agents import ChatModelBase, Msg, MsgHub, ReActAgent, from_callable

# LangGraph:         async def planner(text): return (await graph.ainvoke({"messages": [("user", text)]}))["messages"][-1].content
# OpenAI Agents SDK: async def helper(text): return (await Runner.run(agent, text)).final_output


async def parrot(text: str) -> AsyncIterator[str]:
    """Stands for an agent of another framework: streams the last words that it heard."""
    for word in text.splitlines()[-1].split():
        yield f"{word} "


async def main(model: ChatModelBase) -> list[Msg]:
    """Lets a parrot and an agent talk; what the agent remembers."""
    bird, ada = from_callable(parrot, name="Parrot"), ReActAgent("Ada", "You talk to a parrot, in few words.", model)
    async with MsgHub([bird, ada], announcement=Msg("host", "Say hello.", "user")):
        for _ in range(2):
            await ada()
            await bird()
    return await ada.memory.get_memory()


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    for msg in await main(await model_for("any_framework")):
        print(f"{msg.name}: {msg.get_text_content()}")


if __name__ == "__main__":
    asyncio.run(start())
