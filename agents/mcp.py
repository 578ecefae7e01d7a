"""MCP clients, by the module name of AgentScope 1.x; they live in `tool/mcp`."""

from .tool.mcp import HttpStatefulClient, HttpStatelessClient, MCPClient, StdIOStatefulClient

__all__ = ["HttpStatefulClient", "HttpStatelessClient", "MCPClient", "StdIOStatefulClient"]
