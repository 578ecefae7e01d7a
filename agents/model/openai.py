"""Chat models behind OpenAI's API, and behind the many servers that speak it: Ollama, vLLM, DeepSeek, Moonshot, xAI."""

import importlib
import importlib.util
import os
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cache
from typing import Any

from .base import (
    ChatDelta,
    ChatModelBase,
    ChatModelError,
    ChatUsage,
    Message,
    Price,
    TextDelta,
    ThinkingDelta,
    ToolCallDelta,
    normalised_tool_choice,
)
from .retry import RetryPolicy, retrying
from .wire import TRANSIENT_STATUS, chosen_name, each_within, retry_after_s, without_key

CONNECT_TIMEOUT_S = 3.0
"""A server that cannot be reached in this time is not there, as far as a caller on the line is concerned."""


class OpenAIChatModel(ChatModelBase):
    """A model of OpenAI's, or of a compatible server at `base_url`.

    The key is taken from `OPENAI_API_KEY` where none is given, but never sent from there to another address than OpenAI's
    (or `OPENAI_BASE_URL`). A server without keys takes any. `timeout_s` bounds the wait for the answer to begin and for each
    piece of it. `extra_body` holds what only this server knows, such as `{"enable_thinking": False}`.
    `model_name` is AgentScope's word for `model`; `stream` is taken from there, too, but answers always stream.

    Raises ImportError with the mend where the `openai` package is missing, and ChatModelError where there is no key.
    """

    provider = "openai"
    supports_response_schema = True

    def __init__(
        self,
        model: str = "",
        api_key: str | None = None,
        base_url: str | None = None,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        reasoning_effort: str | None = None,
        extra_body: dict[str, Any] | None = None,
        timeout_s: float = 30.0,
        retry: RetryPolicy | None = None,
        price: Price | None = None,
        model_name: str = "",
        stream: bool = True,
    ) -> None:
        model = chosen_name(model, model_name)
        try:
            import openai
        except ImportError as error:
            raise ImportError("the package `openai` is missing: pip install 'hubbub[openai]'") from error
        own = base_url is None or base_url == os.environ.get("OPENAI_BASE_URL")
        key = api_key or (os.environ.get("OPENAI_API_KEY") if own else None) or ("none" if base_url else None)
        if key is None:
            raise ChatModelError("no key for OpenAI: set OPENAI_API_KEY, or give base_url for a server that needs none")
        self.name = model
        self._key = key
        timeout = openai.Timeout(timeout_s, connect=min(CONNECT_TIMEOUT_S, timeout_s))
        # The package's own retries are off: they would not keep our deadline.
        self._client = openai.AsyncOpenAI(api_key=key, base_url=base_url, timeout=timeout, max_retries=0)
        longest = "max_tokens" if base_url else "max_completion_tokens"  # OpenAI's newer models refuse the old name
        options = {
            "temperature": temperature, longest: max_tokens, "reasoning_effort": reasoning_effort, "extra_body": extra_body,
        }  # fmt: skip
        self._options = {name: value for name, value in options.items() if value is not None}
        self._timeout_s = timeout_s
        self._retry = retry or RetryPolicy()
        self._price = price

    async def stream(
        self,
        messages: list[Message],
        *,
        tools: list[dict[str, Any]] | None = None,
        tool_choice: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:
        """See `ChatModelBase.stream`."""
        request: dict[str, Any] = {
            "model": self.name, "messages": list(messages), "stream": True, "stream_options": {"include_usage": True},
            **self._options,
        }  # fmt: skip
        if tools:
            request["tools"] = tools
            if (choice := normalised_tool_choice(tool_choice, tools)) is not None:
                request["tool_choice"] = choice
        if response_schema is not None:
            schema = {"name": response_schema.get("title", "answer"), "schema": response_schema, "strict": True}
            request["response_format"] = {"type": "json_schema", "json_schema": schema}
        async with aclosing(retrying(self._retry, lambda: self._call(request))) as deltas:
            async for delta in deltas:
                yield delta

    async def close(self) -> None:
        """Closes idle connections."""
        await self._client.close()

    async def _call(self, request: dict[str, Any]) -> AsyncGenerator[ChatDelta, None]:
        import openai

        transport: tuple[type[Exception], ...] = (openai.APIConnectionError, *_transport_errors())
        stream: Any = None
        finished = False
        try:
            stream = await self._client.chat.completions.create(**request)
            async for chunk in each_within(aiter(stream), self._timeout_s, self.name):
                finished = finished or any(choice.finish_reason for choice in chunk.choices or ())
                for delta in self._deltas(chunk):
                    yield delta
        except openai.APIStatusError as error:
            raise self._refused(error) from None
        except openai.APITimeoutError:
            raise ChatModelError(f"{self.name} did not answer within {self._timeout_s:g} s", transient=True) from None
        except transport as error:
            raise self._unreachable(error) from None
        except openai.APIError as error:  # an error in the middle of the stream
            raise ChatModelError(f"{self.name} broke off: {without_key(error.message, self._key)}", transient=True) from None
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ChatModelError(f"{self.name} sent what cannot be understood: {type(error).__name__}") from None
        finally:
            if stream is not None:
                await stream.close()
        if not finished:
            raise ChatModelError(f"{self.name} broke off in the middle of its answer", transient=True)

    def _deltas(self, chunk: Any) -> list[ChatDelta]:
        """One chunk as deltas. Servers differ: any field may be missing, and reasoning has two names."""
        found: list[ChatDelta] = []
        for choice in chunk.choices or ():
            delta = choice.delta
            if delta is None:
                continue
            thought = getattr(delta, "reasoning_content", None) or getattr(delta, "reasoning", None)
            if isinstance(thought, str) and thought:
                found.append(ThinkingDelta(thought))
            if delta.content:
                found.append(TextDelta(delta.content))
            for call in delta.tool_calls or ():
                name = (call.function.name or "") if call.function else ""
                arguments = (call.function.arguments or "") if call.function else ""
                found.append(ToolCallDelta(call.index or 0, call.id or "", name, arguments))
        if (usage := chunk.usage) is not None:
            taken, given = usage.prompt_tokens or 0, usage.completion_tokens or 0
            found.append(ChatUsage(taken, given, self._price.cost(taken, given) if self._price else None, self.name))
        return found

    def _refused(self, error: Any) -> ChatModelError:
        status = error.status_code
        reasons = {
            401: "the key was refused: check OPENAI_API_KEY",
            403: "the key may not use this model",
            429: "the provider asks to slow down, or the account is used up",
        }
        body = error.body if isinstance(error.body, dict) else {}
        said = without_key(body.get("message") or "", self._key)
        reason = reasons.get(status) or ("the provider failed" if status >= 500 else f"the provider refused the request: {said}")
        return ChatModelError(
            f"{self.name}: {reason} (HTTP {status})", status in TRANSIENT_STATUS, status, retry_after_s(error.response.headers)
        )

    def _unreachable(self, error: BaseException) -> ChatModelError:
        cause = type(error.__cause__ or error).__name__
        return ChatModelError(f"the connection to {self._client.base_url.host} for {self.name} failed: {cause}", transient=True)


@cache
def _transport_errors() -> tuple[type[Exception], ...]:
    """What a broken connection raises in the middle of a stream: openai 3 rests on httpx2, earlier ones on httpx."""
    found = (name for name in ("httpx2", "httpx") if importlib.util.find_spec(name) is not None)
    return tuple(importlib.import_module(name).HTTPError for name in found)
