"""The toolkit: the tools of an agent, which of them it sees, and how they are called."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..message import TextBlock, ToolUseBlock
from . import gate
from .background import BackgroundCallback, BackgroundTasks
from .base import (
    DEFAULT_OUTPUT_BYTES,
    DEFAULT_OUTPUT_CHARS,
    DEFAULT_TIMEOUT_S,
    NamesakeStrategy,
    PostProcess,
    ToolChunk,
    ToolFlags,
    ToolMiddleware,
    ToolResponse,
    tool,
)
from .call import CallContext, call_tool
from .group import BASIC, ToolGroup
from .permission import PermissionDecision, PermissionRule, Permissions
from .registered import RegisteredTool, SchemaOptions, describe
from .registry import ToolRegistry
from .skill import Skill, Skills
from .thread import Threads

if TYPE_CHECKING:
    from pydantic import BaseModel

    from ..draft import Draft
    from .mcp.base import MCPClient

logger = logging.getLogger(__name__)

DEFAULT_BACKGROUND_TIMEOUT_S = 600.0
"""How long a background tool may run where nothing else is said."""


class Toolkit:
    """The tools of one agent.

    A tool in the group "basic" is always seen; one in another group while that group is active.
    `permissions` decides about calls, and is only kept here: who asks a person is the agent. Close the
    toolkit when its agent goes: it owns background tools and the connections of MCP clients that it was
    told to own.
    """

    __slots__ = (
        "_abandoned", "_background", "_clients", "_closed", "_middlewares", "_registry", "_skills", "_threads",
        "background_timeout_s", "output_bytes", "output_chars", "permissions", "timeout_s",
    )  # fmt: skip

    def __init__(
        self,
        tools: Iterable[Any] = (),
        *,
        permissions: Permissions | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        background_timeout_s: float = DEFAULT_BACKGROUND_TIMEOUT_S,
        output_chars: int = DEFAULT_OUTPUT_CHARS,
        output_bytes: int = DEFAULT_OUTPUT_BYTES,
        threads: Threads | None = None,
    ) -> None:
        self.permissions = permissions
        self.timeout_s = timeout_s
        """Seconds a call may take, unless its tool says otherwise; `math.inf` for no limit."""
        self.background_timeout_s = background_timeout_s
        self.output_chars = output_chars
        self.output_bytes = output_bytes
        self._registry = ToolRegistry()
        self._threads = threads
        self._closed = False
        # What most toolkits never need is made on first use: there is one toolkit for every agent.
        self._middlewares: list[ToolMiddleware] | None = None
        self._skills: Skills | None = None
        self._background: BackgroundTasks | None = None
        self._clients: dict[str, MCPClient] | None = None
        self._abandoned: set[asyncio.Task[None]] | None = None
        for item in tools:
            self.register_tool_function(item)

    # What there is

    def schemas(self) -> list[dict[str, Any]]:
        """The tools that the agent sees now, in OpenAI's function-tool format."""
        return self._registry.schemas()

    get_json_schemas = schemas

    def flags(self, name: str) -> ToolFlags:
        """The flags of a tool; those of an unknown one are harmless, as calling it only gives an error."""
        found = self._registry.get(name)
        return found.flags if found is not None else ToolFlags(read_only=True)

    def names(self, *, visible: bool = False) -> list[str]:
        """The names of all tools, or of those that the agent sees now."""
        return self._registry.names(visible=visible)

    def __contains__(self, name: object) -> bool:
        return name in self._registry

    def __len__(self) -> int:
        return len(self._registry)

    def decide(self, tool_call: ToolUseBlock) -> PermissionDecision:
        """Whether a call is allowed, denied, or has to be put to a person first.

        A person's consent is recorded in the call itself: `tool_call.state = "allowed"`; it does not lift
        a denial.
        """
        return gate.decide(self._registry.get(tool_call.name), tool_call, self.permissions)

    # Registration

    def register_tool_function(
        self,
        tool_func: Any,
        group_name: str = BASIC,
        preset_kwargs: Mapping[str, Any] | None = None,
        func_name: str | None = None,
        func_description: str | None = None,
        json_schema: Mapping[str, Any] | None = None,
        include_long_description: bool = True,
        include_var_positional: bool = False,
        include_var_keyword: bool = False,
        postprocess_func: PostProcess | None = None,
        namesake_strategy: NamesakeStrategy = "raise",
        async_execution: bool = False,
        *,
        flags: ToolFlags | None = None,
        timeout_s: float | None = None,
        middlewares: Iterable[ToolMiddleware] = (),
    ) -> str:
        """Adds a tool and returns the name it got.

        `tool_func` is a function, coroutine function, (async) generator function, partial, callable
        object, method, `Tool` or `Tool` class. `preset_kwargs` are passed with each call and hidden from
        the model. `json_schema` replaces what would be read from the signature.
        `postprocess_func(tool_call, response)` may replace a result. With `async_execution` a call returns
        at once and the tool goes on in the background. `flags` and `timeout_s` replace what the tool says
        of itself; `middlewares` stand around this tool only, inside those of the toolkit.

        Raises ValueError for an unknown group or a name that is taken or not fit, TypeError for a function
        whose parameters cannot be described.
        """
        self._registry.check_group(group_name)
        options = SchemaOptions(
            func_name,
            func_description,
            json_schema,
            include_long_description,
            include_var_positional,
            include_var_keyword,
        )
        registered = describe(tool_func, options, preset_kwargs or {})
        registered.group = group_name
        registered.postprocess = postprocess_func
        registered.background = async_execution
        registered.middlewares = list(middlewares)
        registered.flags = flags or registered.flags
        registered.timeout_s = registered.timeout_s if timeout_s is None else timeout_s
        if getattr(tool_func, "__func__", None) is Toolkit.reset_equipped_tools:
            registered.dynamic_schema, registered.signature = self._registry.groups.switch_schema, None
        return self.add(registered, namesake_strategy)

    def add(self, registered: RegisteredTool, namesake_strategy: NamesakeStrategy = "raise") -> str:
        """Adds a tool that is already described, and returns the name it got. Raises ValueError as above."""
        name, added = self._registry.add(registered, namesake_strategy)
        if added and registered.background:
            self._offer_task_tools()
        return name

    def remove_tool_function(self, tool_name: str) -> None:
        """Takes a tool out; nothing happens where there is none of that name."""
        self._registry.remove(tool_name)

    def set_extended_model(self, func_name: str, model: type[BaseModel] | None) -> None:
        """Adds the fields of a pydantic model to the arguments of a tool; None takes them back.

        Raises ValueError for an unknown tool, or where it has a different argument of one of those names.
        """
        self._registry.known(func_name).extend(model)

    def register_middleware(self, middleware: ToolMiddleware, tools: Iterable[str] | None = None) -> None:
        """Puts `async def middleware(kwargs, next_handler)` around all calls, or around those of some tools.

        It yields chunks, usually those of `next_handler(**kwargs)`; the one registered first is outermost.
        Raises ValueError for the name of a tool that is not there.
        """
        if tools is None:
            self._middlewares = [*(self._middlewares or ()), middleware]
            return
        for item in [self._registry.known(name) for name in tools]:
            item.middlewares.append(middleware)

    # Groups

    def create_tool_group(self, group_name: str, description: str, active: bool = False, notes: str | None = None) -> None:
        """Adds a group. `notes` are told to the model when the group is switched on. Raises ValueError for
        a taken name."""
        self._registry.groups.create(ToolGroup(group_name, description, active, notes or ""))

    def update_tool_groups(self, group_names: Iterable[str], active: bool) -> None:
        """Switches groups on or off. Raises ValueError for unknown ones, and then changes none."""
        self._registry.groups.update(group_names, active)

    def remove_tool_groups(self, group_names: Iterable[str]) -> None:
        """Takes groups out, with their tools. Raises ValueError for unknown ones and the basic one."""
        self._registry.remove_groups(group_names)

    @property
    def active_groups(self) -> list[str]:
        """Names of the active groups, without the basic one."""
        return self._registry.active_groups

    def get_activated_notes(self) -> str:
        """The notes of the active groups, for the system prompt; "" where there are none."""
        return self._registry.groups.notes() if self._registry.active_groups else ""

    @tool(ToolFlags(concurrency_safe=False, side_effects=False))
    async def reset_equipped_tools(self, **kwargs: Any) -> ToolResponse:
        """Chooses which groups of tools are at hand, for what you are about to do.

        The groups you set to true are at hand afterwards, and all others are not: name every group you
        need, also those that are at hand already.
        """
        wanted = [name for name, on in kwargs.items() if on]
        groups = self._registry.groups
        groups.reset(wanted)
        told = f"Tool groups at hand now: {', '.join(wanted)}." if wanted else "No tool group is at hand now."
        notes = groups.notes()
        return ToolResponse([TextBlock(f"{told}\n{notes}" if notes else told)])

    # Calls

    async def call(self, tool_call: ToolUseBlock, *, draft: Draft | None = None) -> AsyncGenerator[ToolChunk]:
        """Calls a tool and yields its result in increments; exactly one chunk, the last, has `is_last`.

        What goes wrong comes as a chunk with state "error" or "denied", and never as an exception. While a
        draft is not committed, a tool with side effects waits. Cancelling or closing it stops the tool;
        its cleanup is waited for, for a second at most. A call that has to be put to a person is refused
        unless its `state` is "allowed".
        """
        chunks = call_tool(self._context(), tool_call, draft)
        try:
            async for chunk in chunks:
                yield chunk
        finally:
            await chunks.aclose()

    async def call_tool_function(self, tool_call: ToolUseBlock | Mapping[str, Any]) -> AsyncGenerator[ToolResponse]:
        """AgentScope 1.x: `async for response in await toolkit.call_tool_function(call)`, with cumulative
        responses."""
        from .compat import as_call, cumulative

        return cumulative(self.call(as_call(tool_call)))

    def _context(self) -> CallContext:
        return CallContext(
            self._find, self._middlewares or [], self._background_tasks, self._thread_pool, self._abandon,
            self.timeout_s, self.background_timeout_s, self.output_chars, self.output_bytes,
        )  # fmt: skip

    def _find(self, tool_call: ToolUseBlock) -> RegisteredTool | ToolChunk:
        if self._closed:
            return gate.closed()
        found = self._registry.get(tool_call.name)
        if found is None:
            return gate.not_found(tool_call.name, self.names(visible=True))
        if not self._registry.active(found):
            return gate.inactive(found)
        if found.source is not None and not found.source.available:
            return gate.unavailable(found, found.source.name)
        return gate.refusal(found, tool_call, self.permissions) or found

    # MCP servers and skills

    async def register_mcp_client(
        self,
        mcp_client: MCPClient,
        group_name: str = BASIC,
        enable_funcs: Iterable[str] | None = None,
        disable_funcs: Iterable[str] | None = None,
        preset_kwargs_mapping: Mapping[str, Mapping[str, Any]] | None = None,
        postprocess_func: PostProcess | Mapping[str, PostProcess] | None = None,
        namesake_strategy: NamesakeStrategy = "raise",
        execution_timeout: float | None = None,
        *,
        close_with_toolkit: bool = False,
    ) -> list[str]:
        """Adds the tools of an MCP server and returns their names.

        `enable_funcs` names those wanted (default all), `disable_funcs` those not wanted; presets and
        post-processing may be given for each. A stateful client must be connected. With
        `close_with_toolkit` the toolkit closes it.

        Raises MCPUnavailable where the server cannot be reached, ValueError for names it does not have;
        then nothing is added.
        """
        from .mcp.register import describe_tools

        self._registry.check_group(group_name)
        described = await describe_tools(
            mcp_client, enable_funcs, disable_funcs, preset_kwargs_mapping, postprocess_func, execution_timeout
        )
        if namesake_strategy == "raise" and (taken := {item.name for item in described} & set(self.names())):
            raise ValueError(f"the toolkit already has tools of these names: {', '.join(sorted(taken))}")
        names = []
        for item in described:
            item.group = group_name
            names.append(self.add(item, namesake_strategy))
        if close_with_toolkit:
            self._clients = {**(self._clients or {}), mcp_client.name: mcp_client}
        return names

    async def remove_mcp_clients(self, client_names: Iterable[str]) -> None:
        """Takes out the tools of MCP clients, by their names, and closes those that the toolkit owns."""
        names = {client_names} if isinstance(client_names, str) else set(client_names)
        self._registry.remove_sources(set(names))
        for name in names & set(self._clients or {}):
            await (self._clients or {}).pop(name).close()

    def register_agent_skill(self, skill_dir: str | Path) -> Skill:
        """Adds the skill in a folder with a `SKILL.md`, and the tool `view_skill` that reads it. Raises
        ValueError."""
        if self._skills is None:
            self._skills = Skills()
        skill = self._skills.add(skill_dir)
        if "view_skill" not in self._registry:
            self.register_tool_function(self._skills.viewer())
        return skill

    def remove_agent_skill(self, name: str) -> None:
        """Takes a skill out. Raises ValueError where there is none of that name."""
        if self._skills is None:
            raise ValueError(f"there is no skill {name!r}")
        self._skills.remove(name)
        if not len(self._skills):
            self.remove_tool_function("view_skill")

    def get_agent_skill_prompt(self) -> str | None:
        """The part of the system prompt that names the skills; None where there are none."""
        return self._skills.prompt() if self._skills is not None else None

    # Background

    @property
    def on_background_result(self) -> BackgroundCallback | None:
        """Called with a HintBlock when a background tool has ended, unless the model has been told by
        then."""
        return self._background.on_result if self._background is not None else None

    @on_background_result.setter
    def on_background_result(self, callback: BackgroundCallback | None) -> None:
        self._background_tasks().on_result = callback

    def _background_tasks(self) -> BackgroundTasks:
        if self._background is None:
            self._background = BackgroundTasks()
        return self._background

    def _offer_task_tools(self) -> None:
        tasks = self._background_tasks()
        for func in (tasks.view_task, tasks.wait_task, tasks.cancel_task):
            if func.__name__ not in self._registry:
                self.register_tool_function(func)

    # State and end

    def state_dict(self) -> dict[str, Any]:
        """What a new process needs to see the same tools: the active groups, and the rules that were
        added."""
        rules = self.permissions.rules if self.permissions is not None else []
        return {"active_groups": self.active_groups, "rules": [rule.to_dict() for rule in rules]}

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> None:
        """Restores what `state_dict` gave. Groups that are not there any more raise ValueError, unless not
        `strict`."""
        groups = [str(name) for name in state.get("active_groups", ())]
        if not strict:
            groups = [name for name in groups if name in self._registry.groups]
        self._registry.groups.reset(groups)
        rules = [PermissionRule.from_dict(rule) for rule in state.get("rules", ())]
        if rules or self.permissions is not None:
            self.permissions = Permissions(rules, self.permissions.otherwise if self.permissions else "allow")

    async def close(self) -> None:
        """Ends background tools and the MCP clients that the toolkit owns. Calls get an error afterwards."""
        self._closed = True
        if self._background is not None:
            await self._background.close()
        for client in list((self._clients or {}).values()):
            await client.close()
        self._clients = None
        for task in self._abandoned or ():
            task.cancel()

    async def __aenter__(self) -> Toolkit:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    def _abandon(self, task: asyncio.Task[None]) -> None:
        logger.warning("a tool did not stop when it was cancelled; it is left to itself")
        if self._abandoned is None:
            self._abandoned = set()
        self._abandoned.add(task)
        task.add_done_callback(self._abandoned.discard)

    def _thread_pool(self) -> Threads:
        if self._threads is None:
            self._threads = Threads()
        return self._threads
