"""Calling tools: what is too long or too much is stopped, and who cancels waits for the clean-up and leaves nothing."""

import asyncio
import threading
import time

import pytest
from hubbub.agents.draft import Draft
from hubbub.agents.message import Base64Source, ImageBlock, TextBlock
from hubbub.agents.tool import (
    Threads,
    ToolFlags,
    Toolkit,
    tool,
    tool_cancelled,
)
from tool_calls import call_of, chunks_of, error_of, result


async def test_a_tool_that_hangs_is_stopped():
    ended = []

    async def hangs():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("cleaned up")

    async def drips():
        while True:
            yield "x"
            await asyncio.sleep(0.01)

    toolkit = Toolkit([hangs, drips], timeout_s=0.1)
    kind, text = await error_of(toolkit, "hangs")
    assert kind == "timeout" and "0.1 seconds" in text and ended == ["cleaned up"]
    kind, text = await error_of(toolkit, "drips")
    assert kind == "timeout" and text.startswith("xx")


async def test_a_tool_that_will_not_stop_is_left_to_itself(monkeypatch):
    monkeypatch.setattr("hubbub.agents.tool.run.CLEANUP_GRACE_S", 0.05)
    release = asyncio.Event()

    async def stubborn():
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue

    toolkit = Toolkit([stubborn], timeout_s=0.05)
    assert (await error_of(toolkit, "stubborn"))[0] == "timeout"
    release.set()
    async with asyncio.timeout(5):
        while toolkit._abandoned:
            await asyncio.sleep(0.01)


async def test_a_sync_tool_can_notice_that_nobody_waits():
    noticed = threading.Event()

    def works():
        while not tool_cancelled():
            time.sleep(0.005)
        noticed.set()

    def steps():
        try:
            while True:
                yield "."
                time.sleep(0.005)
        finally:
            closed.set()

    closed = threading.Event()
    toolkit = Toolkit([works, steps], timeout_s=0.1)
    assert (await error_of(toolkit, "works"))[0] == "timeout"
    assert (await error_of(toolkit, "steps"))[0] == "timeout"
    assert await asyncio.to_thread(noticed.wait, 5) and await asyncio.to_thread(closed.wait, 5)


async def test_too_much_text_is_cut_and_said():
    async def large():
        return "x" * 1000

    async def endless():
        while True:
            yield "y" * 30

    def endless_sync():
        while True:
            yield "z" * 30

    toolkit = Toolkit([large, endless, endless_sync], output_chars=100)
    kind, text = await error_of(toolkit, "large")
    assert kind == "too_much_output" and text.startswith("x" * 100 + "\n[The output was cut")
    assert "100 of 1000 characters" in text
    for name, letter in (("endless", "y"), ("endless_sync", "z")):
        kind, text = await error_of(toolkit, name)
        assert kind == "too_much_output" and text.count(letter) >= 100 and text.startswith(letter * 100 + "\n[")


async def test_text_that_just_fits_is_whole():
    async def fits():
        yield "x" * 60
        yield "x" * 40

    assert await result(Toolkit([fits], output_chars=100), "fits") == ("success", "x" * 100)


async def test_too_much_media_is_refused():
    async def picture():
        return ImageBlock(Base64Source("A" * 5000, "image/png"))

    kind, text = await error_of(Toolkit([picture], output_bytes=1000), "picture")
    assert kind == "too_much_output" and "media" in text
    [chunk] = await chunks_of(Toolkit([picture]), "picture")
    assert chunk.state == "success"


async def test_a_sync_tool_does_not_stop_the_heartbeat():
    """Each beat of a 10 ms heart has to come before the tool has run on for long: the loop never waits for the tool.

    Beats are counted and not timed, as a busy machine may delay any of them: on a blocked loop there is none at all.
    """

    def slow():
        time.sleep(0.5)
        return "done"

    def slow_steps():
        for _ in range(5):
            time.sleep(0.1)
            yield "."

    for func in (slow, slow_steps):
        beats = 0

        async def heart():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.create_task(heart())
        state, _ = await result(Toolkit([func]), func.__name__)
        beating.cancel()
        assert state == "success" and beats >= 10  # 50 on an idle machine, at most 6 if each step blocked the loop


async def test_threads_are_bounded():
    running, most = 0, 0
    lock = threading.Lock()

    def work():
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.02)
        with lock:
            running -= 1

    toolkit = Toolkit([work], threads=Threads(2))
    await asyncio.gather(*(result(toolkit, "work") for _ in range(8)))
    assert most <= 2
    with pytest.raises(ValueError, match="at least one"):
        Threads(0)


# Cancellation


async def test_cancelling_waits_for_the_tools_cleanup():
    log = []

    async def works():
        try:
            log.append("begun")
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)
            log.append("cleaned up")

    task = asyncio.create_task(result(Toolkit([works]), "works"))
    while not log:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["begun", "cleaned up"]


@pytest.mark.parametrize("func", ["async", "sync"])
async def test_closing_the_stream_closes_the_generator_and_leaves_no_task(func):
    closed = threading.Event()

    async def ticks():
        try:
            while True:
                yield "t"
                await asyncio.sleep(0)
        finally:
            closed.set()

    def sync_ticks():
        try:
            while True:
                yield "t"
        finally:
            closed.set()

    before = asyncio.all_tasks()
    toolkit = Toolkit([ticks, sync_ticks])
    stream = toolkit.call(call_of("ticks" if func == "async" else "sync_ticks"))
    assert (await anext(stream)).content == [TextBlock("t")]
    await stream.aclose()
    assert await asyncio.to_thread(closed.wait, 5)
    assert asyncio.all_tasks() == before


async def test_a_fast_generator_waits_for_its_reader():
    made = 0

    async def fast():
        nonlocal made
        for _ in range(1000):
            made += 1
            yield "x"

    stream = Toolkit([fast]).call(call_of("fast"))
    await anext(stream)
    for _ in range(50):
        await asyncio.sleep(0)
    assert made < 20
    await stream.aclose()


# Drafts


async def test_side_effects_wait_for_the_commit():
    done = []

    def act():
        done.append("act")

    @tool(ToolFlags(read_only=True))
    def look():
        done.append("look")

    toolkit = Toolkit([act, look])
    draft = Draft()
    acting = asyncio.create_task(chunks_of(toolkit, "act", draft=draft))
    await chunks_of(toolkit, "look", draft=draft)
    for _ in range(10):
        await asyncio.sleep(0)
    assert done == ["look"] and not acting.done()
    draft.commit()
    assert (await acting)[-1].state == "success" and done == ["look", "act"]


async def test_a_discarded_draft_runs_nothing():
    done = []

    def act():
        done.append("act")

    def middleware(kwargs, next_handler):
        done.append("middleware")
        return next_handler(**kwargs)

    toolkit = Toolkit([act], timeout_s=0.01)
    toolkit.register_middleware(middleware)
    draft = Draft()
    acting = asyncio.create_task(chunks_of(toolkit, "act", draft=draft))
    await asyncio.sleep(0.05)  # waiting for a draft is no running time
    assert not acting.done()
    draft.discard()
    [chunk] = await acting
    assert chunk.state == "interrupted" and done == []
