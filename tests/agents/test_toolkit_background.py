"""Background tools: started, viewed, waited for, cancelled, and reported."""

import asyncio

import pytest
from hubbub.agents.draft import Draft
from hubbub.agents.message import TextBlock, ToolUseBlock
from hubbub.agents.tool import ToolError, Toolkit
from hubbub.agents.tool.background import MAX_KEPT, MAX_RUNNING


async def result(toolkit, name, /, *, draft=None, **arguments):
    chunks = [chunk async for chunk in toolkit.call(ToolUseBlock("1", name, arguments), draft=draft)]
    assert [chunk.is_last for chunk in chunks].count(True) == 1
    return chunks[-1], "".join(b.text for c in chunks for b in c.content if isinstance(b, TextBlock))


class Bench:
    """A toolkit with one background tool that ends when it is told to."""

    def __init__(self, **options):
        self.release = asyncio.Event()
        self.started = asyncio.Event()
        self.hints = []
        self.toolkit = Toolkit(**options)
        self.toolkit.register_tool_function(self.dig, async_execution=True)
        self.toolkit.on_background_result = self.hints.append

    async def dig(self, depth: int = 1) -> str:
        """Digs."""
        self.started.set()
        yield "at it; "
        await self.release.wait()
        if depth < 0:
            raise ToolError("cannot dig upwards")
        yield f"dug {depth} m"

    async def start(self, **arguments):
        chunk, text = await result(self.toolkit, "dig", **arguments)
        assert chunk.state == "success"
        self.id = chunk.metadata["task_id"]
        assert self.id in text
        await self.started.wait()
        return self.id

    async def end(self):
        self.release.set()
        async with asyncio.timeout(5):
            while not self.hints:
                await asyncio.sleep(0)


async def test_task_tools_appear_with_the_first_background_tool():
    assert Toolkit().names() == []
    assert Bench().toolkit.names() == ["dig", "view_task", "wait_task", "cancel_task"]


async def test_call_returns_at_once_and_the_result_comes_as_a_hint():
    bench = Bench()
    await bench.start(depth=3)
    _, text = await result(bench.toolkit, "view_task", task_id=bench.id)
    assert "still running" in text and "at it" in text
    await bench.end()
    [hint] = bench.hints
    assert hint.source == "background:dig" and "at it; dug 3 m" in hint.text and bench.id in hint.text
    chunk, text = await result(bench.toolkit, "view_task", task_id=bench.id)
    assert "has finished" in text and chunk.metadata["task_state"] == "success"


async def test_waiting_gives_the_result_and_no_second_hint():
    bench = Bench()
    await bench.start(depth=2)
    waiting = asyncio.create_task(result(bench.toolkit, "wait_task", task_id=bench.id))
    await asyncio.sleep(0.01)
    bench.release.set()
    _, text = await waiting
    assert "dug 2 m" in text
    await bench.toolkit.close()
    assert bench.hints == []


async def test_waiting_may_time_out_and_the_task_goes_on():
    bench = Bench()
    await bench.start()
    _, text = await result(bench.toolkit, "wait_task", task_id=bench.id, timeout=0.01)
    assert "still running" in text
    await bench.end()
    assert "dug 1 m" in bench.hints[0].text


async def test_a_waiter_that_is_interrupted_does_not_stop_the_task():
    bench = Bench()
    await bench.start()
    waiting = asyncio.create_task(result(bench.toolkit, "wait_task", task_id=bench.id))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await bench.end()
    assert "dug 1 m" in bench.hints[0].text


async def test_cancelling():
    bench = Bench()
    await bench.start()
    _, text = await result(bench.toolkit, "cancel_task", task_id=bench.id)
    assert "was cancelled" in text
    _, text = await result(bench.toolkit, "cancel_task", task_id=bench.id)
    assert "already ended: interrupted" in text
    _, text = await result(bench.toolkit, "wait_task", task_id=bench.id)
    assert "was cancelled" in text
    assert bench.hints == []


async def test_cancelling_what_has_finished():
    bench = Bench()
    await bench.start()
    await bench.end()
    _, text = await result(bench.toolkit, "cancel_task", task_id=bench.id)
    assert "already ended: success" in text


@pytest.mark.parametrize("name", ["view_task", "wait_task", "cancel_task"])
async def test_unknown_ids(name):
    bench = Bench()
    await bench.start()
    chunk, text = await result(bench.toolkit, name, task_id="nothing")
    assert chunk.state == "error" and "no background task 'nothing'" in text and bench.id in text
    await bench.toolkit.close()


async def test_failure_and_time_limit_are_told():
    bench = Bench()
    await bench.start(depth=-1)
    await bench.end()
    assert "has failed" in bench.hints[0].text and "cannot dig upwards" in bench.hints[0].text
    bench = Bench(background_timeout_s=0.02)
    await bench.start()
    async with asyncio.timeout(5):
        while not bench.hints:
            await asyncio.sleep(0.005)
    assert "0.02 seconds" in bench.hints[0].text


async def test_bad_arguments_start_nothing():
    bench = Bench()
    chunk, _ = await result(bench.toolkit, "dig", depth="deep")
    assert chunk.state == "error" and chunk.metadata["error"] == "bad_arguments" and not bench.started.is_set()


async def test_a_background_tool_waits_for_the_draft():
    bench = Bench()
    draft = Draft()
    starting = asyncio.create_task(result(bench.toolkit, "dig", draft=draft))
    await asyncio.sleep(0.01)
    assert not bench.started.is_set()
    draft.discard()
    chunk, _ = await starting
    assert chunk.state == "interrupted" and not bench.started.is_set()


async def test_long_results_are_short_in_the_hint_and_whole_in_the_view():
    toolkit, hints = Toolkit(), []

    async def write() -> str:
        return "w" * 10_000

    toolkit.register_tool_function(write, async_execution=True)

    async def on_result(hint):
        await asyncio.sleep(0)
        hints.append(hint)

    toolkit.on_background_result = on_result
    chunk, _ = await result(toolkit, "write")
    async with asyncio.timeout(5):
        while not hints:
            await asyncio.sleep(0)
    assert len(hints[0].text) < 4200 and "view_task" in hints[0].text
    _, text = await result(toolkit, "view_task", task_id=chunk.metadata["task_id"])
    assert "w" * 10_000 in text


async def test_a_callback_that_fails_harms_nothing(caplog):
    bench = Bench()
    called = asyncio.Event()

    def breaks(hint):
        called.set()
        raise RuntimeError("no ears")

    bench.toolkit.on_background_result = breaks
    await bench.start()
    bench.release.set()
    await asyncio.wait_for(called.wait(), 5)
    _, text = await result(bench.toolkit, "wait_task", task_id=bench.id)
    assert "dug 1 m" in text and "no ears" in caplog.text


async def test_numbers_are_bounded():
    bench = Bench()
    for _ in range(MAX_RUNNING):
        await bench.start()
    chunk, text = await result(bench.toolkit, "dig")
    assert chunk.state == "error" and "already running" in text
    bench.release.set()
    async with asyncio.timeout(5):
        while len(bench.hints) < MAX_RUNNING:
            await asyncio.sleep(0)
    for _ in range(MAX_KEPT + 10):
        await bench.start()
        async with asyncio.timeout(5):
            while "still running" in (await result(bench.toolkit, "view_task", task_id=bench.id))[1]:
                await asyncio.sleep(0)
    assert len(bench.toolkit._background._tasks) <= MAX_KEPT + 1


async def test_closing_ends_what_runs():
    bench = Bench()
    ended = asyncio.Event()

    async def runs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    bench.toolkit.register_tool_function(runs, async_execution=True)
    await result(bench.toolkit, "runs")
    await bench.start()
    before = asyncio.all_tasks()
    await bench.toolkit.close()
    assert ended.is_set() and bench.hints == []
    assert all(task.done() for task in before - {asyncio.current_task()})
