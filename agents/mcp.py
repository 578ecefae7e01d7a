"""The MCP clients, where AgentScope has them: `from hubbub.agents.mcp import HttpStatelessClient`."""

from .tool.mcp import (
    HttpStatefulClient,
    HttpStatelessClient,
    MCPClient,
    MCPToolFunction,
    MCPUnavailable,
    StdIOStatefulClient,
)

__all__ = [
    "HttpStatefulClient",
    "HttpStatelessClient",
    "MCPClient",
    "MCPToolFunction",
    "MCPUnavailable",
    "StdIOStatefulClient",
]
