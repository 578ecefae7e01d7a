"""What every agent can do.

Derive from `AgentBase` and override one of two methods:

- `reply(self, msg)`, a coroutine that returns a `Msg`: the simple way, and AgentScope's;
- `respond(self, run)`, an async generator of events: for agents that stream.

Everything else follows: `reply_stream` runs it in a task that can be interrupted at any await, `await agent(msg)` replies
and tells the hubs that the agent sits in, `observe` listens.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, ClassVar

from ..draft import Draft
from ..event import AgentEvent, ReplyEndEvent
from ..memory.base import MemoryBase
from ..message import Msg, as_messages, new_id
from ..middleware.base import MiddlewareBase
from . import heard as _heard
from .hooks import Hooked, hooked
from .run import Run, _replying

if TYPE_CHECKING:
    from ..hub import MsgHub
    from ..state import AgentState, WaitingReply

logger = logging.getLogger(__name__)

Input = Msg | Iterable[Msg] | AgentEvent | None
"""What an agent can be asked to answer: messages, nothing new, or the event with which a waiting reply goes on."""


class AgentBase(Hooked):
    """Somebody who can answer, listen, and be interrupted.

    An agent answers one thing at a time; who asks while it answers waits. What it hears meanwhile is in its memory at once,
    except between a tool call and its result, which nothing may part.
    """

    # Defaults on the class keep an agent small, and let a subclass get by without calling `__init__`.
    name: str = ""
    memory: MemoryBase | None = None
    middlewares: Sequence[MiddlewareBase] = ()
    _run: Run | None = None
    _parked: WaitingReply | None = None
    _held: list[Msg] | None = None
    _hubs: tuple[MsgHub, ...] = ()
    _console: bool | None = None
    _queue: asyncio.Queue[Any] | None = None
    _middleware_states: dict[str, dict[str, Any]] | None = None
    print_to: ClassVar[Any] = None
    """Where `print` writes; None for standard output."""

    def __init__(
        self, name: str = "", *, memory: MemoryBase | None = None, middlewares: Sequence[MiddlewareBase] = (), id: str = ""
    ) -> None:
        self.name = name or type(self).name or type(self).__name__
        self.id = id or new_id()
        if memory is not None:
            self.memory = memory
        if middlewares:
            self.middlewares = tuple(middlewares)

    # Answering

    async def respond(self, run: Run) -> AsyncIterator[AgentEvent]:
        """Answers `run.inputs`: an async generator of events whose last one is `run.finish("completed")`.

        It may be cancelled at any await. `run.writer` is the message in the making, which is kept then.
        """
        raise NotImplementedError(f"{type(self).__name__} overrides neither reply nor respond")
        yield

    def reply_stream(self, msg: Input = None, *, draft: Draft | None = None, **options: Any) -> AsyncIterator[AgentEvent]:
        """Answers, as a stream of events: one `ReplyStartEvent` first, one `ReplyEndEvent` last.

        Closing the stream, or cancelling the task that reads it, stops model and tools at once; what was read is in memory
        then, once, as an interrupted reply. With a `draft`, nothing reaches memory before it is committed. Errors are in the
        end event.
        """
        return self._new_run(msg, draft, options).events()

    async def reply(self, *args: Any, **kwargs: Any) -> Msg:
        """`reply(msg=None, *, draft=None, **options)`: answers, as `reply_stream` does.

        The message says what the agent said; `metadata` holds structured output, or that it was interrupted. Raises what went
        wrong. (The open signature lets a subclass have its own.)
        """
        return await self._reply(*args, **kwargs)

    async def __call__(self, msg: Any = None, *, draft: Draft | None = None, **options: Any) -> Msg:
        """Answers, and tells the answer to everybody in the hubs that the agent sits in."""
        message = await self._read(self._new_run(msg, draft, options))
        if message.content:
            for hub in self._hubs:
                await hub.spread(self, message)
        return message

    async def handle_interrupt(self, msg: Msg | None = None) -> Msg | None:
        """Called when the agent was interrupted, with what the person said (if anything). Override it to answer: a message
        becomes the end of the reply and is remembered; None leaves it at the words said so far."""
        return None

    async def interrupt(self, msg: Msg | None = None) -> None:
        """Stops the reply that is under way or that waits, and returns when it has ended. Does nothing when there is none.

        `msg` is who interrupts, and with what words.
        """
        if self._run is not None:
            await self._run.interrupt(msg)
        elif self._parked is not None:
            from ..event import UserInterruptEvent

            async with aclosing(self._new_run(UserInterruptEvent(message=msg), None, {}).events()) as events:
                async for _ in events:
                    pass

    @property
    def replying(self) -> bool:
        """Whether the agent is answering just now."""
        return self._run is not None

    # Listening

    async def observe(self, msg: Msg | Iterable[Msg] | None) -> None:
        """Hears messages without answering them."""
        for one in as_messages(msg):
            self._hear(one)

    async def record_heard(self, reply_id: str, heard: str, unheard: str, *, by: str | None = None, at: str | None = None) -> None:
        """Says how much of a reply was heard before it was cut: memory then has exactly `heard` as its words, and `unheard`
        beside it, so that the agent can go on from there. An unknown reply is ignored: memory may have been cleared."""
        run = self._run
        if run is not None and run.reply_id == reply_id:
            await run.interrupt(None)
        if self.memory is None:
            return
        messages = [msg for msg in self.memory.messages() if msg.reply_id == reply_id and msg.role == "assistant"]
        changed, emptied = _heard.cut(messages, heard, unheard, by, at)
        for msg in changed:
            self.memory.replace(msg)
        self.memory.remove(emptied)
        await self.memory.flush()

    # Showing

    async def print(self, msg: Msg, last: bool = True, speech: Any = None) -> None:
        """Shows a message, or as much of it as there is; called again and again with the same id while it grows.

        To the terminal where there is one (see `set_console_output_enabled`), and to the message queue where that is on.
        """
        if self._queue is not None:
            await self._queue.put((msg, last, speech))
        if self._console or (self._console is None and sys.stdout.isatty()):
            _write_growth(self, msg, last)

    def set_console_output_enabled(self, enabled: bool) -> None:
        """Whether `reply` and `await agent(…)` show the answer on standard output; by default only on a terminal."""
        self._console = enabled

    def set_msg_queue_enabled(self, enabled: bool, queue: asyncio.Queue[Any] | None = None) -> None:
        """Whether what is printed goes to a queue, too, as `(msg, last, speech)`. Without one given, a queue of 100 is made;
        a full queue slows the agent down."""
        self._queue = (queue or asyncio.Queue(maxsize=100)) if enabled else None

    @property
    def msg_queue(self) -> asyncio.Queue[Any] | None:
        """The queue of printed messages, where it is on."""
        return self._queue

    # State

    @property
    def state(self) -> AgentState:
        """All that makes this agent answer as it would: memory, tools in use, a reply that waits, what middleware keeps."""
        from ..state import take_state

        return take_state(self)

    def load_state(self, state: AgentState) -> None:
        """Puts the agent where another one, perhaps in another process, was. Raises RuntimeError while it replies."""
        from ..state import put_state

        put_state(self, state)

    def state_dict(self) -> dict[str, Any]:
        """`state` as plain JSON values, by its 1.x name."""
        return self.state.model_dump(mode="json")

    def load_state_dict(self, state: dict[str, Any], strict: bool = True) -> None:
        """Loads what `state_dict` gave. Raises pydantic.ValidationError; `strict` is accepted for 1.x callers."""
        from ..state import AgentState

        self.load_state(AgentState.model_validate(state))

    def middleware_state(self, key: str) -> dict[str, Any]:
        """What the middleware `key` keeps for this agent; change it in place."""
        if self._middleware_states is None:
            self._middleware_states = {}
        return self._middleware_states.setdefault(key, {})

    async def aclose(self) -> None:
        """Ends what the agent has under way. It can be used again afterwards."""
        await self.interrupt()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    # For the run, the hub, and subclasses

    async def _reply(self, msg: Any = None, *, draft: Draft | None = None, **options: Any) -> Msg:
        run = self._run
        if run is not None and run.overridden and run in _replying.get():
            return await run.inside({"msg": msg, **options})
        # Called on a class that overrides `reply`, this is the overriding method asking for the agent's own answer.
        return await self._read(self._new_run(msg, draft, options, own=True))

    def take_up(self, run: Run) -> Iterator[AgentEvent]:
        """Remembers what a reply answers; the first thing that `respond` does."""
        if run.first_round:
            for msg in run.inputs:
                run.remember(msg.public())
        return
        yield

    def _new_run(self, msg: Any, draft: Draft | None, options: dict[str, Any], own: bool = False) -> Run:
        resume = msg if isinstance(msg, AgentEvent) else None
        run = Run(self, [] if resume is not None else as_messages(msg), resume, draft, **options)
        run.overridden = not own and type(self).reply is not AgentBase.reply
        return run

    async def _respond_by_reply(self, run: Run) -> AsyncIterator[AgentEvent]:
        from .writer import BlockWriter

        given = run.given()
        msg = given.pop("msg")
        message = await (self.reply(msg, **given) if msg is not None or given else self.reply())
        if message is not run.message:
            if not run.said:
                writer = BlockWriter(run.reply_id)
                writer.text(message.get_text_content())
                writer.close()
                for event in writer.take():
                    yield event
            run.message = message
        if run.reason == "completed":
            yield run.finish("completed")
        else:
            yield ReplyEndEvent(run.reply_id, run.reason, None, message)

    async def _read(self, run: Run) -> Msg:
        await self._listened()
        shows = self._shows()
        rebuilt = None
        async with aclosing(run.events()) as events:
            async for event in events:
                if shows:
                    if rebuilt is None:
                        from ..rebuild import MessageBuilder

                        rebuilt = MessageBuilder(self.name)
                    if rebuilt.add(event) and not isinstance(event, ReplyEndEvent):
                        await self.print(rebuilt.message(), False)
        if run.error is not None:
            raise run.error
        assert run.message is not None
        if shows:
            await self.print(run.message, True)
        return run.message

    def _shows(self) -> bool:
        return (
            self._queue is not None or bool(self._console) or type(self).print is not AgentBase.print
            or any(self.hooks_of("print")) or (self._console is None and sys.stdout.isatty())
        )  # fmt: skip

    async def _listened(self) -> None:
        """Waits until what was said in its hubs before has reached this agent: only its own slow `observe` delays it."""
        for hub in self._hubs:
            await hub.settled(self)

    def _keep(self, msg: Msg) -> None:
        if self.memory is not None:
            self.memory.append(msg)

    def _revise(self, msg: Msg) -> None:
        if self.memory is not None:
            self.memory.replace(msg)

    def _hear(self, msg: Msg) -> None:
        if msg.reply_id and msg.name == self.name and msg.role == "assistant":
            return  # its own words, come back through a room
        msg = msg.public()
        if not msg.content and not msg.metadata:
            return
        run = self._run
        if (run is not None and run.calls and run.staged is None) or self._parked is not None:
            self._hold(msg)
        else:
            self._keep(msg)

    def _hold(self, msg: Msg) -> None:
        """Keeps a message out of memory until no tool call is open."""
        if self._held is None:
            self._held = []
        self._held.append(msg)

    def _release_held(self) -> None:
        held, self._held = self._held, None
        for msg in held or ():
            self._keep(msg)

    def _mark_newest(self, run: Run, metadata: dict[str, Any]) -> None:
        """Notes a fact on the newest assistant message of a reply; on an empty one where it has said nothing yet."""
        if run.forgotten:
            return
        memory = self.memory
        source = run.staged if run.staged is not None else (memory.messages() if memory is not None else ())
        for msg in reversed(source):
            if msg.reply_id == run.reply_id and msg.role == "assistant":
                marked = msg.copy_with(metadata={**msg.metadata, **metadata})
                if run.staged is not None:
                    run.staged[run.staged.index(msg)] = marked
                elif memory is not None:
                    memory.replace(marked)
                return
        run.remember(Msg(self.name, [], "assistant", metadata, reply_id=run.reply_id))

    def _after(self, run: Run) -> None:
        """Called when a reply is over and the agent idle again."""


AgentBase.observe = hooked("observe", AgentBase.observe)  # type: ignore[method-assign]
AgentBase.print = hooked("print", AgentBase.print)  # type: ignore[method-assign]


def _write_growth(agent: AgentBase, msg: Msg, last: bool) -> None:
    out = agent.print_to or sys.stdout
    shown: tuple[str, str] = agent.__dict__.get("_shown", ("", ""))
    text = msg.get_text_content()
    if shown[0] != msg.id:
        out.write(f"{msg.name}: ")
        shown = (msg.id, "")
    if text.startswith(shown[1]):
        out.write(text[len(shown[1]) :])
    elif not text.endswith(shown[1]):  # the end of a reply that waited has what was shown before it did, too
        out.write(text)
    if last:
        out.write("\n")
        agent.__dict__.pop("_shown", None)
    else:
        agent.__dict__["_shown"] = (msg.id, text)
    out.flush()
