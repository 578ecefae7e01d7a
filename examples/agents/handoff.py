"""An agent that hands work to others: each worker is a tool, and workers that do not disturb each other work together.

    python examples/agents/handoff.py
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from hubbub.agents import ChatModelBase, Msg, ReActAgent, ToolFlags, Toolkit


def worker(name: str, prompt: str, model: ChatModelBase) -> Callable[[str], Coroutine[Any, Any, str]]:
    async def hand_over(task: str) -> str:
        agent = ReActAgent(name, prompt, model)
        return (await agent(Msg("leader", task, "user"))).get_text_content()

    hand_over.__name__ = f"ask_{name}"
    hand_over.__doc__ = f"""Gives a task to {name}, and returns what {name} answers.

    Args:
        task: What is to be done, with all that {name} needs to know.
    """
    return hand_over


async def main(model: ChatModelBase, task: str = "Plan a dinner for six, and say what it costs.") -> Msg:
    """Gives a task to the leader; the answer."""
    toolkit = Toolkit()
    for name, prompt in (("cook", "You are a cook. Suggest dishes."), ("accountant", "You estimate costs, in euros.")):
        # The workers change nothing outside, so they may work at the same time.
        toolkit.register_tool_function(worker(name, prompt, model), flags=ToolFlags(read_only=True))
    leader = ReActAgent("leader", "You lead a team. Hand work to those who know, then answer.", model, toolkit=toolkit)
    leader.set_console_output_enabled(True)
    return await leader(Msg("user", task, "user"))


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    await main(await model_for("handoff"))


if __name__ == "__main__":
    asyncio.run(start())
