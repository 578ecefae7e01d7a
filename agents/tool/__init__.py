"""Tools: what agents can do besides talking."""

from .background import BackgroundTask
from .base import Tool, ToolChunk, ToolError, ToolFlags, ToolMiddleware, ToolResponse, ToolStream, tool
from .builtin.code import execute_python_code, execute_shell_command
from .group import ToolGroup
from .permission import PermissionDecision, PermissionRule, Permissions
from .skill import Skill
from .thread import Threads, tool_cancelled
from .toolkit import Toolkit

__all__ = [
    "BackgroundTask",
    "PermissionDecision",
    "PermissionRule",
    "Permissions",
    "Skill",
    "Threads",
    "Tool",
    "ToolChunk",
    "ToolError",
    "ToolFlags",
    "ToolGroup",
    "ToolMiddleware",
    "ToolResponse",
    "ToolStream",
    "Toolkit",
    "execute_python_code",
    "execute_shell_command",
    "tool",
    "tool_cancelled",
]
