"""Runs a program shut in: in one folder, for a limited time, with limited means, without network unless
allowed.

On Linux the program runs in namespaces of its own (user, processes, network, IPC, mounts), may write
nowhere but in its folder and read only there and in the system's program folders (Landlock), and has
limits on memory, CPU time, file size and processes. It sees none of the server's environment variables.
See `launcher.py` for how.

Where the system does not offer one of these walls, `strict` (the default) refuses to run anything and says
which wall is missing. Without `strict` it runs with the walls there are, and each result names those that
were missing. It is a fence against accidents and against curious models, not against an attacker with a
kernel exploit: for that, run the server in a virtual machine or a container of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

LAUNCHER = Path(__file__).with_name("launcher.py")

KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ")
"""Variables of the server's environment that a program sees."""

SYSTEM_FOLDERS = (
    "/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d",
    "/etc/alternatives", "/etc/localtime", "/etc/mime.types", "/etc/ssl/certs", "/etc/ssl/openssl.cnf",
)  # fmt: skip
"""What a program may read besides its folder. /etc as a whole, /proc, /home and /root are not among it."""

NETWORK_FILES = ("/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/gai.conf")
"""What it may read besides where it may use the network."""


class SandboxError(Exception):
    """The program was not run; the message says why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a program may use."""

    memory_bytes: int = 512 * 1024 * 1024
    """Address space of each process."""

    cpu_s: int = 60
    file_bytes: int = 64 * 1024 * 1024
    """Size of each file it writes."""

    processes: int = 64
    open_files: int = 256
    output_bytes: int = 256 * 1024
    """Bytes kept of each output; more is read and dropped, so that the program does not stall."""

    def rlimits(self) -> dict[str, int]:
        """The limits by the names of the `resource` module."""
        return {
            "RLIMIT_AS": self.memory_bytes,
            "RLIMIT_CPU": self.cpu_s,
            "RLIMIT_FSIZE": self.file_bytes,
            "RLIMIT_NPROC": self.processes,
            "RLIMIT_NOFILE": self.open_files,
            "RLIMIT_CORE": 0,
        }


@dataclass(frozen=True, slots=True)
class Completed:
    """What became of a program."""

    returncode: int
    """The exit code; -1 where it ran out of time."""

    stdout: str
    stderr: str
    timed_out: bool = False
    missing_walls: tuple[str, ...] = ()
    """What the system did not offer; always empty where the sandbox is strict."""


@dataclass(frozen=True, slots=True)
class Sandbox:
    """A folder in which programs run shut in.

    `readable` names further files and folders they may read. `environment` is added to the few variables
    they see.
    """

    folder: Path
    limits: Limits = field(default_factory=Limits)
    allow_network: bool = False
    strict: bool = True
    readable: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)

    async def run(self, argv: Sequence[str], *, timeout_s: float) -> Completed:
        """Runs a program until it ends or the time is up; then, or when cancelled, it is killed with all
        its children.

        Raises SandboxError where it cannot be shut in as wanted.
        """
        if sys.platform == "win32":
            raise SandboxError("programs can only be shut in on POSIX systems")
        folder = self.folder.resolve()
        config = {
            "argv": list(argv),
            "folder": str(folder),
            "readable": [*SYSTEM_FOLDERS, *(NETWORK_FILES if self.allow_network else ()), *_python(), *self.readable],
            "limits": self.limits.rlimits(),
            "network": self.allow_network,
            "strict": self.strict,
        }
        report, report_end = os.pipe()
        try:
            process = await self._start(folder, report_end, json.dumps(config))
            return await self._finish(process, report, timeout_s)
        finally:
            os.close(report)

    async def _start(self, folder: Path, report_end: int, config: str) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", str(LAUNCHER), str(report_end), config,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
                cwd=folder, env=self._environment(folder), start_new_session=True, pass_fds=(report_end,),
            )  # fmt: skip
        except OSError as error:
            raise SandboxError(f"cannot start a program in {str(folder)!r}: {error.strerror}") from error
        finally:
            os.close(report_end)

    def _environment(self, folder: Path) -> dict[str, str]:
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        kept.setdefault("PATH", "/usr/local/bin:/usr/bin:/bin")
        return {**kept, "HOME": str(folder), "TMPDIR": str(folder), **self.environment}

    async def _finish(self, process: asyncio.subprocess.Process, report: int, timeout_s: float) -> Completed:
        assert process.stdout is not None and process.stderr is not None
        limit = self.limits.output_bytes
        reading = [asyncio.create_task(_read(pipe, limit)) for pipe in (process.stdout, process.stderr)]
        timed_out = False
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.gather(process.wait(), *map(asyncio.shield, reading))
        except TimeoutError:
            timed_out = True
        finally:
            _kill(process)
            await _settle(process, reading)
        missing = _walls(report)
        if missing and self.strict:
            raise SandboxError(
                f"this system does not offer: {', '.join(missing)}. Nothing was run. Whoever accepts that can make "
                "the sandbox with strict=False."
            )
        stdout, stderr = ((task.result() if not task.cancelled() else "") for task in reading)
        code = -1 if timed_out or process.returncode is None else process.returncode
        return Completed(code, stdout, stderr, timed_out, tuple(missing))


def _python() -> list[str]:
    """Where the interpreter and its library are: not always under /usr."""
    paths = {sys.prefix, sys.base_prefix, os.path.dirname(os.path.realpath(sys.executable))}
    return sorted({*paths, sysconfig.get_paths()["stdlib"], sysconfig.get_paths()["purelib"]})


async def _read(pipe: asyncio.StreamReader, limit: int) -> str:
    kept = bytearray()
    dropped = 0
    while chunk := await pipe.read(65_536):
        room = limit - len(kept)
        kept += chunk[:room]
        dropped += max(0, len(chunk) - room)
    text = kept.decode("utf-8", "replace")
    return f"{text}\n[{dropped} more bytes were dropped]" if dropped else text


def _kill(process: asyncio.subprocess.Process) -> None:
    """Kills the process group. What left it dies too where the launcher has made a process namespace."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _settle(process: asyncio.subprocess.Process, reading: list[asyncio.Task[str]]) -> None:
    """Waits for the end that the kill has brought about; a pipe that somebody still holds open is left."""
    await asyncio.wait({asyncio.ensure_future(process.wait()), *reading}, timeout=1.0)
    for task in reading:
        if not task.done():
            task.cancel()
    await asyncio.wait(reading)


def _walls(report: int) -> list[str]:
    os.set_blocking(report, False)
    try:
        told = os.read(report, 65_536)
    except BlockingIOError:
        told = b""
    if not told:
        return ["the launcher (it did not start)"]
    return [str(wall) for wall in json.loads(told)]
