"""Tools that go on while the conversation does: started, looked at, waited for, cancelled, and reported
when they are done."""

from __future__ import annotations

import asyncio
import inspect
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ..message import Block, HintBlock, TextBlock, ToolState, ToolUseBlock, new_id
from .base import ToolChunk, ToolError, ToolFlags, ToolResponse, tool
from .output import text_of

logger = logging.getLogger(__name__)

BackgroundCallback = Callable[[HintBlock], Awaitable[None] | None]
"""Gets the result of a background tool as a hint for the model; called on the event loop."""

MAX_RUNNING = 16
"""Background tools one toolkit may have running; a further one is refused."""

MAX_KEPT = 64
"""Finished tasks whose result is kept to be asked for; the oldest is forgotten first."""

MAX_HINT_CHARS = 4_000
"""Characters of a result that a hint carries; `view_task` gives all of it."""

READING = ToolFlags(read_only=True)


@dataclass(slots=True)
class BackgroundTask:
    """One background call."""

    id: str
    tool: str
    state: ToolState = "running"
    content: list[Block] = field(default_factory=list)
    taken: bool = False
    """Whether the model has already been told the result, so that no hint is needed."""

    task: asyncio.Task[None] | None = None
    waiters: int = 0

    def report(self) -> str:
        """What `view_task` tells the model."""
        text = text_of(self.content)
        media = sum(not isinstance(block, TextBlock) for block in self.content)
        told = {
            "running": "is still running",
            "success": "has finished",
            "error": "has failed",
            "interrupted": "was cancelled",
            "denied": "was refused",
        }[self.state]
        result = f"{text}\n[and {media} media, not shown here]" if media else text
        label = "Output so far" if self.state == "running" else "Result"
        return f"Background task {self.id} ({self.tool}) {told}." + (f" {label}: {result}" if result else "")


class BackgroundTasks:
    """The background calls of one toolkit, which owns and closes them. Its `*_task` methods are tools for
    models."""

    def __init__(self) -> None:
        self._tasks: dict[str, BackgroundTask] = {}
        self.on_result: BackgroundCallback | None = None

    def start(self, call: ToolUseBlock, chunks: Callable[[], AsyncIterator[ToolChunk]]) -> BackgroundTask:
        """Starts a call. Raises ToolError where too many are running."""
        running = sum(task.state == "running" for task in self._tasks.values())
        if running >= MAX_RUNNING:
            raise ToolError(f"{running} background tasks are already running; wait for one (wait_task) or cancel one (cancel_task)")
        record = BackgroundTask(new_id()[:8], call.name)
        self._tasks[record.id] = record
        record.task = asyncio.create_task(self._work(record, chunks), name=f"background {call.name}")
        return record

    async def _work(self, record: BackgroundTask, chunks: Callable[[], AsyncIterator[ToolChunk]]) -> None:
        try:
            async for chunk in chunks():
                record.content.extend(chunk.content)
                if chunk.is_last:
                    record.state = chunk.state
        except asyncio.CancelledError:
            record.state = "interrupted"
            raise
        finally:
            if record.state == "running":
                record.state = "error"
            self._forget_old()
        # What wait_task is just about to hand over needs no hint.
        if not record.taken and not record.waiters:
            await self._tell(record)

    async def _tell(self, record: BackgroundTask) -> None:
        if self.on_result is None:
            return
        report = record.report()
        if len(report) > MAX_HINT_CHARS:
            report = report[:MAX_HINT_CHARS] + f"… (cut; view_task shows the whole result of {record.id})"
        try:
            answer = self.on_result(HintBlock(report, source=f"background:{record.tool}"))
            if inspect.isawaitable(answer):
                await answer
        except Exception:
            logger.exception("telling the result of background task %s failed", record.id)

    def _forget_old(self) -> None:
        done = [task.id for task in self._tasks.values() if task.state != "running"]
        for id in done[: max(0, len(done) - MAX_KEPT)]:
            del self._tasks[id]

    @tool(READING)
    async def view_task(self, task_id: str) -> ToolResponse:
        """Looks at a background task: whether it is still running, and its result.

        Args:
            task_id: The id that was returned when the task was started.
        """
        return self._response(self._find(task_id))

    @tool(READING, timeout_s=630.0)
    async def wait_task(self, task_id: str, timeout: float = 10) -> ToolResponse:
        """Waits until a background task has finished, and returns its result.

        Args:
            task_id: The id that was returned when the task was started.
            timeout: Seconds to wait at most, up to 600.
        """
        record = self._find(task_id)
        assert record.task is not None
        record.waiters += 1
        try:
            # asyncio.wait and not wait_for: giving up waiting must not cancel what is waited for.
            await asyncio.wait({record.task}, timeout=min(max(timeout, 0.0), 600.0))
        except asyncio.CancelledError:
            if record.task.done() and record.waiters == 1 and not record.taken:
                # It finished, told nobody because somebody waited, and now the one who waited is gone.
                record.task = asyncio.create_task(self._tell(record), name=f"tell {record.id}")
            raise
        finally:
            record.waiters -= 1
        return self._response(record)

    @tool(ToolFlags(concurrency_safe=True))
    async def cancel_task(self, task_id: str) -> str:
        """Cancels a background task that is still running.

        Args:
            task_id: The id that was returned when the task was started.
        """
        record = self._find(task_id)
        if record.state != "running":
            return f"Background task {record.id} ({record.tool}) had already ended: {record.state}."
        record.taken = True
        await self._cancel(record)
        return record.report()

    async def close(self) -> None:
        """Cancels all tasks that are running and waits until they have ended."""
        for record in list(self._tasks.values()):
            record.taken = True
        await asyncio.gather(*(self._cancel(record) for record in list(self._tasks.values())))

    async def _cancel(self, record: BackgroundTask) -> None:
        if record.task is None or record.task.done():
            return
        record.task.cancel()
        await asyncio.wait({record.task})
        if record.state == "running":  # cancelled before its first step
            record.state = "interrupted"

    def _find(self, task_id: str) -> BackgroundTask:
        record = self._tasks.get(task_id.strip())
        if record is None:
            known = ", ".join(f"{task.id} ({task.tool}, {task.state})" for task in self._tasks.values())
            raise ToolError(f"There is no background task {task_id!r}. There are: {known or 'none'}.")
        return record

    def _response(self, record: BackgroundTask) -> ToolResponse:
        if record.state != "running":
            record.taken = True
        media = [block for block in record.content if not isinstance(block, TextBlock)]
        metadata: dict[str, Any] = {"task_id": record.id, "task_state": record.state}
        return ToolResponse([TextBlock(record.report()), *media], metadata)
