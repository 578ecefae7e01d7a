"""Alibaba Cloud's models (Qwen and others of Model Studio) through the `dashscope` package."""

import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
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

MULTIMODAL_MARKS = ("-vl", "-omni", "-audio", "qvq")
"""What the names of models that see or hear contain; they are served by another call."""


class DashScopeChatModel(ChatModelBase):
    """A model of Model Studio, such as `qwen-plus`.

    The key is taken from `DASHSCOPE_API_KEY` where none is given. `base_address` replaces the service's address
    (`https://dashscope.aliyuncs.com/api/v1`), for other regions and for tests. `multimodal` says whether the model sees or
    hears, where its name does not. `timeout_s` bounds the wait for the answer to begin and for each piece of it. `model_name`
    and `base_http_api_url` are AgentScope's words; `stream` is taken from there, too, but answers always stream.

    Raises ImportError with the mend where the `dashscope` package is missing, and ChatModelError where there is no key.
    """

    provider = "dashscope"

    def __init__(
        self,
        model: str = "",
        api_key: str | None = None,
        base_address: str | None = None,
        *,
        temperature: float | None = None,
        max_tokens: int | None = None,
        enable_thinking: bool | None = None,
        multimodal: bool | None = None,
        timeout_s: float = 30.0,
        retry: RetryPolicy | None = None,
        price: Price | None = None,
        model_name: str = "",
        stream: bool = True,
        base_http_api_url: str | None = None,
    ) -> None:
        model = chosen_name(model, model_name)
        base_address = base_address or base_http_api_url
        try:
            import dashscope  # noqa: F401
        except ImportError as error:
            raise ImportError("the package `dashscope` is missing: pip install 'hubbub[dashscope]'") from error
        key = api_key or os.environ.get("DASHSCOPE_API_KEY")
        if not key:
            raise ChatModelError("no key for DashScope: set DASHSCOPE_API_KEY")
        self.name = model
        self.multimodal = any(mark in model for mark in MULTIMODAL_MARKS) if multimodal is None else multimodal
        """Whether the model is asked through the multimodal call."""
        self._key = key
        options = {
            "temperature": temperature, "max_tokens": max_tokens, "enable_thinking": enable_thinking,
            "base_address": base_address,
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
            "model": self.name, "messages": [self._fitted(message) for message in messages], "stream": True,
            "incremental_output": True, "result_format": "message", **self._options,
        }  # fmt: skip
        if tools:
            request["tools"] = tools
            choice = normalised_tool_choice(tool_choice, tools)
            # The service knows no "required"; of the choices that it knows, a lone tool by name is the nearest.
            if choice == "required":
                choice = normalised_tool_choice(tools[0]["function"]["name"], tools) if len(tools) == 1 else "auto"
            if choice is not None:
                request["tool_choice"] = choice
        async with aclosing(retrying(self._retry, lambda: self._call(request))) as deltas:
            async for delta in deltas:
                yield delta

    async def close(self) -> None:
        """Does nothing: the package keeps one connection pool for a whole event loop, which others may be using."""

    def _fitted(self, message: Message) -> Message:
        """The multimodal call takes lists of parts only, the other one text only."""
        content = message.get("content")
        if content is None:
            return {**message, "content": ""}
        if self.multimodal and isinstance(content, str):
            return {**message, "content": [{"text": content}]}
        if not self.multimodal and isinstance(content, list):
            return {**message, "content": _text_only(content)}
        return message

    async def _call(self, request: dict[str, Any]) -> AsyncGenerator[ChatDelta, None]:
        import aiohttp
        from dashscope import AioGeneration, AioMultiModalConversation

        kind: Any = AioMultiModalConversation if self.multimodal else AioGeneration
        usage: ChatUsage | None = None
        finished = False
        answers: Any = None
        try:
            answers = await kind.call(api_key=self._key, **request)
            async for answer in each_within(answers, self._timeout_s, self.name):
                if answer.status_code != 200:
                    raise self._refused(answer)
                usage = self._usage(answer.usage) or usage
                for choice in answer.output.get("choices") or ():
                    finished = finished or choice.get("finish_reason") not in (None, "", "null")  # "null" is the service's own
                    for delta in _deltas(choice.get("message") or {}):
                        yield delta
        except (aiohttp.ClientError, ConnectionError) as error:
            cause = type(error).__name__
            raise ChatModelError(f"the connection to DashScope for {self.name} failed: {cause}", transient=True) from None
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            raise ChatModelError(f"{self.name} sent what cannot be understood: {type(error).__name__}") from None
        finally:
            if answers is not None:
                await answers.aclose()
        if not finished:
            raise ChatModelError(f"{self.name} broke off in the middle of its answer", transient=True)
        if usage is not None:
            yield usage

    def _usage(self, usage: Any) -> ChatUsage | None:
        """What was consumed so far: every piece carries it, and the last one counts."""
        if not usage or usage.get("output_tokens") is None:
            return None
        taken, given = int(usage.get("input_tokens") or 0), int(usage.get("output_tokens") or 0)
        return ChatUsage(taken, given, self._price.cost(taken, given) if self._price else None, self.name)

    def _refused(self, answer: Any) -> ChatModelError:
        status, code = int(answer.status_code), str(answer.code or "")
        throttled = code.startswith("Throttling") or status == 429
        if status == 401 or code == "InvalidApiKey":
            reason = "the key was refused: check DASHSCOPE_API_KEY"
        elif throttled:
            reason = "the provider asks to slow down, or the account is used up"
        elif status >= 500:
            reason = "the provider failed"
        else:
            reason = f"the provider refused the request: {code} {without_key(answer.message, self._key)}"
        transient = throttled or status in TRANSIENT_STATUS
        headers = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        return ChatModelError(f"{self.name}: {reason} (HTTP {status})", transient, status, retry_after_s(headers))


def _deltas(message: Any) -> list[ChatDelta]:
    found: list[ChatDelta] = []
    if thought := message.get("reasoning_content"):
        found.append(ThinkingDelta(thought))
    content = message.get("content")
    text = _text_only(content, "") if isinstance(content, list) else content
    if text:
        found.append(TextDelta(text))
    for place, call in enumerate(message.get("tool_calls") or ()):
        function = call.get("function") or {}
        index = call.get("index")
        index = place if index is None else index
        found.append(ToolCallDelta(index, call.get("id") or "", function.get("name") or "", function.get("arguments") or ""))
    return found


def _text_only(parts: Sequence[dict[str, Any]], joint: str = "\n") -> str:
    return joint.join(part["text"] for part in parts if isinstance(part.get("text"), str))
