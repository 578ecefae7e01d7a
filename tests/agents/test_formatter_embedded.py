"""Messages for the embedded model, prompts for a chain of models, and which formatter fits which model."""

from collections.abc import AsyncGenerator
from typing import Any

import pytest
from hubbub.agents.formatter import (
    DashScopeChatFormatter,
    DashScopeMultiAgentFormatter,
    EmbeddedFormatter,
    FallbackFormatter,
    OpenAIChatFormatter,
    OpenAIMultiAgentFormatter,
    formatter_for,
)
from hubbub.agents.message import HintBlock, Msg, TextBlock, ThinkingBlock, ToolUseBlock
from hubbub.agents.model.base import ChatDelta, ChatModelBase, ChatModelError, TextDelta
from hubbub.agents.model.embedded import EmbeddedModel
from hubbub.agents.model.fallback import FallbackModel


class Failing(ChatModelBase):
    """Fails, after some words where it is told to."""

    provider = "openai"

    def __init__(self, name: str, words: str = "") -> None:
        self.name = name
        self.words = words
        self.prompts: list[Any] = []

    async def stream(self, messages: list[dict[str, Any]], **_: Any) -> AsyncGenerator[ChatDelta, None]:  # type: ignore[override]
        self.prompts.append(messages)
        if self.words:
            yield TextDelta(self.words)
        raise ChatModelError(f"{self.name} is down")


async def test_only_words_and_interruptions_reach_the_embedded_model() -> None:
    cut = {"by": "Anna", "unheard": "two"}
    msgs = [
        Msg("system", "You are Ada.", "system"), Msg("Anna", "count", "user"),
        Msg("Ada", [ThinkingBlock("hm"), TextBlock("One,"), ToolUseBlock("c", "t")], "assistant", {"interrupted": cut}),
        Msg("clock", [HintBlock("noon")], "user"),
    ]  # fmt: skip
    assert await EmbeddedFormatter().format(msgs) == [
        {"role": "system", "name": "system", "content": "You are Ada."}, {"role": "user", "name": "Anna", "content": "count"},
        {"role": "assistant", "name": "Ada", "content": "One,", "interrupted": cut},
    ]  # fmt: skip


async def test_a_known_speaker_tells_itself_from_other_agents() -> None:
    msgs = [Msg("Anna", "who are you", "user"), Msg("Bo", "I am Bo.", "assistant"), Msg("Anna", "and you, who are you", "user")]
    prompt = await EmbeddedFormatter().format(msgs, speaker="Ada")
    assert EmbeddedModel().answer(prompt).startswith("I am Ada, a small rule-based program")


@pytest.mark.parametrize(
    ("provider", "single", "many"),
    [
        ("openai", OpenAIChatFormatter, OpenAIMultiAgentFormatter),
        ("dashscope", DashScopeChatFormatter, DashScopeMultiAgentFormatter),
        ("embedded", EmbeddedFormatter, EmbeddedFormatter),
        ("somebody", OpenAIChatFormatter, OpenAIMultiAgentFormatter),
    ],
)
def test_the_formatter_fits_the_model(provider: str, single: type, many: type) -> None:
    model = Failing("x")
    model.provider = provider
    assert type(formatter_for(model)) is many
    assert type(formatter_for(model, many_speakers=False)) is single


async def test_each_model_of_a_chain_gets_its_own_form() -> None:
    first = Failing("first")
    chain = FallbackModel([first, EmbeddedModel()])
    formatter = formatter_for(chain)
    assert isinstance(formatter, FallbackFormatter)
    cut = {"interrupted": {"by": "Anna", "unheard": " three."}}
    msgs = [
        Msg("system", "You are Ada.", "system"), Msg("Anna", "count", "user"), Msg("Ada", "One, two,", "assistant", cut),
        Msg("Anna", "how far did you get", "user"),
    ]  # fmt: skip
    prompt = await formatter.format(msgs)
    answer = "".join([delta.text async for delta in chain.stream(prompt) if isinstance(delta, TextDelta)])
    assert answer.startswith("I got to two.")
    assert "<note>" in first.prompts[0][-1]["content"]


async def test_a_chain_stops_at_words_that_were_spoken_and_tells_every_failure() -> None:
    begun = FallbackModel([Failing("first", "Well, "), EmbeddedModel()])
    said = ""
    with pytest.raises(ChatModelError, match="first is down"):
        async for delta in begun.stream([{"role": "user", "content": "hi"}]):
            said += delta.text  # type: ignore[union-attr]
    assert said == "Well, "
    with pytest.raises(ChatModelError, match="second is down") as caught:
        async for _ in FallbackModel([Failing("first"), Failing("second")]).stream([]):
            pass
    assert caught.value.__notes__ == ["before that: first is down"]
    with pytest.raises(ValueError, match="at least one"):
        FallbackModel([])
