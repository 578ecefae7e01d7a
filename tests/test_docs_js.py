"""The guides' JavaScript is held to the SDK: every block is run, in Node or in a page, against a served house.

A block that speaks of `document` is run in headless Chromium, in a page with a button that is clicked, with the SDK that the server
gives; any other in Node, with `hubbub-voice` as npm would install it. A block that cannot be run says why in the line before it:
`<!-- not run: the reason -->`. What the blocks look like to a program in TypeScript, `tests/web/test_web_modules.py` checks.
"""

import asyncio
import contextlib
import re
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hubbub.voice.client import AudioFrame, SimulatedLoudspeaker, VoiceClient
from hubbub.voice.event import ParticipantJoined, Reply
from hubbub.voice.server import create_app, http_server
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from test_docs import PAGES, ROOT, name_of

sys.path.insert(0, str(ROOT / "tests" / "voice"))
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
import page_browser
from fake_microphone import write_hush
from live_house import make_house

RUN = ("js", "javascript", "mjs")
NOT_RUN_YET = ("ts", "typescript", "jsx", "tsx", "html", "vue", "svelte")
"""Languages of the web that nobody has written a harness for: such a block needs one, or a reason."""
ADDRESS = re.compile(r"https?://(?:127\.0\.0\.1:8080|voice\.example/)")
ANSWER = "It is noon."
PATIENCE_S = 30
WEB_PAGE = """<!doctype html>
<title>A page of one's own</title>
<link rel="icon" href="/static/icon.svg">
<script src="/mine/said.js"></script>
<script type="module" src="/mine/block.js"></script>
<button id="talk">Talk</button>
"""
SAID = "window.said = []; console.log = (...words) => window.said.push(words.join(' '));"


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    language: str
    code: str
    reason: str
    """Why it is not run; empty where it is."""

    @property
    def where(self) -> str:
        return f"{name_of(self.page)}:{self.line}"

    @property
    def in_a_page(self) -> bool:
        return bool(re.search(r"\b(?:document|window|location)\b", self.code))


def web_blocks() -> Iterator[Block]:
    """All blocks in languages of the web."""
    for page in [*PAGES, ROOT / "web" / "sdk" / "README.md"]:
        text = page.read_text("utf-8")
        for found in re.finditer(r"(?:^<!-- not run: ([^\n]+) -->\n)?^```(\w+)[^\n]*\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
            if found[2] in (*RUN, *NOT_RUN_YET):
                yield Block(page, text.count("\n", 0, found.start(2)) + 2, found[2], found[3], found[1] or "")


BLOCKS = list(web_blocks())
IN_A_PAGE = [block for block in BLOCKS if block.language in RUN and not block.reason and block.in_a_page]
IN_NODE = [block for block in BLOCKS if block.language in RUN and not block.reason and not block.in_a_page]


def test_every_block_is_run_or_says_why_not() -> None:
    assert [block.where for block in BLOCKS if block.language in NOT_RUN_YET and not block.reason] == []
    assert IN_A_PAGE and IN_NODE


@contextlib.asynccontextmanager
async def served(folder: Path) -> AsyncIterator[str]:
    """A served house with scripted engines that gives a folder under `/mine`, at its address."""
    app = create_app(make_house(answer=ANSWER))
    app.router.routes.append(Mount("/mine", StaticFiles(directory=folder, html=True)))
    server = http_server(app, "127.0.0.1", 0)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    try:
        while not server.started:
            assert not task.done(), "the server did not start"
            await asyncio.sleep(0.005)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        await task


class Ben:
    """A caller who hears all that is said."""

    def __init__(self, client: VoiceClient) -> None:
        self.client = client
        self.events: list[Any] = []

    async def listen(self) -> None:
        """Until the server or the test ends it."""
        async with SimulatedLoudspeaker(self.client) as loudspeaker:
            async for item in self.client:
                loudspeaker.take(item)
                if not isinstance(item, AudioFrame):
                    self.events.append(item)

    async def until(self, kind: type, wanted: Callable[[Any], bool] = lambda _: True) -> None:
        """Waits for such an event."""
        async with asyncio.timeout(PATIENCE_S):
            while not any(isinstance(event, kind) and wanted(event) for event in self.events):
                await asyncio.sleep(0.02)

    async def ask(self) -> None:
        """One question, and its answer, heard to the end."""
        await self.client.send_text("what time is it")
        await self.until(Reply, lambda event: event.final)


@contextlib.asynccontextmanager
async def ben_at(url: str) -> AsyncIterator[Ben]:
    """A caller in the room."""
    async with VoiceClient(url, name="Ben") as client:
        ben = Ben(client)
        listening = asyncio.create_task(ben.listen())
        try:
            yield ben
        finally:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await listening


# ── Node ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node 20 or newer (apt-get install nodejs)")
@pytest.mark.skipif(not (ROOT / "web/node_modules/ws").exists(), reason="needs the package ws (npm ci in web/)")
@pytest.mark.parametrize("block", [pytest.param(block, id=block.where) for block in IN_NODE])
async def test_block_runs_in_node(block: Block, tmp_path: Path) -> None:
    installed = tmp_path / "node_modules"
    installed.mkdir()
    (installed / "hubbub-voice").symlink_to(ROOT / "web" / "sdk")
    (installed / "ws").symlink_to(ROOT / "web" / "node_modules" / "ws")
    async with served(tmp_path) as url, ben_at(url) as ben:
        await ben.ask()
        (tmp_path / "block.mjs").write_text(ADDRESS.sub(url, block.code))
        program = await asyncio.create_subprocess_exec(
            "node", "block.mjs", cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        assert program.stdout is not None and program.stderr is not None
        try:
            lines = await told(program.stdout, block.code.count("console.log("))
            if lines is None:
                pytest.fail(f"{block.where} ended early: {(await program.stderr.read()).decode()[-2000:]}")
            assert not any("undefined" in line or "NaN" in line for line in lines), lines
            assert any(ANSWER in line for line in lines) or "latency" in block.code, lines
        finally:
            if program.returncode is None:
                program.terminate()  # a conversation goes on until somebody ends it
            await program.wait()


async def told(output: asyncio.StreamReader, count: int) -> list[str] | None:
    """So many lines of what a program prints; None where it ends before."""
    lines = []
    async with asyncio.timeout(PATIENCE_S):
        while len(lines) < count:
            line = await output.readline()
            if not line:
                return None
            lines.append(line.decode())
    return lines


# ── a page ───────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.browser
@pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-")
async def test_blocks_run_in_a_page(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text(WEB_PAGE)
    (tmp_path / "said.js").write_text(SAID)
    hush = write_hush(tmp_path / "hush.wav")
    with page_browser.chromium(microphone=hush, extra=page_browser.LOOPBACK) as driver:
        page = page_browser.Page(driver)
        for block in IN_A_PAGE:
            async with served(tmp_path) as url, ben_at(url) as ben:
                code = re.sub(r"'(?:hubbub-voice|\./sdk/index\.js)'", "'/static/sdk/index.js'", ADDRESS.sub(url, block.code))
                (tmp_path / "block.js").write_text(code)
                await asyncio.to_thread(driver.get, f"{url}/mine/")
                await asyncio.to_thread(page.click, "#talk")
                await ben.until(ParticipantJoined)
                await ben.ask()
                try:
                    await asyncio.to_thread(page.until, "window.said.length >= 2")
                except Exception as error:
                    raise AssertionError(f"{block.where}: {page.js('window.said')}, {page.faults()}") from error
                assert page.js("window.said") == ["Ben: what time is it", f"Ava: {ANSWER}"], block.where
                assert page.faults() == [], block.where
                await asyncio.to_thread(driver.get, "about:blank")
