"""A tool as a toolkit keeps it: its schema, its settings, and how arguments become a call."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from .arguments import BadArguments, check_schema
from .base import PostProcess, Tool, ToolFlags, ToolMiddleware, marks_of
from .group import BASIC
from .schema import Signature, extend_schema, signature_of, tidy

if TYPE_CHECKING:
    from pydantic import BaseModel

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What OpenAI's API takes for the name of a function; the others take it, too."""


class ToolSource(Protocol):
    """Where tools come from that may become unavailable, such as an MCP server."""

    name: str

    @property
    def available(self) -> bool:
        """Whether its tools should be shown to models just now."""


@dataclass(slots=True)
class RegisteredTool:
    """A tool in a toolkit."""

    name: str
    description: str
    schema: dict[str, Any]
    """JSON schema of the arguments the model may give."""

    func: Callable[..., Any]
    flags: ToolFlags
    group: str = BASIC
    preset: dict[str, Any] = field(default_factory=dict)
    timeout_s: float | None = None
    postprocess: PostProcess | None = None
    middlewares: list[ToolMiddleware] = field(default_factory=list)
    background: bool = False
    source: ToolSource | None = None
    signature: Signature | None = None
    extension: type[BaseModel] | None = None
    dynamic_schema: Callable[[], dict[str, Any]] | None = None
    """Builds the schema anew each time, where it depends on the state of the toolkit."""

    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments, extension included."""
        schema = self.schema if self.dynamic_schema is None else self.dynamic_schema()
        if self.extension is not None:
            schema = extend_schema(schema, tidy(self.extension.model_json_schema()))
        return schema

    def json_schema(self) -> dict[str, Any]:
        """The tool in OpenAI's function-tool format."""
        function = {"name": self.name, "description": self.description, "parameters": self.parameters()}
        return {"type": "function", "function": function}

    def bind(self, arguments: Mapping[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        """Checked arguments as the function takes them, presets added: (positional, keyword).

        Raises BadArguments where a type of the function refuses a value that the schema let through.
        """
        from pydantic import ValidationError

        own = dict(arguments)
        extra: dict[str, Any] = {}
        try:
            if self.extension is not None:
                extra = {name: own.pop(name) for name in self.extension.model_fields if name in own}
                self.extension.model_validate(extra)
            args, kwargs = self.signature.bind(own) if self.signature is not None else ([], own)
        except ValidationError as error:
            told = (f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
            raise BadArguments("; ".join(told)) from error
        return args, {**kwargs, **extra, **self.preset}

    def extend(self, model: type[BaseModel] | None) -> None:
        """Adds the fields of a model to the arguments, or takes an earlier extension back.

        Raises ValueError where the tool has a different argument of one of those names.
        """
        if model is not None:
            extend_schema(self.schema, tidy(model.model_json_schema()))
        self.extension = model


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """How the schema of a function is made, in AgentScope's words."""

    func_name: str | None = None
    func_description: str | None = None
    json_schema: Mapping[str, Any] | None = None
    include_long_description: bool = True
    include_var_positional: bool = False
    include_var_keyword: bool = False


def describe(tool_func: Any, options: SchemaOptions, preset: Mapping[str, Any]) -> RegisteredTool:
    """Reads a function, callable object or `Tool` as a tool.

    Raises TypeError or ValueError, saying what is wrong, where a model could not be told how to call it.
    """
    if isinstance(tool_func, type) and issubclass(tool_func, Tool):
        tool_func = tool_func()
    if isinstance(tool_func, Tool):
        registered = _from_tool(tool_func, options)
    elif callable(tool_func):
        registered = _from_function(tool_func, options, preset)
    else:
        raise TypeError(f"a tool is a function, a callable object or a Tool, not {tool_func!r}")
    registered.preset = dict(preset)
    registered.schema = _without(registered.schema, preset)
    if not _NAME.fullmatch(registered.name):
        raise ValueError(f"{registered.name!r} cannot be the name of a tool: use 1 to 64 letters, digits, _ and - (func_name=...)")
    if registered.signature is None:  # what pydantic made needs no checking, which takes 20 ms
        check_schema(registered.schema)
    return registered


def _from_tool(tool: Tool, options: SchemaOptions) -> RegisteredTool:
    schema, name, description = _given(options)
    return RegisteredTool(
        name=name or tool.name,
        description=description or tool.description,
        schema=dict(schema if schema is not None else tool.input_schema),
        func=tool.call,
        flags=tool.flags,
        timeout_s=tool.timeout_s,
        source=getattr(tool, "source", None),
    )


def _from_function(func: Any, options: SchemaOptions, preset: Mapping[str, Any]) -> RegisteredTool:
    schema, name, description = _given(options)
    signature: Signature | None = None
    if schema is None:
        signature = signature_of(
            func,
            hidden=preset,
            include_long_description=options.include_long_description,
            include_var_positional=options.include_var_positional,
            include_var_keyword=options.include_var_keyword,
        )
        schema, description = signature.schema, description or signature.description
    inner = func
    while isinstance(inner, functools.partial):
        inner = inner.func
    flags, timeout_s = marks_of(inner)
    return RegisteredTool(
        name=name or getattr(inner, "__name__", None) or type(inner).__name__,
        description=description or "",
        schema=dict(schema),
        func=func,
        flags=flags or ToolFlags(),
        timeout_s=timeout_s,
        signature=signature,
    )


def _given(options: SchemaOptions) -> tuple[Mapping[str, Any] | None, str | None, str | None]:
    """A schema that was given by hand, with the name and description in it: bare or in function-tool
    format."""
    schema = options.json_schema
    name, description = options.func_name, options.func_description
    if schema is not None and schema.get("type") == "function":
        function = schema.get("function", {})
        name, description = name or function.get("name"), description or function.get("description")
        schema = function.get("parameters", {"type": "object", "properties": {}})
    return schema, name, description


def _without(schema: Mapping[str, Any], hidden: Mapping[str, Any]) -> dict[str, Any]:
    kept = dict(schema)
    kept["properties"] = {k: v for k, v in schema.get("properties", {}).items() if k not in hidden}
    if "required" in kept:
        kept["required"] = [name for name in kept["required"] if name not in hidden]
        if not kept["required"]:
            del kept["required"]
    return kept
