"""The hub: who hears whom, and that nobody slow, broken or interrupted spoils it for the others."""

import asyncio
from typing import Any

import pytest
from hubbub.agents import AgentBase, InMemoryMemory, Msg, MsgHub, ReActAgent, TextBlock, ThinkingBlock, from_callable
from hubbub.agents.testing import ScriptedModel, think


def speaker(name: str, *words: Any) -> ReActAgent:
    return ReActAgent(name, "", ScriptedModel(list(words), then=f"{name} speaks."))


def heard(agent: AgentBase) -> list[str]:
    assert agent.memory is not None
    return [f"{m.name}: {m.get_text_content()}" for m in agent.memory.messages()]


class Listener(AgentBase):
    """Takes note of what it observes, after a while if so told."""

    def __init__(self, name: str, gate: asyncio.Event | None = None) -> None:
        super().__init__(name)
        self.notes: list[str] = []
        self.gate = gate

    async def observe(self, msg: Any) -> None:
        if self.gate is not None:
            await self.gate.wait()
        self.notes += [m.get_text_content() for m in (msg if isinstance(msg, list) else [msg])]

    async def reply(self, msg: Any = None) -> Msg:
        return Msg(self.name, f"I know {len(self.notes)}", "assistant")


HELLO = Msg("host", "Hello all.", "assistant")


async def test_announcement_and_replies_reach_the_others_once() -> None:
    ada, bob, cy = speaker("ada"), speaker("bob"), speaker("cy")
    async with MsgHub([ada, bob, cy], announcement=HELLO):
        await ada()
        await bob()
    assert heard(cy) == ["host: Hello all.", "ada: ada speaks.", "bob: bob speaks."]
    assert heard(ada) == ["host: Hello all.", "ada: ada speaks.", "bob: bob speaks."]
    await ada()  # the hub is closed
    assert len(heard(cy)) == 3


async def test_who_joins_hears_what_comes_after() -> None:
    ada, bob, cy = speaker("ada"), speaker("bob"), speaker("cy")
    async with MsgHub([ada, bob], HELLO) as hub:
        await ada()
        hub.add(cy)
        hub.add([cy, bob])
        await bob()
        await cy()
        assert hub.participants == [ada, bob, cy]
    assert heard(cy) == ["bob: bob speaks.", "cy: cy speaks."]
    assert heard(ada)[-1] == "cy: cy speaks."


async def test_deleting_stops_both_directions_also_after_the_hub() -> None:
    ada, bob, cy = speaker("ada"), speaker("bob"), speaker("cy")
    async with MsgHub([ada, bob, cy]) as hub:
        hub.delete(bob)
        hub.delete([bob])
        await ada()
        await bob()
        await hub.broadcast(HELLO)
    await bob()
    assert heard(bob) == ["bob: bob speaks.", "bob: bob speaks."]
    assert heard(cy) == ["ada: ada speaks.", "host: Hello all."]
    assert bob._hubs == cy._hubs == ()


async def test_overlapping_hubs() -> None:
    ada, bob, cy = speaker("ada"), speaker("bob"), speaker("cy")
    async with MsgHub([ada, bob], name="one") as one:
        async with MsgHub([bob, cy], name="two"):
            await bob()
        await bob()
        assert one.participants == [ada, bob]
    assert heard(ada) == ["bob: bob speaks."] * 2
    assert heard(cy) == ["bob: bob speaks."]
    async with MsgHub([ada, bob]), MsgHub([ada, bob]):  # the same two, twice: heard once, as it is one message
        await ada()
    assert heard(bob).count("ada: ada speaks.") == 1


async def test_broadcast_by_hand_and_switching_the_automatic_one() -> None:
    ada, bob = speaker("ada"), speaker("bob")
    async with MsgHub([ada, bob], enable_auto_broadcast=False) as hub:
        message = await ada()
        assert heard(bob) == []
        await hub.broadcast(message)
        assert heard(bob) == ["ada: ada speaks."]
        assert heard(ada) == ["ada: ada speaks."]  # its own words do not come back as another's
        hub.set_auto_broadcast(True)
        await ada()
        assert len(heard(bob)) == 2
        hub.set_auto_broadcast(False)
        await ada()
        assert len(heard(bob)) == 2
        await hub.broadcast([HELLO, Msg("host", "Bye.", "user")], exclude=ada)
        assert heard(bob)[-2:] == ["host: Hello all.", "host: Bye."] and len(heard(ada)) == 3


async def test_thinking_never_crosses() -> None:
    ada, bob, cy = speaker("ada", [think("secret"), "Hello."]), speaker("bob"), Listener("cy")
    async with MsgHub([ada, bob, cy]) as hub:
        await ada()
        await hub.broadcast(Msg("eve", [ThinkingBlock("secret"), TextBlock("hi")], "assistant"))
        await hub.broadcast(Msg("eve", [ThinkingBlock("secret")], "assistant"))
    assert "secret" not in repr(bob.memory.messages())
    assert any(b.type == "thinking" for m in ada.memory.messages() for b in m.blocks())
    assert heard(bob) == ["ada: Hello.", "eve: hi"]
    assert cy.notes == ["Hello.", "hi"]


async def test_an_interrupted_reply_crosses_marked_as_such() -> None:
    ada, bob = speaker("ada", ["One ", 60, "two."]), speaker("bob")
    async with MsgHub([ada, bob]) as hub:
        task = asyncio.create_task(ada())
        while not ada.replying or not ada.model.open_streams:
            await asyncio.sleep(0.001)
        await asyncio.sleep(0.005)
        await hub.interrupt(Msg("cy", "wait", "user"))
        await task
    assert heard(bob) == ["ada: One "]
    assert bob.memory.messages()[0].metadata["interrupted"]["by"] == "cy"


async def test_a_reply_cut_before_its_first_word_is_not_broadcast() -> None:
    ada, bob = speaker("ada", [60, "One."]), speaker("bob")
    async with MsgHub([ada, bob]):
        task = asyncio.create_task(ada())
        await asyncio.sleep(0.01)
        await ada.interrupt()
        assert "interrupted" in (await task).metadata
    assert heard(bob) == []


async def test_a_slow_observe_delays_nobody_but_its_own_reply() -> None:
    gate = asyncio.Event()
    ada, bob, slow = speaker("ada"), Listener("bob"), Listener("slow", gate)
    async with MsgHub([slow, ada, bob]) as hub:
        await ada()
        await ada()
        assert bob.notes == ["ada speaks."] * 2 and slow.notes == []
        late = asyncio.create_task(slow())
        await asyncio.sleep(0.005)
        assert not late.done()
        gate.set()
        assert (await late).get_text_content() == "I know 2"
        await hub.settled()
    assert slow.notes == ["ada speaks."] * 2


async def test_a_full_lane_loses_its_oldest_and_counts_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.agents import hub as module

    monkeypatch.setattr(module, "LANE_MESSAGES", 3)
    gate = asyncio.Event()
    slow = Listener("slow", gate)
    async with MsgHub([slow]) as hub:
        for n in range(6):
            await hub.broadcast(Msg("host", str(n), "user"))
        gate.set()
        await hub.settled(slow)
        assert slow.notes == ["0", "3", "4", "5"] and hub.dropped == 2


async def test_a_participant_that_fails_to_listen_is_its_own_problem() -> None:
    class Deaf(Listener):
        async def observe(self, msg: Any) -> None:
            raise OSError("no ears")

    bob = Listener("bob")
    async with MsgHub([Deaf("deaf"), bob]) as hub:
        await hub.broadcast(HELLO)
        await hub.broadcast(HELLO)
        assert bob.notes == ["Hello all."] * 2 and hub.failures == 2


async def test_an_interrupt_overtakes_data() -> None:
    """Interrupting works while every listener is stuck, and stops all who reply at the same time."""
    gate = asyncio.Event()
    ada, bob = speaker("ada", ["One ", 60, "two."]), speaker("bob", ["One ", 60, "two."])
    stuck = Listener("stuck", gate)
    async with MsgHub([stuck, ada, bob]) as hub:
        for n in range(20):
            await hub.broadcast(Msg("host", str(n), "user"))
        talking = [asyncio.create_task(ada()), asyncio.create_task(bob())]
        await asyncio.sleep(0.01)
        await asyncio.wait_for(hub.interrupt(Msg("cy", "quiet", "user")), 5)
        assert not ada.replying and not bob.replying and stuck.notes == []
        assert all("interrupted" in answer.metadata for answer in await asyncio.gather(*talking))
        await hub.interrupt()  # nobody replies any more
        gate.set()


async def test_leaving_does_not_wait_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    from hubbub.agents import hub as module

    monkeypatch.setattr(module, "DRAIN_S", 0.01)
    slow = Listener("slow", asyncio.Event())
    async with MsgHub([slow], HELLO):
        pass
    assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]


async def test_deleting_who_is_still_listening_leaves_no_task() -> None:
    slow = Listener("slow", asyncio.Event())
    async with MsgHub([slow], HELLO) as hub:
        hub.delete(slow)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not [t for t in asyncio.all_tasks() if t is not asyncio.current_task()]


async def test_a_hub_of_functions_and_agents() -> None:
    async def parrot(text: str) -> str:
        return text.splitlines()[-1]

    ada, bird = speaker("ada"), from_callable(parrot, name="bird")
    async with MsgHub([ada, bird]):
        await ada()
        await bird()
    assert heard(ada)[-1] == "bird: ada speaks."


async def test_only_agents_take_part() -> None:
    with pytest.raises(TypeError, match="from_callable"):
        MsgHub([print])  # type: ignore[list-item]


async def test_a_hub_can_be_entered_again() -> None:
    ada, bob = speaker("ada"), speaker("bob")
    hub = MsgHub([ada, bob])
    for _ in range(2):
        async with hub:
            await ada()
    assert len(heard(bob)) == 2


async def test_many_listeners_hear_in_order() -> None:
    everybody = [ReActAgent(f"a{n}", "", ScriptedModel(), memory=InMemoryMemory()) for n in range(100)]
    async with MsgHub(everybody) as hub:
        for n in range(10):
            await hub.broadcast(Msg("host", str(n), "user"))
    assert all([m.content for m in a.memory.messages()] == [str(n) for n in range(10)] for a in everybody)


async def test_the_model_tells_its_own_words_from_those_of_others() -> None:
    """With the real formatter: own replies are the assistant's, others' are named."""
    from hubbub.agents import OpenAIMultiAgentFormatter

    model = ScriptedModel(then="I am here.")
    ada = ReActAgent("ada", "You are ada.", model, OpenAIMultiAgentFormatter())
    bob = speaker("bob")
    async with MsgHub([ada, bob], announcement=Msg("host", "Speak.", "user")):
        await ada()
        await bob()
        await ada()
    roles = [(m["role"], m["content"]) for m in model.calls[1].messages]
    assert ("assistant", "I am here.") in roles
    assert any(role == "user" and "bob: bob speaks." in content for role, content in roles)
    assert not any(role == "assistant" and "bob speaks" in str(content) for role, content in roles)


async def test_a_reply_cut_before_its_first_word_is_told_to_the_model() -> None:
    from hubbub.agents import OpenAIMultiAgentFormatter

    model = ScriptedModel([[60, "One."]], then="Yes.")
    ada = ReActAgent("ada", "You are ada.", model, OpenAIMultiAgentFormatter())
    task = asyncio.create_task(ada(Msg("bob", "count", "user")))
    while not model.open_streams:
        await asyncio.sleep(0)
    await ada.interrupt(Msg("bob", "wait", "user"))
    await task
    await ada(Msg("bob", "go ahead then, tell me", "user"))
    assert "cut off by bob" in str(model.calls[1].messages)
