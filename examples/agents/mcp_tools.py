"""Tools of MCP servers: some of a server's tools for an agent, and one tool as a local function.

    python examples/agents/mcp_tools.py
    python examples/agents/mcp_tools.py npx -y @modelcontextprotocol/server-everything
"""

import asyncio
import sys
from pathlib import Path

from hubbub.agents import ChatModelBase, Msg, ReActAgent, Toolkit
from hubbub.agents.mcp import StdIOStatefulClient


async def main(model: ChatModelBase, command: str, args: list[str], only: list[str] | None = None, call: str = "add") -> tuple[str, Msg]:
    """Calls one tool by hand, then lets an agent use those named in `only` (all where None)."""
    async with StdIOStatefulClient("server", command, args) as client, Toolkit() as toolkit:
        add = await client.get_callable_function(func_name=call, wrap_tool_result=True)
        by_hand = await add(a=20, b=22)
        await toolkit.register_mcp_client(client, enable_funcs=only)
        agent = ReActAgent("Clerk", "You use your tools.", model, toolkit=toolkit)
        agent.set_console_output_enabled(True)
        answer = await agent(Msg("user", "What is 1 + 2?", "user"))
    return by_hand.content[0].text, answer


async def start() -> None:
    from stand_in import model_for  # the model at hand, else a script

    command, *args = sys.argv[1:] or [sys.executable, str(Path(__file__).with_name("mcp_server.py"))]
    by_hand, _ = await main(await model_for("mcp_tools"), command, args)
    print(f"By hand: {by_hand}")


if __name__ == "__main__":
    asyncio.run(start())
