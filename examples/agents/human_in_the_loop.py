"""A tool that asks a person first. The agent's state is saved while it waits, and another agent, as in another process, goes on.

    python examples/agents/human_in_the_loop.py
"""

import asyncio
from collections.abc import Callable

from hubbub.agents import (
    AgentState,
    ChatModelBase,
    ConfirmResult,
    Msg,
    ReActAgent,
    RequireUserConfirmEvent,
    TextBlockDeltaEvent,
    ToolFlags,
    Toolkit,
    UserConfirmResultEvent,
)


def transfer(to: str, euros: float) -> str:
    """Transfers money.

    Args:
        to: Who gets it.
        euros: How much.
    """
    return f"{to} got {euros:.2f} euros."


def banker(model: ChatModelBase) -> ReActAgent:
    toolkit = Toolkit()
    toolkit.register_tool_function(transfer, flags=ToolFlags(requires_confirmation=True))
    agent = ReActAgent("Banker", "You are a banker. Use your tools.", model, toolkit=toolkit)
    agent.set_console_output_enabled(True)
    return agent


async def main(model: ChatModelBase, ask: Callable[[str], str] = input) -> Msg | None:
    """Asks for a transfer, and for the person's word on it; the agent's last answer."""
    agent, given = banker(model), Msg("user", "Send 20 euros to Eve.", "user")
    asked: RequireUserConfirmEvent | None = None
    message: Msg | None = None
    async for event in agent.reply_stream(given):
        if isinstance(event, RequireUserConfirmEvent):
            asked = event
        elif isinstance(event, TextBlockDeltaEvent):
            print(event.delta, end="", flush=True)
        elif event.type == "reply_end":
            message = event.message  # type: ignore[attr-defined]
    print()
    if asked is None:
        return message
    saved = agent.state.model_dump_json()  # nothing is held in the process: the rest could happen tomorrow

    results = []
    for call in asked.tool_calls:
        words = ask(f"May I use {call.name} with {call.input}? [y/n] ")
        results.append(ConfirmResult(call.id, words.strip().lower().startswith("y"), reason=words))
    again = banker(model)
    again.load_state(AgentState.model_validate_json(saved))
    return await again.reply(UserConfirmResultEvent(asked.reply_id, results))


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    await main(await model_for("human_in_the_loop"))


if __name__ == "__main__":
    asyncio.run(start())
