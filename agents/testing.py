"""Scripted models for testing agents, ours and yours, without a network or a key.

    model = ScriptedModel([
        [use("get_weather", city="Oslo")],
        ["It is ", 0.2, "cold."],               # a pause of 0.2 s before the last piece
        ChatModelError("overloaded", transient=True),
    ])
    agent = ReActAgent("Ada", "You are Ada.", model)

Every call takes the next answer of the script; `model.calls` says what was asked.
"""

import asyncio
import inspect
import itertools
import json
import re
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .message import DataBlock, HintBlock, Msg, TextBlock, ToolResultBlock, ToolUseBlock
from .model.base import ChatDelta, ChatModelBase, ChatUsage, TextDelta, ThinkingDelta, ToolCallDelta

_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Use:
    """A tool call in a script. `arguments` is an object, or text where the model shall write what is not JSON."""

    name: str
    arguments: dict[str, Any] | str
    id: str = ""
    piece_chars: int = 8
    """How many characters of the arguments come in one delta."""


def use(name: str, /, **arguments: Any) -> Use:
    """A call of the tool `name`."""
    return Use(name, arguments)


def think(text: str) -> ThinkingDelta:
    """A thought."""
    return ThinkingDelta(text)


Part = str | float | int | Use | ThinkingDelta | TextDelta | ToolCallDelta | ChatUsage | Exception
"""A piece of an answer: words, a pause in seconds, a tool call, a thought, any delta, or an error at this point."""

Answer = str | Exception | Sequence[Part]
"""One answer: text (streamed word by word), an error, or pieces."""

Script = Callable[["ScriptedCall"], Answer]
"""An answer that depends on what was asked."""


@dataclass(slots=True)
class ScriptedCall:
    """What a scripted model was asked."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None
    tool_choice: str | None
    response_schema: dict[str, Any] | None = None

    @property
    def tool_names(self) -> list[str]:
        """The names of the tools that were offered."""
        return [tool["function"]["name"] for tool in self.tools or ()]

    @property
    def text(self) -> str:
        """All text of the prompt, one message a line, as `role name: text`."""
        return "\n".join(f"{m.get('role')} {m.get('name', '')}: {m.get('content') or ''}" for m in self.messages)


class PlainFormatter:
    """Turns messages into dictionaries that are easy to compare: role, name, content as text, and tool calls where there are.

    It has the form that OpenAI's API takes, without any of the care that the real formatters take.
    """

    async def format(self, msgs: Iterable[Msg], **_: Any) -> list[dict[str, Any]]:
        """The messages as dictionaries, one or more for each."""
        return [data for msg in msgs for data in self._of(msg)]

    def _of(self, msg: Msg) -> list[dict[str, Any]]:
        words: list[str] = []
        uses: list[dict[str, Any]] = []
        results: list[dict[str, Any]] = []
        for block in msg.blocks():
            match block:
                case TextBlock() | HintBlock():
                    words.append(block.text)
                case DataBlock():
                    words.append(f"[{block.kind}]")
                case ToolUseBlock():
                    function = {"name": block.name, "arguments": json.dumps(block.input, ensure_ascii=False)}
                    uses.append({"id": block.id, "type": "function", "function": function})
                case ToolResultBlock():
                    results.append({"role": "tool", "tool_call_id": block.id, "name": block.name, "content": block.text})
        if not words and not uses and (results or msg.role == "system"):
            return results
        data: dict[str, Any] = {"role": msg.role, "name": msg.name, "content": "\n".join(words)}
        if uses:
            data["tool_calls"] = uses
        if "interrupted" in msg.metadata:
            data["interrupted"] = True
        return [data, *results]


class ScriptedModel(ChatModelBase):
    """A chat model that answers from a script.

    `answers` are taken one a call; after the last one, `then` is answered again and again, or RuntimeError is raised where
    it is None. `delay_s` passes before each piece of text. `calls` records what was asked, `closed_early` how many streams
    their reader closed before their end, `open_streams` how many are open now.
    """

    provider = "scripted"

    def __init__(
        self, answers: Iterable[Answer | Script] = (), *, then: Answer | Script | None = None, delay_s: float = 0.0,
        name: str = "scripted",
    ) -> None:  # fmt: skip
        self.name = name
        self.formatter = PlainFormatter()
        self.calls: list[ScriptedCall] = []
        self.closed_early = 0
        self.open_streams = 0
        self._answers = list(answers)
        self._then = then
        self._delay_s = delay_s

    def restart(self, answers: Iterable[Answer | Script], *, then: Answer | Script | None = None) -> None:
        """Puts another script in the place of what is left of this one."""
        self._answers = list(answers)
        self._then = then

    async def stream(
        self, messages: list[dict[str, Any]], *, tools: list[dict[str, Any]] | None = None, tool_choice: str | None = None,
        response_schema: dict[str, Any] | None = None,
    ) -> AsyncGenerator[ChatDelta, None]:  # fmt: skip
        """Streams the next answer of the script."""
        call = ScriptedCall(messages, tools, tool_choice, response_schema)
        self.calls.append(call)
        if not self._answers and self._then is None:
            raise RuntimeError(f"the script of {self.name} has ended; this was call {len(self.calls)}")
        answer = self._answers.pop(0) if self._answers else self._then
        if callable(answer):
            answer = answer(call)
        self.open_streams += 1
        ended = False
        try:
            async for delta in self._play(answer):
                yield delta
            ended = True
        except Exception:
            ended = True
            raise
        finally:
            self.open_streams -= 1
            self.closed_early += not ended

    async def _play(self, answer: Any) -> AsyncGenerator[ChatDelta, None]:
        parts: Iterable[Any] = re.findall(r"\s*\S+|\s+$", answer) if isinstance(answer, str) else answer
        if isinstance(answer, Exception):
            parts = [answer]
        calls = 0
        for part in parts:
            if isinstance(part, Exception):
                raise part
            if isinstance(part, (int, float)):
                await asyncio.sleep(part)
            elif isinstance(part, Use):
                for delta in _deltas(part, calls):
                    yield delta
                calls += 1
            else:
                if self._delay_s:
                    await asyncio.sleep(self._delay_s)
                yield TextDelta(part) if isinstance(part, str) else part


def _deltas(use: Use, index: int) -> list[ToolCallDelta]:
    text = use.arguments if isinstance(use.arguments, str) else json.dumps(use.arguments, ensure_ascii=False)
    first = ToolCallDelta(index, use.id or f"call-{next(_ids)}", use.name, "")
    step = max(1, use.piece_chars)
    return [first, *(ToolCallDelta(index, "", "", text[at : at + step]) for at in range(0, len(text), step))]


async def events_of(stream: Any) -> list[Any]:
    """All events of a reply stream (or what a coroutine gives that returns one)."""
    if inspect.isawaitable(stream):
        stream = await stream
    return [event async for event in stream]
