"""Tools of MCP servers, through the official `mcp` SDK (`pip install mcp`, 1.x from 1.24 on, or 2.x).

The SDK is imported when a client first connects.
"""

from .base import MCPClient, MCPToolFunction, MCPUnavailable
from .client import HttpStatefulClient, HttpStatelessClient, StdIOStatefulClient

__all__ = [
    "HttpStatefulClient",
    "HttpStatelessClient",
    "MCPClient",
    "MCPToolFunction",
    "MCPUnavailable",
    "StdIOStatefulClient",
]
