"""Running Python and shell commands, as tools. Off until somebody switches them on.

    tools = CodeTools("/srv/scratch", enabled=True)
    toolkit.register_tool_function(tools.execute_python_code)
    toolkit.register_tool_function(tools.execute_shell_command)

The functions of this module with the same names are AgentScope's. They can be registered as they are, and
run nothing unless the environment of the server says HUBBUB_ALLOW_CODE=1; then each call has a folder of
its own, which is deleted afterwards.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from ..base import ToolError, ToolFlags, tool
from .sandbox import Completed, Limits, Sandbox, SandboxError

DEFAULT_TIMEOUT_S = 30.0
MAX_TIMEOUT_S = 300.0
"""The longest time that a model may ask for; AgentScope's default."""

ALLOW_VARIABLE = "HUBBUB_ALLOW_CODE"

_FLAGS = ToolFlags()
_INTERPRETER = os.path.realpath(sys.executable)
_OFF = (
    "Running code is switched off here. Whoever runs this server can switch it on: CodeTools(folder, enabled=True), or "
    f"{ALLOW_VARIABLE}=1."
)


class CodeTools:
    """Python and shell in a sandbox.

    Without `enabled=True` every call is refused. `allow_network` and `strict` are those of `Sandbox`. Raises
    NotADirectoryError where the folder does not exist.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        enabled: bool = False,
        allow_network: bool = False,
        strict: bool = True,
        limits: Limits | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> None:
        path = Path(folder)
        if not path.is_dir():
            raise NotADirectoryError(f"{str(folder)!r} is not a folder")
        self._enabled = enabled
        self._timeout_s = timeout_s
        self._sandbox = Sandbox(path, limits or Limits(), allow_network=allow_network, strict=strict)

    @tool(_FLAGS, timeout_s=MAX_TIMEOUT_S + 10)
    async def execute_python_code(self, code: str, timeout: float | None = None) -> str:
        """Runs Python code in a process of its own and returns what it printed. Print what you want to see.

        Args:
            code: The Python code.
            timeout: Seconds it may take.
        """
        self._check()
        script = self._sandbox.folder / f".code-{secrets.token_hex(6)}.py"
        await asyncio.to_thread(script.write_text, code, encoding="utf-8")
        try:
            return await self._run([_INTERPRETER, "-I", script.name], timeout)
        finally:
            await asyncio.to_thread(script.unlink, missing_ok=True)

    @tool(_FLAGS, timeout_s=MAX_TIMEOUT_S + 10)
    async def execute_shell_command(self, command: str, timeout: float | None = None) -> str:
        """Runs a shell command and returns its exit code and what it printed.

        Args:
            command: The command, for sh.
            timeout: Seconds it may take.
        """
        self._check()
        return await self._run(["/bin/sh", "-c", command], timeout)

    def _check(self) -> None:
        if not self._enabled:
            raise ToolError(_OFF)

    async def _run(self, argv: list[str], timeout: float | None) -> str:
        timeout_s = min(max(timeout or self._timeout_s, 0.1), MAX_TIMEOUT_S)
        try:
            return report(await self._sandbox.run(argv, timeout_s=timeout_s), timeout_s)
        except SandboxError as error:
            raise ToolError(str(error)) from error


def report(done: Completed, timeout_s: float) -> str:
    """The result in the form that AgentScope's tools have."""
    stderr = done.stderr
    if done.timed_out:
        stderr = f"{stderr}\nTimeoutError: it did not end within {timeout_s:g} seconds and was killed.".lstrip()
    walls = f"<not-isolated>{'; '.join(done.missing_walls)}</not-isolated>" if done.missing_walls else ""
    return f"<returncode>{done.returncode}</returncode><stdout>{done.stdout}</stdout><stderr>{stderr}</stderr>{walls}"


@tool(_FLAGS, timeout_s=MAX_TIMEOUT_S + 10)
async def execute_python_code(code: str, timeout: float = MAX_TIMEOUT_S) -> str:
    """Runs Python code in a process of its own and returns what it printed. Print what you want to see.

    Args:
        code: The Python code.
        timeout: Seconds it may take.
    """
    async with _own_folder() as folder:
        return await _by_environment(folder).execute_python_code(code, timeout)


@tool(_FLAGS, timeout_s=MAX_TIMEOUT_S + 10)
async def execute_shell_command(command: str, timeout: float = MAX_TIMEOUT_S) -> str:
    """Runs a shell command and returns its exit code and what it printed.

    Args:
        command: The command, for sh.
        timeout: Seconds it may take.
    """
    async with _own_folder() as folder:
        return await _by_environment(folder).execute_shell_command(command, timeout)


@asynccontextmanager
async def _own_folder() -> AsyncIterator[str]:
    folder = await asyncio.to_thread(tempfile.mkdtemp, prefix="hubbub-")
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _by_environment(folder: str) -> CodeTools:
    return CodeTools(folder, enabled=os.environ.get(ALLOW_VARIABLE) == "1")
