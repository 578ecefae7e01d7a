"""The types that a toolkit, its tools and the agents that call them share.

A tool answers a call with a stream of `ToolChunk`s. Chunks are increments: the text of a result is the
concatenation of the text of all its chunks. Exactly one chunk is the last one (`is_last`), and its `state`
says how the call ended. AgentScope's `ToolResponse`, whose chunks are cumulative, is accepted from tools
and converted on the way in.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from ..message import ToolState

if TYPE_CHECKING:
    from ..message import Block, ToolUseBlock

DEFAULT_TIMEOUT_S = 30.0
"""How long a tool may run where nothing else is said: longer than a caller on the telephone stays patient."""

DEFAULT_OUTPUT_CHARS = 50_000
"""Characters of text a tool may return, about 12,000 tokens; AgentScope 2.x draws the line at 50,000
tokens."""

DEFAULT_OUTPUT_BYTES = 8 * 1024 * 1024
"""Bytes of base64 data (image, audio, video) a tool may return in one call."""


F = TypeVar("F", bound=Callable[..., Any])

_MARK = "__hubbub_tool__"


class ToolError(Exception):
    """Raised by a tool to tell the model, in its message, what went wrong and what to do instead.

    Any other exception reaches the model too, with the name of its class in front of its message.
    """


@dataclass(frozen=True, slots=True)
class ToolFlags:
    """What may be done with a tool without asking anybody.

    `read_only`: changes nothing that outlives the call. `side_effects`: must not run while the reply may
    still be discarded; unless given it is True for every tool that is not read-only. `concurrency_safe`:
    may run beside other tools of the same step; unless given it is the value of `read_only`.
    `requires_confirmation`: a person must agree before each call. `external`: the toolkit only knows the
    schema, and somebody outside runs the tool.
    """

    read_only: bool = False
    concurrency_safe: bool | None = None
    side_effects: bool | None = None
    requires_confirmation: bool = False
    external: bool = False

    def __post_init__(self) -> None:
        if self.concurrency_safe is None:
            object.__setattr__(self, "concurrency_safe", self.read_only)
        if self.side_effects is None:
            object.__setattr__(self, "side_effects", not self.read_only)
        if self.read_only and self.side_effects:
            raise ValueError("a tool cannot be read_only and have side_effects")


def tool(flags: ToolFlags, timeout_s: float | None = None) -> Callable[[F], F]:
    """Decorates a tool function with its flags, and the seconds a call may take where the toolkit's are
    wrong."""

    def mark(func: F) -> F:
        setattr(func, _MARK, (flags, timeout_s))
        return func

    return mark


def marks_of(func: Any) -> tuple[ToolFlags | None, float | None]:
    """What the decorator `tool` said about a function: (flags, timeout_s)."""
    flags, timeout_s = getattr(func, _MARK, (None, None))
    return flags, timeout_s


@dataclass(slots=True)
class ToolChunk:
    """A piece of a tool's result: the blocks that are new since the chunk before.

    Consecutive text blocks belong to one text and are joined without anything between them. The last chunk
    may have no content. `metadata` is for programs, and is not shown to the model; `metadata["error"]`
    names the kind of an error: `not_found`, `inactive`, `bad_arguments`, `exception`, `timeout`,
    `too_much_output`, `denied`, `confirmation`, `closed`, `external`.
    """

    content: list[Block] = field(default_factory=list)
    is_last: bool = False
    state: ToolState = "running"
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class ToolResponse:
    """What AgentScope 1.x tools return or yield. From a generator the content is cumulative, as it is there.

    `is_interrupted` makes the state of the result `interrupted`. The other fields are as in AgentScope.
    """

    content: list[Block]
    metadata: dict[str, Any] | None = None
    stream: bool = False
    is_last: bool = True
    is_interrupted: bool = False
    id: str = field(default_factory=lambda: uuid.uuid4().hex)


class Tool(ABC):
    """A tool as a class: derive from it when a function with a docstring is not enough.

    Register an instance with `Toolkit.register_tool_function`. The attributes may be set on the class or
    on the instance.
    """

    name: str
    """What the model calls: letters, digits, `_` and `-`, at most 64 of them."""

    description: str
    """What the model reads to decide whether to call it."""

    input_schema: dict[str, Any]
    """JSON schema of the arguments: an object schema."""

    flags: ToolFlags = ToolFlags()

    timeout_s: float | None = None
    """Seconds a call may take; None leaves it to the toolkit."""

    @abstractmethod
    def call(self, **arguments: Any) -> Any:
        """Runs the tool with arguments that satisfy `input_schema`.

        May be a plain function (it runs in a thread), a coroutine function, a generator or an async
        generator, and return or yield whatever a tool function may: text, blocks, a `ToolChunk`, a
        `ToolResponse`, or anything that JSON can hold.
        """


class ToolStream:
    """The chunks of one call: `async for chunk in stream`.

    Awaiting it gives the stream itself, so that middleware written for AgentScope (`async for c in await
    next_handler(...)`) and middleware written without the `await` both work.
    """

    __slots__ = ("_chunks",)

    def __init__(self, chunks: AsyncIterator[ToolChunk]) -> None:
        self._chunks = chunks

    def __aiter__(self) -> AsyncIterator[ToolChunk]:
        return self._chunks

    def __await__(self) -> Any:
        return self
        yield  # makes this a generator function: awaiting ends at once, without a turn of the loop

    async def aclose(self) -> None:
        """Stops the call and waits until the tool has cleaned up."""
        close = getattr(self._chunks, "aclose", None)
        if close is not None:
            await close()


NextHandler: TypeAlias = Callable[..., ToolStream]
"""What a middleware calls as `next_handler(tool_call=...)` to go on to the tool."""

ToolMiddleware: TypeAlias = Callable[[dict[str, Any], NextHandler], AsyncIterator[Any]]
"""`async def middleware(kwargs, next_handler)`, an async generator of chunks; `kwargs["tool_call"]` is the
ToolUseBlock."""

PostProcess: TypeAlias = "Callable[[ToolUseBlock, ToolResponse], ToolResponse | Awaitable[ToolResponse | None] | None]"
"""May replace the whole result of a call (or return None to keep it): `postprocess(tool_call, response)`."""

NamesakeStrategy = Literal["raise", "override", "skip", "rename"]
"""What to do with a tool whose name is taken."""

JsonSchema: TypeAlias = Mapping[str, Any]
