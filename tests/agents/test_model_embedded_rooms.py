"""The embedded model among several: written parts, interpreting, handing over, choosing, and answering several people."""

import json
from typing import Any

import pytest
from hubbub.agents import Msg, ReActAgent
from hubbub.agents.model.base import ToolCallDelta
from hubbub.agents.model.embedded import EmbeddedModel
from hubbub.agents.tool import Toolkit
from hubbub.voice.floor_tools import hand_over_tools

POINTS = "You are Ava.\nPoints:\n- First of all, tea.\n- Then again, tea.\n\nSpeak shortly."
QUESTIONS = "You are Nora.\nQuestions:\n- Where are you from?\n- What do you do?"
PHRASES = "You interpret.\nPhrases:\n- good morning = guten Morgen\n- thank you = danke\n- 你好 = hello"


def said(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": "user", "name": name, "content": text, **more}


def agent(name: str, text: str, **more: Any) -> dict[str, Any]:
    return {"role": "assistant", "name": name, "content": text, **more}


def part(name: str, prompt: str) -> list[dict[str, Any]]:
    return [{"role": "system", "name": "system", "content": f"You are {name}."}, {"role": "system", "name": name, "content": prompt}]


def answer(*messages: dict[str, Any]) -> str:
    return EmbeddedModel().answer(list(messages))


def test_points_are_brought_forward_one_after_another():
    talk = [*part("Ava", POINTS), agent("Carol", "Ava, please.")]
    assert answer(*talk) == "First of all, tea."
    talk += [agent("Ava", "First of all, tea."), agent("Carol", "And?")]
    assert answer(*talk) == "Then again, tea."
    talk += [agent("Ava", "Then again, tea."), agent("Carol", "And?")]
    assert "all that I have to say" in answer(*talk)


def test_a_point_that_was_cut_off_is_not_said_twice():
    cut = agent("Ava", "First of", interrupted={"by": "Kim", "unheard": " all, tea."})
    assert answer(*part("Ava", POINTS), agent("Carol", "Ava?"), cut, agent("Carol", "Ava?")) == "Then again, tea."


def test_people_get_their_answer_before_a_point():
    assert "84" in answer(*part("Ava", POINTS), said("Kim", "what is twelve times seven")) or "eighty" in answer(
        *part("Ava", POINTS), said("Kim", "what is twelve times seven")
    )
    assert answer(*part("Ava", POINTS), said("Kim", "is the glorb flimsy")) == "First of all, tea."


def test_questions_are_asked_whatever_is_answered():
    talk = [*part("Nora", QUESTIONS), said("Kim", "I am ready")]
    assert answer(*talk) == "Where are you from?"
    talk += [agent("Nora", "Where are you from?"), said("Kim", "what time is it")]
    assert answer(*talk) == "I see. What do you do?"
    talk += [agent("Nora", "I see. What do you do?"), said("Kim", "nothing")]
    assert "no further questions" in answer(*talk)
    assert answer(*talk[:4], said("Kim", "say that again")) == "Where are you from?"


@pytest.mark.parametrize(
    ("text", "other"),
    [
        ("Good morning!", "guten Morgen"), ("guten morgen", "good morning"), ("good morning thank you", "guten Morgen danke"),
        ("你好！", "hello"),
    ],
)
def test_phrases_are_interpreted_in_both_directions(text: str, other: str):
    assert answer(*part("Iris", PHRASES), said("Kim", text)) == other


def test_what_is_not_in_the_table_is_admitted():
    assert "only the phrases" in answer(*part("Iris", PHRASES), said("Kim", "the weather is fine"))


def test_several_people_are_answered_by_name():
    both = answer(*part("Ava", ""), said("Kim", "what is two plus two"), said("Lee", "what is three plus three"))
    assert both.startswith("Kim: ") and " Lee: " in both and ("4" in both or "four" in both) and ("6" in both or "six" in both)
    once = answer(*part("Ava", ""), said("Kim", "the glorb is flimsy"), said("Lee", "what is three plus three"))
    assert "Kim" not in once


def test_who_is_called_by_name_answers_that_line():
    text = answer(*part("Ben", ""), said("Kim", "Ben, what is two plus two"), said("Lee", "Ava, tell me a joke"), agent("Ava", "Ha."))
    assert "4" in text or "four" in text


async def calls(model: EmbeddedModel, messages: list[dict[str, Any]], tools: list[dict[str, Any]]) -> list[tuple[str, dict[str, Any]]]:
    found = [delta async for delta in model.stream(messages, tools=tools) if isinstance(delta, ToolCallDelta)]
    return [(call.name, json.loads(call.arguments)) for call in found]


COLLEAGUES = {"Tom": "invoices, bills, refunds", "Sam": "internet, router"}


@pytest.mark.parametrize(
    ("text", "to"),
    [
        ("my invoice is wrong", "Tom"), ("the routers are broken", "Sam"), ("can I talk to Sam please", "Sam"),
        ("put me through to tom", "Tom"), ("what time is it", None), ("Sam is nice", None),
    ],
)  # fmt: skip
async def test_a_caller_is_handed_over_to_who_knows(text: str, to: str | None):
    toolkit = hand_over_tools(Toolkit(), COLLEAGUES, lambda to, reason: None)
    made = await calls(EmbeddedModel(), [*part("Rita", ""), said("Kim", text)], toolkit.schemas())
    assert made == ([("hand_over", {"to": to, "reason": text})] if to else [])


async def test_a_whole_handover_by_an_agent():
    given: list[tuple[str, str]] = []
    toolkit = hand_over_tools(Toolkit(), COLLEAGUES, lambda to, reason: given.append((to, reason)))
    rita = ReActAgent("Rita", "You are Rita.", EmbeddedModel(), toolkit=toolkit)
    reply = await rita.reply(Msg("Kim", "my invoice is wrong", "user"))
    assert given == [("Tom", "my invoice is wrong")] and "Tom" in reply.get_text_content()


async def test_a_handover_that_fails_is_admitted():
    def fail(to: str, reason: str) -> None:
        raise ValueError("Tom has left")

    rita = ReActAgent("Rita", "You are Rita.", EmbeddedModel(), toolkit=hand_over_tools(Toolkit(), COLLEAGUES, fail))
    assert "cannot put you through" in (await rita.reply(Msg("Kim", "my invoice is wrong", "user"))).get_text_content()


async def test_structured_choices_fit_their_schema():
    schema = {"type": "object", "properties": {"name": {"type": "string", "enum": ["A", "B"]}, "sure": {"type": "boolean"}},
              "required": ["name", "sure"]}  # fmt: skip
    judge = ReActAgent("Judge", "You are the judge.", EmbeddedModel())
    chosen = (await judge.reply(Msg("host", "Who shall go?", "user"), structured_model=schema)).metadata
    assert chosen["name"] in ("A", "B") and isinstance(chosen["sure"], bool)


async def test_a_silent_moderator_chooses_who_is_called_or_was_silent_longest():
    schema = {"type": "object", "properties": {"name": {"type": "string", "enum": ["Ava", "Ben", "nobody"]}}, "required": ["name"]}
    tool = [{"type": "function", "function": {"name": "generate_response", "parameters": schema}}]
    question = said("room", "Who speaks next: Ava, Ben, or nobody?")
    talk = [*part("Carl", ""), agent("Ava", "I am for it."), said("Kim", "hm"), question]
    assert await calls(EmbeddedModel(), talk, tool) == [("generate_response", {"name": "Ben"})]
    talk = [*part("Carl", ""), agent("Ben", "No."), said("Kim", "and what does Ben say"), question]
    assert await calls(EmbeddedModel(), talk, tool) == [("generate_response", {"name": "Ben"})]
