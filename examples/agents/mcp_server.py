"""A small MCP server that adds, for `mcp_tools.py`. It speaks on standard input and output."""

try:
    from mcp.server.mcpserver import MCPServer as Server
except ImportError:  # version 1 of the SDK
    from mcp.server.fastmcp import FastMCP as Server  # type: ignore[no-redef]

server = Server("sums")


@server.tool()
def add(a: int, b: int) -> str:
    """Adds two numbers."""
    return str(a + b)


if __name__ == "__main__":
    server.run("stdio")
