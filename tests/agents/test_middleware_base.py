"""The onion: order, what layers may change, and that closing it closes every layer."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from hubbub.agents import (
    AgentBase,
    AgentState,
    Draft,
    MiddlewareBase,
    Msg,
    ReActAgent,
    TextBlock,
    Toolkit,
    ToolResultBlock,
    from_callable,
)
from hubbub.agents.model.base import TextDelta
from hubbub.agents.testing import ScriptedModel, events_of, use
from hubbub.agents.tool import ToolChunk


def said(text: str) -> Msg:
    return Msg("Bob", text, "user")


async def look(n: int = 0) -> str:
    """Looks.

    Args:
        n: Where.
    """
    return f"saw {n}"


def agent_with(model: ScriptedModel, *layers: MiddlewareBase) -> ReActAgent:
    toolkit = Toolkit()
    toolkit.register_tool_function(look)
    return ReActAgent("Ada", "You are Ada.", model, toolkit=toolkit, middlewares=layers)


class Logs(MiddlewareBase):
    """Writes down when each layer begins and ends."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    async def around(self, what: str, next: Any) -> AsyncIterator[Any]:
        self.log.append(f"{self.name} {what}")
        try:
            async for item in next():
                yield item
        finally:
            self.log.append(f"{self.name} /{what}")

    def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
        return self.around("reply", next)

    def on_reasoning(self, call: Any, next: Any) -> AsyncIterator[Any]:
        return self.around("reasoning", next)

    def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
        return self.around("model", next)

    def on_acting(self, call: Any, next: Any) -> AsyncIterator[Any]:
        return self.around("acting", next)

    async def on_system_prompt(self, agent: AgentBase, prompt: str) -> str:
        return f"{prompt} {self.name}"


async def test_the_first_layer_is_the_outermost() -> None:
    log: list[str] = []
    model = ScriptedModel([[use("look", n=1)], "Done."])
    await agent_with(model, Logs("a", log), Logs("b", log))(said("go"))
    step = ["a reasoning", "b reasoning", "a model", "b model", "b /model", "a /model", "b /reasoning", "a /reasoning"]
    acting = ["a acting", "b acting", "b /acting", "a /acting"]
    assert log == ["a reply", "b reply", *step, *acting, *step, "b /reply", "a /reply"]
    assert "You are Ada. a b" in model.calls[0].text


async def test_layers_change_what_goes_in_and_what_comes_out() -> None:
    class Changes(MiddlewareBase):
        async def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for event in next(replace(call, messages=[said("changed")])):
                yield event

        async def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for delta in next(replace(call, tools=None)):
                yield TextDelta(delta.text.upper()) if isinstance(delta, TextDelta) else delta

        async def on_acting(self, call: Any, next: Any) -> AsyncIterator[Any]:
            call.tool_call.input["n"] = 7
            async for chunk in next():
                yield chunk

    model = ScriptedModel([["words ", use("look", n=1)], "done"])
    agent = agent_with(model, Changes())
    answer = await agent(said("original"))
    assert answer.get_text_content("") == "WORDS DONE"
    assert "changed" in model.calls[0].text and "original" not in repr(agent.memory.messages())
    assert model.calls[0].tools is None
    results = [b.text for m in agent.memory.messages() for b in m.blocks() if isinstance(b, ToolResultBlock)]
    assert results == ["saw 7"]


async def test_a_layer_may_answer_in_the_place_of_what_it_surrounds() -> None:
    class Canned(MiddlewareBase):
        async def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
            yield TextDelta("canned")

        async def on_acting(self, call: Any, next: Any) -> AsyncIterator[Any]:
            yield ToolChunk([TextBlock("not run")], True, "denied")

    agent = agent_with(ScriptedModel(), Canned())
    assert (await agent(said("hi"))).get_text_content() == "canned"

    class OnlyTools(MiddlewareBase):
        on_acting = Canned.on_acting

    agent = agent_with(ScriptedModel([[use("look")], "ok"]), OnlyTools())
    await agent(said("hi"))
    result = agent.memory.messages()[2].blocks()[0]
    assert isinstance(result, ToolResultBlock) and (result.text, result.state) == ("not run", "denied")


async def test_another_model_can_be_asked() -> None:
    other = ScriptedModel(["from the other"])

    class Routes(MiddlewareBase):
        async def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for delta in next(replace(call, model=other)):
                yield delta

    assert (await agent_with(ScriptedModel(), Routes())(said("hi"))).get_text_content() == "from the other"


async def test_an_end_that_is_swallowed_makes_another_round() -> None:
    class Critic(MiddlewareBase):
        async def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for event in next():
                if event.type == "reply_end" and "please" not in event.message.get_text_content():
                    yield call.run.hint("Be polite.", "critic")
                    continue
                yield event

    model = ScriptedModel(["Sit.", "Sit, please."])
    agent = agent_with(model, Critic())
    events = await events_of(agent.reply_stream(said("go")))
    kinds = [e.type for e in events]
    assert kinds.count("reply_start") == kinds.count("reply_end") == 1 and "hint_block" in kinds
    assert "Be polite." in model.calls[1].text
    assert [m.get_text_content() for m in agent.memory.messages() if m.role == "assistant"] == ["Sit.", "Sit, please."]

    model.restart(["Sit.", "Sit, please."])
    draft = Draft()
    await events_of(agent.reply_stream(said("go again"), draft=draft))
    assert model.calls[3].text.count("go again") == 1  # what is answered is taken up once, also on the stage of a draft
    draft.commit()

    class Never(MiddlewareBase):
        async def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for event in next():
                if event.type != "reply_end":
                    yield event

    end = (await events_of(agent_with(ScriptedModel(then="No."), Never()).reply_stream(said("go"))))[-1]
    assert end.finished_reason == "error" and "rounds" in end.error


async def test_an_interrupted_end_cannot_be_swallowed() -> None:
    class Never(MiddlewareBase):
        async def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for event in next():
                if event.type != "reply_end":
                    yield event

    agent = agent_with(ScriptedModel([["One ", 60]]), Never())
    events = []
    async for event in agent.reply_stream(said("go")):
        events.append(event)
        if event.type == "text_block_delta":
            stop = asyncio.create_task(agent.interrupt())
    await stop
    assert events[-1].finished_reason == "interrupted"


@pytest.mark.parametrize("how", ["interrupt", "close"])
async def test_every_layer_is_closed_when_the_reply_stops(how: str) -> None:
    log: list[str] = []
    model = ScriptedModel([["One ", 60]])
    agent = agent_with(model, Logs("a", log), Logs("b", log))
    stream = agent.reply_stream(said("go"))
    async for event in stream:
        if event.type == "text_block_delta":
            break
    if how == "interrupt":
        await agent.interrupt()
    await stream.aclose()
    layers = [f"{name} {what}" for name in "ab" for what in ("reply", "reasoning", "model")]
    assert sorted(log) == sorted(layers + [layer.replace(" ", " /") for layer in layers])
    assert model.open_streams == 0


async def test_a_layer_that_leaves_early_closes_what_is_inside() -> None:
    class Short(MiddlewareBase):
        async def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
            async for delta in next():
                yield delta
                return

    model = ScriptedModel(["one two three"])
    assert (await agent_with(model, Short())(said("go"))).get_text_content() == "one"
    assert model.open_streams == 0 and model.closed_early == 1


async def test_a_layer_that_fails_ends_the_reply_or_the_call() -> None:
    class Fails(MiddlewareBase):
        def __init__(self, where: str) -> None:
            self.where = where

        async def on_model_call(self, call: Any, next: Any) -> AsyncIterator[Any]:
            if self.where == "model":
                raise OSError("broken layer")
            async for delta in next():
                yield delta

        async def on_acting(self, call: Any, next: Any) -> AsyncIterator[Any]:
            if self.where == "acting":
                raise OSError("broken layer")
            async for chunk in next():
                yield chunk

    end = (await events_of(agent_with(ScriptedModel(["x"]), Fails("model")).reply_stream(said("go"))))[-1]
    assert end.finished_reason == "error" and "broken layer" in end.error
    agent = agent_with(ScriptedModel([[use("look")], "Well."]), Fails("acting"))
    assert (await agent(said("go"))).get_text_content() == "Well."
    assert "broken layer" in repr(agent.memory.messages()[2])


async def test_what_a_layer_keeps_is_saved_with_the_agent() -> None:
    class Counts(MiddlewareBase):
        async def on_reply(self, call: Any, next: Any) -> AsyncIterator[Any]:
            state = self.state_of(call.agent)
            state["replies"] = state.get("replies", 0) + 1
            async for event in next():
                yield event

    shared = Counts()
    one, two = (agent_with(ScriptedModel(then="Hi."), shared) for _ in range(2))
    await one(said("hi"))
    await one(said("hi"))
    await two(said("hi"))
    assert (shared.state_of(one), shared.state_of(two)) == ({"replies": 2}, {"replies": 1})
    two.load_state(AgentState.model_validate_json(one.state.model_dump_json()))
    await two(said("hi"))
    assert shared.state_of(two) == {"replies": 3} and shared.state_of(one) == {"replies": 2}


async def test_layers_surround_functions_too() -> None:
    log: list[str] = []
    agent = from_callable(lambda text: text, name="Echo")
    agent.middlewares = (Logs("a", log),)
    await agent(said("hi"))
    assert log == ["a reply", "a /reply"]


async def test_a_hint_never_parts_a_call_from_its_result() -> None:
    class Whispers(MiddlewareBase):
        async def on_acting(self, call: Any, next: Any) -> AsyncIterator[Any]:
            call.run.hint("psst", "whisper")
            async for chunk in next():
                yield chunk

    agent = agent_with(ScriptedModel([[use("look"), use("look")], "Done."]), Whispers())
    await agent(said("go"))
    assert [m.name for m in agent.memory.messages()] == ["Bob", "Ada", "system", "system", "whisper", "whisper", "Ada"]
