"""The turns of `agents.py` with AgentScope 1.x, run by it in an interpreter that has agentscope installed. Prints one JSON object.

(1.0.21 needs `pip install agentscope==1.0.21 'mcp<2' greenlet tqdm`: it does not import with what it installs by itself.)
"""
# ruff: noqa: E402 - the import itself is measured

import asyncio
import json
import statistics
import time
import tracemalloc
from collections.abc import AsyncGenerator
from typing import Any

began = time.perf_counter()

import agentscope
from agentscope.agent import ReActAgent
from agentscope.formatter import OpenAIChatFormatter
from agentscope.message import Msg, TextBlock
from agentscope.model import ChatModelBase, ChatResponse
from agentscope.pipeline import MsgHub

IMPORT_MS = 1000 * (time.perf_counter() - began)
ANSWER = "Hello there, this is an answer of a dozen words or so, my friend."
AGENTS = 16_000


class Scripted(ChatModelBase):
    """Answers 14 words, one chunk a word, cumulative as AgentScope wants them."""

    def __init__(self) -> None:
        super().__init__("scripted", True)

    async def __call__(self, *args: Any, **kwargs: Any) -> AsyncGenerator[ChatResponse, None]:
        return self._stream()

    async def _stream(self) -> AsyncGenerator[ChatResponse, None]:
        said = ""
        for word in ANSWER.split():
            said += f"{word} "
            yield ChatResponse(content=[TextBlock(type="text", text=said)])


MODEL, FORMATTER = Scripted(), OpenAIChatFormatter()


def agent(name: str = "Ada") -> ReActAgent:
    one = ReActAgent(name=name, sys_prompt="You are Ada.", model=MODEL, formatter=FORMATTER)
    one.set_console_output_enabled(False)
    return one


def question() -> Msg:
    return Msg("Bob", "What is there to say?", "user")


def note(figures: dict[str, Any], name: str, costs: list[float]) -> None:
    figures[name] = statistics.median(costs)
    figures[f"{name}_p95"] = statistics.quantiles(costs, n=20)[-1]


async def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {"what": f"agentscope {agentscope.__version__}", "import_ms": IMPORT_MS}
    costs = []
    for one in [agent() for _ in range(300)]:
        began = time.process_time()
        await one(question())
        costs.append(1000 * (time.process_time() - began))
    note(figures, "first_turn_ms", costs)
    one, costs = agent(), []
    for _ in range(200):
        msg = question()
        began = time.process_time()
        await one(msg)
        costs.append(1000 * (time.process_time() - began))
    note(figures, "growing_turn_ms", costs)
    figures["growing_turn_mean_ms"] = statistics.fmean(costs)
    tracemalloc.start()
    sample = [agent() for _ in range(1000)]
    figures["bytes_per_agent"] = tracemalloc.get_traced_memory()[0] / len(sample)
    tracemalloc.stop()
    began = time.process_time()
    agents = [agent(f"Ada {n}") for n in range(AGENTS)]
    figures["build_16000_s"] = time.process_time() - began
    began = time.process_time()
    await asyncio.gather(*(one(question()) for one in agents))
    figures["answer_16000_s"] = time.process_time() - began
    for size in (10, 100, 1000):
        async with MsgHub(participants=agents[:size]):
            costs = []
            for _ in range(5):
                began = time.perf_counter()
                await agents[0]._broadcast_to_subscribers(Msg("Ada 0", "Hello.", "assistant"))
                costs.append(1000 * (time.perf_counter() - began))
        note(figures, f"hub_{size}_ms", costs)
    return figures


print(json.dumps(asyncio.run(measure())))
