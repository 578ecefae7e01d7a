"""The JavaScript SDK as a developer uses it: in Node with a real server, and in the example page."""

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import page_browser
import pytest
from fake_microphone import write_hush
from page_browser import LOOPBACK, Page, chromium
from served_house import served_house

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]


@pytest.fixture
def house() -> Iterator[str]:
    pytest.importorskip("pocketsphinx")
    with served_house() as served:
        yield served.url


@pytest.mark.skipif(not shutil.which("node"), reason="needs Node 20 or newer (apt-get install nodejs)")
@pytest.mark.skipif(not (ROOT / "web/node_modules/ws").exists(), reason="needs the package ws (npm ci in web/)")
def test_a_conversation_from_node(house: str) -> None:
    command = ["node", str(ROOT / "tests/web/node_talk.mjs"), house]
    done = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout)
    assert told["answer"]["agent"] == "Ava"
    assert "Ava" in told["answer"]["text"]
    assert told["answer"]["unheard"] == "", "without a loudspeaker the SDK keeps time, and so the reply is heard"
    assert told["samples"] > 24000
    assert told["interrupted"] is True
    assert told["heard"] != ""
    assert told["unheard"] > 100
    assert told["resumed"] is True
    assert sorted(told["participants"]) == ["Ava", "Node"]


@pytest.mark.browser
@pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-")
def test_the_example_page_talks(tmp_path: Path) -> None:
    pytest.importorskip("pocketsphinx")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, str(ROOT / "examples/web/serve.py"), str(port)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().split()[-1]
        with chromium(microphone=write_hush(tmp_path / "hush.wav"), extra=LOOPBACK) as driver:
            page = Page(driver)
            for _ in range(100):  # it prints the address before it listens
                try:
                    driver.get(address)
                    break
                except Exception:
                    page.wait(100)
            page.click("#talk")
            page.until("document.querySelector('#talk').disabled", seconds=20)
            driver.find_element("css selector", "#text").send_keys("what is your name\n")
            said = "[...document.querySelectorAll('#said li')].map(e => e.textContent)"
            page.until(f"{said}.some(e => e.startsWith('Ava: '))", seconds=30)
            assert "Ann: what is your name" in page.js(said)
            assert page.faults() == []
    finally:
        server.terminate()
        server.wait(15)
