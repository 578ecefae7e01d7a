"""Tools that come with the house. None of them is in a toolkit until it is registered."""

from .clock import get_current_time
from .code import CodeTools, execute_python_code, execute_shell_command
from .files import FileTools
from .folder import Folder, PathRefused
from .sandbox import Limits, Sandbox, SandboxError
from .web import WebFetch

__all__ = [
    "CodeTools",
    "FileTools",
    "Folder",
    "Limits",
    "PathRefused",
    "Sandbox",
    "SandboxError",
    "WebFetch",
    "execute_python_code",
    "execute_shell_command",
    "get_current_time",
]
