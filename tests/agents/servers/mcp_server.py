"""A small MCP server for the tests: `python mcp_server.py` speaks stdio; `build()` gives the server for HTTP."""

from typing import Any


def build() -> Any:
    try:
        from mcp.server.mcpserver import MCPServer as Server
    except ImportError:  # version 1 of the SDK
        from mcp.server.fastmcp import FastMCP as Server
    from mcp.types import ToolAnnotations

    try:
        read_only = ToolAnnotations(read_only_hint=True)
    except TypeError:
        read_only = ToolAnnotations(readOnlyHint=True)
    server = Server("shop")

    @server.tool()
    def add(a: int, b: int) -> str:
        """Adds two numbers."""
        return str(a + b)

    @server.tool(annotations=read_only)
    def look() -> str:
        """Looks, and changes nothing."""
        return "seen"

    @server.tool()
    def fail() -> str:
        """Always fails."""
        raise ValueError("out of stock")

    return server


if __name__ == "__main__":
    build().run("stdio")
