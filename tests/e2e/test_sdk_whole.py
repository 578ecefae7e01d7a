"""The whole JavaScript SDK, in Node and in a page, against served houses: and no function of it is left that nothing runs."""

import asyncio
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import page_browser
import pytest
from fake_microphone import write_tone
from hubbub.voice.server import create_app, http_server
from page_browser import LOOPBACK, Page, chromium
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "voice"))
from live_house import KEY, live_house, make_house

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
    pytest.mark.skipif(not shutil.which("node"), reason="needs Node 20 or newer (apt-get install nodejs)"),
]

ROOT = Path(__file__).parents[2]
SDK = ROOT / "web" / "sdk"
TESTS = ROOT / "tests" / "web"
LOCKED = "server: {access: {open: false}}\nrooms: {default: {agents: [{name: Ava}]}}"
ROOMS = "rooms: {s0: {agents: [{name: Ava}]}, s1: {agents: [{name: Ava}]}, s2: {agents: [{name: Ava}]}, s3: {agents: [{name: Ava}]}}"
STORY = " ".join(f"number {number}" for number in range(1, 21)) + "."

Counts = dict[str, dict[tuple[str, int], int]]
"""How often each function ran: by file, then by name and place."""


def modules() -> set[str]:
    """The files of the SDK but those of the audio thread, which reports nothing, and those that hold types alone."""
    paths = [path for path in SDK.rglob("*.js") if not {"worklets", "types"} & set(path.relative_to(SDK).parts)]
    code = re.compile(r"^(?:export|import) (?!\{\};)", re.MULTILINE)
    return {str(path.relative_to(SDK)) for path in paths if code.search(path.read_text("utf-8"))}


def add(counts: Counts, scripts: list[dict[str, Any]]) -> None:
    """Adds V8's report: Node and Chromium give the same."""
    for script in scripts:
        found = re.search(r"/sdk/([\w/-]+\.js)$", script["url"])
        if not found or found[1].startswith("worklets/"):
            continue
        for function in script["functions"]:
            key = (function["functionName"], function["ranges"][0]["startOffset"])
            counts[found[1]][key] = counts[found[1]].get(key, 0) + function["ranges"][0]["count"]


async def run_in_node(folder: Path) -> None:
    """The modules' own tests, and all that speaks HTTP."""
    recordings = folder / "recordings"
    environ = {"HUBBUB_SERVER_KEY": KEY}
    async with live_house(LOCKED, environ=environ, answer="It is noon.", record=recordings) as live:
        for command in (
            ["node", "--test", *map(str, sorted(TESTS.glob("*.test.mjs")))],
            ["node", str(TESTS / "node_apis.mjs"), live.url, KEY],
        ):
            done = await asyncio.to_thread(
                subprocess.run, command, capture_output=True, text=True, timeout=120, check=False,
                env={"PATH": str(Path(shutil.which("node") or "").parent), "NODE_V8_COVERAGE": str(folder / "coverage")},
            )  # fmt: skip
            assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


async def run_in_a_page(folder: Path) -> list[dict[str, Any]]:
    """All that needs a browser; V8's report of it."""
    served = folder / "mine"
    served.mkdir()
    shutil.copy(TESTS / "page_tour.js", served)
    (served / "index.html").write_text('<!doctype html><title>All of it</title><link rel="icon" href="/static/icon.svg">')
    app = create_app(make_house(ROOMS, answer=STORY))
    app.router.routes.append(Mount("/mine", StaticFiles(directory=served, html=True)))
    server = http_server(app, "127.0.0.1", 0)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    task = asyncio.create_task(server._serve())
    while not server.started:
        assert not task.done(), "the server did not start"
        await asyncio.sleep(0.005)
    url = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    try:
        return await asyncio.to_thread(tour, url, write_tone(folder / "tone.wav", 2))
    finally:
        server.should_exit = True
        await task


def tour(url: str, tone: Path) -> list[dict[str, Any]]:
    devices = "--use-fake-device-for-media-stream=device-count=3"
    with chromium(microphone=tone, extra=(*LOOPBACK, devices)) as driver:
        page = Page(driver)
        driver.set_script_timeout(60)
        driver.execute_cdp_cmd("Profiler.enable", {})
        driver.execute_cdp_cmd("Profiler.startPreciseCoverage", {"callCount": True, "detailed": False})
        driver.get(f"{url}/mine/")
        for what in ("webrtc", "websocket", "silent", "parts", "refused", "comes back"):
            said = driver.execute_async_script(
                "const done = arguments[1]; import('/mine/page_tour.js').then(({ tour }) => tour(arguments[0]))"
                ".then(() => done(''), (error) => done(`${error.code ?? ''} ${error.stack}`))",
                what,
            )
            assert said == "", f"{what}: {said}"
        assert page.faults() == []
        return list(driver.execute_cdp_cmd("Profiler.takePreciseCoverage", {})["result"])


async def test_every_function_of_the_sdk_does_what_it_says(tmp_path: Path) -> None:
    pytest.importorskip("aiortc")
    if not (ROOT / "web/node_modules/ws").exists():
        pytest.skip("needs the package ws (npm ci in web/)")
    counts: Counts = defaultdict(dict)
    await run_in_node(tmp_path)
    for report in (tmp_path / "coverage").glob("*.json"):
        add(counts, json.loads(report.read_text())["result"])
    add(counts, await run_in_a_page(tmp_path))
    assert set(counts) == modules(), "a module of the SDK that nothing loads"
    # A function without a name of its own is called after its place, `Class.field`: those are no doors of the SDK.
    named = [(file, name, n) for file, one in sorted(counts.items()) for (name, _), n in one.items() if name and "." not in name]
    never = [f"{file}: {name}" for file, name, count in named if not count]
    assert never == [], "\n".join(never)
