"""Measures the agent layer with scripted models: what the framework itself costs.

    python benchmarks/agents.py                                # a table
    python benchmarks/agents.py --json
    python benchmarks/agents.py --beside VENV/bin/python …     # also AgentScope, in interpreters that have it installed

The model answers 14 words, one delta a word, without waiting, so all time is the framework's. CPU time is counted
(`process_time`), as other programs disturb it least; the memory of an agent is what Python allocates for it. AgentScope is measured
by `agents_beside.py`: the same turns on the same machine in the same run.
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from pathlib import Path
from typing import Any

from hubbub.agents import Msg, MsgHub, ReActAgent, SqlStore
from hubbub.agents.formatter import OpenAIChatFormatter
from hubbub.agents.testing import ScriptedModel

ANSWER = "Hello there, this is an answer of a dozen words or so, my friend."
QUESTION = Msg("Bob", "What is there to say?", "user")
AGENTS = 16_000


def agent(model: ScriptedModel | None = None) -> ReActAgent:
    return ReActAgent("Ada", "You are Ada.", model or ScriptedModel(then=ANSWER), OpenAIChatFormatter())


async def turns_ms(agents: list[ReActAgent], turns: int) -> list[float]:
    """What each turn costs, of these agents one after the other."""
    costs = []
    for one in agents:
        for _ in range(turns):
            question = Msg("Bob", "What is there to say?", "user")
            began = time.process_time()
            await one(question)
            costs.append(1000 * (time.process_time() - began))
            one.model.calls.clear()  # the script's own record of what it was asked, which would fill the memory
    return costs


async def turns(figures: dict[str, Any]) -> None:
    """The first turn of many conversations; the turns of one that grows to 200, all of which are told to the model each time."""
    note(figures, "first_turn_ms", await turns_ms([agent() for _ in range(300)], 1))
    growing = await turns_ms([agent()], 200)
    note(figures, "growing_turn_ms", growing)
    figures["growing_turn_mean_ms"] = statistics.fmean(growing)


def note(figures: dict[str, Any], name: str, costs: list[float]) -> None:
    """The median and the 95th percentile."""
    figures[name] = statistics.median(costs)
    figures[f"{name}_p95"] = statistics.quantiles(costs, n=20)[-1]


async def building(figures: dict[str, Any]) -> None:
    """Many agents in one process: made, and answering once at the same time."""
    model, formatter = ScriptedModel(then=ANSWER), OpenAIChatFormatter()
    tracemalloc.start()
    sample = [ReActAgent(f"Ada {n}", "You are Ada.", model, formatter) for n in range(1000)]
    figures["bytes_per_agent"] = tracemalloc.get_traced_memory()[0] / len(sample)
    tracemalloc.stop()
    began = time.process_time()
    agents = [ReActAgent(f"Ada {n}", "You are Ada.", model, formatter) for n in range(AGENTS)]
    figures["build_16000_s"] = time.process_time() - began
    began = time.process_time()
    await asyncio.gather(*(one(QUESTION) for one in agents))
    figures["answer_16000_s"] = time.process_time() - began
    for size in (10, 100, 1000):
        async with MsgHub(agents[:size]) as hub:
            costs = []
            for _ in range(20):
                began = time.perf_counter()
                await hub.spread(agents[0], Msg("Ada 0", "Hello.", "assistant"))
                costs.append(1000 * (time.perf_counter() - began))
        note(figures, f"hub_{size}_ms", costs)


async def cancel_ms(times: int = 100) -> list[float]:
    """From asking for an interruption in the middle of a reply until the reply has ended and its model stream is closed."""
    costs = []
    for _ in range(times):
        model = ScriptedModel([["One ", "two ", 60]])
        one = agent(model)
        reply = asyncio.create_task(one(QUESTION))
        while not model.open_streams:
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        began = time.perf_counter()
        await one.interrupt()
        costs.append(1000 * (time.perf_counter() - began))
        assert model.open_streams == 0
        await reply
    return costs


async def sql_append_us(messages: int = 5000) -> float:
    """What an append to a memory in SQLite costs the event loop; and, counted in, what the writing costs the process."""
    with tempfile.TemporaryDirectory() as folder:
        async with SqlStore(str(Path(folder) / "memory.db")) as store:
            memory = await store.memory("s")
            prepared = [Msg("Bob", ANSWER, "user") for _ in range(messages)]
            began = time.process_time()
            for msg in prepared:
                memory.append(msg)
            await memory.flush()
            return 1e6 * (time.process_time() - began) / messages


def import_ms() -> float:
    """From nothing to an agent's class, in a fresh interpreter."""
    code = "import time; t = time.perf_counter(); from hubbub.agents import ReActAgent; print(1000 * (time.perf_counter() - t))"
    return float(subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout)


async def measure() -> dict[str, Any]:
    figures: dict[str, Any] = {"what": "hubbub", "import_ms": import_ms()}
    await turns(figures)
    await building(figures)
    note(figures, "cancel_ms", await cancel_ms())
    figures["sql_append_us"] = await sql_append_us()
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--beside", nargs="*", default=[], metavar="PYTHON", help="interpreters with agentscope installed")
    options = parser.parse_args()
    columns = [asyncio.run(measure())]
    for python in options.beside:
        script = str(Path(__file__).with_name("agents_beside.py"))
        run = subprocess.run([python, script], capture_output=True, text=True)
        if run.returncode:
            sys.stderr.write(f"{python}: not measured\n{run.stderr[-2000:]}\n")
        else:
            columns.append(json.loads(run.stdout.splitlines()[-1]))
    if options.json:
        print(json.dumps(columns))
        return
    print("".join([f"{'':<24}", *(f"{column['what']:>20}" for column in columns)]))
    for name in [name for name in columns[0] if name != "what"]:
        cells = [f"{column[name]:>20.3f}" if name in column else f"{'-':>20}" for column in columns]
        print(f"{name:<24}" + "".join(cells))


if __name__ == "__main__":
    main()
