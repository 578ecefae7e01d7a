"""A chain of models: the next one answers where the one before it cannot."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from typing import Any

from .base import ChatDelta, ChatModelBase, ChatModelError, Message

logger = logging.getLogger(__name__)


class FallbackPrompt(list[Message]):
    """The prompt of the chain's first model, with the prompts of the others at hand.

    The members may be of different providers, and each wants its own form of the same conversation. The others' prompts are
    only made when they are needed. To anybody else this is the plain list of the first model's messages.
    """

    def __init__(
        self, messages: Iterable[Message], others: Sequence[Callable[[], Awaitable[list[Message]]]]
    ) -> None:
        super().__init__(messages)
        self.others = tuple(others)
        """One function for each model after the first; awaited, it gives that model's messages."""


class FallbackModel(ChatModelBase):
    """Asks its models in order until one of them answers.

    Any `ChatModelError` before the first delta passes the question on; after it, the answer has begun and the error is raised.
    When all fail, the last error is raised, with the earlier ones as notes. `formatter_for` makes the fitting formatter.
    """

    provider = "fallback"

    def __init__(self, models: Sequence[ChatModelBase]) -> None:
        if not models:
            raise ValueError("a fallback chain needs at least one model")
        self.models = tuple(models)
        self.name = " > ".join(model.name for model in models)
        self.phrases = tuple(dict.fromkeys(phrase for model in models for phrase in model.phrases))
        self.vocabulary = tuple(dict.fromkeys(word for model in models for word in model.vocabulary))
        self.supports_response_schema = all(model.supports_response_schema for model in models)

    async def stream(
        self,
        messages: list[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """See `ChatModelBase.stream`."""
        failures: list[ChatModelError] = []
        for place, model in enumerate(self.models):
            prompt = messages
            if place and isinstance(messages, FallbackPrompt):
                prompt = await messages.others[place - 1]()
            answer = model.stream(prompt, tools=tools, tool_choice=tool_choice, response_schema=response_schema)
            started = False
            try:
                async with aclosing(answer) as deltas:
                    async for delta in deltas:
                        started = True
                        yield delta
                return
            except ChatModelError as error:
                if started:
                    raise
                failures.append(error)
                logger.warning("model failed model=%s next=%s error=%s", model.name, self._after(place), error)
        last = failures.pop()
        for earlier in failures:
            last.add_note(f"before that: {earlier}")
        raise last

    async def close(self) -> None:
        """Closes every model of the chain."""
        for model in self.models:
            await model.close()

    def _after(self, place: int) -> str:
        return self.models[place + 1].name if place + 1 < len(self.models) else "none"
