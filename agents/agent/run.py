"""One reply in flight.

A reply runs in a task of its own, so that it can be stopped at any await, from anywhere, without touching whoever reads it.
Its events go to the reader through a bounded channel. What it has to remember passes through here, too: into memory, or onto
a stage while the reply is a draft.

How it ends is decided once, in `_drive`: the reply came to its end, somebody interrupted it, the reader left, the draft was
discarded, or something failed. In the last four cases the message in the making is kept as far as it went, and every tool
call that has no result gets one, in plain calls that cannot be interrupted themselves.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AbstractContextManager, nullcontext
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from ..draft import Draft, DraftDiscarded, DraftState
from ..event import (
    AgentEvent,
    FinishedReason,
    HintBlockEvent,
    ReplyEndEvent,
    ReplyStartEvent,
)
from ..message import Block, DataBlock, HintBlock, Msg, TextBlock, ToolResultBlock, ToolState, ToolUseBlock, new_id
from ..middleware.base import ReplyCall, close, onion
from .channel import Channel
from .ending import cut_short, fail
from .hooks import Hook, hooks_around, run_after, run_before
from .writer import BlockWriter

if TYPE_CHECKING:
    from .base import AgentBase

logger = logging.getLogger(__name__)

EVENTS_AHEAD = 64
"""How many events a reply may be ahead of its reader. Each step of an agent waits until its reader has caught up, so that
nothing happens because of words that nobody has taken."""

MAX_ROUNDS = 16
"""How often middleware may send an agent through another round of one reply before that counts as going in circles."""

_replying: ContextVar[tuple[Run, ...]] = ContextVar("hubbub_replying", default=())


class Run:
    """One reply: what it answers, what it has said, what is open, and how to stop it."""

    __slots__ = (
        "_ending", "_lost", "_started", "agent", "calls", "channel", "closed_by_reader", "draft", "error", "first_round",
        "inputs", "interrupted", "interrupting", "iteration", "message", "metadata", "options", "outputs", "overridden", "reason",
        "reply_id", "resume", "revised", "said", "scratch", "staged", "task", "unsaid", "writer",
    )  # fmt: skip

    def __init__(self, agent: AgentBase, inputs: list[Msg], resume: AgentEvent | None, draft: Draft | None, **options: Any):
        self.agent = agent
        self.inputs = inputs
        """The messages that this reply answers."""
        self.resume = resume
        """The event with which a waiting reply goes on."""
        self.draft = draft
        self.options = options
        """What else the caller asked for, such as `structured_model`."""
        self.reply_id = new_id()
        self.channel: Channel[AgentEvent] = Channel(EVENTS_AHEAD)
        self.staged: list[Msg] | None = None
        """What would be in memory if the draft were certain; None where it is, or where there is no draft."""
        self.revised: list[Msg] = []
        """Messages of memory that change when the draft is committed."""
        self.unsaid: str | None = None
        """Of a text that the agent says word for word: what it has not said yet."""
        self.writer: BlockWriter | None = None
        """The assistant message in the making."""
        self.calls: dict[str, ToolUseBlock] = {}
        """The tool calls that have no result yet, in order."""
        self.outputs: dict[str, list[TextBlock | DataBlock]] = {}
        """What running tools have given so far."""
        self.said: list[Block] = []
        """The text and media of the finished messages of this reply."""
        self.metadata: dict[str, Any] = {}
        """The metadata of the message of this reply, such as structured output."""
        self.scratch: dict[str, Any] = {}
        """What middleware keeps for the length of this reply."""
        self.overridden = False
        """Whether the agent's own `reply` answers, and not its `respond`."""
        self.first_round = True
        """Whether what there is to answer has still to be taken up; False when middleware sends the agent round again."""
        self.iteration = 0
        self.message: Msg | None = None
        self.interrupted = False
        self.interrupting: Msg | None = None
        self.reason: FinishedReason = "completed"
        self.error: BaseException | None = None
        self.task: asyncio.Task[None] | None = None
        self._started = False
        self._ending = False
        self.closed_by_reader = False
        self._lost = False

    # The reader's side

    async def events(self) -> AsyncGenerator[AgentEvent, None]:
        """The events of the reply, which begins with the first of them. Closing this ends the reply."""
        if any(run.agent is self.agent and run.task is not None and not run.task.done() for run in _replying.get()):
            raise RuntimeError(f"{self.agent.name} was asked to reply from inside its own reply, for which it would wait forever")
        while (before := self.agent._run) is not None:
            assert before.task is not None
            await asyncio.wait({before.task})
        self.agent._run = self
        self.task = asyncio.create_task(self._drive(), name=f"reply of {self.agent.name}")
        read = False
        try:
            while (event := await self.channel.get()) is not None:
                read = isinstance(event, ReplyEndEvent)
                yield event
        finally:
            await self._leave(read)

    async def _leave(self, read: bool) -> None:
        assert self.task is not None
        if not read and self.draft is not None and self.draft.state == "open":
            self._forget()  # who leaves before the end does not want the draft
        if not self.task.done():
            self.closed_by_reader = self.closed_by_reader or not self._ending
            self._stop()
            await asyncio.wait({self.task})
        if self.task.done() and not self.task.cancelled() and self.task.exception() is not None:
            raise self.task.exception()  # type: ignore[misc]

    # Stopping

    async def interrupt(self, msg: Msg | None) -> None:
        """Stops the reply, unless it is already ending, and returns when it has ended."""
        if not self.interrupted and not self._ending:
            self.interrupted = True
            self.interrupting = msg
            self._stop()
        if self.task is not None and self not in _replying.get():
            await asyncio.wait({self.task})

    def _stop(self) -> None:
        if self._started and not self._ending and self.task is not None:
            self._ending = True
            self.task.cancel()

    def _settled(self, state: DraftState) -> None:
        if state == "discarded":
            self._forget()
            self.interrupted = True
            self._stop()
        elif not self._lost:
            staged, self.staged = self.staged, None
            for msg in self.revised:
                self.agent._revise(msg)
            for msg in staged or ():
                self.agent._keep(msg)

    def _forget(self) -> None:
        self._lost = True
        self.staged = None
        self.revised = []

    # What the reply does

    @property
    def forgotten(self) -> bool:
        """Whether nothing of this reply may reach memory any more."""
        return self._lost

    def remember(self, msg: Msg) -> None:
        """Puts a message into memory, or onto the stage of a draft."""
        if self.forgotten:
            return
        if self.staged is not None:
            self.staged.append(msg)
        else:
            self.agent._keep(msg)

    def revise(self, msg: Msg) -> None:
        """Puts a changed message in the place of the one with its id."""
        if self._lost:
            return
        if self.staged is None:
            self.agent._revise(msg)
            return
        for index, old in enumerate(self.staged):
            if old.id == msg.id:
                self.staged[index] = msg
                return
        self.revised.append(msg)

    def remembered(self) -> list[Msg]:
        """Memory as this reply sees it, with what is staged."""
        memory = self.agent.memory
        shown = memory.prompt() if memory is not None else []
        return shown + self.staged if self.staged else shown

    def hint(self, text: str, source: str = "") -> HintBlockEvent:
        """Tells the model something from outside the conversation, in memory from now on; the event that says so."""
        block = HintBlock(text, source, new_id())
        msg = Msg(source or "hint", [block], "user", reply_id=self.reply_id)
        if self.calls or self.agent._parked is not None:
            self.agent._hold(msg)  # nothing parts a call from its result
        else:
            self.remember(msg)
        return HintBlockEvent(self.reply_id, block.id, text, source)

    def take_message(self, metadata: dict[str, Any] | None = None, unread: dict[str, int] | None = None) -> Msg | None:
        """Ends the assistant message in the making and puts it into memory; None where it is empty."""
        writer, self.writer = self.writer, None
        blocks = writer.blocks(unread) if writer is not None else []
        if not blocks:
            return None
        msg = Msg(self.agent.name, blocks, "assistant", metadata or {}, reply_id=self.reply_id)
        self.adopt(msg)
        return msg

    def adopt(self, msg: Msg) -> None:
        """Makes an assistant message part of this reply: into memory, its words said, its tool calls open."""
        self.said.extend(block for block in msg.blocks() if isinstance(block, (TextBlock, DataBlock)))
        for call in msg.tool_uses():
            self.calls[call.id] = call
        self.remember(msg)

    def answer(self, call: ToolUseBlock, output: str | list[Any], state: ToolState) -> None:
        """Puts the one result of a tool call into memory."""
        del self.calls[call.id]
        self.outputs.pop(call.id, None)
        call.state = "finished"
        result = ToolResultBlock(call.id, call.name, output, state)
        self.remember(Msg("system", [result], "system", reply_id=self.reply_id))
        if not self.calls:
            self.agent._release_held()

    def finish(self, reason: FinishedReason, error: str | None = None) -> ReplyEndEvent:
        """The end of the reply, with the message of what it said."""
        self.reason = reason
        if self.message is None or reason != "completed":
            self.message = Msg(self.agent.name, list(self.said), "assistant", self.metadata, id=self.reply_id, reply_id=self.reply_id)
        return ReplyEndEvent(self.reply_id, reason, error, self.message)

    async def caught_up(self) -> None:
        """Returns when the reader has taken all events so far."""
        await self.channel.drained()

    # The task

    async def _drive(self) -> None:
        self._started = True
        _replying.set((*_replying.get(), self))
        if self.draft is not None and self.draft.state != "committed":
            self.staged = []
            self.draft.when_settled(self._settled)
        try:
            if self.resume is not None and self.agent._parked is not None:
                self.reply_id = self.agent._parked.reply_id
            self.channel.push(ReplyStartEvent(self.reply_id, self.agent.name))
            try:
                if self.interrupted or self.closed_by_reader:
                    raise asyncio.CancelledError
                end = await self._rounds()
            except (asyncio.CancelledError, DraftDiscarded) as stop:
                self._ending = True
                end = await cut_short(self, stop)
            except Exception as error:
                self._ending = True
                end = fail(self, error)
            self._ending = True
            self.channel.push(end)
            await self._make_durable()
        finally:
            self.agent._run = None
            self.channel.close()
            self.agent._after(self)

    async def _make_durable(self) -> None:
        if self.agent.memory is None or self.forgotten:
            return
        try:
            await self.agent.memory.flush()
        except Exception:
            logger.exception("the memory of %s could not be written; it stays in the process", self.agent.name)

    async def _rounds(self) -> ReplyEndEvent:
        # Where the agent overrides `reply`, its hooks run around that.
        around: AbstractContextManager[tuple[list[Hook], list[Hook]]] = (
            nullcontext(([], [])) if self.overridden else hooks_around(self.agent, "reply")
        )
        with around as (before, after):
            given: dict[str, Any] = {"msg": self.inputs, **self.options}
            if before:
                given = await run_before(self.agent, before, self.given())
                self._take(given)
            for _ in range(MAX_ROUNDS):
                end = await self._round()
                self.first_round = False
                if end is not None:
                    if after:
                        end.message = self.message = await run_after(self.agent, after, given, end.message)
                    return end
            raise RuntimeError(f"middleware sent {self.agent.name} through {MAX_ROUNDS} rounds of one reply")

    async def _round(self) -> ReplyEndEvent | None:
        end: ReplyEndEvent | None = None
        stream = self.agent._respond_by_reply(self) if self.overridden else self.native()
        try:
            async for event in stream:
                if isinstance(event, ReplyEndEvent):
                    end = event  # held back until the layers around the reply are done, too
                else:
                    await self.channel.put(event)
        finally:
            await close(stream)
        return end

    def native(self) -> AsyncIterator[AgentEvent]:
        """The agent's own answer with its middleware around it."""
        agent = self.agent
        if not agent.middlewares:
            return agent.respond(self)

        def core(call: ReplyCall) -> AsyncIterator[AgentEvent]:
            self.inputs = call.messages
            return agent.respond(self)

        return onion(agent.middlewares, "on_reply", core)(ReplyCall(self, self.inputs))

    async def inside(self, given: dict[str, Any]) -> Msg:
        """The agent's own answer for an overriding `reply` that asks its base class: same reply, same stream."""
        self._take(given)
        self.said, self.message, self.first_round = [], None, True
        stream = self.native()
        try:
            async for event in stream:
                if not isinstance(event, ReplyEndEvent):
                    await self.channel.put(event)
        finally:
            await close(stream)
        return self.message or self.finish("completed").message  # type: ignore[return-value]

    def given(self) -> dict[str, Any]:
        msg: Any = self.resume if self.resume is not None else self.inputs
        if isinstance(msg, list) and len(msg) < 2:
            msg = msg[0] if msg else None
        return {"msg": msg, **self.options}

    def _take(self, given: dict[str, Any]) -> None:
        from ..message import as_messages

        msg = given.get("msg")
        self.resume = msg if isinstance(msg, AgentEvent) else None
        self.inputs = [] if isinstance(msg, AgentEvent) else as_messages(msg)
        self.options = {name: value for name, value in given.items() if name != "msg"}


def replying() -> Run | None:
    """The reply that the present task works for, if any."""
    runs = _replying.get()
    return runs[-1] if runs else None
