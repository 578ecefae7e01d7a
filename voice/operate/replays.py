"""Replays for the operator: each in a process of its own with a low priority, one at a time, so that no caller notices."""

import asyncio
import contextlib
import json
import secrets
import shutil
import sys
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from ..grant import Refused

MAX_WAITING = 8
KEPT = 50
"""Outcomes that are kept; the oldest are forgotten."""
LIMIT_S = 900.0
"""How long one replay may take: an hour of sound takes about a minute."""
TIMELINE_LIMIT_S = 60.0
MAX_DIFFERENCES = 500
MAX_AT_ONCE = 2
"""Timelines that are made at the same time."""

State = Literal["waiting", "running", "done", "failed", "cancelled"]


@dataclass(slots=True)
class Replay:
    """One replay, from its order to its outcome."""

    recording: str
    command: list[str]
    id: str = field(default_factory=lambda: secrets.token_hex(6))
    state: State = "waiting"
    progress: float = 0.0
    error: str = ""
    outcome: dict[str, Any] | None = None
    task: "asyncio.Task[None] | None" = None

    def as_json(self) -> dict[str, Any]:
        """As the API tells it."""
        return {
            "id": self.id, "recording": self.recording, "state": self.state, "progress": self.progress, "error": self.error,
            "outcome": self.outcome,
        }  # fmt: skip


class Replays:
    """The replays of a process. `close` ends those that run."""

    def __init__(self) -> None:
        self._replays: OrderedDict[str, Replay] = OrderedDict()
        self._one = asyncio.Semaphore(1)
        self._timelines = asyncio.Semaphore(MAX_AT_ONCE)
        self._asking = 0

    def order(self, name: str, path: Path, vad: str | None, policy: dict[str, Any]) -> Replay:
        """Queues a replay. Raises Refused (`too_many`)."""
        if sum(replay.state in ("waiting", "running") for replay in self._replays.values()) > MAX_WAITING:
            raise Refused("too_many", f"{MAX_WAITING} replays wait already: ask again when one of them is done")
        changes = [f"--set={field}={value}" for field, value in policy.items()]
        detector = ["--vad", vad] if vad else []
        replay = Replay(name, _command("replay", str(path), "--json", "--progress", "--limit", str(MAX_DIFFERENCES), *detector, *changes))
        self._replays[replay.id] = replay
        replay.task = asyncio.create_task(self._run(replay), name=f"replay-{replay.id}")
        for old in [key for key, one in self._replays.items() if one.state not in ("waiting", "running")][: -KEPT or None]:
            del self._replays[old]
        return replay

    def find(self, key: str) -> Replay:
        """A replay by its id. Raises Refused (`unknown_replay`)."""
        replay = self._replays.get(key)
        if replay is None:
            raise Refused("unknown_replay", f"there is no replay '{key[:40]}' here; {KEPT} outcomes are kept")
        return replay

    async def cancel(self, key: str) -> None:
        """Ends a replay, and forgets it. Raises Refused."""
        replay = self.find(key)
        if replay.task is not None:
            replay.task.cancel()
            await asyncio.gather(replay.task, return_exceptions=True)
        self._replays.pop(key, None)

    async def close(self) -> None:
        """Ends all."""
        tasks = [replay.task for replay in self._replays.values() if replay.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ear(self, path: Path, file: Path) -> None:
        """Writes what the caller of a recording heard. Raises Refused where that is not known, or too many ask."""
        await self._make(_command("timeline", str(path), "--ear", str(file)), "the sound")

    async def timeline(self, path: Path, *, peaks: int, from_ms: float, to_ms: float | None) -> bytes:
        """The timeline of a recording as JSON. Raises Refused where it cannot be read, or too many are asked for."""
        until = [] if to_ms is None else ["--to-ms", str(to_ms)]
        return await self._make(
            _command("timeline", str(path), "--peaks", str(peaks), "--from-ms", str(from_ms), *until), "the timeline"
        )

    async def _make(self, command: list[str], what: str) -> bytes:
        if self._asking >= MAX_WAITING:
            raise Refused("too_many", "too many timelines are asked for at once: try again in a moment")
        self._asking += 1
        try:
            async with self._timelines:
                status, out, words = await _ask(command, TIMELINE_LIMIT_S)
        finally:
            self._asking -= 1
        if status != 0:
            raise Refused("unreadable", words or f"{what} could not be made (status {status})")
        return out

    async def _run(self, replay: Replay) -> None:
        try:
            async with self._one:
                replay.state = "running"
                status, out, words = await _ask(replay.command, LIMIT_S, replay)
            if status not in (0, 1) or not out.strip():
                replay.state, replay.error = "failed", words or f"the replay ended with status {status}"
                return
            replay.outcome = json.loads(out)
            replay.state, replay.progress = "done", 1.0
        except asyncio.CancelledError:
            replay.state = "cancelled"
            raise
        except (TimeoutError, OSError, ValueError) as error:
            late = isinstance(error, TimeoutError)
            replay.state, replay.error = "failed", f"it took longer than {LIMIT_S:.0f} s" if late else str(error)


async def _ask(command: Sequence[str], limit_s: float, replay: Replay | None = None) -> tuple[int, bytes, str]:
    """Runs a command of ours to its end: status, what it printed, and what it said was wrong. Raises TimeoutError, OSError."""
    process = await asyncio.create_subprocess_exec(
        *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async with asyncio.timeout(limit_s):
            out, words = await asyncio.gather(process.stdout.read(), _follow(process.stderr, replay))
            return await process.wait(), out, words
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _follow(errors: asyncio.StreamReader, replay: Replay | None) -> str:
    """Reads what a command says while it runs: its progress, and in the end what is wrong."""
    said: list[str] = []
    async for raw in errors:
        line = raw.decode("utf-8", "replace").strip()
        if line.startswith('{"progress"') and replay is not None:
            with contextlib.suppress(ValueError):
                replay.progress = float(json.loads(line)["progress"])
        elif line:
            said = [*said[-5:], line.removeprefix("hubbub: ")]
    return " ".join(said)[:1000]


def _command(*arguments: str) -> list[str]:
    nice = shutil.which("nice")
    return [*((nice, "-n", "10") if nice else ()), sys.executable, "-m", "hubbub.voice.cli", *arguments]
