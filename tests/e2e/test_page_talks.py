"""A whole conversation in the browser: espeak's voice into the page's microphone, a real server, and what comes back."""

import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import page_browser
import pytest
from page_browser import LOOPBACK, Page, chromium

pytestmark = [
    pytest.mark.browser,
    pytest.mark.e2e,
    pytest.mark.skipif(bool(page_browser.missing()), reason=page_browser.missing() or "-"),
]

HOUSE = Path(__file__).with_name("page_house.py")
BEFORE_S = 6.0
"""Silence before the request: the greeting, if there is one, is over by then."""


@pytest.fixture(scope="module")
def house() -> Iterator[str]:
    """A server with the offline engines; its address."""
    pytest.importorskip("pocketsphinx")
    server = subprocess.Popen([sys.executable, str(HOUSE)], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        address = server.stdout.readline().strip()
        assert address.startswith("http://127.0.0.1:"), "the server did not start"
        yield address
    finally:
        server.terminate()
        server.wait(15)


@pytest.fixture
def request_sound(tmp_path: Path, fixture_path: Callable[[str], Path]) -> Path:
    """What the fake microphone hears: silence, "tell me a story", silence."""
    with wave.open(str(fixture_path("requests/tell_me_a_story"))) as file:
        assert file.getframerate() == 16000
        speech = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2")
    at = np.arange(3 * len(speech)) / 3
    louder = np.interp(at, np.arange(len(speech)), speech).astype("<i2")
    hiss = np.random.default_rng(5).integers(-3, 4, int(BEFORE_S * 48000)).astype("<i2")
    path = tmp_path / "request.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(48000)
        file.writeframes(np.concatenate([hiss, louder, np.tile(hiss, 8)]).tobytes())
    return path


@pytest.mark.parametrize("transport", ["websocket", "webrtc"])
def test_a_spoken_request_is_answered_and_the_answer_cut(house: str, request_sound: Path, transport: str) -> None:
    if transport == "webrtc":
        pytest.importorskip("aiortc")
    with chromium(microphone=Path(f"{request_sound}%noloop"), extra=LOOPBACK) as driver:
        page = Page(driver).open(f"{house}/?name=Ann&lang=en&mic=raw&transport={transport}").join()
        assert page.js("window.hubbub.client.wire") == transport
        page.until("document.querySelector('.entry[data-own=true][data-state=final]')", seconds=30)
        assert "story" in page.text(".entry[data-own=true] .text")
        page.until("window.hubbub.player.level() > 0.01", seconds=20)
        page.until("document.querySelectorAll('.entry:last-child [data-word=heard]').length > 4", seconds=20)
        assert page.js("document.querySelectorAll('.entry:last-child [data-word=now]').length") == 1
        latency = page.until("window.hubbub.details.latency.turns[0]?.latency")
        parts = sum(value for name, value in latency.items() if name not in ("total_ms", "overlap_ms", "trimmed_ms"))
        assert parts == pytest.approx(latency["total_ms"], abs=1)

        page.click("#interrupt")
        page.until("document.querySelector('.entry[data-state=final] s')")
        assert "cut off by you" in page.text(".entry:last-child .foot")
        page.until("window.hubbub.player.level() < 0.001")

        driver.find_element("css selector", "#text").send_keys("who are you\n")
        page.until("document.querySelector('.entry:last-child[data-kind=agent][data-state=final]')", seconds=30)
        assert page.js("document.querySelectorAll('.entry:last-child s').length") == 0
        assert page.text(".entry:last-child .text").endswith((".", "!", "?"))
        assert page.faults() == []
