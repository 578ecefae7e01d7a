"""What every MCP client does: list the tools of its server, call them, and make them tools of ours."""

from __future__ import annotations

import asyncio
import logging
import re
from abc import ABC, abstractmethod
from typing import Any

from ...message import AudioBlock, Base64Source, Block, DataBlock, ImageBlock, TextBlock, URLSource
from ..base import Tool, ToolChunk, ToolError, ToolFlags, ToolResponse
from ..output import as_json
from .wire import ToolInfo, is_error, media_type, structured

logger = logging.getLogger(__name__)

MAX_DESCRIPTION_CHARS = 4_000
"""Characters of a description that a server may put in front of a model."""

DEFAULT_EXECUTION_TIMEOUT_S = 60.0
"""How long a call may take where nothing else is said: servers often ask others in turn."""


class MCPUnavailable(ToolError):
    """The server cannot be reached, or hung up."""


class MCPClient(ABC):
    """A client of one MCP server.

    `trust_annotations` believes the server that a tool is read-only, so that it may run while a reply may
    still be discarded; the protocol's specification warns against believing servers that one does not run
    oneself.
    """

    def __init__(self, name: str, *, trust_annotations: bool = False) -> None:
        self.name = name
        self.trust_annotations = trust_annotations

    @property
    @abstractmethod
    def available(self) -> bool:
        """Whether the server answered lately; while it does not, a toolkit hides its tools."""

    @abstractmethod
    async def list_tools(self) -> list[ToolInfo]:
        """The tools of the server. Raises MCPUnavailable."""

    @abstractmethod
    async def call_tool(self, name: str, arguments: dict[str, Any], *, repeatable: bool = False) -> Any:
        """Calls a tool and returns the SDK's result. Raises MCPUnavailable, and ToolError for what the
        server refuses.

        A `repeatable` call is made again when the connection broke during it.
        """

    @abstractmethod
    async def close(self) -> None:
        """Ends the connection, if there is one. May be called twice."""

    async def get_callable_function(
        self, func_name: str, wrap_tool_result: bool = True, execution_timeout: float | None = None
    ) -> MCPToolFunction:
        """One tool of the server as an async function that a toolkit also takes.

        It returns a ToolResponse, or the SDK's own result where `wrap_tool_result` is False. Raises
        ValueError for a name that the server does not have, MCPUnavailable where it cannot be asked.
        """
        infos = {info.name: info for info in await self.list_tools()}
        if func_name not in infos:
            raise ValueError(f"the server {self.name!r} has no tool {func_name!r}; it has {', '.join(infos)}")
        return MCPToolFunction(self, infos[func_name], execution_timeout, wrap_tool_result, self.trust_annotations)


class MCPToolFunction(Tool):
    """A tool of an MCP server."""

    def __init__(
        self,
        client: MCPClient,
        info: ToolInfo,
        execution_timeout: float | None = None,
        wrap_tool_result: bool = True,
        trust_annotations: bool = False,
    ) -> None:
        self.source = client
        self.mcp_name = info.name
        """The tool's name on its server; `name` is what fits a model's API."""
        self.name = re.sub(r"[^a-zA-Z0-9_-]", "_", info.name)[:64]
        self.description = info.description[:MAX_DESCRIPTION_CHARS]
        self.input_schema = info.input_schema
        self.timeout_s = DEFAULT_EXECUTION_TIMEOUT_S if execution_timeout is None else execution_timeout
        read_only = trust_annotations and info.read_only_hint
        self.flags = ToolFlags(read_only=read_only)
        self._repeatable = read_only
        self._wrap = wrap_tool_result

    @property
    def json_schema(self) -> dict[str, Any]:
        """The tool in OpenAI's function-tool format."""
        function = {"name": self.name, "description": self.description, "parameters": self.input_schema}
        return {"type": "function", "function": function}

    async def call(self, **arguments: Any) -> ToolChunk:
        """Calls the tool. Raises ToolError (MCPUnavailable) where there is no result."""
        result = await self.source.call_tool(self.mcp_name, arguments, repeatable=self._repeatable)
        state = "error" if is_error(result) else "success"
        return ToolChunk(result_blocks(result), True, state)  # type: ignore[arg-type]

    async def __call__(self, **arguments: Any) -> Any:
        """Calls the tool outside of a toolkit, within its time limit (TimeoutError)."""
        async with asyncio.timeout(self.timeout_s):
            result = await self.source.call_tool(self.mcp_name, arguments, repeatable=self._repeatable)
        if not self._wrap:
            return result
        return ToolResponse(result_blocks(result), {"is_error": is_error(result)})


def result_blocks(result: Any) -> list[Block]:
    """The content of an SDK result as blocks; structured content only where there is nothing else."""
    blocks = [_content_block(content) for content in result.content or ()]
    if not blocks and (value := structured(result)) is not None:
        blocks = [TextBlock(as_json(value))]
    separated: list[Block] = []
    for block in blocks:
        # Each is a text of its own, and the texts of a result are read as one.
        if isinstance(block, TextBlock) and separated and isinstance(separated[-1], TextBlock):
            block = TextBlock("\n" + block.text)
        separated.append(block)
    return separated


def _content_block(content: Any) -> Block:
    match content.type:
        case "text":
            return TextBlock(content.text)
        case "image":
            return ImageBlock(Base64Source(content.data, media_type(content)))
        case "audio":
            return AudioBlock(Base64Source(content.data, media_type(content)))
        case "resource_link":
            return DataBlock(URLSource(str(content.uri), media_type(content)), content.name or "")
        case "resource":
            resource = content.resource
            if hasattr(resource, "text"):
                return TextBlock(resource.text)
            return DataBlock(Base64Source(resource.blob, media_type(resource)), str(resource.uri))
    return TextBlock(as_json(content))
