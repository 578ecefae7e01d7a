"""Pipelines, and streaming what agents print."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import (
    AgentBase,
    FanoutPipeline,
    Msg,
    ReActAgent,
    SequentialPipeline,
    fanout_pipeline,
    sequential_pipeline,
    stream_printing_messages,
)
from hubbub.agents.testing import ScriptedModel


class Adds(AgentBase):
    """Answers with what it was given and its own name; may wait for a gate, or fail."""

    def __init__(self, name: str, gate: asyncio.Barrier | asyncio.Event | None = None, error: Exception | None = None) -> None:
        super().__init__(name)
        self.gate = gate
        self.error = error
        self.given: Any = "nothing"
        self.cancelled = False

    async def reply(self, msg: Msg | None = None, suffix: str = "") -> Msg:
        self.given = msg
        try:
            if self.gate is not None:
                await self.gate.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if self.error is not None:
            raise self.error
        before = msg.get_text_content() if isinstance(msg, Msg) else ""
        return Msg(self.name, before + self.name + suffix, "assistant")


START = Msg("Bob", ">", "user")


async def test_sequential() -> None:
    agents = [Adds("a"), Adds("b"), Adds("c")]
    answer = await sequential_pipeline(agents, START)
    assert isinstance(answer, Msg) and answer.get_text_content() == ">abc"
    assert (await SequentialPipeline(agents)(None)).get_text_content() == "abc"  # type: ignore[union-attr]
    assert await sequential_pipeline([], START) is START
    assert await sequential_pipeline([]) is None


async def test_fanout_runs_at_the_same_time_in_the_order_of_the_agents() -> None:
    together = asyncio.Barrier(3)  # passes only if all three are there at once
    agents = [Adds(name, together) for name in "abc"]
    answers = await asyncio.wait_for(fanout_pipeline(agents, START), 5)
    assert [a.get_text_content() for a in answers] == [">a", ">b", ">c"]
    assert [a.get_text_content() for a in await FanoutPipeline([Adds("x")])(START, suffix="!")] == [">x!"]


async def test_fanout_one_after_another() -> None:
    agents = [Adds("a"), Adds("b")]
    assert [a.get_text_content() for a in await fanout_pipeline(agents, None, enable_gather=False)] == ["a", "b"]
    assert await fanout_pipeline([], START) == [] == await fanout_pipeline([], START, enable_gather=False)


async def test_each_agent_of_a_fanout_gets_its_own_copy() -> None:
    agents = [Adds("a"), Adds("b")]
    start = Msg("Bob", ">", "user", {"list": []})
    await fanout_pipeline(agents, start)
    assert agents[0].given == start and agents[0].given is not start and agents[0].given is not agents[1].given
    agents[0].given.metadata["list"].append(1)
    assert start.metadata == {"list": []} == agents[1].given.metadata
    await fanout_pipeline(agents, [start, start])
    assert agents[0].given == [start, start]


async def test_one_that_fails_stops_the_others_or_stands_in_its_place() -> None:
    gate = asyncio.Event()
    slow = Adds("slow", gate)
    with pytest.raises(LookupError, match="lost"):
        await fanout_pipeline([slow, Adds("bad", error=LookupError("lost"))], START)
    assert slow.cancelled and not slow.replying
    gate.set()
    answers = await fanout_pipeline([slow, Adds("bad", error=LookupError("lost"))], START, return_exceptions=True)
    assert answers[0].get_text_content() == ">slow" and isinstance(answers[1], LookupError)
    answers = await fanout_pipeline([Adds("bad", error=LookupError("lost")), slow], START, False, True)
    assert isinstance(answers[0], LookupError) and answers[1].get_text_content() == ">slow"


def talker(name: str, *words: Any) -> ReActAgent:
    return ReActAgent(name, "", ScriptedModel([list(words)]))


async def test_printed_messages_of_several_agents_interleave() -> None:
    ada, bob = talker("ada", "a1 ", 0.001, "a2 ", 0.001, "a3"), talker("bob", "b1 ", 0.001, "b2 ", 0.001, "b3")

    async def talk() -> None:
        await asyncio.gather(ada(), bob())

    seen = [(msg.name, msg.id, msg.get_text_content(), last) async for msg, last in stream_printing_messages([ada, bob], talk())]
    for name, end in (("ada", "a1 a2 a3"), ("bob", "b1 b2 b3")):
        mine = [(text, last) for who, _, text, last in seen if who == name]
        assert mine[-1] == (end, True) and not any(last for _, last in mine[:-1])
        assert all(end.startswith(text) for text, _ in mine)
        assert len({one for who, one, _, _ in seen if who == name}) == 1
    names = [who for who, _, _, _ in seen]
    assert names != sorted(names)
    assert ada.msg_queue is None


async def test_what_the_coroutine_raises_comes_after_the_last_message() -> None:
    ada = talker("ada", "hello")

    async def talk() -> None:
        await ada()
        raise LookupError("lost")

    seen = []
    with pytest.raises(LookupError, match="lost"):
        async for msg, last in stream_printing_messages([ada], talk()):
            seen.append((msg.get_text_content(), last))
    assert seen[-1] == ("hello", True)


async def test_closing_the_printed_stream_stops_the_agents() -> None:
    ada = talker("ada", "one ", 60, "two")
    stream = stream_printing_messages([ada], ada(), yield_speech=True)
    async for msg, _, speech in stream:
        assert speech is None
        if msg.get_text_content():
            break
    await stream.aclose()  # type: ignore[attr-defined]
    assert not ada.replying and ada.model.open_streams == 0
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]
