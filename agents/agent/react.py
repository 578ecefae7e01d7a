"""The agent that reasons and acts: asks a model, uses the tools that it asks for, until it has an answer."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from ..event import AgentEvent, UserInterruptEvent
from ..memory.base import MemoryBase
from ..memory.in_process import InMemoryMemory
from ..message import HintBlock, Msg, TextBlock, ToolUseBlock
from ..middleware.base import MiddlewareBase, ReasoningCall
from . import heard, waiting
from .acting import Actor, NoTools, ToolkitLike, ask
from .base import AgentBase
from .reasoning import formatter_for_model, reason, taken_options
from .run import Run
from .structured import FINISH_TOOL, StructuredOutput
from .writer import BlockWriter

if TYPE_CHECKING:
    from ..memory.compression import CompressionConfig
    from ..model.base import ChatModelBase
    from ..plan import PlanNotebook

logger = logging.getLogger(__name__)

OUT_OF_STEPS = "You have used all your steps for this reply. Answer now, in words, with what you know; use no more tools."
EMPTY_ANSWER = "You answered nothing. Answer the person, or use a tool."
FINISH_FIRST = f"Give your answer by calling {FINISH_TOOL}."
GRACE_STEPS = 3
"""Steps beyond `max_iters` that a reply gets to put structured output right."""


class ModelAnsweredNothing(RuntimeError):
    """The model gave neither words nor a tool call, twice in a row."""


class ReActAgent(AgentBase):
    """Answers with a chat model and tools.

    Each step sends the system prompt and memory to the model. Words alone end the reply; tool calls are run (together where
    their tools are `concurrency_safe` and `parallel_tool_calls` is set, else in order) and the next step sees their results.
    After `max_iters` steps the model is asked once more, for words only, and the reply ends as `exceeded`.

    With a `plan_notebook` it keeps a plan, which it is shown before each step. `formatter` is chosen from the model where it is
    None. `reply` and `reply_stream` take `structured_model`, a pydantic
    model class or JSON schema that the answer has to fit; the value is then the message's `metadata`.
    """

    toolkit: ToolkitLike | None = None
    plan: PlanNotebook | None = None
    """The agent's plan, which its state holds, too; given as `plan_notebook`."""
    _whole = False
    """Whether memory, which may come from a process that crashed, was looked through for calls without a result."""
    _parked_model: Any = None
    _format_options: tuple[Any, dict[str, Any]] | None = None
    """The formatter, and what it is told besides the messages."""
    _compressing: asyncio.Task[bool] | None = None
    _waking: asyncio.Task[None] | None = None
    _news = False
    on_wake: Callable[[ReActAgent], Awaitable[None] | None] | None = None
    """Called when a background tool has ended and the agent, idle, has something to say about it: whoever runs the
    conversation then lets it reply (`await agent()`). Without it, the agent sees the result in its next reply."""

    def __init__(
        self,
        name: str,
        sys_prompt: str,
        model: ChatModelBase,
        formatter: Any = None,
        toolkit: ToolkitLike | None = None,
        memory: MemoryBase | None = None,
        *,
        max_iters: int = 10,
        parallel_tool_calls: bool = True,
        enable_meta_tool: bool = False,
        plan_notebook: PlanNotebook | None = None,
        middlewares: Sequence[MiddlewareBase] = (),
        compression: CompressionConfig | None = None,
        id: str = "",
    ) -> None:
        super().__init__(name, memory=memory if memory is not None else InMemoryMemory(), middlewares=middlewares, id=id)
        if max_iters < 1:
            raise ValueError(f"max_iters is at least 1, got {max_iters}")
        self._sys_prompt = sys_prompt
        self.model = model
        self.formatter = formatter if formatter is not None else formatter_for_model(model)
        if plan_notebook is not None:
            toolkit = self._take_notebook(plan_notebook, toolkit)
        self.toolkit = toolkit
        self.max_iters = max_iters
        self.parallel_tool_calls = parallel_tool_calls
        self.compression = compression
        if toolkit is not None and getattr(toolkit, "on_background_result", self) is None:
            toolkit.on_background_result = self._hear_background  # type: ignore[attr-defined]
        if enable_meta_tool and toolkit is not None:
            toolkit.register_tool_function(toolkit.reset_equipped_tools)  # type: ignore[attr-defined]

    def _take_notebook(self, notebook: PlanNotebook, toolkit: Any) -> Any:
        from ..plan import register_plan_tools
        from ..tool import Toolkit

        self.plan = notebook
        toolkit = toolkit if toolkit is not None else Toolkit()
        register_plan_tools(toolkit, notebook)
        return toolkit

    @property
    def plan_notebook(self) -> PlanNotebook | None:
        """The agent's plan, by its 1.x name."""
        return self.plan

    @property
    def sys_prompt(self) -> str:
        """The system prompt, with the skills of the toolkit."""
        skills = getattr(self.toolkit, "get_agent_skill_prompt", None)
        prompt = skills() if skills is not None else None
        return f"{self._sys_prompt}\n\n{prompt}" if prompt else self._sys_prompt

    @sys_prompt.setter
    def sys_prompt(self, prompt: str) -> None:
        self._sys_prompt = prompt

    @property
    def waiting_calls(self) -> list[ToolUseBlock]:
        """The tool calls for which a reply waits: for a person's word, or for somebody outside."""
        return list(self._parked.calls) if self._parked is not None else []

    # Between turns

    async def compress(self) -> bool:
        """Compresses the memory now, whether it is due or not; False where there is nothing to compress."""
        from ..memory.compression import CompressionConfig, Compressor

        assert self.memory is not None
        config = self.compression or CompressionConfig()
        return await Compressor(self.memory, config, self.name, self.model, self.formatter).compress()

    async def compressed(self) -> None:
        """Returns when no compression is under way."""
        if self._compressing is not None:
            await asyncio.wait({self._compressing})

    async def aclose(self) -> None:
        """Ends what the agent has under way: a reply, a compression. It can be used again afterwards."""
        await super().aclose()
        for task in (self._compressing, self._waking):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})

    async def _hear_background(self, hint: HintBlock) -> None:
        """Takes the result of a background tool: into memory, and wakes the conversation where nobody is replying."""
        msg = Msg(hint.source or "background", [hint], "user")
        if (self._run is not None and self._run.calls) or self._parked is not None:
            self._hold(msg)
        else:
            self._keep(msg)
        self._news = True
        if self._run is None:
            await self._wake()

    def has_seen_news(self) -> None:
        """The results of background tools that are in memory are in the prompt now."""
        self._news = False

    def format_options(self) -> dict[str, Any]:
        """What the formatter is told besides the messages."""
        known = self._format_options
        if known is None or known[0] is not self.formatter:
            from ..formatter.told import Told

            taken = taken_options(self.formatter)
            options = {name: value for name, value in {"speaker": "", "told": Told()}.items() if name in taken}
            known = self._format_options = (self.formatter, options)
        if "speaker" in known[1]:
            known[1]["speaker"] = self.name
        return known[1]

    async def _wake(self) -> None:
        if self._news and self._parked is None and self.on_wake is not None:
            self._news = False
            result = self.on_wake(self)
            if inspect.isawaitable(result):
                await result

    def _after(self, run: Run) -> None:
        if self._news and self.on_wake is not None:
            self._waking = asyncio.create_task(self._wake(), name=f"waking {self.name}")
        if self.compression is None or self.memory is None or (self._compressing is not None and not self._compressing.done()):
            return
        from ..memory.compression import Compressor

        compressor = Compressor(self.memory, self.compression, self.name, self.model, self.formatter)
        if compressor.due():
            self._compressing = asyncio.create_task(compressor.compress(), name=f"memory of {self.name}")
            self._compressing.add_done_callback(_log_failure)

    # The loop

    def take_up(self, run: Run) -> Iterator[AgentEvent]:
        """Takes up a reply that waits, or lets it go and remembers the new messages."""
        return waiting.take_up(self, run)

    async def respond(self, run: Run) -> AsyncIterator[AgentEvent]:
        """Answers: takes up what there is to answer, then reasons and acts until there is an answer."""
        structured = StructuredOutput.of(run.options.get("structured_model"))
        if run.resume is not None and self._parked is not None:
            structured = structured or StructuredOutput.of(self._parked_model or self._parked.structured_schema)
        for event in self.take_up(run):
            yield event
        if isinstance(run.resume, UserInterruptEvent) and not run.interrupted:
            yield run.finish("completed")  # there was nothing to interrupt
            return
        if run.interrupted:
            raise asyncio.CancelledError
        if heard.wants_more(run.inputs) and (rest := heard.unfinished(run.remembered(), self.name)) is not None:
            async with aclosing(self._say_rest(run, rest)) as events:
                async for event in events:
                    yield event
            return
        async with aclosing(self._loop(run, structured)) as events:
            async for event in events:
                yield event

    async def _loop(self, run: Run, structured: StructuredOutput | None) -> AsyncGenerator[AgentEvent, None]:
        hints: list[str] = []
        limit = self.max_iters + (GRACE_STEPS if structured is not None else 0)
        nothing = 0
        while True:
            if run.calls:
                async with aclosing(self._act(run, structured)) as events:
                    async for event in events:
                        yield event
                if run.metadata.get("resumed") or run.reason == "waiting" or (structured is not None and structured.value is not None):
                    return
            if run.iteration >= limit:
                async with aclosing(self._last_words(run)) as events:
                    async for event in events:
                        yield event
                return
            run.iteration += 1
            choice = "required" if structured is not None else None
            before = len(run.said)
            async with aclosing(reason(self, ReasoningCall(run, choice, hints), structured)) as events:
                async for event in events:
                    yield event
            if run.calls:
                hints, nothing = [], 0
            elif len(run.said) == before:
                nothing += 1
                if nothing > 1:
                    raise ModelAnsweredNothing(f"{self.model!r} answered nothing, twice in a row")
                hints = [EMPTY_ANSWER]
            elif structured is None:
                yield run.finish("completed")
                return
            else:
                hints = [FINISH_FIRST]

    async def _last_words(self, run: Run) -> AsyncGenerator[AgentEvent, None]:
        async with aclosing(reason(self, ReasoningCall(run, "none", [OUT_OF_STEPS]), None)) as events:
            async for event in events:
                yield event
        for call in list(run.calls.values()):  # a model that uses tools when told not to
            for event in waiting.refuse(run, call, "The call was not run: there are no steps left."):
                yield event
        yield run.finish("exceeded")

    # Acting

    async def _act(self, run: Run, structured: StructuredOutput | None) -> AsyncGenerator[AgentEvent, None]:
        actor = Actor(self.toolkit if self.toolkit is not None else NoTools(), self.parallel_tool_calls)
        while run.calls:
            own = next((call for call in run.calls.values() if self._is_own(call, structured)), None)
            if own is not None:
                events = self._act_own(run, own, structured)
            else:
                events = actor.act(run)
            async with aclosing(events) as stream:
                async for event in stream:
                    yield event
            if run.metadata.get("resumed") or (structured is not None and structured.value is not None):
                return
            asking, outside = actor.questions(list(run.calls.values())) if own is None and run.calls else ([], [])
            if asking or outside:
                if run.draft is not None:
                    await run.draft.wait()
                questions = ask(run.reply_id, asking, outside)
                end = waiting.park(self, run, structured)
                for event in questions:
                    yield event
                yield end
                return

    def _is_own(self, call: ToolUseBlock, structured: StructuredOutput | None) -> bool:
        if call.name == FINISH_TOOL:
            return structured is not None
        return call.name == heard.RESUME_TOOL and (self.toolkit is None or heard.RESUME_TOOL not in _names(self.toolkit))

    async def _act_own(self, run: Run, call: ToolUseBlock, structured: StructuredOutput | None) -> AsyncGenerator[AgentEvent, None]:
        if call.name == FINISH_TOOL and structured is not None:
            fault = structured.take(call)
            for event in waiting.answer(run, call, fault or "The answer was taken.", "error" if fault else "success"):
                yield event
            if not fault:
                async with aclosing(self._finish_structured(run, structured)) as events:
                    async for event in events:
                        yield event
            return
        rest = heard.unfinished(run.remembered(), self.name)
        if rest is None:
            for event in waiting.answer(run, call, "Error: nothing was left unsaid.", "error"):
                yield event
            return
        for event in waiting.answer(run, call, "The rest is being said now.", "success"):
            yield event
        for other in list(run.calls.values()):
            for event in waiting.refuse(run, other, "The call was not run: the interrupted answer is being said."):
                yield event
        async with aclosing(self._say_rest(run, rest)) as events:
            async for event in events:
                yield event

    async def _finish_structured(self, run: Run, structured: StructuredOutput) -> AsyncGenerator[AgentEvent, None]:
        for call in list(run.calls.values()):
            for event in waiting.refuse(run, call, "The call was not run: the answer has been given."):
                yield event
        if structured.words or not any(isinstance(block, TextBlock) for block in run.said):
            async with aclosing(self._say(run, structured.spoken())) as events:
                async for event in events:
                    yield event
        run.metadata = {**run.metadata, **(structured.value or {})}
        yield run.finish("completed")

    # Saying what is known word for word

    async def _say_rest(self, run: Run, rest: Msg) -> AsyncGenerator[AgentEvent, None]:
        run.revise(heard.resumed(rest, run.reply_id))
        run.metadata["resumed"] = rest.reply_id or rest.id
        async with aclosing(self._say(run, rest.metadata["interrupted"]["unheard"].lstrip())) as events:
            async for event in events:
                yield event
        yield run.finish("completed")

    async def _say(self, run: Run, text: str) -> AsyncGenerator[AgentEvent, None]:
        writer = run.writer = BlockWriter(run.reply_id)
        run.unsaid = left = text
        for piece in heard.pieces(text):
            run.unsaid = left = left[len(piece) :]
            writer.text(piece)
            for event in writer.take():
                yield event
        writer.close()
        for event in writer.take():
            yield event
        await run.caught_up()
        run.unsaid = None
        run.take_message()


def _names(toolkit: Any) -> Any:
    return toolkit if hasattr(toolkit, "__contains__") else [schema["function"]["name"] for schema in toolkit.schemas()]


def _log_failure(task: asyncio.Task[bool]) -> None:
    if not task.cancelled() and task.exception() is not None:
        logger.error("compressing a memory failed", exc_info=task.exception())
