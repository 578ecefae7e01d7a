"""A room end to end in simulated time: sound in, words, an agent, sound out, with scripted engines on a virtual clock."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hubbub.agents.agent.react import ReActAgent
from hubbub.agents.memory.in_process import InMemoryMemory
from hubbub.agents.model.base import ChatDelta, ChatModelBase, TextDelta
from hubbub.voice.asr.base import ASRPartial
from hubbub.voice.clock import MediaClock
from hubbub.voice.event import Backchannel, Dtmf, Error, Left, Reply, Transcript, Turn
from hubbub.voice.refusal import RoomFull
from hubbub.voice.reply import AgentSeat
from hubbub.voice.room import RoomEngines, VoiceRoom
from hubbub.voice.speech import Speech
from hubbub.voice.testing.asr import ScriptedASR
from hubbub.voice.testing.caller import SimulatedCaller
from hubbub.voice.testing.tts import ScriptedTTS
from hubbub.voice.tts.base import Voice
from hubbub.voice.turn.policy import TurnPolicy
from hubbub.voice.vad.energy import EnergyVAD
from room_world import COUNT, lived, opened, voice


class Model(ChatModelBase):
    """Answers from a list; keeps what it was asked."""

    def __init__(self, *answers: str | Exception, first_s: float = 0.3) -> None:
        self.name = "test"
        self.answers = list(answers)
        self.first_s = first_s
        self.asked: list[list[dict[str, Any]]] = []
        self.closed = 0

    async def stream(self, messages: list[dict[str, Any]], **options: Any) -> AsyncIterator[ChatDelta]:
        self.asked.append(messages)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        try:
            await asyncio.sleep(self.first_s)
            if isinstance(answer, Exception):
                raise answer
            for word in answer.split(" "):
                yield TextDelta(word + " ")
                await asyncio.sleep(0.02)
        finally:
            self.closed += 1


class World:
    """A room with one agent and scripted engines."""

    def __init__(self, script: list[str], *answers: str | Exception, first_s: float = 0.3, **options: Any) -> None:
        self.model = Model(*answers, first_s=first_s)
        self.agent = ReActAgent(name="Ava", sys_prompt="You are Ava.", model=self.model, memory=InMemoryMemory())
        self.vad = EnergyVAD()
        self.clock = MediaClock(self.vad)
        seat = AgentSeat(self.agent, Speech(ScriptedTTS(), Voice()), **options.pop("seat", {}))
        self.asr = ScriptedASR(script, **options.pop("asr", {}))
        policy = TurnPolicy(**options.pop("policy", {}))
        self.room = VoiceRoom("test", [seat], RoomEngines(self.clock, self.asr, {}), policy=policy, **options)

    async def memory(self) -> list[tuple[str, str]]:
        return [(msg.name, msg.get_text_content()) for msg in await self.agent.memory.get_memory()]


def simulated(script: list[str], *answers: str | Exception, **options: Any):
    """Runs a test in a world of its own, in simulated time, and checks that it leaves no task behind."""
    return lambda test: lived(test, lambda: opened(World(script, *answers, **options)))


@simulated(["what time is it"], "It is noon.")
async def test_a_turn_is_answered(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(bytes(16_000) + voice(900))
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert reply.text.strip() == "It is noon." and reply.unheard == "" and reply.agent == "Ava"
    final = [event for event in caller.of(Transcript) if event.final]
    assert [(event.speaker, event.text) for event in final] == [("Kim", "what time is it")]
    assert await world.memory() == [("Kim", "what time is it"), ("Ava", reply.text)]
    assert any(caller.heard), "the caller heard nothing"


@simulated(["what time is it"], "It is noon.")
async def test_speculation_hides_the_engines_behind_the_endpointing_wait(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(900))
    turn = await caller.wait_for(Turn)
    parts = turn.latency.model_dump()
    total = parts.pop("total_ms")
    overlap, trimmed = parts.pop("overlap_ms"), parts.pop("trimmed_ms")
    assert 200 <= overlap <= 320 and trimmed == 0, "model and synthesiser worked while the silence was being counted"
    assert abs(sum(parts.values()) - total) < 0.5
    # partial 60 + model 300 + first sentence and sound; the endpointing wait of 320 ms is hidden in it, not added
    assert total < 60 + 300 + 320


class Guessing(ScriptedASR):
    """Its partials are wrong."""

    def open(self, on_event, **options):
        return super().open(lambda event: on_event(ASRPartial("to the story") if isinstance(event, ASRPartial) else event), **options)


@simulated([])
async def test_a_slow_final_is_waited_for_where_it_may_be_other_words(world):
    said = {}
    for differs in (False, True):
        asr = Guessing(["tell me a story"], final_ms=1700)
        asr.final_differs = differs
        room = VoiceRoom("slow", [], RoomEngines(world.clock, asr, {}))
        turns = asyncio.Queue[str]()
        room.talk.on_turn = lambda turn, turns=turns: turns.put_nowait(turn.text)
        SimulatedCaller(room, "Kim").say(voice(900))
        said[differs] = await turns.get()
        await room.close()
    assert said == {False: "to the story", True: "tell me a story"}


@simulated(["what time", "is it"], "It is noon.")
async def test_a_wrong_speculation_leaves_no_trace(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(700) + bytes(16 * 250 * 2) + voice(700))
    await caller.wait_for(Reply, lambda event: event.final)
    assert (await world.memory())[0] == ("Kim", "what time is it")
    assert len(await world.memory()) == 2
    assert len(world.model.asked) >= 2, "nothing was speculated on"
    assert [event.text for event in caller.of(Transcript) if event.final] == ["what time is it"]


@simulated(["count to twenty", "stop"], COUNT, "All right.")
async def test_an_interruption_keeps_what_was_heard(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(900))
    await caller.wait_for(Reply)
    await asyncio.sleep(2.0)
    frames_before = len(caller.heard_replies)
    caller.say(voice(400))
    cut = await caller.wait_for(Reply, lambda event: event.final)
    assert cut.interrupted and cut.interrupted_by == "Kim"
    assert cut.text + cut.unheard == COUNT + " "
    assert 2 <= len(cut.text.split()) <= 12
    assert 1 not in caller.heard_replies[frames_before + 12 :], "the dead reply was heard after the hold"
    await caller.wait_for(Reply, lambda event: event.final)
    memory = await world.memory()
    assert memory[1] == ("Ava", cut.text)
    assert memory[2] == ("Kim", "stop")
    shown = str(world.model.asked[-1])
    assert "sixteen" not in cut.text and cut.unheard.strip()[:12] in shown, "the model is not told what was not heard"


@simulated(["count to twenty", ""], COUNT)
async def test_a_cough_pauses_and_the_reply_goes_on_from_the_same_sample(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(900))
    await caller.wait_for(Reply)
    await asyncio.sleep(1.5)
    caller.say(voice(160))
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert not reply.interrupted and reply.text == COUNT + " " and len(world.model.asked) == 1
    frames = caller.heard_replies
    first, last = frames.index(1), len(frames) - 1 - frames[::-1].index(1)
    gap = frames[first:last].count(0) * 20
    assert 100 <= gap <= 700, f"dead air of {gap} ms"
    sound = b"".join(bytes(caller.heard[n * 960 : (n + 1) * 960]) for n, reply in enumerate(frames) if reply == 1)
    assert len(sound) / 48_000 > 3


@simulated(["count to twenty", "yeah"], COUNT)
async def test_a_backchannel_leaves_the_floor(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(900))
    await caller.wait_for(Reply)
    await asyncio.sleep(1.5)
    caller.say(voice(300))
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert not reply.interrupted
    assert [event.text for event in caller.of(Backchannel)] == ["yeah"]
    assert [name for name, _ in await world.memory()] == ["Kim", "Ava"]


@simulated([], "You typed that.")
async def test_typing_is_a_turn(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.session.type("hello there")
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert reply.text.strip() == "You typed that."
    assert caller.of(Transcript)[0].source == "text"


@simulated([], COUNT, "You pressed four and two.")
async def test_keys_interrupt_and_are_a_turn_when_no_further_one_comes(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.session.type("count")
    await caller.wait_for(Reply)
    await asyncio.sleep(1.0)
    caller.session.press_keys("4")
    first = await caller.wait_for(Reply, lambda event: event.final)
    assert first.interrupted and first.interrupted_by == "Kim"
    caller.session.press_keys("2")
    said = await caller.wait_for(Transcript)
    assert said.text == "42" and said.source == "dtmf" and said.final
    assert [event.digits for event in caller.of(Dtmf)] == ["4", "2"]
    answer = await caller.wait_for(Reply, lambda event: event.final)
    assert answer.text.strip() == "You pressed four and two."
    turn = caller.of(Turn)[-1]
    assert 2480 <= turn.latency.endpoint_ms <= 2520, "the wait for a further key is the endpoint's part"
    assert (await world.memory())[-2:] == [("Kim", "42"), ("Ava", answer.text)]
    assert "42\n<note>These are keys that were pressed" in world.model.asked[-1][-1]["content"], "the model knows that nobody said it"


@simulated(["tell me", "but wait", "and now"], COUNT, "Yes?", seat={"interruptible": False})
async def test_a_protected_reply_is_heard_to_its_end_and_the_words_over_it_are_kept(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(700))
    await caller.wait_for(Reply)
    await asyncio.sleep(1.5)
    caller.say(voice(1200))
    first = await caller.wait_for(Reply, lambda event: event.final, within_s=60)
    assert (first.text.strip(), first.interrupted) == (COUNT, False)
    heard = [end - start for reply, start, end in caller.heard_spans if reply == 1]
    assert len(heard) == 1, "one stretch: it was never held"
    second = await caller.wait_for(Reply, lambda event: event.final)
    assert second.text.strip() == "Yes?"
    assert [words for name, words in await world.memory() if name == "Kim"] == ["tell me", "but wait"]


@simulated([], COUNT, "Yes?", seat={"interruptible": False})
async def test_what_is_typed_over_a_protected_reply_is_kept_and_the_button_stops_it(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.session.type("count")
    await caller.wait_for(Reply)
    await asyncio.sleep(1)
    caller.session.type("and then?")
    await asyncio.sleep(1)
    assert not [event for event in caller.of(Reply) if event.final]
    caller.session.press_interrupt()
    first = await caller.wait_for(Reply, lambda event: event.final)
    assert first.interrupted
    await caller.wait_for(Reply, lambda event: event.final)
    assert [words for name, words in await world.memory() if name == "Kim"] == ["count", "and then?"]


@simulated([], COUNT, "Yes?")
async def test_typing_and_the_button_interrupt(world):
    caller = SimulatedCaller(world.room)
    caller.session.type("count")
    await caller.wait_for(Reply)
    await asyncio.sleep(1)
    caller.session.press_interrupt()
    first = await caller.wait_for(Reply, lambda event: event.final)
    assert first.interrupted
    caller.session.type("again")
    second = await caller.wait_for(Reply, lambda event: event.final)
    assert second.text.strip() == "Yes?"


@simulated(["hello"], RuntimeError("the provider is down"))
async def test_a_model_that_fails_is_apologised_for(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(700))
    error = await caller.wait_for(Error)
    assert error.code == "reply_failed"
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert reply.reason == "error"
    assert "sorry" in reply.text.lower() and any(caller.heard)


@simulated(["what time is it"], "At last.", first_s=5.0)
async def test_a_slow_model_is_announced_within_two_seconds(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(700))
    end = await caller.said()
    await caller.wait_for(Error, lambda event: event.code == "slow_model")
    assert asyncio.get_running_loop().time() - end < 3.2
    await caller.wait_for(Reply, lambda event: event.final)


@simulated([RuntimeError("the recogniser died"), "hello"], "Hi.")  # type: ignore[list-item]
async def test_a_recogniser_that_fails_is_told_and_the_next_turn_works(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(600))
    error = await caller.wait_for(Error)
    assert error.code == "asr_failed"
    await asyncio.sleep(2)
    caller.say(voice(600))
    assert (await caller.wait_for(Reply, lambda event: event.final)).text.strip() == "Hi."


@simulated(["hello"], "Hello Kim.")
async def test_everybody_hears_a_reply_and_sees_whose_words_they_are(world):
    kim, lee = SimulatedCaller(world.room, "Kim"), SimulatedCaller(world.room, "Lee")
    kim.say(voice(600))
    await lee.wait_for(Reply, lambda event: event.final)
    assert any(kim.heard) and any(lee.heard)
    assert world.room.participants[1].name == "Kim"


@simulated(["count to twenty", "stop"], COUNT, "All right.")
async def test_a_second_person_breaks_in_for_everybody(world):
    kim, lee = SimulatedCaller(world.room, "Kim"), SimulatedCaller(world.room, "Lee")
    kim.say(voice(900))
    await lee.wait_for(Reply)
    await asyncio.sleep(1.5)
    lee.say(voice(400))
    cut = await kim.wait_for(Reply, lambda event: event.final)
    assert cut.interrupted_by == "Lee"
    await asyncio.sleep(0.2)
    assert 1 not in kim.heard_replies[-5:] and 1 not in lee.heard_replies[-5:]


@simulated(["hello"], COUNT)
async def test_a_caller_who_leaves_mid_reply_leaves_a_true_memory(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(600))
    await caller.wait_for(Reply)
    await asyncio.sleep(1.5)
    await caller.leave()
    await asyncio.sleep(0.2)
    said = (await world.memory())[1][1]
    assert said and len(said) < len(COUNT) and COUNT.startswith(said.strip())


@simulated(["hello"], COUNT)
async def test_left_is_the_last_that_is_told(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(600))
    await caller.wait_for(Reply)
    await asyncio.sleep(1.5)
    caller.session.emit(Left(reason="left"))
    await caller.leave()
    await asyncio.sleep(0.5)
    assert [type(event) for _, event in caller.events][-1] is Left, "the cut reply and the floor are not told to who has left"


@simulated(["count to twenty", "stop"], COUNT, "Yes?", first_s=3.0, seat={"filler": "One moment."})
async def test_a_filler_covers_a_slow_model_and_is_nobodys_word(world):
    caller = SimulatedCaller(world.room, "Kim")
    caller.say(voice(700))
    end = await caller.said()
    while not any(caller.heard_replies):
        await asyncio.sleep(0.02)
    assert 1.2 < asyncio.get_running_loop().time() - end < 1.9, "the filler comes after its delay"
    await asyncio.sleep(3.0)
    caller.session.press_interrupt()
    cut = await caller.wait_for(Reply, lambda event: event.final)
    assert cut.text + cut.unheard == COUNT + " " and "moment" not in cut.text
    heard_s = sum(end - start for reply, start, end in caller.heard_spans if reply == 1) / 24_000
    counted = len(cut.text.split())
    assert abs(counted - (heard_s - 0.6) / 0.31) <= 1.5, "the words are counted from the reply's own sound, not from the filler's"


@simulated(["hello"], "Hi.", seat={"filler": "One moment."})
async def test_a_quick_reply_needs_no_filler(world):
    caller = SimulatedCaller(world.room)
    caller.say(voice(700))
    await caller.wait_for(Reply, lambda event: event.final)
    assert sum(end - start for _, start, end in caller.heard_spans) == 24 * 300


@simulated(["count to twenty"], COUNT, "Hello Lee.")
async def test_a_listener_whose_line_is_lost_holds_up_nobody(world):
    kim = SimulatedCaller(world.room, "Kim")
    kim.say(voice(900))
    await kim.wait_for(Reply)
    await asyncio.sleep(1.5)
    loop = asyncio.get_running_loop()
    kim.session.detach(kim, loop.time())
    lee = SimulatedCaller(world.room, "Lee")
    lee.session.type("hello")
    for _ in range(10):
        await asyncio.sleep(1)
        world.room.tend(loop.time())
    assert any(event.final and event.text.strip() == "Hello Lee." for event in lee.of(Reply))
    cut = (await world.memory())[1]
    assert cut[0] == "Ava" and 0 < len(cut[1]) < len(COUNT)


@simulated(["hello"], "Hi.", seat={"greeting": "Welcome."})
async def test_a_greeting_is_spoken_and_remembered(world):
    caller = SimulatedCaller(world.room)
    reply = await caller.wait_for(Reply, lambda event: event.final)
    assert reply.text == "Welcome." and any(caller.heard)
    assert await world.memory() == [("Ava", "Welcome.")]


@simulated([], "x", max_callers=1)
async def test_a_full_room_refuses_and_a_taken_name_gets_a_number(world):
    SimulatedCaller(world.room, "Kim")
    with pytest.raises(RoomFull, match="full"):
        world.room.join("Lee")
    world.room.max_callers = 3
    assert world.room.join("Kim").name == "Kim 2"
    assert world.room.join("Ava").name == "Ava 2"


@simulated(["hello"], "Hi.")
async def test_long_silence_costs_no_turn_and_no_memory(world):
    caller = SimulatedCaller(world.room)
    await asyncio.sleep(600)
    assert not caller.of(Transcript) and not world.model.asked
    assert len(caller.session.ear._buffer) < 100_000
    caller.say(voice(600))
    await caller.wait_for(Reply, lambda event: event.final)


@simulated(["count to twenty", "yeah", "", "stop"], COUNT, "Fine.")
async def test_a_client_that_does_not_report_is_credited_less(world):
    caller = SimulatedCaller(world.room, reports_playhead=False)
    caller.say(voice(900))
    await caller.wait_for(Reply)
    await asyncio.sleep(2)
    caller.session.press_interrupt()
    cut = await caller.wait_for(Reply, lambda event: event.final)
    assert cut.interrupted and cut.text + cut.unheard == COUNT + " "
